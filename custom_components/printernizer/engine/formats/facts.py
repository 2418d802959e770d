"""What a file on disk was sliced for, whatever kind it is."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..errors import BadFile
from ..file import NO_FACTS, FileFacts, FileKind
from . import bgcode, gcode, threemf
from .sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from pathlib import Path


def read_facts(path: Path) -> FileFacts:
    """Read what a file says of itself, from its bytes: at most some MB of them.

    Not on the event loop. Raises BadFile with the file, the place and the cause for one that is
    broken, hostile or cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # Before it is opened: a pipe would not come back.
            raise BadFile(f"{path.name} is not a file", key="file_unreadable")
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            kind = sniff(file.read(HEAD_BYTES))
            file.seek(0)
            match kind:
                case FileKind.GCODE:
                    return gcode.read(file, size)
                case FileKind.BGCODE:
                    return bgcode.read(file, size, path.name)
                case FileKind.THREEMF:
                    return threemf.read(file, path.name)
    except OSError as err:
        raise BadFile(f"{path.name}: {err.strerror}", key="file_unreadable") from err
    return NO_FACTS
