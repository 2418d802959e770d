"""What a simulated PrusaLink says: JSON in both dialects, from one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, Phase

if TYPE_CHECKING:
    from .prusalink import PrusaLinkSimulator
    from .prusalink_files import Entry

WORDS = {
    Phase.OFF: "BUSY",
    Phase.IDLE: "IDLE",
    Phase.HEATING: "PRINTING",
    Phase.PRINTING: "PRINTING",
    Phase.PAUSED: "PAUSED",
    Phase.ATTENTION: "ATTENTION",
    Phase.FINISHED: "FINISHED",
    Phase.FAILED: "ERROR",
    Phase.CANCELLED: "STOPPED",
    Phase.HALTED: "ERROR",
}
CODES = {
    "CORE One": "7.1.0",
    "MK4": "1.4.0",
    "MK4S": "1.4.1",
    "MK3.9": "1.3.9",
    "MK3.5": "1.3.5",
    "MINI": "2.1.0",
    "XL": "3.1.0",
}
Json = dict[str, Any]


def version(sim: PrusaLinkSimulator) -> Json:
    """`GET /api/version`."""
    common = {"api": "2.0.0", "hostname": sim.hostname, "capabilities": {"upload-by-put": True}}
    if sim.pi:
        return common | {
            "server": "0.8.1",
            "original": f"PrusaLink {sim.model}",
            "text": "PrusaLink 0.8.1",
            "firmware": sim.machine.firmware,
            "sdk": "0.8.1",
        }
    answer: Json = common | {"server": "2.1.2", "nozzle_diameter": 0.4, "text": "PrusaLink"}
    if not sim.old_firmware:
        answer |= {"firmware": sim.machine.firmware, "printer": CODES[sim.model]}
    return answer


def info(sim: PrusaLinkSimulator) -> Json:
    """`GET /api/v1/info`."""
    answer: Json = {"nozzle_diameter": 0.4, "min_extrusion_temp": 170}
    if sim.machine.serial:
        answer["serial"] = sim.machine.serial
    if not sim.pi:
        return answer | {"mmu": False, "hostname": sim.hostname}
    return answer | {
        "name": sim.machine.name,
        "location": "",
        "farm_mode": False,
        "network_error_chime": False,
        "hostname": "connect.prusa3d.com",
        "port": 443,
    }


def status(sim: PrusaLinkSimulator) -> Json:
    """`GET /api/v1/status`."""
    answer: Json = {}
    if (job := _status_job(sim)) is not None:
        answer["job"] = job
    if sim.pi:
        answer["storage"] = [
            {
                "path": "/local",
                "name": "PrusaLink gcodes",
                "read_only": False,
                "free_space": sim.free_bytes,
            },
            {"path": "/sdcard", "name": "SD Card", "read_only": True},
        ]
    else:
        answer["storage"] = {"path": "/usb/", "name": "usb", "read_only": False}
    if sim.transfer is not None:
        answer["transfer"] = _status_transfer(sim)
    answer["printer"] = _printer(sim)
    return answer


def _status_job(sim: PrusaLinkSimulator) -> Json | None:
    run = sim.machine.run
    phase = sim.machine.phase
    if run is None or (sim.pi and phase not in IN_JOB):
        return None
    done = round(run.progress * 100)
    answer: Json = {
        "id": run.id,
        "progress": float(done) if sim.pi else round(run.progress * 100, 2),
        "time_printing": int((run.ended or sim.machine.now()) - run.started),
    }
    if phase is not Phase.HEATING:
        left = 0 if phase not in IN_JOB else sim.machine.remaining_s
        answer["time_remaining"] = int(left // 60) * 60 if sim.pi else int(left)
    return answer


def _status_transfer(sim: PrusaLinkSimulator) -> Json:
    assert sim.transfer is not None
    moved, size = sim.transfer.moved, sim.transfer.size
    answer: Json = {
        "id": sim.transfer.id,
        "time_transferring": int(sim.machine.now() - sim.transfer.began),
    }
    if sim.pi:
        return answer | {"progress": round(moved / size * 100, 2), "data_transferred": moved}
    return answer | {"progress": round(moved / size, 4), "transferred": moved}


def _printer(sim: PrusaLinkSimulator) -> Json:
    machine = sim.machine
    tool = machine.tools[machine.active_tool]
    run = machine.run
    answer: Json = {
        "state": sim.word,
        "temp_bed": round(machine.bed.actual_c, 1),
        "target_bed": round(machine.bed.target_c, 1),
        "temp_nozzle": round(tool.actual_c, 1),
        "target_nozzle": round(tool.target_c, 1),
        "axis_z": round(machine.layer * run.plate.layer_height_mm, 1) if run else 0.0,
        "flow": 100,
        "speed": machine.speed_percent,
        "fan_hotend": 5000 if tool.actual_c > 50 else 0,
        "fan_print": machine.fan_percent.get("part", 0) * 50,
    }
    if sim.word != "PRINTING":
        answer |= {"axis_x": 180.0, "axis_y": -3.0}
    if sim.pi:
        fine = sim.word != "ERROR"
        said = "OK" if fine else "Firmware detected a hardware issue"
        answer["status_connect"] = {"ok": True, "message": "Connect isn't configured"}
        answer["status_printer"] = {"ok": fine, "message": said}
    return answer


def job(sim: PrusaLinkSimulator) -> Json | None:
    """`GET /api/v1/job`, None for 204."""
    base = _status_job(sim)
    run = sim.machine.run
    if base is None or run is None:
        return None
    word = "PAUSED" if sim.word == "ATTENTION" else sim.word
    answer = base | {"state": word}
    entry = sim.tree.find([part for part in run.path.split("/") if part])
    if entry is not None and entry.file is not None:
        shown = file(sim, entry)
        shown.pop("type")
        shown.pop("read_only", None)
        shown.pop("ro", None)
        folder = entry.path.rsplit("/", 1)[0]
        if sim.pi:
            shown["path"] = f"/PrusaLink gcodes{entry.path}"
            shown["display_path"] = shown["path"]
        else:
            shown["path"] = f"/usb{folder}"
        answer["file"] = shown
    return answer


def storage(sim: PrusaLinkSimulator) -> Json:
    """`GET /api/v1/storage`."""
    main: Json = {
        "path": "/local" if sim.pi else "/usb/",
        "name": "PrusaLink gcodes" if sim.pi else "usb",
        "type": "LOCAL" if sim.pi else "USB",
        "read_only": False,
        "available": sim.stick,
    }
    if sim.stick:
        main["free_space"] = sim.free_bytes
    if not sim.pi:
        return {"storage_list": [main]}
    card = {"path": "/sdcard", "name": "SD Card", "type": "SDCARD"}
    return {"storage_list": [main, card | {"available": True, "read_only": True}]}


def file(sim: PrusaLinkSimulator, entry: Entry, *, listed: bool = False) -> Json:
    """Describe one file or folder; the firmware leaves sizes out of listings."""
    ro = "read_only" if sim.pi else "ro"
    answer: Json = {
        "name": entry.name if sim.pi else entry.short_name,
        "type": entry.kind,
        ro: False,
        "display_name": entry.name,
        "m_timestamp": int(entry.file.modified) if entry.file else 1727000001,
        "refs": _refs(sim, entry),
    }
    if entry.file is not None and (sim.pi or not listed):
        answer["size"] = len(entry.file.content)
    return answer


def _refs(sim: PrusaLinkSimulator, entry: Entry) -> Json:
    if entry.file is None:
        return {}
    if sim.pi:
        place = f"local/PrusaLink gcodes{entry.path}"
        return {
            "download": f"/api/files/{place}/raw",
            "icon": None,
            "thumbnail": f"/api/thumbnails/PrusaLink gcodes{entry.path}.orig.png",
        }
    refs = {"download": f"/usb{entry.short}"}
    if entry.kind == "PRINT_FILE":
        refs |= {"icon": f"/thumb/s/usb{entry.short}", "thumbnail": f"/thumb/l/usb{entry.short}"}
    return refs


def folder(sim: PrusaLinkSimulator, entry: Entry) -> Json:
    """Describe a folder with what lies in it, not deeper."""
    below = sim.tree.children(entry.path, entry.short) if sim.stick else []
    root = "PrusaLink gcodes" if sim.pi else "usb"
    answer: Json = {
        "type": "FOLDER",
        "read_only" if sim.pi else "ro": False,
        "name": (entry.name if sim.pi else entry.short_name) or root,
        "children": [file(sim, item, listed=True) for item in below],
    }
    if sim.pi:
        answer |= {"m_timestamp": 1727000001, "display_name": answer["name"]}
    return answer


def transfer(sim: PrusaLinkSimulator) -> Json | None:
    """`GET /api/v1/transfer`, None for 204. The size is text."""
    if sim.transfer is None:
        return None
    size = sim.transfer.size
    return _status_transfer(sim) | {
        "type": "FROM_CLIENT",
        "display_name": sim.transfer.name,
        "path": "/local" if sim.pi else "/usb",
        "size": str(size),
        "transferred": sim.transfer.moved,
        "to_print": sim.transfer.to_print,
    }


def legacy_printer(sim: PrusaLinkSimulator) -> Json:
    """`GET /api/printer`: in the firmware the only word on the loaded material."""
    machine = sim.machine
    tool = machine.tools[machine.active_tool]
    material = machine.slots[0].material if machine.slots else None
    flags: Json = {
        "operational": machine.phase not in IN_JOB,
        "paused": sim.word == "PAUSED",
        "printing": sim.word == "PRINTING",
        "cancelling": False,
        "pausing": False,
        "error": sim.word == "ERROR",
        "sdReady": False,
        "closedOnError": False,
        "ready": machine.phase not in IN_JOB,
        "busy": sim.word == "BUSY",
    }
    if sim.word in {"PRINTING", "PAUSED", "BUSY", "ATTENTION"}:
        flags = {"link_state": sim.word} | flags
    nothing = " - " if sim.pi else "---"
    return {
        "telemetry": {
            "temp-bed": round(machine.bed.actual_c, 1),
            "temp-nozzle": round(tool.actual_c, 1),
            "print-speed": machine.speed_percent,
            "z-height": 0.0,
            "material": nothing if sim.pi else material or nothing,
        },
        "temperature": {
            "tool0": {
                "actual": round(tool.actual_c, 1),
                "target": tool.target_c,
                "display": tool.target_c,
                "offset": 0,
            },
            "bed": {
                "actual": round(machine.bed.actual_c, 1),
                "target": machine.bed.target_c,
                "offset": 0,
            },
        },
        "state": {"text": "Printing" if machine.phase in IN_JOB else "Operational", "flags": flags},
    }
