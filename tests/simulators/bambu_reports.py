"""What a Bambu Lab printer says of itself: a machine's truth in the words of each family.

Written from the field meanings, not from the driver: both would otherwise be wrong alike.
"""

import copy
from dataclasses import dataclass, field
from typing import Any

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    Heater,
    MachineSlot,
    Phase,
    VirtualMachine,
)

from .print_files import object_number

CANCEL_CODE = 0x0300400C
JAM_CODE = 0x03008016
RUNOUT_CODE = 0x07008011
EXTERNAL_RUNOUT_CODE = 0x07FF8011
HEATER_CODE = 0x03004008 & 0xFFFF0000 | 0x4006
HEATER_HMS = {"attr": 0x03000200, "code": 0x00010003}
UNSIGNED_HMS = {"attr": 0x05000500, "code": 0x00010007}
SPEED_LEVELS = {50: 1, 100: 2, 124: 3, 166: 4}


@dataclass(frozen=True)
class Profile:
    """One model, as far as its messages differ from others'."""

    product: str
    code: str
    prefix: str
    family: str
    """delta (P1, A1), full (X1), nested (P2S, H2)."""
    firmware: str
    ams: str = "ams"
    """Board name of its feeder: ams, ams_f1, n3f."""
    idle_stage: int = 255
    dual: bool = False
    names_itself: bool = True
    jpeg: bool = True
    ram_disk: bool = False
    signed: bool = False
    """It has a `fun` word, whose bit 29 says that commands must be signed."""


PROFILES = {
    "A1": Profile("A1", "N2S", "039", "delta", "01.05.00.00", "ams_f1", names_itself=False),
    "P1S": Profile("P1S", "C12", "01P", "delta", "01.08.02.00"),
    "X1C": Profile(
        "X1 Carbon", "BL-P001", "00M", "full", "01.09.00.01", idle_stage=-1, jpeg=False,
        ram_disk=True, signed=True,
    ),
    "P2S": Profile(
        "P2S", "N7", "22E", "nested", "01.01.00.00", "n3f", idle_stage=-1, jpeg=False,
        ram_disk=True, signed=True,
    ),
    "H2D": Profile(
        "H2D", "O1D", "094", "nested", "01.01.01.00", "n3f", idle_stage=-1, dual=True,
        jpeg=False, ram_disk=True, signed=True,
    ),
}  # fmt: skip


@dataclass
class Wire:
    """What the electronics know beside the machine: ids, codes that pass, faults of the line."""

    profile: Profile
    developer_mode: bool = True
    shows_unsigned_hms: bool = False
    error: int = 0
    """A print error shown now."""
    hms: list[dict[str, int]] = field(default_factory=list)
    task_id: str = "0"
    print_type: str = "local"
    options: dict[str, bool] = field(
        default_factory=lambda: {
            "auto_recovery": True,
            "auto_switch_filament": True,
            "sound_enable": False,
            "filament_tangle_detect": False,
        }
    )
    rtsp_url: str = "disable"
    sequence: int = 2000
    online: int = 5
    just_started: bool = False
    mc_percent: int = 0
    fed: bool = False
    """Filament was loaded by hand: the slot is shown also without a job."""
    storage: bool = True
    door_open: bool = False


def _packed(heater: Heater) -> int:
    return round(heater.target_c) << 16 | round(heater.actual_c)


def _steps(percent: int) -> str:
    return str(round(percent / 100 * 15))


def _words(  # noqa: PLR0911 - a table of phases
    machine: VirtualMachine, wire: Wire
) -> tuple[str, int, int]:
    """gcode_state, stg_cur, print_error."""
    idle = wire.profile.idle_stage
    match machine.phase:
        case Phase.HEATING:
            return ("PREPARE", 0, 0) if wire.just_started else ("RUNNING", 2, 0)
        case Phase.PRINTING:
            return "RUNNING", 0, 0
        case Phase.PAUSED:
            return "PAUSE", 16, 0
        case Phase.ATTENTION if machine.fault is Fault.RUNOUT:
            external = len(machine.slots) == 1
            return "PAUSE", 6, EXTERNAL_RUNOUT_CODE if external else RUNOUT_CODE
        case Phase.ATTENTION:
            return "PAUSE", 35, JAM_CODE
        case Phase.FINISHED:
            return "FINISH", idle, 0
        case Phase.FAILED:
            return "FAILED", idle, HEATER_CODE
        case Phase.CANCELLED | Phase.HALTED:
            return "FAILED", idle, 0
    return "IDLE", idle, 0


