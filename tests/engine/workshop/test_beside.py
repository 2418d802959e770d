"""What lies beside contents: nothing, where there is no content."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from custom_components.printernizer.engine.library.shelf import Shelf
from custom_components.printernizer.engine.library_file import LibraryFile, Origin, Source
from custom_components.printernizer.engine.workshop import beside

CONTENT = b"G28\n"


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path / "library")
    shelf.open()
    return shelf


def put(shelf: Shelf) -> str:
    with shelf.receive() as incoming:
        incoming.write(CONTENT)
        return incoming.keep().sha256


def a_file() -> LibraryFile:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    source = Source(origin=Origin.UPLOADED)
    return LibraryFile(id=uuid4(), name="Würfel.gcode", sha256=None, source=source, added_at=now)


def named(shelf: Shelf) -> list[str]:
    return [path.name for path in shelf.folder.rglob("Würfel*")]


def test_a_file_is_found_by_its_name_and_hidden_again(shelf: Shelf) -> None:
    """People look into the folder with their own eyes."""
    file = replace(a_file(), sha256=put(shelf))
    beside.show(shelf, file)
    assert named(shelf) == ["Würfel.gcode"]
    beside.hide(shelf, file)
    assert named(shelf) == []


def test_a_file_that_lies_on_a_printer_alone_leaves_nothing_here(shelf: Shelf) -> None:
    """A name without a content would be offered, and open nothing."""
    file = a_file()
    beside.show(shelf, file)
    beside.hide(shelf, file)
    beside.write_sidecars(shelf, [file], {})
    assert named(shelf) == []
    assert list(shelf.walk()) == []
