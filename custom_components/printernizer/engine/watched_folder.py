"""Folders from which files go into the library by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .file import FileKind

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedFolder:
    """One of them, and what is done with its files."""

    path: Path
    """With no link in it: a folder that has become a link to another is gone."""
    subfolders: bool = True
    kinds: frozenset[FileKind] = frozenset(FileKind)
    """Others stay where they are."""
    tag: str | None = None
    """What its files are tagged with."""
    collection: str | None = None
    """Name of the collection they are put into; it is made when there is none."""
    remove: bool = False
    """Whether a file is deleted there once it is in the library."""
