"""Models and prints that nobody would write: whatever comes is read or named, never a crash.

`scripts/fuzz.py` does the same for as long as one likes; what it found stands here.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.formats import (
    extrusion,
    facts,
    surface,
    thumbnails,
    toolpath,
)
from scripts.fuzz import DRESS, ENDINGS, PRINTS, SEEDS, mutated, readings

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {
    "surface": surface,
    "facts": facts,
    "thumbnails": thumbnails,
    "extrusion": extrusion,
    "toolpath": toolpath,
}
FOUND: list[tuple[str, bytes]] = []
"""Kind and content of files that once got through to a crash."""


def throw(folder: Path, kind: str, content: bytes) -> bool:
    """Return whether all that is to be had of it was read."""
    path = folder / f"it.{ENDINGS.get(kind, '3mf')}"
    path.write_bytes(DRESS.get(kind, bytes)(content))
    refused = 0
    for reading in readings(kind, FORMATS):
        try:
            reading(path)
        except BadFile:
            refused += 1
    return not refused


@pytest.mark.parametrize("kind", SEEDS)
def test_seeds_are_good_models(tmp_path: Path, kind: str) -> None:
    """Else nothing behind the first check would be tried."""
    assert all(throw(tmp_path, kind, seed) for seed in SEEDS[kind])


@pytest.mark.parametrize("kind", SEEDS)
def test_whatever_comes_is_read_or_named(tmp_path: Path, kind: str) -> None:
    """A file that crashes its reader takes the previews of all others with it."""
    chance = random.Random(5)
    # Each is read in four ways.
    many = 40 if kind in PRINTS else 150
    read = sum(
        throw(tmp_path, kind, mutated(chance, chance.choice(SEEDS[kind]))) for _ in range(many)
    )
    # There is no text that is not read as G-code, somehow.
    assert read < many or kind in PRINTS
    # Of an archive each member has a sum that no longer fits.
    assert read or kind == "archive"


@pytest.mark.parametrize("kind", SEEDS)
def test_every_way_to_cut_it_is_read_or_named(tmp_path: Path, kind: str) -> None:
    """Uploads break off anywhere."""
    seed = SEEDS[kind][0]
    for end in range(0, len(seed), max(len(seed) // 60, 1)):
        throw(tmp_path, kind, seed[:end])


@pytest.mark.parametrize(("kind", "content"), FOUND)
def test_what_once_got_through_does_so_no_more(tmp_path: Path, kind: str, content: bytes) -> None:
    throw(tmp_path, kind, content)
