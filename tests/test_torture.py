"""The table of hostile files says what happens, and it costs little."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from scripts import torture
from scripts.lib import torture_cases

if TYPE_CHECKING:
    from pathlib import Path

LONGEST_S = 20.0
"""Measured: less than one, where nothing else was at work."""
WRITTEN = {
    cells[0]: cells[1:]
    for line in torture.TARGET.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and len(cells := line.strip("| ").split(" | ")) > 1
}


def test_every_case_is_in_the_table() -> None:
    """Who reads it must be able to trust that nothing was left out."""
    assert list(WRITTEN) == ["Case", *torture_cases.ALL]
    assert not [line for line, cells in WRITTEN.items() if {"HUNG", "CRASHED"} & set(cells)]


@pytest.mark.parametrize(
    "name", [one for one in torture_cases.ALL if one not in torture_cases.SLOW]
)
def test_a_hostile_file_is_read_or_named_as_the_table_says(tmp_path: Path, name: str) -> None:
    """A file of a stranger that hangs the house, or ends it, ends the prints that run."""
    path = torture_cases.write(name, tmp_path)
    began = time.monotonic()
    said = [torture.told(way, path) for way in (torture.facts, torture.surface, torture.moves)]
    assert time.monotonic() - began < LONGEST_S
    facts, surface, moves, *_ = WRITTEN[name]
    expected = [facts, *(facts if one == "as facts" else one for one in (surface, moves))]
    assert said == expected


@pytest.mark.parametrize("name", torture_cases.PLACES)
def test_the_library_takes_no_pipe_and_no_terabyte(tmp_path: Path, name: str) -> None:
    path = torture_cases.write(name, tmp_path)
    assert torture.told(torture.intake, path).partition(":")[0] in {
        "file_too_large",
        "file_unreadable",
    }
