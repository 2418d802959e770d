"""Actions on the printer itself: its job, its head, its filament, its computers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.core import SupportsResponse
from homeassistant.exceptions import ServiceValidationError

from . import fields
from .action import Action, always, wish
from .const import DOMAIN
from .engine.drivers.base import MAINTENANCE
from .engine.errors import Refused
from .ha_errors import told_to_the_user

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .action import Facts, Request
    from .engine.drivers.base import PrintObject
    from .engine.job import PastRun

MOST_MACROS: Final = 1_000


async def _list_objects(request: Request) -> Facts:
    with told_to_the_user():
        found = await request.shop.list_objects(request.printer)
    return {
        "objects": [
            {"id": each.id, "name": each.name, "skipped": each.skipped}
            for each in found[: fields.MOST_OBJECTS]
        ],
        "truncated": len(found) > fields.MOST_OBJECTS,
    }


async def _skip_objects(request: Request) -> Facts:
    with told_to_the_user():
        found = await request.shop.list_objects(request.printer)
        ids = ids_of(request.data["objects"], found)
        await request.shop.skip_objects(request.printer, ids)
    return {"skipped": ids}


def ids_of(wanted: Sequence[str], objects: Sequence[PrintObject]) -> list[str]:
    """Return the ids that people mean by ids or names, each once; what is unknown stays as it is.

    Raises ServiceValidationError for a name that several objects share: to guess would spoil one.
    """
    known = {each.id for each in objects}
    ids: list[str] = []
    for name in wanted:
        named = [each.id for each in objects if each.name == name]
        if name not in known and len(named) > 1:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="object_ambiguous",
                translation_placeholders={"name": name, "ids": ", ".join(named[:20])},
            )
        ids.append(named[0] if name not in known and named else name)
    return list(dict.fromkeys(ids))


async def _list_macros(request: Request) -> Facts:
    with told_to_the_user():
        macros = request.shop.fleet[request.printer].require().macros
        if macros is None:
            raise Refused("it knows no macros", key="not_supported")
    names = sorted(macros.names)
    return {"macros": names[:MOST_MACROS], "truncated": len(names) > MOST_MACROS}


async def _list_past_prints(request: Request) -> Facts:
    with told_to_the_user():
        runs = await request.shop.past_runs(request.printer, request.data["limit"])
    return {"prints": [_run_facts(run) for run in runs[: request.data["limit"]]]}


def _run_facts(run: PastRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "path": run.path,
        "outcome": run.outcome.value,
        "started_at": run.started_at.isoformat() if run.started_at else None,
        "ended_at": run.ended_at.isoformat() if run.ended_at else None,
        "duration_s": None if run.duration is None else int(run.duration.total_seconds()),
        "filament_mm": None if run.filament_mm is None else round(run.filament_mm, 1),
    }


def _distances(data: Mapping[str, Any]) -> dict[str, float]:
    return {axis: data[axis] for axis in fields.AXES if data.get(axis)}


_OF_THE_JOB: Final[Mapping[str, Action]] = {
    "pause": Action(deed=wish(lambda ask: ask.shop.pause(ask.printer)), fields={}),
    "resume": Action(deed=wish(lambda ask: ask.shop.resume(ask.printer)), fields={}),
    "cancel": Action(deed=wish(lambda ask: ask.shop.cancel(ask.printer)), fields={}),
    "list_objects": Action(
        deed=_list_objects,
        fields={},
        response=SupportsResponse.ONLY,
        permission=POLICY_READ,
    ),
    "skip_objects": Action(
        deed=_skip_objects,
        fields={vol.Required("objects"): fields.objects},
    ),
    "list_past_prints": Action(
        deed=_list_past_prints,
        fields={vol.Optional("limit", default=20): fields.LIMIT},
        response=SupportsResponse.ONLY,
        permission=POLICY_READ,
    ),
}

_OF_THE_MACHINE: Final[Mapping[str, Action]] = {
    "emergency_stop": Action(
        deed=wish(lambda ask: ask.shop.emergency_stop(ask.printer)),
        fields={},
    ),
    "set_temperature": Action(
        deed=wish(
            lambda ask: ask.shop.set_temperature(
                ask.printer, ask.data["heater"], ask.data["celsius"]
            )
        ),
        fields={
            vol.Required("heater"): fields.HEATER,
            vol.Required("celsius"): fields.target_celsius,
        },
    ),
    "move_axis": Action(
        deed=wish(
            lambda ask: ask.shop.move_axis(
                ask.printer, _distances(ask.data), ask.data.get("speed_mm_s")
            )
        ),
        fields={
            **{vol.Optional(axis): fields.distance_mm for axis in fields.AXES},
            vol.Optional("speed_mm_s"): fields.speed_mm_s,
        },
        check=fields.somewhere,
    ),
    "home": Action(
        deed=wish(lambda ask: ask.shop.home(ask.printer, ask.data["axes"])),
        fields={vol.Optional("axes", default=list): fields.axes},
    ),
    "load_filament": Action(
        deed=wish(lambda ask: ask.shop.load_filament(ask.printer, ask.data.get("slot"))),
        fields={vol.Optional("slot"): fields.SLOT},
    ),
    "unload_filament": Action(
        deed=wish(lambda ask: ask.shop.unload_filament(ask.printer)),
        fields={},
    ),
    "send_gcode": Action(
        deed=wish(lambda ask: ask.shop.send_gcode(ask.printer, ask.data["gcode"])),
        fields={vol.Required("gcode"): fields.gcode_lines},
        # G-code is everything a printer can do, its limits included; entities are what a
        # household may use.
        admin_fn=always,
    ),
    "list_macros": Action(
        deed=_list_macros,
        fields={},
        response=SupportsResponse.ONLY,
        permission=POLICY_READ,
    ),
    "run_macro": Action(
        deed=wish(
            lambda ask: ask.shop.run_macro(ask.printer, ask.data["name"], ask.data["parameters"])
        ),
        fields={
            vol.Required("name"): fields.macro_name,
            vol.Optional("parameters", default=dict): fields.parameters,
        },
    ),
    "maintain": Action(
        deed=wish(lambda ask: ask.shop.maintain(ask.printer, ask.data["task"])),
        fields={vol.Required("task"): vol.In(MAINTENANCE)},
        # Some of it switches computers off that do more than print.
        admin_fn=always,
    ),
}

PRINTER_ACTIONS: Final[Mapping[str, Action]] = {**_OF_THE_JOB, **_OF_THE_MACHINE}
