"""The contract suite as a table: what each driver proved, against whom, and why not.

Usage: contract_table.py JUNIT_XML... > contract.md
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

FILES = ("test_contract", "test_contract_files", "test_contract_parts")
WORDS = {"failure": "**fail**", "error": "**fail**", "skipped": "skip"}
_CASE = re.compile(r"test_(?P<test>\w+)\[(?P<stage>[^\]]+)\]")


def read(reports: list[Path]) -> tuple[dict[str, dict[str, str]], list[str], list[str]]:
    """Return results by test and stage, the stages, and the reasons that numbers refer to."""
    results: dict[str, dict[str, str]] = {}
    stages: dict[str, None] = {}
    reasons: dict[str, int] = {}
    for report in reports:
        for case in ET.parse(report).iter("testcase"):  # noqa: S314 (our own file)
            name = _CASE.fullmatch(case.get("name", ""))
            place = case.get("classname", "").split(".")
            if name is None or "drivers" not in place or place[-1] not in FILES:
                continue
            stage, _, rest = _split(name["stage"])
            test = name["test"].replace("_", " ") + (f" ({rest})" if rest else "")
            stages.setdefault(stage)
            results.setdefault(test, {})[stage] = _result(case, reasons)
    return results, list(stages), list(reasons)


def _split(ids: str) -> tuple[str, str, str]:
    """Part a stage from a command that follows it: "prusalink-pi-pause"."""
    head, _, last = ids.rpartition("-")
    return (head, "-", last) if last in {"pause", "resume", "cancel"} else (ids, "", "")


def _result(case: ET.Element, reasons: dict[str, int]) -> str:
    for child in case:
        if child.tag in WORDS:
            why = child.get("message", "").splitlines()[0] if child.get("message") else "no reason"
            number = reasons.setdefault(why.removeprefix("Skipped: "), len(reasons) + 1)
            return f"{WORDS[child.tag]} {number}"
    return "pass"


def main() -> None:
    """Print the table, the totals and the reasons."""
    results, stages, reasons = read([Path(name) for name in sys.argv[1:] if Path(name).is_file()])
    if not results:
        return
    print("| Contract |", *(f" {stage} |" for stage in stages))
    print("|---|" + "---|" * len(stages))
    for test, by_stage in results.items():
        print(f"| {test} |", *(f" {by_stage.get(stage, '-')} |" for stage in stages))
    for word in ("pass", "skip", "**fail**"):
        counts = [
            sum(row.get(stage, "").startswith(word) for row in results.values()) for stage in stages
        ]
        print(f"| *{word.strip('*')}* |", *(f" {count} |" for count in counts))
    print()
    for number, reason in enumerate(reasons, 1):
        print(f"{number}. {reason}")


if __name__ == "__main__":
    main()
