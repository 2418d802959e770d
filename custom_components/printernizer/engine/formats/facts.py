"""What a file on disk was sliced for, whatever kind it is."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import BadFile
from ..file import MODELS, NO_FACTS, FileFacts, FileKind
from . import bgcode, gcode, threemf
from .sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO


def read_facts(path: Path, *, measured: bool = False, name: str | None = None) -> FileFacts:
    """Read what a file says of itself, from its bytes: at most some MB of them.

    measured: walk the surface of a model, too. That reads all of it, some 100 ns and 50 bytes of
    memory for each triangle: in a process of its own. name: what people call it, where it lies
    under another one.
    Not on the event loop. Raises BadFile with the file, the place and the cause for one that is
    broken, hostile or cannot be read.
    """
    name = name or path.name
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # Before it is opened: a pipe would not come back.
            raise BadFile(f"{name} is not a file", key="file_unreadable")
        with path.open("rb") as file:
            facts = facts_in(file, os.fstat(file.fileno()).st_size, name)
    except OSError as err:
        raise BadFile(f"{name}: {err.strerror}", key="file_unreadable") from err
    return _measured(path, facts) if measured else facts


def _measured(path: Path, facts: FileFacts) -> FileFacts:
    if facts.kind not in MODELS and (facts.kind is not FileKind.THREEMF or facts.plates):
        return facts
    # Brings numpy, which nobody else here needs.
    from .surface import mesh_facts, open_mesh

    try:
        return replace(facts, mesh=mesh_facts(open_mesh(path)))
    except BadFile:
        if facts.kind in MODELS:
            raise
        # An archive that is empty, or whose geometry is refused, says the rest all the same.
        return facts


def facts_in(file: BinaryIO, size: int, name: str) -> FileFacts:
    """Read what an open file of `size` bytes says of itself. Raises BadFile."""
    file.seek(0)
    kind = sniff(file.read(HEAD_BYTES), size, name)
    file.seek(0)
    match kind:
        case FileKind.GCODE:
            return gcode.read(file, size)
        case FileKind.BGCODE:
            return bgcode.read(file, size, name)
        case FileKind.THREEMF:
            return threemf.read(file, name)
        case None:
            return NO_FACTS
        case _:
            return FileFacts(kind=kind)
