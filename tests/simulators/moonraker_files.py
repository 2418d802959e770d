"""Files of a simulated Moonraker: roots, listings, metadata, pictures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)

from .klipper_objects import HEAD_SHARE
from .prusalink_files import pictures

if TYPE_CHECKING:
    from collections.abc import Callable

type Json = dict[str, object]

GCODES: Final = "gcodes"


class Missing(Exception):
    """No such file or folder."""


@dataclass
class Shelf:
    """All roots: gcodes is the machine's own storage, the others lie here."""

    machine: VirtualMachine
    plates_of: Callable[[str, bytes], tuple[PlateFacts, ...]]
    folders: set[str] = field(default_factory=set)
    """Empty folders of gcodes: "a/b"."""
    others: dict[str, dict[str, bytes]] = field(
        default_factory=lambda: {
            "config": {"printer.cfg": b"[printer]\nkinematics: corexy\n"},
            "logs": {"klippy.log": b"Start printer\n"},
        }
    )
    metadata_delay_s: float = 0.0
    """Machine seconds from an upload until its metadata are there."""
    scanned_at: dict[str, float] = field(default_factory=dict)

    def roots(self) -> list[Json]:
        """Answer `server.files.roots`."""
        return [
            {"name": name, "path": f"/home/maker/printer_data/{name}", "permissions": rights}
            for name, rights in ((GCODES, "rw"), ("config", "rw"), ("logs", "r"))
        ]

    def content(self, root: str, path: str) -> bytes | None:
        """Return a file's bytes, also of a thumbnail."""
        if root != GCODES:
            return self.others.get(root, {}).get(path)
        file = self.machine.files.get(f"/{path}")
        if file is not None:
            return file.content
        return self._thumbs().get(path)

    def _thumbs(self) -> dict[str, bytes]:
        return {
            where: data
            for file in self.machine.files.values()
            for where, _, _, data in _pictures(file)
        }

    def listing(self) -> list[Json]:
        """Answer `server.files.list` of gcodes."""
        return [self._item(path.lstrip("/"), file) for path, file in self.machine.files.items()]

    def _item(self, path: str, file: VirtualFile) -> Json:
        return {
            "path": path,
            "modified": float(file.modified),
            "size": len(file.content),
            "permissions": "rw",
        }

    def directory(self, path: str, *, extended: bool) -> Json:
        """Answer `server.files.get_directory`. Raises Missing."""
        root, _, folder = path.strip("/").partition("/")
        if root == GCODES:
            names = {name.lstrip("/"): file for name, file in self.machine.files.items()}
        elif root in self.others:
            names = {name: VirtualFile(path=f"/{name}", content=content)
                     for name, content in self.others[root].items()}  # fmt: skip
        else:
            raise Missing(path)
        prefix = f"{folder}/" if folder else ""
        inside = {name[len(prefix) :]: file for name, file in names.items()
                  if name.startswith(prefix)}  # fmt: skip
        known = {name for name in self.folders if name.startswith(prefix)}
        if folder and not inside and (root != GCODES or folder not in self.folders):
            raise Missing(path)
        below = {name.partition("/")[0] for name in inside if "/" in name}
        below |= {name[len(prefix) :].partition("/")[0] for name in known if name != folder}
        if any(_pictures(file) for name, file in inside.items() if "/" not in name):
            below.add(".thumbs")
        files = [
            self._entry(name, file, root=root, full=extended)
            for name, file in inside.items()
            if "/" not in name
        ]
        used = self.machine.used_bytes
        total = self.machine.storage_bytes
        return {
            "dirs": [
                {"modified": 1.7e9, "size": 4096, "permissions": "rw", "dirname": name}
                for name in sorted(below)
            ],
            "files": files,
            "disk_usage": {"total": total, "used": used, "free": total - used},
            "root_info": {"name": root, "permissions": "r" if root == "logs" else "rw"},
        }

    def _entry(self, name: str, file: VirtualFile, *, root: str, full: bool) -> Json:
        entry: Json = {
            "modified": float(file.modified),
            "size": len(file.content),
            "permissions": "rw",
            "filename": name,
        }
        if full and root == GCODES and self._scanned(file):
            entry |= self._metadata(file)
        return entry

    def _scanned(self, file: VirtualFile) -> bool:
        return self.machine.now() >= self.scanned_at.get(file.path, 0.0)

    def metadata(self, path: str) -> Json:
        """Answer `server.files.metadata`. Raises Missing until the file has been read."""
        file = self.machine.files.get(f"/{path}")
        if file is None or not self._scanned(file):
            raise Missing(f"Metadata not available for <{path}>")
        return {"filename": path} | self._metadata(file)

    def _metadata(self, file: VirtualFile) -> Json:
        plate = file.plates[0]
        size = len(file.content)
        return {
            "size": size,
            "modified": float(file.modified),
            "uuid": str(uuid5(NAMESPACE_URL, file.path)),
            "file_processors": [],
            "slicer": "PrusaSlicer",
            "slicer_version": "2.8.1",
            "gcode_start_byte": int(size * HEAD_SHARE),
            "gcode_end_byte": size,
            "layer_count": plate.layers,
            "object_height": round(plate.layers * plate.layer_height_mm, 2),
            "estimated_time": plate.seconds,
            "nozzle_diameter": 0.4,
            "layer_height": plate.layer_height_mm,
            "first_layer_height": plate.layer_height_mm,
            "first_layer_extr_temp": plate.tool_c,
            "first_layer_bed_temp": plate.bed_c,
            "filament_type": plate.material,
            "filament_weight_total": sum(plate.mass_g),
            "filament_weights": list(plate.mass_g),
            "referenced_tools": [],
            "thumbnails": [
                {
                    "width": width,
                    "height": height,
                    "size": len(data),
                    "relative_path": ".thumbs/" + where.rsplit("/", 1)[-1],
                }
                for where, width, height, data in _pictures(file)
            ],
        }

    def store(self, root: str, path: str, content: bytes, now: float) -> Json:
        """Put a file there. Raises Refused when the disk is full."""
        if root != GCODES:
            self.others[root][path] = content
            return {"path": path, "root": root, "modified": now, "size": len(content),
                    "permissions": "rw"}  # fmt: skip
        file = VirtualFile(
            path=f"/{path}",
            content=content,
            modified=now,
            plates=self.plates_of(f"/{path}", content),
        )
        self.machine.store(file)
        self.scanned_at[file.path] = self.machine.now() + self.metadata_delay_s
        return self._item(path, file) | {"root": GCODES}

    def move(self, source: str, goal: str) -> Json:
        """Give a file of gcodes another place. Raises Missing."""
        file = self.machine.files.pop(f"/{source}", None)
        if file is None:
            raise Missing(source)
        moved = VirtualFile(
            path=f"/{goal}", content=file.content, modified=file.modified, plates=file.plates
        )
        self.machine.files[moved.path] = moved
        return self._item(goal, moved) | {"root": GCODES}


def _pictures(file: VirtualFile) -> list[tuple[str, int, int, bytes]]:
    folder, _, name = file.path.lstrip("/").rpartition("/")
    stem = name.rsplit(".", 1)[0]
    prefix = f"{folder}/" if folder else ""
    return [
        (f"{prefix}.thumbs/{stem}-{width}x{height}.png", width, height, data)
        for width, height, data in pictures(file.content)
    ]
