"""After a full run: hold coverage to its floor, and sum both stages up in pytest's own words.

Usage: test_report.py BEGUN COVERAGE_JSON JUNIT_XML...
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree as ET

FLOOR = 95.0
FLOOR_OF_FLOWS = 100.0
FLOWS = ("_flow.py", "_options.py")
"""How the modules of the config flow end: Home Assistant's quality scale asks for every line of
them, and for 95 % of everything else."""


def below(report: Path) -> list[str]:
    """Return one line per module whose lines and branches the tests do not see enough of."""
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    found = []
    for name, facts in sorted(files.items()):
        seen = facts["summary"]["percent_covered"]
        floor = FLOOR_OF_FLOWS if name.endswith(FLOWS) else FLOOR
        if seen < floor:
            gaps = ", ".join(map(str, facts["missing_lines"][:12]))
            found.append(f"  {seen:5.1f} % < {floor:.0f} %  {name}  lines {gaps or '-'}")
    return found


def totals(reports: list[Path]) -> Counter[str]:
    """Return how many tests passed, failed and so on in all stages."""
    counted: Counter[str] = Counter()
    for report in reports:
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 (our own file)
            kinds = {child.tag for child in case}
            if "failure" in kinds:
                counted["failed"] += 1
            elif "error" in kinds:
                counted["error"] += 1
            elif "skipped" in kinds:
                counted["skipped"] += 1
            else:
                counted["passed"] += 1
    return counted


def main() -> None:
    """Print both; end with 1 when a module is below its floor."""
    begun, coverage, *reports = sys.argv[1:]
    low = below(Path(coverage)) if Path(coverage).is_file() else []
    if low:
        print(f"coverage: {len(low)} modules below their floor", *low, sep="\n")
    counted = totals([Path(report) for report in reports if Path(report).is_file()])
    words = [f"{counted[kind]} {kind}" for kind in ("failed", "passed", "skipped", "error")
             if counted[kind]]  # fmt: skip
    seconds = time.time() - float(begun.replace(",", "."))
    print(f" {', '.join(words) or 'no tests ran'} in {seconds:.2f}s ".center(79, "="))
    sys.exit(bool(low))


if __name__ == "__main__":
    main()
