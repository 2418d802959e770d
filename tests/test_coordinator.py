"""A pushed status reaches Home Assistant; a lost printer is told once, and so is its return."""

from __future__ import annotations

import logging
from dataclasses import replace
from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.issue_registry as ir
import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.drivers.virtual.machine import Fault
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    DriverError,
    Garbled,
    NotAllowed,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.printer import (
    Feeder,
    PrinterState,
    PrinterStatus,
    Slot,
)
from custom_components.printernizer.engine.workshop.fleet import Fleet
from custom_components.printernizer.ha_errors import told_to_the_user
from custom_components.printernizer.parts import Parts, parts_of
from tests.hand_clock import HandClock
from tests.shop_floor import Floor, Printer, floor  # noqa: F401


class _Link:
    """What the fleet hears from: a line whose fate the test decides."""

    def __init__(self, printer: Printer) -> None:
        self.fleet: Fleet = printer.coordinator.workshop.fleet
        self.link = self.fleet[printer.machine.serial]

    def push(self, status: PrinterStatus) -> None:
        self.link.error = None
        self.link.status = status
        self.fleet.on_status(self.link, status, first=False)

    def break_off(self, error: DriverError) -> None:
        self.link.error = error
        self.fleet.on_lost(self.link, error)


def _ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.INFO and record.name.endswith("printernizer.coordinator")
    ]