def _tray(index: int, slot: MachineSlot) -> dict[str, Any]:
    if slot.material is None:
        return {"id": str(index)}
    colour = slot.colour.lstrip("#").upper().ljust(8, "F")
    tagged = slot.name.startswith(slot.material)
    share = round(max(0.0, slot.remaining_g / slot.initial_g) * 100)
    return {
        "id": str(index),
        "tag_uid": f"A1B2C3D4{index:08X}" if tagged else "0" * 16,
        "tray_uuid": f"{index + 1:032X}" if tagged else "0" * 32,
        "tray_id_name": "",
        "tray_info_idx": "GFA00",
        "tray_type": slot.material,
        "tray_sub_brands": slot.name,
        "tray_color": colour,
        "tray_weight": str(round(slot.initial_g)),
        "tray_diameter": "1.75",
        "tray_temp": "0",
        "tray_time": "0",
        "bed_temp_type": "0",
        "bed_temp": "0",
        "nozzle_temp_max": "230",
        "nozzle_temp_min": "190",
        "xcam_info": "0" * 24,
        "remain": share,
        "k": 0.02,
        "n": 1,
        "cali_idx": -1,
        "cols": [colour],
        "ctype": 0,
    }


def _ams(machine: VirtualMachine, wire: Wire, *, feeding: bool) -> dict[str, Any]:
    fed = len(machine.slots) > 1
    units = (len(machine.slots) + 3) // 4 if fed else 0
    kinds = {"ams": "1001", "ams_f1": "2", "n3f": "1003"}
    listed = []
    exist = 0
    for unit in range(units):
        part = machine.slots[unit * 4 : unit * 4 + 4]
        item: dict[str, Any] = {
            "id": str(unit),
            "humidity": "4",
            "temp": "0.0" if wire.profile.ams == "ams_f1" else "24.5",
            "tray": [_tray(index, slot) for index, slot in enumerate(part)],
        }
        if wire.profile.ams != "ams_f1":
            item |= {"humidity_raw": "22", "info": kinds[wire.profile.ams], "dry_time": 0}
        listed.append(item)
        for index, slot in enumerate(part):
            exist |= (slot.material is not None) << (unit * 4 + index)
    now = "255"
    if feeding and machine.loaded is not None:
        now = str(machine.loaded) if fed else "254"
    bits = f"{exist:x}"
    return {
        "ams": listed,
        "ams_exist_bits": f"{(1 << units) - 1:x}",
        "tray_exist_bits": bits,
        "tray_is_bbl_bits": bits,
        "tray_tar": now,
        "tray_now": now,
        "tray_pre": now,
        "tray_read_done_bits": bits,
        "tray_reading_bits": "0",
        "version": 2,
        "insert_flag": True,
        "power_on_flag": False,
    }


def _external(machine: VirtualMachine, key: str) -> dict[str, Any]:
    spool = machine.slots[0] if len(machine.slots) == 1 else None
    if spool is not None and spool.material is not None:
        return {**_tray(0, spool), "id": key, "tray_uuid": "0" * 32, "tag_uid": "0" * 16}
    blank = _tray(0, type("Spool", (), {"material": "", "colour": "#00000000", "name": "-",
                                        "remaining_g": 0.0, "initial_g": 1.0})())  # fmt: skip
    return {**blank, "id": key, "tray_sub_brands": "", "tray_uuid": "0" * 32, "tag_uid": "0" * 16}


