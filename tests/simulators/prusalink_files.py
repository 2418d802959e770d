"""The files of a simulated PrusaLink: FAT short names, folders, pictures inside the files."""

from __future__ import annotations

import base64
import re
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from custom_components.printernizer.engine.drivers.virtual.machine import (
        VirtualFile,
        VirtualMachine,
    )

PRINTABLE = (".gcode", ".g", ".gc", ".gco", ".bgcode", ".bgc")
PNG = b"\x89PNG\r\n\x1a\n"


def short_name(name: str, taken: set[str]) -> str:
    """Return the 8.3 name that FAT gives a file beside others that have theirs."""
    stem, dot, extension = name.rpartition(".")
    stem, extension = (stem, extension) if dot else (name, "")
    clean = re.sub(r"[^A-Z0-9_-]", "_", stem.upper())
    ending = f".{re.sub(r'[^A-Z0-9_-]', '_', extension.upper())[:3]}" if extension else ""
    plain = clean + ending
    if len(clean) <= 8 and len(extension) <= 3 and plain == name.upper() and plain not in taken:
        return plain
    number = 1
    while (made := f"{clean[: 7 - len(str(number))]}~{number}{ending}") in taken:
        number += 1
    return made


@dataclass(frozen=True)
class Entry:
    """A file or folder as a listing shows it. `folder` is its path with the names given."""

    path: str
    """Long names, from the root, with a leading slash; "" is the root."""
    short: str
    """Short names all the way."""
    name: str
    file: VirtualFile | None = None

    @property
    def short_name(self) -> str:
        """The last part of the short path."""
        return self.short.rsplit("/", 1)[-1]

    @property
    def kind(self) -> str:
        """Its type in PrusaLink's words."""
        if self.file is None:
            return "FOLDER"
        name = self.name.lower()
        if name.endswith(PRINTABLE):
            return "PRINT_FILE"
        return "FIRMWARE" if name.endswith(".bbf") else "FILE"


class Tree:
    """A machine's files as folders."""

    def __init__(self, machine: VirtualMachine, folders: set[str]) -> None:
        self._machine = machine
        self._folders = folders

    def children(self, path: str, short: str = "") -> list[Entry]:
        """Return what lies directly in a folder; dot files stay hidden."""
        prefix = f"{path}/"
        names: dict[str, VirtualFile | None] = {}
        for folder in sorted(self._folders):
            if folder.startswith(prefix):
                names[folder[len(prefix) :].split("/", 1)[0]] = None
        for name, file in sorted(self._machine.files.items()):
            if name.startswith(prefix):
                head, _, rest = name[len(prefix) :].partition("/")
                names[head] = None if rest else file
        taken: set[str] = set()
        entries = []
        for name, held in names.items():
            eight = short_name(name, taken)
            taken.add(eight)
            if not name.startswith("."):
                entries.append(Entry(prefix + name, f"{short}/{eight}", name, held))
        return entries

    def find(self, segments: list[str]) -> Entry | None:
        """Walk down by long or short names, whatever their case."""
        here = Entry("", "", "")
        for segment in segments:
            wanted = segment.casefold()
            below = self.children(here.path, here.short)
            match = [e for e in below if e.name.casefold() == wanted] or [
                e for e in below if e.short_name.casefold() == wanted
            ]
            if not match:
                return None
            here = match[0]
        return here


def pictures(content: bytes) -> list[tuple[int, int, bytes]]:
    """Return (width, height, PNG) of each PNG inside a slicer's file."""
    found = _binary(content) if content.startswith(b"GCDE") else _text(content)
    return [(w, h, data) for w, h, data in found if data.startswith(PNG)]


def _text(content: bytes) -> list[tuple[int, int, bytes]]:
    found = []
    pattern = rb"; thumbnail begin (\d+)x(\d+) \d+\s*\n(.*?); thumbnail end"
    for width, height, lines in re.findall(pattern, content, re.DOTALL):
        data = b"".join(line.lstrip(b"; ").strip() for line in lines.splitlines())
        found.append((int(width), int(height), base64.b64decode(data)))
    return found


def _binary(content: bytes) -> list[tuple[int, int, bytes]]:
    checksum = 4 if struct.unpack_from("<H", content, 8)[0] else 0
    at, found = 10, []
    while at + 8 <= len(content):
        kind, packed, size = struct.unpack_from("<HHI", content, at)
        at += 8
        if packed:
            size = struct.unpack_from("<I", content, at)[0]
            at += 4
        parameters = 6 if kind == 5 else 2
        if kind == 5:
            _, width, height = struct.unpack_from("<HHH", content, at)
            found.append((width, height, content[at + 6 : at + 6 + size]))
        at += parameters + size + checksum
    return found
