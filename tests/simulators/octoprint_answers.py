"""Bodies of OctoPrint's answers, in both generations: shapes only, nothing is decided here."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from aiohttp import web

if TYPE_CHECKING:
    from custom_components.printernizer.engine.drivers.virtual.machine import (
        Heater,
        VirtualFile,
        VirtualMachine,
    )

type Json = dict[str, Any]

NOT_FOUND: Final = "The requested URL was not found on the server."
FLAGS: Final = (
    "operational", "printing", "cancelling", "pausing", "resuming", "finishing", "closedOrError",
    "error", "paused", "ready", "sdReady",
)  # fmt: skip
STATES: Final = {
    "OPERATIONAL": ("Operational", ("operational", "ready")),
    "STARTING": ("Starting", ("operational", "printing")),
    "PRINTING": ("Printing", ("operational", "printing")),
    "PAUSING": ("Pausing", ("operational", "printing", "pausing")),
    "PAUSED": ("Paused", ("operational", "paused")),
    "RESUMING": ("Resuming", ("operational", "printing", "resuming")),
    "FINISHING": ("Finishing", ("operational", "printing", "finishing")),
    "CANCELLING": ("Cancelling", ("operational", "printing", "cancelling")),
    "TRANSFERRING_FILE": ("Sending file to SD", ("operational",)),
    "OFFLINE": ("Offline", ("closedOrError",)),
    "DETECT_SERIAL": ("Detecting serial connection", ()),
    "CLOSED_WITH_ERROR": ("Offline after error", ("closedOrError",)),
    "ERROR": ("Error", ("error", "closedOrError")),
}
"""Text and flags by state id. 2.0 says "printing" while paused as well."""
NO_FILE: Final = {
    "name": None, "path": None, "display": None, "origin": None, "size": None, "date": None,
}  # fmt: skip
NO_PROGRESS: Final = {
    "completion": None, "filepos": None, "printTime": None, "printTimeLeft": None,
    "printTimeLeftOrigin": None,
}  # fmt: skip
PERMISSIONS: Final = (
    "STATUS", "CONNECTION", "WEBCAM", "SYSTEM", "FILES_LIST", "FILES_UPLOAD", "FILES_DOWNLOAD",
    "FILES_DELETE", "FILES_SELECT", "PRINT", "GCODE_VIEWER", "MONITOR_TERMINAL", "CONTROL",
    "TIMELAPSE_LIST", "TIMELAPSE_DOWNLOAD", "TIMELAPSE_DELETE", "SETTINGS_READ", "SETTINGS",
)  # fmt: skip
READER: Final = frozenset(
    {"STATUS", "WEBCAM", "FILES_LIST", "FILES_DOWNLOAD", "GCODE_VIEWER", "TIMELAPSE_LIST",
     "SETTINGS_READ"}
)  # fmt: skip


def state(state_id: str, error: str | None, *, second: bool, card: bool) -> Json:
    """The state with all its flags."""
    text, names = STATES[state_id]
    flags = {flag: flag in names for flag in FLAGS}
    if second and state_id == "PAUSED":
        flags["printing"] = True
    flags["sdReady"] = card and flags["operational"]
    return {"text": text, "flags": flags, "error": error or ""}


def temperature(heater: Heater | None, *, offset: bool = True) -> Json:
    """One heater; nulls where the firmware tells of none."""
    said: Json = {
        "actual": None if heater is None else round(heater.actual_c, 2),
        "target": None if heater is None else heater.target_c,
    }
    return {**said, "offset": 0} if offset else said


def temperatures(machine: VirtualMachine, *, offset: bool = True) -> Json:
    """All heaters the profile has."""
    said = {
        f"tool{index}": temperature(heater, offset=offset)
        for index, heater in enumerate(machine.tools)
    }
    said["bed"] = temperature(machine.bed, offset=offset)
    if machine.chamber is not None or not offset:
        said["chamber"] = temperature(machine.chamber, offset=offset)
    return said


def profiles(machine: VirtualMachine, base: str, *, shared_nozzle: bool) -> Json:
    """The one printer profile."""
    return {
        "profiles": {
            "_default": {
                "id": "_default",
                "name": machine.name,
                "model": machine.model,
                "color": "default",
                "current": True,
                "default": True,
                "resource": f"{base}/api/printerprofiles/_default",
                "heatedBed": True,
                "heatedChamber": machine.chamber is not None,
                "volume": {
                    "custom_box": False, "depth": 200.0, "formFactor": "rectangular",
                    "height": 200.0, "origin": "lowerleft", "width": 200.0,
                },
                "axes": {
                    axis: {"inverted": False, "speed": speed}
                    for axis, speed in (("x", 6000), ("y", 6000), ("z", 200), ("e", 300))
                },
                "extruder": {
                    "count": len(machine.slots) if shared_nozzle else len(machine.tools),
                    "defaultExtrusionLength": 5,
                    "nozzleDiameter": 0.4,
                    "offsets": [[0.0, 0.0]],
                    "sharedNozzle": shared_nozzle,
                },
            }
        }
    }  # fmt: skip


def connection(*, open_: bool, error: bool, second: bool) -> Json:
    """The serial line."""
    closed = "Offline" if second else "Closed"
    profile = "_default" if open_ or not second else None
    said: Json = {
        "current": {
            "baudrate": 115200 if open_ else None,
            "port": "VIRTUAL" if open_ else None,
            "printerProfile": profile,
            "state": "Operational" if open_ else closed,
        },
        "options": {
            "baudratePreference": None if second else 0,
            "baudrates": [250000, 115200],
            "portPreference": "VIRTUAL",
            "ports": ["VIRTUAL"],
            "printerProfilePreference": "_default",
            "printerProfiles": [{"id": "_default", "name": "Default"}],
        },
    }
    if second:
        said["options"]["autoconnect"] = not error
    return said


def file_entry(file: VirtualFile, base: str, root: str, *, second: bool, thumbnail: str) -> Json:
    """A file of a listing. `thumbnail`: "" for none."""
    path = file.path.removeprefix("/sdcard").lstrip("/")
    name = path.rsplit("/", 1)[-1]
    place = quote(path)
    refs = {"resource": f"{base}/api/files/{root}/{place}"}
    entry: Json = {
        "name": name, "display": name, "path": path, "origin": root, "type": "machinecode",
        "typePath": ["machinecode", "gcode"], "refs": refs, "size": len(file.content),
    }  # fmt: skip
    if root != "local":
        return entry
    refs["download"] = f"{base}/downloads/files/local/{place}"
    entry |= {"date": int(file.modified), "user": "ha"}
    if second:
        entry["statistics"] = {"averagePrintTime": {}, "lastPrintTime": {}}
        if thumbnail:
            refs["thumbnail"] = f"{base}/downloads/thumbs/local/{place}"
    else:
        entry["hash"] = hashlib.sha1(file.content, usedforsecurity=False).hexdigest()
        if thumbnail:
            entry["thumbnail"] = thumbnail
            entry["thumbnail_src"] = "prusaslicerthumbnails"
    return entry


def folder_entry(path: str, base: str, children: list[Json], *, second: bool) -> Json:
    """A folder of a listing."""
    name = path.rsplit("/", 1)[-1]
    return {
        "name": name, "display": name, "path": path, "origin": "local", "type": "folder",
        "typePath": ["folder"], "refs": {"resource": f"{base}/api/files/local/{quote(path)}"},
        "children": children, "date": 1795231825, "size": 0,
        "prints": None if second and not children else {"failure": 0, "success": 0},
    }  # fmt: skip


def webcam(entries: list[Json], *, listed: bool, enabled: bool) -> Json:
    """The webcam settings: the classic fields, and from 1.9 on a list."""
    first = entries[0] if entries else {}
    said: Json = {
        "webcamEnabled": enabled,
        "timelapseEnabled": True,
        "streamUrl": first.get("stream"),
        "snapshotUrl": first.get("snapshot"),
        "flipH": first.get("flipH", False),
        "flipV": first.get("flipV", False),
        "rotate90": first.get("rotate90", False),
    }
    if listed:
        said["defaultWebcam"] = said["snapshotWebcam"] = first.get("name")
        said["webcams"] = [
            {
                "name": entry["name"],
                "displayName": entry["name"].title(),
                "provider": "classicwebcam",
                "canSnapshot": entry.get("snapshot") is not None,
                "flipH": entry.get("flipH", False),
                "flipV": entry.get("flipV", False),
                "rotate90": entry.get("rotate90", False),
                "compat": {"stream": entry.get("stream"), "snapshot": entry.get("snapshot")},
                "extras": {"stream": entry.get("stream")},
                "snapshotDisplay": entry.get("snapshot"),
            }
            for entry in entries
        ]
    return said


def refused(status: int, reason: str) -> web.Response:
    """Say no, in the way of its API."""
    return web.json_response({"error": reason}, status=status)
