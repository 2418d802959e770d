"""Turns PrusaLink's answers into our values: pure, no sockets, no clock.

Every field is optional: the firmware leaves out what it does not know, and old versions lack
whole objects. What has the wrong type reads as not said. Two dialects are met, the firmware's
("Buddy") and the Raspberry Pi daemon's; `Dialect` is told once, from `/api/version`.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ...names import without_tricks
from ...printer import (
    CurrentJob,
    Fan,
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
    Problem,
    Severity,
    Temperature,
    Tool,
    Transfer,
)
from .models import model_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGGER = logging.getLogger(__name__)

type Json = Mapping[str, object]

_LONGEST_TEXT: Final = 500
_LONGEST_PATH: Final = 1024
_HEATING_MARGIN_C: Final = 3.0
"""So far below its target a heater counts as still on its way."""


class Dialect(StrEnum):
    """Which of the two servers behind one name."""

    BUDDY = "buddy"
    PI = "pi"


STATES: Final = {
    "IDLE": PrinterState.IDLE,
    "READY": PrinterState.IDLE,
    "BUSY": PrinterState.BUSY,
    "PRINTING": PrinterState.PRINTING,
    "PAUSED": PrinterState.PAUSED,
    "FINISHED": PrinterState.FINISHED,
    "STOPPED": PrinterState.CANCELLED,
    "ERROR": PrinterState.FAILED,
    "ATTENTION": PrinterState.ATTENTION,
    "UNKNOWN": PrinterState.UNKNOWN,
}
"""The printer's words. READY is idle with a mark for Prusa Connect's queue."""

_ENDED: Final = frozenset({PrinterState.FINISHED, PrinterState.CANCELLED, PrinterState.FAILED})
_new_words: set[str] = set()


# -- reading one field ---------------------------------------------------------------------------


def obj(source: Json, key: str) -> Json:
    """Return an object field, empty where it is missing."""
    value = source.get(key)
    return value if isinstance(value, dict) else {}


def objects(source: Json, key: str) -> tuple[Json, ...]:
    """Return the objects of a list field; a single object reads as a list of one."""
    value = source.get(key)
    if isinstance(value, dict):
        return (value,)
    return (
        tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    )


def text(source: Json, key: str, longest: int = _LONGEST_TEXT) -> str | None:
    """Return a text field, printable and bounded; None where it is missing or empty."""
    value = source.get(key)
    if not isinstance(value, str):
        return None
    return without_tricks(value[:longest]).strip() or None


def number(source: Json, key: str) -> float | None:
    """Return a finite number; the firmware writes some of them as text."""
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except ValueError, OverflowError:
        return None
    return read if math.isfinite(read) and abs(read) < 1e15 else None


def whole(source: Json, key: str) -> int | None:
    """Return a whole number."""
    value = number(source, key)
    return None if value is None else round(value)


def flag(source: Json, key: str) -> bool | None:
    """Return true, false or not said."""
    value = source.get(key)
    return value if isinstance(value, bool) else None


def _seconds(source: Json, key: str) -> timedelta | None:
    value = number(source, key)
    if value is None or not 0 <= value < 1e9:
        return None
    return timedelta(seconds=round(value))


def _share(value: float | None, whole_is: float) -> float | None:
    return None if value is None else round(min(1.0, max(0.0, value / whole_is)), 6)


# -- who it is -----------------------------------------------------------------------------------


def dialect_of(version: Json) -> Dialect | None:
    """Tell the dialect from `/api/version`, or None when this is no PrusaLink (an OctoPrint)."""
    name = text(version, "text") or ""
    if not name.startswith("PrusaLink"):
        return None
    return Dialect.PI if name != "PrusaLink" or "original" in version else Dialect.BUDDY


def identity_of(version: Json, info: Json, *, host: str, url: str) -> PrinterIdentity:
    """Say who the printer is. Firmware without a serial is known by its host name.

    The Pi's `info.hostname` is that of Prusa Connect, so the one of `/api/version` goes first.
    """
    hostname = text(version, "hostname") or text(info, "hostname")
    code = text(version, "printer") or (text(version, "original") or "").removeprefix("PrusaLink ")
    return PrinterIdentity(
        serial=text(info, "serial") or hostname or host,
        maker="Prusa Research",
        model=model_name(code) if code else None,
        name=text(info, "name") or hostname,
        firmware=text(version, "firmware"),
        address=host,
        url=url,
    )


# -- how it is -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a status alone does not say, gathered from other answers on the same line."""

    dialect: Dialect = Dialect.BUDDY
    nozzle_diameter_mm: float | None = None
    firmware: str | None = None
    material: str | None = None
    storage_present: bool | None = None
    transfer_name: str | None = None
    job: CurrentJob | None = None
    """The job as last seen: its file for the same id, itself after the printer dropped it."""
    begun: str | None = None
    """Id of the job that was seen printing: it does not go back to preparing."""
    last_state: PrinterState = PrinterState.UNKNOWN