def _home_flag(machine: VirtualMachine, wire: Wire) -> int:
    on = wire.options
    flags = 1 << 8 | 1 << 18 | 1 << 31
    flags |= sum(1 << bit for bit, axis in enumerate("xyz") if axis in machine.homed)
    flags |= on["auto_recovery"] << 4 | on["auto_switch_filament"] << 10
    flags |= on["sound_enable"] << 17 | 1 << 19 | on["filament_tangle_detect"] << 20
    if wire.profile.family == "full":
        flags |= wire.door_open << 23
    return flags - (1 << 32)


def _cfg(wire: Wire) -> str:
    on = wire.options
    word = on["auto_recovery"] << 16 | on["auto_switch_filament"] << 18
    return f"{word | on['sound_enable'] << 22 | on['filament_tangle_detect'] << 23:X}"


def _job(machine: VirtualMachine, wire: Wire) -> dict[str, Any]:
    run = machine.run
    name = run.path.rsplit("/", 1)[-1] if run else ""
    stem = name.removesuffix(".gcode.3mf").removesuffix(".3mf")
    file = name
    if wire.profile.ram_disk and run:
        file = f"/data/Metadata/plate_{run.plate.number}.gcode"
    if run is not None:
        wire.mc_percent = int(run.progress * 100)
    ended = run is not None and run.ended is not None
    layers = run.plate.layers if run else 0
    return {
        "mc_percent": wire.mc_percent,
        "mc_remaining_time": 0 if ended or run is None else round(machine.remaining_s / 60),
        "layer_num": layers if ended and machine.phase is Phase.FINISHED else machine.layer,
        "total_layer_num": 0 if ended and wire.profile.family == "delta" else layers,
        "gcode_file": file,
        "subtask_name": stem,
        "task_id": wire.task_id if run else "0",
        "subtask_id": wire.task_id if run else "0",
        "project_id": "0",
        "profile_id": "0",
        "print_type": wire.print_type if machine.in_job else "idle",
        "gcode_file_prepare_percent": "100" if run else "0",
    }


def full_push(machine: VirtualMachine, wire: Wire) -> dict[str, Any]:
    """Return everything the printer says, as the body of `print`."""
    machine.tick()
    profile = wire.profile
    state, stage, error = _words(machine, wire)
    feeding = machine.in_job or wire.fed
    tool = machine.tools[machine.active_tool if profile.dual else 0]
    wire.sequence += 1
    hms = [*wire.hms]
    if machine.phase is Phase.FAILED:
        hms.append(HEATER_HMS)
    if wire.shows_unsigned_hms:
        hms.append(UNSIGNED_HMS)
    fans = machine.fan_percent
    push: dict[str, Any] = {
        "upgrade_state": {
            "sequence_id": 0, "progress": "", "status": "IDLE", "consistency_request": False,
            "dis_state": 0, "err_code": 0, "force_upgrade": False, "message": "", "module": "",
            "new_version_state": 2, "cur_state_code": 0, "idx2": 1, "new_ver_list": [],
        },
        "ipcam": {
            "ipcam_dev": "1", "ipcam_record": "enable", "timelapse": "disable",
            "resolution": "1080p", "tutk_server": "disable", "mode_bits": 3,
        },
        "xcam": {"buildplate_marker_detector": True},
        "upload": {"status": "idle", "progress": 0, "message": ""},
        "net": {"conf": 0, "info": [{"ip": 0x0100007F, "mask": 0x00FFFFFF}]},
        "nozzle_temper": round(tool.actual_c * 32) / 32,
        "nozzle_target_temper": round(tool.target_c),
        "bed_temper": round(machine.bed.actual_c * 32) / 32,
        "bed_target_temper": round(machine.bed.target_c),
        "chamber_temper": 5,
        "mc_print_stage": "2" if state == "RUNNING" else "1",
        "heatbreak_fan_speed": "15" if feeding else "0",
        "cooling_fan_speed": _steps(fans.get("part", 0)),
        "big_fan1_speed": _steps(fans.get("auxiliary", 0)),
        "big_fan2_speed": _steps(fans.get("chamber", 0)),
        "ams_status": 0,
        "ams_rfid_status": 0,
        "hw_switch_state": 0 if machine.fault is Fault.RUNOUT else 1,
        "spd_mag": machine.speed_percent,
        "spd_lvl": SPEED_LEVELS.get(machine.speed_percent, 2),
        "print_error": wire.error or error,
        "lifecycle": "product",
        "wifi_signal": "-47dBm",
        "gcode_state": state,
        "queue_number": 0, "queue_total": 0, "queue_est": 0, "queue_sts": 0,
        "stg": [2, 14, 1] if machine.phase is Phase.HEATING else [],
        "stg_cur": stage,
        "home_flag": _home_flag(machine, wire),
        "mc_print_line_number": "0",
        "mc_print_sub_stage": 0,
        "sdcard": wire.storage,
        "force_upgrade": False,
        "mess_production_state": "active",
        "s_obj": [object_number(one) for one in sorted(machine.run.skipped)] if machine.run else [],
        "filam_bak": [],
        "fan_gear": 0,
        "nozzle_diameter": "0.4",
        "nozzle_type": "stainless_steel",
        "cali_version": 0,
        "k": "0.0200",
        "flag3": 31,
        "hms": hms,
        "online": {"ahb": False, "rfid": False, "version": wire.online},
        "ams": _ams(machine, wire, feeding=feeding),
        "vt_tray": _external(machine, "254"),
        "lights_report": [{"node": "chamber_light", "mode": "on" if machine.light else "off"}],
        "command": "push_status",
        "msg": 0,
        "sequence_id": str(wire.sequence),
        **_job(machine, wire),
    }  # fmt: skip
    if profile.family == "delta":
        return push
    return _newer(push, machine, wire, feeding=feeding)


