"""Files of a simulated OctoPrint: its own folder, the printer's card, films."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from . import octoprint_answers as say
from .prusalink_files import pictures

if TYPE_CHECKING:
    from custom_components.printernizer.engine.drivers.virtual.machine import (
        VirtualFile,
        VirtualMachine,
    )

    from .octoprint_answers import Json

ALLOWED = (".gcode", ".gco", ".g", ".bgcode")
CARD = "/sdcard/"


@dataclass
class Film:
    """A timelapse."""

    name: str
    content: bytes
    made: float = 1.7e9


@dataclass
class Shelf:
    """What lies where."""

    machine: VirtualMachine
    second: bool
    folders: set[str] = field(default_factory=set)
    films: dict[str, Film] = field(default_factory=dict)
    pictures: dict[str, bytes] = field(default_factory=dict)
    """Pictures of files, by path ("/part.gcode"), besides those inside the files."""

    def tidy(self, name: str) -> str:
        """Return a file name as the server makes it: no marks that a file system could mind."""
        name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
        return re.sub(r'[<>:"|?*\x00-\x1f]', "", name).lstrip(".").strip()

    def picture(self, path: str) -> bytes | None:
        """Return the picture of a file."""
        if path in self.pictures:
            return self.pictures[path]
        file = self.machine.files.get(path)
        found = list(pictures(file.content)) if file is not None else []
        return max(found)[2] if found else None

    def local(self) -> dict[str, VirtualFile]:
        """Return the server's own files."""
        return {
            path: file for path, file in self.machine.files.items() if not path.startswith(CARD)
        }

    def on_card(self) -> dict[str, VirtualFile]:
        """Return the files on the printer's card."""
        return {path: file for path, file in self.machine.files.items() if path.startswith(CARD)}

    def all_folders(self) -> set[str]:
        """Return every folder, those made by a file in them too."""
        made = set(self.folders)
        for path in self.local():
            parts = path.strip("/").split("/")[:-1]
            made |= {"/".join(parts[: n + 1]) for n in range(len(parts))}
        return made

    def entry(self, path: str, base: str) -> Json | None:
        """Return a file or a folder of the server's own; path without a slash before it."""
        file = self.local().get(f"/{path}")
        if file is not None:
            name = ""
            if self.picture(file.path) is not None:
                name = f"plugin/prusaslicerthumbnails/thumbnail/{path}.png?20261121"
            return say.file_entry(file, base, "local", second=self.second, thumbnail=name)
        if path in self.all_folders():
            return say.folder_entry(path, base, self.children(path, base), second=self.second)
        return None

    def children(self, folder: str, base: str) -> list[Json]:
        """Return what lies directly in a folder; "" is the root."""
        before = f"{folder}/" if folder else ""
        names = {*self.all_folders(), *(path.lstrip("/") for path in self.local())}
        inside = sorted(
            name for name in names if name.startswith(before) and "/" not in name[len(before) :]
        )
        found = []
        for name in inside:
            if name and name != folder and (entry := self.entry(name, base)) is not None:
                if entry["type"] == "folder":
                    entry["children"] = []
                found.append(entry)
        return found

    def card_list(self, base: str) -> list[Json]:
        """Return the card's list: no dates, no types on old firmware."""
        root = "printer" if self.second else "sdcard"
        return [
            say.file_entry(file, base, root, second=self.second, thumbnail="")
            for file in self.on_card().values()
        ]

    def film_list(self, base: str) -> list[Json]:
        """Return the films."""
        return [
            {
                "name": film.name, "bytes": len(film.content), "size": "1.0MB",
                "date": "2023-11-14 22:13", "timestamp": film.made,
                "url": f"{base}/downloads/timelapse/{film.name}",
            }
            for film in self.films.values()
        ]  # fmt: skip