def job_id(status: Json) -> str | None:
    """Return the id of the job in a status, or None when there is none."""
    value = whole(obj(status, "job"), "id")
    return None if value is None else str(value)


def state_word(status: Json) -> str:
    """Return the printer's own word for its state."""
    return text(obj(status, "printer"), "state") or "UNKNOWN"


def status_of(raw: Json, context: Context) -> PrinterStatus:
    """Return the printer at this moment."""
    printer = obj(raw, "printer")
    word = state_word(raw)
    job = _job_of(raw, context)
    state = _state_of(word, raw, context)
    if job is None and state in _ENDED and context.job is not None:
        job = _ended(context.job, state)
    return PrinterStatus(
        state=state,
        job=job,
        tools=(
            Tool(
                index=0,
                temperature=_temperature(printer, "nozzle"),
                nozzle_diameter_mm=context.nozzle_diameter_mm,
                material=context.material,
            ),
        ),
        active_tool=0,
        bed=_temperature(printer, "bed"),
        fans=tuple(
            Fan(key=key, rpm=rpm)
            for key, field in (("part", "fan_print"), ("hotend", "fan_hotend"))
            if (rpm := whole(printer, field)) is not None
        ),
        speed_percent=whole(printer, "speed"),
        flow_percent=whole(printer, "flow"),
        problems=_problems_of(word, printer),
        storage_present=context.storage_present,
        transfer=_transfer_of(raw, context),
        firmware=context.firmware,
        z_mm=number(printer, "axis_z"),
    )


def _temperature(printer: Json, part: str) -> Temperature:
    return Temperature(
        actual_c=number(printer, f"temp_{part}"), target_c=number(printer, f"target_{part}")
    )


def _state_of(word: str, raw: Json, context: Context) -> PrinterState:
    state = STATES.get(word)
    if state is None or state is PrinterState.UNKNOWN:
        if word not in _new_words and len(_new_words) < 32:
            _new_words.add(word)
            _LOGGER.warning("PrusaLink reports a state that is not known yet: %s", word)
        return context.last_state
    if state is PrinterState.PRINTING and _preparing(raw, context):
        return PrinterState.PREPARING
    if state is PrinterState.ATTENTION and not obj(raw, "job"):
        # It asks something, but no job stands still: a job must not be told of that is not there.
        return PrinterState.BUSY
    return state


def _preparing(raw: Json, context: Context) -> bool:
    """Guess whether it only heats up and levels: PrusaLink calls that printing as well.

    Nothing is done yet, and a heater is on its way or has not even been told its target.
    """
    identity = job_id(raw)
    if (identity is not None and identity == context.begun) or (
        number(obj(raw, "job"), "progress") or 0
    ) > 0:
        return False
    printer = obj(raw, "printer")
    for part in ("nozzle", "bed"):
        actual = number(printer, f"temp_{part}")
        target = number(printer, f"target_{part}")
        if actual is None or target is None:
            continue
        if actual < target - _HEATING_MARGIN_C or (part == "nozzle" and target == 0):
            return True
    return False


