"""Actions on the printer itself: head, filament, objects, macros, computers, the way to stop."""

from __future__ import annotations

import asyncio
from typing import Any

import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.drivers.base import PrintObject
from custom_components.printernizer.engine.errors import Refused
from tests.hand_clock import settle
from tests.rich_printer import RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401


async def call(
    stand: Stand, action: str, *others: Stand, context: Context | None = None, **data: Any
) -> list[dict[str, Any]]:
    """Call an action on one or more printers; return the result of each."""
    response = await stand.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": [each.coordinator.device_id for each in (stand, *others)], **data},
        blocking=True,
        return_response=True,
        context=context,
    )
    assert response is not None
    results: list[dict[str, Any]] = response["printers"]  # type: ignore[assignment]
    return results


@pytest.fixture
async def pair(set_up: SetUp) -> tuple[Stand, Stand]:
    """Give two rich printers."""
    return await set_up(RichPrinter(serial="LEFT")), await set_up(RichPrinter(serial="RIGHT"))


@pytest.mark.parametrize(
    ("action", "data", "told"),
    [
        ("emergency_stop", {}, ("emergency",)),
        ("move_axis", {"x": 1.5, "y": 0, "z": -10}, ("move", {"x": 1.5, "z": -10.0}, None)),
        ("move_axis", {"y": 3, "speed_mm_s": 40}, ("move", {"y": 3.0}, 40.0)),
        ("home", {}, ("home",)),
        ("home", {"axes": ["z", "x"]}, ("home", "z", "x")),
        ("load_filament", {}, ("load", None)),
        ("load_filament", {"slot": "0_1"}, ("load", "0_1")),
        ("unload_filament", {}, ("unload",)),
        ("skip_objects", {"objects": ["1", "right"]}, ("skip", "1", "2")),
        ("skip_objects", {"objects": ["unknown"]}, ("skip", "unknown")),
        ("skip_objects", {"objects": ["left", "1", "4"]}, ("skip", "1", "4")),
        (
            "run_macro",
            {"name": "BED_MESH", "parameters": {"SPEED": 50}},
            ("macro", "BED_MESH", {"SPEED": "50"}),
        ),
        ("maintain", {"task": "firmware_restart"}, ("maintain", "firmware_restart")),
    ],
)
async def test_a_wish_reaches_the_printer_as_it_was_meant(
    stand: Stand, action: str, data: dict[str, Any], told: tuple[object, ...]
) -> None:
    """A head that moves the other way breaks a plate."""
    (answer,) = await call(stand, action, **data)
    assert answer["ok"] is True
    assert stand.printer.told == [told]


@pytest.mark.parametrize(
    ("action", "data", "part"),
    [
        ("emergency_stop", {}, "emergency"),
        ("move_axis", {"x": 1}, "motion"),
        ("home", {}, "motion"),
        ("load_filament", {}, "loader"),
        ("unload_filament", {}, "loader"),
        ("list_objects", {}, "objects"),
        ("skip_objects", {"objects": ["1"]}, "objects"),
        ("list_macros", {}, "macros"),
        ("run_macro", {"name": "BED_MESH"}, "macros"),
        ("maintain", {"task": "reboot_host"}, "maintenance"),
        ("list_past_prints", {}, "history"),
        ("delete_file", {"path": "/a"}, "storage"),
        ("move_file", {"path": "/a", "to": "/b"}, "mover"),
    ],
)
async def test_a_printer_without_the_part_says_so(
    set_up: SetUp, action: str, data: dict[str, Any], part: str
) -> None:
    """Not every printer can do everything, and silence would look like success."""
    printer = RichPrinter()
    setattr(printer, part, None)
    stand = await set_up(printer)
    with pytest.raises(ServiceValidationError) as refusal:
        await call(stand, action, **data)
    assert refusal.value.translation_key == "not_supported"
    assert printer.told == []


@pytest.mark.parametrize("action", ["emergency_stop", "unload_filament", "home"])
async def test_a_refusal_is_told_with_its_reason(stand: Stand, action: str) -> None:
    """In the printer's own words."""
    stand.printer.refusal = Refused("the door is open", key="printer_busy")
    with pytest.raises(HomeAssistantError) as refusal:
        await call(stand, action)
    assert refusal.value.translation_key == "printer_busy"
    assert refusal.value.translation_placeholders == {"reason": "the door is open"}


# -- what is returned ------------------------------------------------------------------------


async def test_objects_are_listed_with_what_is_left_out_already(stand: Stand) -> None:
    """To leave one out, one has to see which there are."""
    (answer,) = await call(stand, "list_objects")
    assert answer["objects"][0] == {"id": "1", "name": "left", "skipped": False}
    assert [each["id"] for each in answer["objects"] if each["skipped"]] == ["4"]
    assert answer["truncated"] is False
    stand.printer.objects.there = [PrintObject(id=str(n), name="x") for n in range(1001)]
    (answer,) = await call(stand, "list_objects")
    assert (len(answer["objects"]), answer["truncated"]) == (1000, True)


async def test_a_name_of_several_objects_is_not_guessed(stand: Stand) -> None:
    """The wrong one left out cannot be taken up again."""
    with pytest.raises(ServiceValidationError) as refusal:
        await call(stand, "skip_objects", objects=["left", "twin"])
    assert refusal.value.translation_key == "object_ambiguous"
    assert refusal.value.translation_placeholders == {"name": "twin", "ids": "3, 4"}
    assert stand.printer.told == []


