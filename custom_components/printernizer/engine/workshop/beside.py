"""What lies beside the contents of a shelf: names for people, and what the shop knows of them.

Nothing here runs on the event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..store import library_codec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from ..library.shelf import Shelf
    from ..library_file import LibraryFile


def show(shelf: Shelf, file: LibraryFile, printer: str | None = None) -> None:
    """Give a file the name under which people find it. printer: what its printer is called."""
    if file.sha256 is not None:
        source = printer or file.source.printer_id or file.source.origin.value
        shelf.show(file.sha256, source, _day(file), file.name)


def hide(shelf: Shelf, file: LibraryFile) -> None:
    """Take the name away."""
    if file.sha256 is not None:
        shelf.hide(file.sha256, _day(file))


def write_sidecars(
    shelf: Shelf, files: Sequence[LibraryFile], collections: Mapping[UUID, str]
) -> None:
    """Write what is known of files that lie on this shelf. collections: their names."""
    for file in files:
        if file.sha256 is not None and file.on_shelf and shelf.has(file.sha256):
            collection = collections.get(file.collection_id) if file.collection_id else None
            shelf.write_sidecar(file.sha256, library_codec.sidecar_text(file, collection))


def _day(file: LibraryFile) -> str:
    return f"{file.added_at:%Y-%m-%d}"