def _problems_of(word: str, printer: Json) -> tuple[Problem, ...]:
    link = obj(printer, "status_printer")
    said = text(link, "message") if flag(link, "ok") is False else None
    if word == "ERROR":
        return (Problem(code=word, text=said, severity=Severity.FATAL),)
    if word == "ATTENTION":
        return (Problem(code=word, text=said, severity=Severity.COMMON),)
    return (Problem(code="PRINTER", text=said),) if said else ()


def _job_of(raw: Json, context: Context) -> CurrentJob | None:
    job = obj(raw, "job")
    identity = job_id(raw)
    if identity is None:
        return None
    known = context.job if context.job is not None and context.job.id == identity else None
    return replace(
        known or CurrentJob(id=identity),
        progress=_share(number(job, "progress"), 100),
        remaining=_seconds(job, "time_remaining"),
        elapsed=_seconds(job, "time_printing"),
    )


def _ended(job: CurrentJob, state: PrinterState) -> CurrentJob:
    """Return the job that the Pi no longer lists although its end still stands."""
    if state is PrinterState.FINISHED:
        return replace(job, progress=1.0, remaining=timedelta(0))
    return replace(job, remaining=None)


def _transfer_of(raw: Json, context: Context) -> Transfer | None:
    transfer = obj(raw, "transfer")
    if not transfer:
        return None
    whole_is = 1 if context.dialect is Dialect.BUDDY else 100
    return Transfer(
        name=context.transfer_name, progress=_share(number(transfer, "progress"), whole_is)
    )


def material_of(legacy: Json) -> str | None:
    """Return the loaded material from `/api/printer`; dashes mean that none is known."""
    material = text(obj(legacy, "telemetry"), "material")
    return None if material is None or not material.strip("- ") else material


# -- its job's file ------------------------------------------------------------------------------


def file_path_of(file: Json, storages: Mapping[str, str]) -> str | None:
    """Return where a job's file lies: "/usb/x.gcode", storage first, with its long name.

    `storages` tells the root by what the printer calls it ("PrusaLink gcodes": "/local"). The
    firmware gives the folder in `path`, the Pi the whole path with the storage's name for people.
    """
    folder = text(file, "path", _LONGEST_PATH)
    short = text(file, "name", _LONGEST_PATH)
    name = text(file, "display_name", _LONGEST_PATH) or short
    if name is None:
        return None
    parts = [part for part in (folder or "").split("/") if part]
    if parts and parts[-1] in {name, short}:
        name = parts.pop()
    if parts:
        parts[0] = storages.get(parts[0], parts[0]).strip("/")
    return "/" + "/".join((*parts, name))


def thumbnail_of(file: Json) -> str | None:
    """Return the reference of a file's picture: a path on the printer, never an address."""
    return reference(obj(file, "refs"), "thumbnail")


def reference(refs: Json, key: str) -> str | None:
    """Return a `refs` entry that is safe to ask this printer for, else None."""
    path = text(refs, key, _LONGEST_PATH)
    if path is None or not path.startswith("/") or path.startswith("//"):
        return None
    return None if ".." in path.split("/") else path


# -- why it refuses ------------------------------------------------------------------------------


def reason_of(status: int, content_type: str, body: bytes) -> str:
    """Return the printer's own words for a refusal, one line; "HTTP 409" when it has none."""
    words: list[str] = []
    if "json" in content_type:
        words = _json_words(body)
    elif "html" not in content_type:
        said = body[:_LONGEST_TEXT].decode("utf-8", "replace").partition("See:")[0]
        words = [line.strip() for line in said.splitlines()]
    line = ": ".join(dict.fromkeys(word for word in words if word))
    return without_tricks(line)[:_LONGEST_TEXT] or f"HTTP {status}"


def _json_words(body: bytes) -> list[str]:
    try:
        value = json.loads(body)
    except ValueError, RecursionError:
        return []
    if not isinstance(value, dict):
        return []
    return [text(value, "title") or "", text(value, "message") or text(value, "text") or ""]
