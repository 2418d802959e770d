"""Folders from which files go into the library by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from .file import FileKind

if TYPE_CHECKING:
    from pathlib import Path


class Hearing(StrEnum):
    """Whether a watched folder is told of its changes, or why it is only looked through."""

    TOLD = "told"
    NOT_YET = "not_yet"
    """Nobody has looked at it so far."""
    GONE = "gone"
    REMOTE = "remote"
    """Some of it lies where others change things of which nobody tells: a network share."""
    TOO_LARGE = "too_large"
    """It has more subfolders than are listened to."""
    NO_WATCHES = "no_watches"
    """The system gives no more: other programs have them, or other watched folders."""
    NO_LIBRARY = "no_library"
    """The package that listens is missing, or the system has no such thing."""


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