def _newer(
    push: dict[str, Any], machine: VirtualMachine, wire: Wire, *, feeding: bool
) -> dict[str, Any]:
    profile = wire.profile
    fans = machine.fan_percent
    chamber = round(machine.chamber.actual_c) if machine.chamber else 31
    plate = machine.run.plate.number if machine.run else 1
    push |= {
        "3D": {"layer_num": push["layer_num"], "total_layer_num": push["total_layer_num"]},
        "aux": "2001004" if wire.storage else "2000004",
        "cfg": _cfg(wire),
        "fun": f"{0x1A0000CFF | (0 if wire.developer_mode else 1 << 29) & ~0:X}",
        "stat": f"{0x102080F0 & ~(1 << 23) | (wire.door_open << 23):X}",
        "chamber_temper": float(chamber),
        "job_id": "0",
        "plate_idx": plate,
        "plate_cnt": 1,
        "mapping": [0],
        "xcam_status": "0",
        "device": _device(machine, profile, chamber, fans, feeding=feeding),
    }
    push["fun"] = f"{(0x1A0000CFF & ~(1 << 29)) | (0 if wire.developer_mode else 1 << 29):X}"
    push["ipcam"]["rtsp_url"] = wire.rtsp_url
    push["lights_report"].append({"node": "work_light", "mode": "flashing"})
    if profile.family == "nested":
        del push["chamber_temper"]
        del push["vt_tray"]
        push["vir_slot"] = [_external(machine, "255")]
        if profile.dual:
            push["vir_slot"].insert(0, _external(machine, "254"))
            push["vir_slot"][0]["tray_type"] = ""
            light = "on" if machine.light else "off"
            push["lights_report"].append({"node": "chamber_light2", "mode": light})
    return push


