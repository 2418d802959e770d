"""Say whether uv.lock was made from the pyproject.toml beside it, without a network.

`uv lock --check` would ask the index about every package; the lock itself records what it was made
from.
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def asked(lines: list[Any], groups: dict[str, list[Any]]) -> set[str]:
    """Return a group's requirements in one spelling, included groups and all."""
    found: set[str] = set()
    for line in lines:
        found |= (
            asked(groups[line["include-group"]], groups)
            if isinstance(line, dict)
            else {spelled(Requirement(line))}
        )
    return found


def spelled(requirement: Requirement) -> str:
    """Return name, extras and range in one spelling."""
    name = requirement.name.lower().replace("_", "-").replace(".", "-")
    return f"{name}{sorted(requirement.extras)}{requirement.specifier}"


def recorded(lines: list[dict[str, Any]]) -> set[str]:
    """Return what the lock says it was asked for, in that same spelling."""
    return {
        spelled(
            Requirement(
                f"{line['name']}[{','.join(line.get('extras', []))}]{line.get('specifier', '')}"
            )
        )
        for line in lines
    }


def main() -> None:
    """Compare, group by group."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    ours = next(one for one in lock["package"] if one["name"] == project["project"]["name"])[
        "metadata"
    ]
    groups = project["dependency-groups"]
    stale = [
        name
        for name, lines in groups.items()
        if asked(lines, groups) != recorded(ours["requires-dev"].get(name, []))
    ]
    plain = [line for line in ours["requires-dist"] if "extra ==" not in line.get("marker", "")]
    if asked(project["project"]["dependencies"], groups) != recorded(plain):
        stale.append("dependencies")
    if stale:
        sys.exit(
            f"uv.lock is older than pyproject.toml ({', '.join(stale)}): run scripts/setup lock"
        )


if __name__ == "__main__":
    main()