async def test_skipping_returns_the_ids(stand: Stand) -> None:
    """Names are for people, ids for the next step of an automation."""
    (answer,) = await call(stand, "skip_objects", objects=["right", "left"])
    assert answer["skipped"] == ["2", "1"]


async def test_macros_are_listed(stand: Stand) -> None:
    """Their names are nowhere else in Home Assistant."""
    (answer,) = await call(stand, "list_macros")
    assert (answer["macros"], answer["truncated"]) == (["BED_MESH", "CLEAN_NOZZLE"], False)
    with pytest.raises(ServiceValidationError) as refusal:
        await call(stand, "run_macro", name="UNKNOWN")
    assert refusal.value.translation_key == "macro_missing"


async def test_a_printer_tells_of_its_past(stand: Stand) -> None:
    """What was printed before Printernizer came is known to the printer alone."""
    (answer,) = await call(stand, "list_past_prints", limit=2)
    newest, second = answer["prints"]
    assert newest == {
        "id": "30",
        "path": "/30.gcode",
        "outcome": "cancelled",
        "started_at": "2026-11-20T08:30:00+00:00",
        "ended_at": "2026-11-20T09:30:00+00:00",
        "duration_s": 3599,
        "filament_mm": 1234.6,
    }
    assert second["id"] == "29"
    (answer,) = await call(stand, "list_past_prints", limit=100)
    assert len(answer["prints"]) == 30
    oldest = answer["prints"][-1]
    assert (oldest["ended_at"], oldest["duration_s"], oldest["filament_mm"]) == (None, None, None)


# -- several printers ------------------------------------------------------------------------


async def test_one_that_refuses_keeps_no_other_from_its_work(pair: tuple[Stand, Stand]) -> None:
    """Half a row of printers homed is what can be had; which half has to be told."""
    left, right = pair
    left.printer.refusal = Refused("it prints", key="printer_busy")
    answers = await call(left, "home", right)
    assert [(each["ok"], each.get("error_key")) for each in answers] == [
        (False, "printer_busy"),
        (True, None),
    ]
    assert right.printer.told == [("home",)]


async def test_an_emergency_stop_waits_behind_nothing(pair: tuple[Stand, Stand]) -> None:
    """A pause that hangs must not cost a plate, or a finger."""
    left, right = pair
    left.printer.slow = asyncio.Event()
    pause = asyncio.create_task(call(left, "pause"))
    await settle()
    assert left.coordinator.workshop.fleet["LEFT"].command_lock.locked()
    async with asyncio.timeout(5):
        answers = await call(left, "emergency_stop", right)
    assert [each["ok"] for each in answers] == [True, True]
    assert left.printer.told == right.printer.told == [("emergency",)]
    assert not pause.done()
    left.printer.slow.set()
    await pause


# -- who may ---------------------------------------------------------------------------------


def somebody(hass: HomeAssistant, policy: dict[str, Any]) -> Context:
    """Return the context of a user who is no administrator."""
    user = MockUser(is_owner=False).add_to_hass(hass)
    user.mock_policy(policy)
    return Context(user_id=user.id)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("emergency_stop", {}),
        ("move_axis", {"x": 1}),
        ("home", {}),
        ("load_filament", {}),
        ("unload_filament", {}),
        ("skip_objects", {"objects": ["1"]}),
        ("run_macro", {"name": "BED_MESH"}),
    ],
)
async def test_who_only_looks_moves_nothing(
    stand: Stand, action: str, data: dict[str, Any]
) -> None:
    """The guest account on the wall tablet."""
    guest = somebody(stand.hass, {"entities": {"all": {"read": True}}})
    with pytest.raises(Unauthorized) as refusal:
        await call(stand, action, context=guest, **data)
    assert refusal.value.permission == POLICY_CONTROL
    assert stand.printer.told == []
    member = somebody(stand.hass, {"entities": True})
    assert await call(stand, action, context=member, **data)
    assert len(stand.printer.told) == 1


@pytest.mark.parametrize("action", ["list_objects", "list_macros", "list_past_prints"])
async def test_who_may_look_may_list(stand: Stand, action: str) -> None:
    """And who may not even look, may not."""
    guest = somebody(stand.hass, {"entities": {"all": {"read": True}}})
    assert await call(stand, action, context=guest)
    with pytest.raises(Unauthorized) as refusal:
        await call(stand, action, context=somebody(stand.hass, {}))
    assert refusal.value.permission == POLICY_READ


async def test_one_printer_that_is_closed_closes_the_call(pair: tuple[Stand, Stand]) -> None:
    """Nothing is begun that may not be done as a whole."""
    left, right = pair
    registry = er.async_get(left.hass)
    entries = er.async_entries_for_config_entry(registry, left.entry.entry_id)
    mine = [entry.entity_id for entry in entries]
    guest = somebody(left.hass, {"entities": {"entity_ids": dict.fromkeys(mine, True)}})
    with pytest.raises(Unauthorized):
        await call(left, "home", right, context=guest)
    assert left.printer.told == right.printer.told == []
    assert await call(left, "home", context=guest)


async def test_only_administrators_maintain(stand: Stand, hass_admin_user: MockUser) -> None:
    """The computer that is shut down may carry more than a printer."""
    member = somebody(stand.hass, {"entities": True})
    with pytest.raises(Unauthorized):
        await call(stand, "maintain", context=member, task="shut_down_host")
    assert stand.printer.told == []
    admin = Context(user_id=hass_admin_user.id)
    await call(stand, "maintain", context=admin, task="shut_down_host")
    assert stand.printer.told == [("maintain", "shut_down_host")]