async def test_a_change_of_the_machine_is_pushed_without_polling(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Automations react to what happens, not to what is asked for."""
    printer = await floor.add()
    seen: list[PrinterState] = []
    printer.coordinator.async_add_listener(lambda: seen.append(printer.coordinator.data.state))
    printer.machine.start("/benchy.gcode")
    await printer.show()
    assert seen[-1] is PrinterState.PREPARING
    assert printer.coordinator.update_interval is None


async def test_a_lost_printer_is_unavailable_after_the_grace_and_told_once(
    hass: HomeAssistant, floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    """Flapping entities wake people at night; log lines per try fill the disk."""
    printer = await floor.add("Nine")
    line = _Link(printer)
    clock = HandClock()
    line.fleet._clock = clock
    caplog.clear()
    for _ in range(3):
        line.break_off(Unreachable("cable"))
    await clock.advance(59)
    assert printer.coordinator.last_update_success
    await clock.advance(2)
    line.break_off(Unreachable("cable"))
    assert not printer.coordinator.last_update_success
    assert _ours(caplog) == ["Nine is unavailable: cable"]
    line.push(printer.coordinator.data)
    assert printer.coordinator.last_update_success
    assert _ours(caplog)[1:] == ["Nine is available again"]


async def test_a_key_rejected_in_mid_life_asks_for_a_new_one_at_once(
    hass: HomeAssistant, floor: Floor
) -> None:
    """The access code changes when Developer Mode is switched: the owner stands right there."""
    printer = await floor.add()
    with patch.object(type(printer.entry), "async_start_reauth") as reauth:
        _Link(printer).break_off(AccessDenied("no"))
    reauth.assert_called_once()
    assert not printer.coordinator.last_update_success


async def test_a_new_certificate_in_mid_life_raises_a_fixable_issue(
    hass: HomeAssistant, floor: Floor, issue_registry: ir.IssueRegistry
) -> None:
    """Only the owner knows whether the firmware was updated or somebody is listening in."""
    printer = await floor.add()
    _Link(printer).break_off(CertificateChanged("new", fingerprint="0f" * 32))
    issue = issue_registry.async_get_issue(DOMAIN, f"certificate_changed_{printer.entry.entry_id}")
    assert issue is not None
    assert issue.is_fixable
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["new"].startswith("0F:0F")


async def test_developer_mode_off_is_an_issue_until_it_is_on(
    hass: HomeAssistant, floor: Floor, issue_registry: ir.IssueRegistry
) -> None:
    """Buttons that do nothing need a reason that can be read."""
    printer = await floor.add()
    issue_id = f"developer_mode_{printer.entry.entry_id}"
    line = _Link(printer)
    line.push(replace(printer.coordinator.data, read_only=True))
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    line.push(replace(printer.coordinator.data, read_only=False))
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


async def test_a_refresh_that_comes_too_early_does_not_take_the_printer_away(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Within the grace the line decides; a button press must not cause what the grace prevents."""
    printer = await floor.add()
    with patch.object(Fleet, "__getitem__", side_effect=Unreachable("blink")):
        await printer.coordinator.async_refresh()
    assert printer.coordinator.last_update_success


async def test_a_refresh_of_a_printer_that_is_gone_keeps_it_gone(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Unavailable must not flip to available because somebody asked."""
    printer = await floor.add()
    with patch.object(type(printer.entry), "async_start_reauth"):
        _Link(printer).break_off(AccessDenied("no"))
        printer.machine.inject(Fault.NETWORK)
        await printer.coordinator.async_refresh()
    assert not printer.coordinator.last_update_success


async def test_a_refresh_that_cannot_be_read_says_so(hass: HomeAssistant, floor: Floor) -> None:
    """A printer that talks nonsense is not available."""
    printer = await floor.add()
    link = printer.coordinator.workshop.fleet[printer.machine.serial]
    with patch.object(link, "refresh", side_effect=Garbled("noise")):
        await printer.coordinator.async_refresh()
    assert not printer.coordinator.last_update_success
    assert getattr(printer.coordinator.last_exception, "translation_key", None) == "garbled"


async def test_the_refresh_button_tells_why_it_failed(hass: HomeAssistant, floor: Floor) -> None:
    """A command that fails in silence is worse than none."""
    printer = await floor.add()
    await printer.coordinator.async_refresh_now()
    link = printer.coordinator.workshop.fleet[printer.machine.serial]
    with (
        patch.object(link, "refresh", side_effect=Unreachable("asleep")),
        pytest.raises(HomeAssistantError) as told,
    ):
        await printer.coordinator.async_refresh_now()
    assert told.value.translation_key == "unreachable"


async def test_the_job_of_a_printer_is_the_open_one_else_the_last(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Entities show the last job until the next begins."""
    printer = await floor.add()
    assert printer.coordinator.job is None
    await printer.begin()
    job = printer.coordinator.job
    assert job is not None
    assert job.open
    await printer.live(4000)
    ended = printer.coordinator.job
    assert ended is not None
    assert ended.id == job.id
    assert not ended.open


async def test_feeders_and_slots_become_devices_below_the_printer(
    hass: HomeAssistant, floor: Floor, device_registry: dr.DeviceRegistry
) -> None:
    """An AMS that is plugged in later shows up without a reload."""
    printer = await floor.add()
    entry_id, serial = printer.entry.entry_id, printer.machine.serial
    slots = (
        Slot(key="0_1", unit="0", index=1),
        Slot(key="1_0", unit="1", index=0),
        Slot(key="external", unit=None, index=0),
    )
    feeder = Feeder(key="0", model="AMS 2 Pro", serial="A1", firmware="1.2")
    _Link(printer).push(replace(printer.coordinator.data, feeders=(feeder,), slots=slots))
    unit = device_registry.async_get_device_by_identifier((DOMAIN, f"{serial}_feeder_0"), entry_id)
    assert unit is not None
    assert unit.via_device_id == printer.device_id
    assert (unit.model, unit.sw_version, unit.serial_number) == ("AMS 2 Pro", "1.2", "A1")
    parents = {
        key: child.parent_device_id
        for key in ("0_1", "1_0", "external")
        if (
            child := device_registry.async_get_child_device_by_identifier(
                (DOMAIN, f"{serial}_slot_{key}"), entry_id
            )
        )
    }
    assert parents["0_1"] == unit.id
    assert parents["external"] == printer.device_id
    # Its feeder had not been reported yet, and is not another one once it is.
    late = replace(printer.coordinator.data, feeders=(feeder, Feeder(key="1", model="AMS HT")))
    _Link(printer).push(late)
    other = device_registry.async_get_device_by_identifier((DOMAIN, f"{serial}_feeder_1"), entry_id)
    assert other is not None
    assert parents["1_0"] == other.id
    assert other.model == "AMS HT"


async def test_parts_are_a_snapshot_of_what_the_session_can(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Entities exist because their part exists, also while the line is down."""
    printer = await floor.add()
    parts = printer.coordinator.parts
    assert all((parts.control, parts.console, parts.storage, parts.prompt))
    assert parts.heaters["bed"].maximum == 120
    assert parts.lights == ("chamber_light",)
    assert "silent" in parts.speed_profiles
    assert not parts.cameras
    session = printer.coordinator.session
    assert session is not None
    assert parts_of(session) == parts != Parts()
    coordinator = printer.coordinator
    await hass.config_entries.async_unload(printer.entry.entry_id)
    assert coordinator.session is None


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (NotAllowed("no"), ServiceValidationError),
        (Refused("no", key="out_of_range"), ServiceValidationError),
        (Refused("no"), HomeAssistantError),
        (Unreachable("no"), HomeAssistantError),
    ],
)
def test_errors_reach_the_user_with_their_text_and_cause(
    error: DriverError, kind: type[Exception]
) -> None:
    """A person has to learn what went wrong, in their language."""
    with pytest.raises(HomeAssistantError) as told, told_to_the_user():
        raise error
    assert type(told.value) is kind
    assert told.value.translation_domain == DOMAIN
    assert told.value.translation_key == error.key
    assert told.value.translation_placeholders == {"reason": "no"}
    assert told.value.__cause__ is error