def _device(
    machine: VirtualMachine,
    profile: Profile,
    chamber: int,
    fans: dict[str, int],
    *,
    feeding: bool,
) -> dict[str, Any]:
    heaters = machine.tools if profile.dual else machine.tools[:1]
    fed = len(machine.slots) > 1
    extruders = []
    for index, heater in enumerate(heaters):
        now = 0xFFFF if index == 0 else 0xFEFF
        if feeding and index == machine.active_tool and (slot := machine.loaded) is not None:
            external = 0xFF00 if index == 0 else 0xFE00
            now = slot // 4 << 8 | slot % 4 if fed else external
        extruders.append(
            {
                "id": index, "temp": _packed(heater), "info": 8, "snow": now, "spre": now,
                "star": now, "stat": 0, "hnow": index, "hpre": index, "htar": index,
                "filam_bak": [],
            }
        )  # fmt: skip
    target = round(machine.chamber.target_c) if machine.chamber else 0
    device: dict[str, Any] = {
        "bed": {"info": {"temp": _packed(machine.bed)}, "state": 0},
        "ctc": {"info": {"temp": target << 16 | chamber}, "state": 0},
        "extruder": {
            "info": extruders,
            "state": len(heaters) | (machine.active_tool if profile.dual else 0) << 4,
        },
        "nozzle": {
            "exist": (1 << len(heaters)) - 1,
            "info": [
                {"id": index, "diameter": 0.4, "type": "HS01", "tm": 0, "wear": 0}
                for index in range(len(heaters))
            ],
            "state": 0,
        },
        "type": 1,
    }
    if profile.family == "nested":
        device["airduct"] = {
            "modeCur": 0,
            "modeList": [{"modeId": 0, "ctrl": [16, 32, 48], "off": []}],
            "parts": [
                {"id": 16, "func": 0, "range": 6553600, "state": fans.get("part", 0)},
                {"id": 32, "func": 1, "range": 6553600, "state": fans.get("auxiliary", 0)},
            ],
        }
    return device


def partial_push(old: dict[str, Any], new: dict[str, Any], *, nested: bool) -> dict[str, Any]:
    """Return what a printer of this family sends after `old` when it has become `new`."""
    changed = {}
    for key, value in new.items():
        if key in ("msg", "sequence_id", "command") or old.get(key) == value:
            continue
        before = old.get(key)
        if nested and isinstance(value, dict) and isinstance(before, dict):
            value = _nested(before, value)  # noqa: PLW2901
        changed[key] = copy.deepcopy(value)
    if not changed:
        return {}
    return {**changed, "command": "push_status", "msg": 1, "sequence_id": new["sequence_id"]}


def _nested(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    changed: dict[str, Any] = {}
    for key, value in new.items():
        before = old.get(key)
        if before == value:
            continue
        if isinstance(value, dict) and isinstance(before, dict):
            changed[key] = _nested(before, value)
        elif isinstance(value, list) and isinstance(before, list) and len(value) == len(before):
            changed[key] = _items(before, value)
        else:
            changed[key] = value
    return changed


def _items(old: list[Any], new: list[Any]) -> list[Any]:
    if not all(isinstance(item, dict) and "id" in item for item in [*old, *new]):
        return new
    if [item["id"] for item in old] != [item["id"] for item in new]:
        return new
    # An emptied tray comes with its id alone; one that was filled comes whole.
    return [
        after
        if not after.keys() >= before.keys()
        else {"id": after["id"], **_nested(before, after)}
        for before, after in zip(old, new, strict=True)
        if before != after
    ]


def versions(machine: VirtualMachine, wire: Wire, serial: str) -> dict[str, Any]:
    """Return the answer to get_version, as the body of `info`."""
    profile = wire.profile
    board = {"delta": "esp32", "full": "rv1126", "nested": "ap"}[profile.family]
    named = {"product_name": f"Bambu Lab {profile.product}", "visible": True}
    older = {"project_name": profile.code}
    modules: list[dict[str, Any]] = [
        {
            "name": "ota", "sw_ver": profile.firmware, "hw_ver": "OTA", "sn": serial, "flag": 3,
            **(named if profile.names_itself else older),
        },
        {
            "name": board, "sw_ver": "01.13.33.99", "hw_ver": "AP05", "sn": "B" + serial,
            "flag": 0, **({} if profile.names_itself else older),
        },
        {"name": "mc", "sw_ver": "00.01.29.83", "hw_ver": "MC02", "sn": "M" + serial, "flag": 0},
    ]  # fmt: skip
    modules += [
        {
            "name": f"{profile.ams}/{unit}",
            "sw_ver": "00.00.07.94",
            "hw_ver": "AMS_F102",
            "sn": f"{serial}-AMS{unit}",
            "flag": 0,
        }
        for unit in range((len(machine.slots) + 3) // 4 if len(machine.slots) > 1 else 0)
    ]
    return {"command": "get_version", "sequence_id": "0", "module": modules}
