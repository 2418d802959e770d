"""Every source's words and entities mean what the tables say, and wishes reach its entities."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.components.camera import Image
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util

from custom_components.printernizer.engine.drivers.base import UPRIGHT, Range
from custom_components.printernizer.engine.errors import Refused, Unreachable, WrongPrinter
from custom_components.printernizer.engine.printer import (
    PrinterState,
    PrinterStatus,
    Severity,
    Temperature,
)
from custom_components.printernizer.followed.devices import SOURCES
from custom_components.printernizer.followed.session import FollowedSession
from custom_components.printernizer.stages import STAGES
from tests.followed_sources import Source, bambu, moonraker, octoprint, source
from tests.hand_clock import settle

P = PrinterState


class Line:
    """A session whose statuses are read as they come."""

    def __init__(self, session: FollowedSession) -> None:
        self.session = session
        self._statuses = session.statuses()

    async def next(self) -> PrinterStatus:
        async with asyncio.timeout(5):
            return await anext(self._statuses)

    async def until(self, state: PrinterState) -> PrinterStatus:
        while (status := await self.next()).state is not state:
            pass
        return status

    async def close(self) -> None:
        await self._statuses.aclose()  # type: ignore[attr-defined]


@asynccontextmanager
async def line(made: Source, serial: str | None = None) -> AsyncIterator[Line]:
    """Open a line to a source."""
    async with made.driver(serial).connect() as session:
        opened = Line(session)
        yield opened
        await opened.close()


async def present(made: Source) -> PrinterStatus:
    """Return what a source shows now."""
    serial = f"moonraker_{made.identifier}" if made.domain == "moonraker" else None
    async with line(made, serial) as opened:
        return await opened.next()


# -- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", sorted(SOURCES))
def test_every_word_of_every_source_has_a_state_and_every_stage_a_name(domain: str) -> None:
    """A stage without a translation would be shown as a key."""
    table = SOURCES[domain]
    assert set(table.stages.values()) <= set(STAGES)
    assert table.words


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"print_status": "idle"}, P.IDLE),
        ({"print_status": "idle", "stage": "homing_toolhead"}, P.BUSY),
        ({"print_status": "idle", "print_type": "system"}, P.BUSY),
        ({"print_status": "prepare"}, P.PREPARING),
        ({"print_status": "slicing"}, P.PREPARING),
        ({"print_status": "running", "stage": "auto_bed_leveling"}, P.PREPARING),
        (
            {"print_status": "running", "stage": "auto_bed_leveling", "current_layer": "3"},
            P.PRINTING,
        ),
        ({"print_status": "running", "stage": "changing_filament"}, P.PRINTING),
        ({"print_status": "running", "stage": "printing"}, P.PRINTING),
        ({"print_status": "pause", "stage": "paused_user"}, P.PAUSED),
        ({"print_status": "pause", "stage": "paused_filament_runout"}, P.ATTENTION),
        ({"print_status": "finish"}, P.FINISHED),
        ({"print_status": "failed"}, P.FAILED),
        ({"print_status": "offline"}, P.OFFLINE),
        ({"print_status": "unknown"}, P.UNKNOWN),
        ({"print_status": "levitating"}, P.UNKNOWN),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else str(value),
)
async def test_the_words_of_ha_bambulab(
    hass: HomeAssistant, shown: dict[str, str], state: PrinterState
) -> None:
    """A state that is taken for another closes jobs that run."""
    assert (await present(bambu(hass, **shown))).state is state


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"print_state": "standby"}, P.IDLE),
        ({"print_state": "standby", "idle_timeout_state": "Printing"}, P.BUSY),
        ({"print_state": "paused"}, P.PAUSED),
        ({"print_state": "complete"}, P.FINISHED),
        ({"print_state": "cancelled"}, P.CANCELLED),
        ({"print_state": "error"}, P.FAILED),
        ({"print_state": "printing"}, P.PREPARING),
        ({"print_state": "printing", "state": "shutdown"}, P.FAILED),
        ({"print_state": "standby", "state": "startup"}, P.BUSY),
        ({"print_state": "standby", "state": "error"}, P.FAILED),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else str(value),
)
async def test_the_words_of_moonraker(
    hass: HomeAssistant, shown: dict[str, str], state: PrinterState
) -> None:
    """Klipper's word goes before that of its job."""
    assert (await present(moonraker(hass, **shown))).state is state


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        ({"Current State": "operational"}, P.IDLE),
        ({"Current State": "operational", "Job Percentage": "100.0"}, P.FINISHED),
        ({"Current State": "starting"}, P.PREPARING),
        ({"Current State": "printing", "Job Percentage": "3"}, P.PRINTING),
        ({"Current State": "printing"}, P.PREPARING),
        ({"Current State": "pausing"}, P.PAUSED),
        ({"Current State": "cancelling", "Job Percentage": "3"}, P.PRINTING),
        ({"Current State": "transferring_file"}, P.BUSY),
        ({"Current State": "offline"}, P.OFFLINE),
        ({"Current State": "unavailable"}, P.OFFLINE),
        ({"Current State": "unknown"}, P.UNKNOWN),
        ({"Current State": "error"}, P.FAILED),
    ],
    ids=lambda value: " ".join(value.values()) if isinstance(value, dict) else str(value),
)
async def test_the_words_of_octoprint(
    hass: HomeAssistant, shown: dict[str, str], state: PrinterState
) -> None:
    """A server without its printer is there, and its printer is not."""
    assert (await present(octoprint(hass, **shown))).state is state


async def test_a_question_without_a_job_is_no_paused_job(hass: HomeAssistant) -> None:
    """A Prusa asks for attention at rest as well; no job stands still then."""
    made = source(hass, "prusalink", serial="CZPX1")
    made.add("sensor", "{id}_printer.state", "attention")
    made.add("sensor", "{id}_job.filename", "unavailable")
    async with line(made, "CZPX1") as opened:
        status = await opened.next()
        assert (status.state, status.job) == (P.BUSY, None)
        assert [problem.code for problem in status.problems] == ["ATTENTION"]
        made.show("{id}_job.filename", "case.gcode")
        assert (await opened.next()).state is P.ATTENTION


async def test_an_unknown_word_is_logged_once(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """A word a second would fill the log."""
    made = bambu(hass, print_status="levitating")
    async with line(made) as opened:
        assert (await opened.next()).state is P.UNKNOWN
        made.show("{id}_print_progress", "5")
        made.show("{id}_print_status", "running", again=1)
        await opened.until(P.PRINTING)
        made.show("{id}_print_status", "levitating")
        await opened.until(P.UNKNOWN)
    assert caplog.text.count("levitating") == 1
    assert all(r.levelno < logging.ERROR for r in caplog.records)


# -- facts -----------------------------------------------------------------------------------


async def test_all_that_ha_bambulab_shows_is_taken_over(hass: HomeAssistant) -> None:
    """A followed printer should not be a poor relation."""
    made = bambu(
        hass,
        print_status="running",
        stage="printing",
        print_type="cloud",
        subtask_name="Bracket",
        gcode_file="/data/Metadata/plate_2.gcode",
        print_progress="37",
        current_layer="12",
        total_layers="80",
    )
    made.show("{id}_remaining_time", "1.5", unit_of_measurement="h")
    made.add("sensor", "{id}_start_time", "2026-11-20T10:00:00+00:00")
    made.add("binary_sensor", "{id}_door_open", "off")
    made.add("sensor", "{id}_nozzle_diameter", "0.4", unit_of_measurement="mm")
    made.show(
        "{id}_hms",
        "on",
        **{
            "Count": 1,
            "1-Code": "HMS_0300_0100_0001_0007",
            "1-Error": "Bed",
            "1-Severity": "fatal",
        },
    )
    made.show("{id}_print_error", "on", code="0300_8004", error="Ran out")
    _feeder(hass, made)
    async with line(made) as opened:
        status = await opened.next()
        identity = opened.session.identity
    assert (identity.serial, identity.maker, identity.model) == (
        "03900A000000001",
        "Bambu Lab",
        "A1",
    )
    assert identity.firmware == status.firmware == "01.05.00.00"
    job = status.job
    assert job is not None
    assert (job.name, job.plate, job.progress, job.layer, job.layers) == (
        "Bracket",
        2,
        0.37,
        12,
        80,
    )
    assert (job.remaining, job.origin) == (timedelta(minutes=90), "cloud")
    assert job.elapsed is not None
    assert status.stage == "printing"
    assert status.bed == Temperature(actual_c=24.0, target_c=0.0)
    assert status.tools[0].nozzle_diameter_mm == 0.4
    assert [(fan.key, fan.percent) for fan in status.fans] == [("part", 40)]
    assert (status.speed_profile, status.storage_present, status.wifi_dbm) == (
        "standard",
        True,
        -51,
    )
    assert status.usage == timedelta(hours=312.5)
    assert status.lights == (("chamber_light", False),)
    assert status.door_open is False
    assert [(p.code, p.text, p.severity) for p in status.problems] == [
        ("HMS_0300_0100_0001_0007", "Bed", Severity.FATAL),
        ("0300_8004", "Ran out", Severity.SERIOUS),
    ]
    assert not status.read_only
    (feeder,) = status.feeders
    assert (feeder.key, feeder.model, feeder.humidity_percent) == ("0", "AMS", 31)
    assert feeder.temperature_c == 26.4
    slots = {slot.key: slot for slot in status.slots}
    assert list(slots) == ["0_0", "0_1", "external"]
    first = slots["0_0"]
    assert (first.material, first.name, first.colour) == ("PLA", "PLA Basic", "#F5A623")
    assert (first.remaining, first.active, first.spool_tag) == (0.62, True, "A1B2")
    assert slots["0_1"].empty is True
    assert slots["external"].material is None


def _feeder(hass: HomeAssistant, made: Source) -> None:
    unit = dr.async_get(hass).async_get_or_create(
        config_entry_id=made.entry.entry_id,
        identifiers={("bambu_lab", "AMS0001")},
        name="A1_03900A000000001_AMS_1",
        model="AMS",
    )
    stem = "A1_{id}_AMS_AMS0001_"
    made.add("sensor", f"{stem}humidity", "31", device=unit)
    made.add("sensor", f"{stem}temperature", "26.4", device=unit, unit_of_measurement="°C")
    made.add(
        "sensor",
        f"{stem}tray_1",
        "PLA Basic",
        device=unit,
        empty=False,
        type="PLA",
        name="PLA Basic",
        color="#F5A623FF",
        remain=62,
        remain_enabled=True,
        active=True,
        tray_uuid="0000",
        tag_uid="A1B2",
    )
    made.add("sensor", f"{stem}tray_2", "Empty", device=unit, empty=True)
    made.add(
        "sensor",
        "A1_{id}_ExternalSpool_external_spool",
        "?",
        type="?",
        name="?",
        color="none",
        remain=-1,
    )


async def test_what_a_source_does_not_know_is_none(hass: HomeAssistant) -> None:
    """A zero would be taken for a measurement."""
    made = source(hass, "bambu_lab", "03900A000000009")
    made.add("sensor", "{id}_print_status", "running")
    made.add("sensor", "{id}_print_progress", "unknown")
    made.add("sensor", "{id}_bed_temp", "warm", unit_of_measurement="°C")
    made.add("sensor", "{id}_wifi_signal", "inf")
    made.add("sensor", "{id}_remaining_time", "5", unit_of_measurement="parsec")
    made.add("sensor", "{id}_total_usage_hours", "-4", unit_of_measurement="h")
    made.add("sensor", "{id}_start_time", "yesterday")
    status = await present(made)
    assert status.job is not None
    job = status.job
    assert (job.progress, job.remaining, job.elapsed, job.layer, job.name) == (None,) * 5
    assert (status.bed, status.chamber, status.wifi_dbm, status.usage) == (None,) * 4
    assert (status.door_open, status.filament_present, status.storage_present) == (None,) * 3
    assert (status.tools, status.fans, status.slots, status.feeders) == ((), (), (), ())
    assert status.read_only
    assert status.new_firmware is None


async def test_a_spool_of_a_unit_without_a_number_is_left_out(hass: HomeAssistant) -> None:
    """Its slot could not be told from another unit's."""
    made = bambu(hass)
    made.add("sensor", "A1_{id}_AMS_AMS0009_tray_1", "PLA", empty=False, type="PLA")
    made.add(
        "sensor", "A1_{id}_ExternalSpool2_external_spool", "PLA", type="PLA", color="#F5A62380"
    )
    status = await present(made)
    assert status.feeders == ()
    (slot,) = status.slots
    assert (slot.key, slot.colour, slot.remaining) == ("external_2", "#F5A62380", None)


async def test_new_firmware_and_a_file_on_its_way_are_told(hass: HomeAssistant) -> None:
    """The update entity has it both in its state and in its attributes."""
    made = bambu(hass, print_status="prepare", subtask_name="Bracket")
    made.add("update", "{id}_firmware_update", "on", latest_version="01.06.00.00")
    made.add("sensor", "{id}_model_download_percentage", "40")
    status = await present(made)
    assert status.new_firmware == "01.06.00.00"
    assert status.transfer is not None
    assert (status.transfer.name, status.transfer.progress) == ("Bracket", 0.4)


async def test_a_klipper_job_keeps_its_facts_in_a_pause_and_at_its_end(
    hass: HomeAssistant,
) -> None:
    """Its integration shows 0 and "" as soon as nothing moves."""
    made = moonraker(hass, print_state="printing", filename="case.gcode", progress="40")
    made.show("{id}_current_layer", "20")
    made.show("{id}_print_duration", "30", unit_of_measurement="min")
    made.show("{id}_print_time_left", "0.5", unit_of_measurement="h")
    made.show("{id}_filament_used", "1.25", unit_of_measurement="m")
    async with line(made, f"moonraker_{made.identifier}") as opened:
        status = await opened.next()
        job = status.job
        assert job is not None
        assert (status.state, job.name, job.progress, job.layer) == (
            P.PRINTING,
            "case.gcode",
            0.4,
            20,
        )
        assert (job.elapsed, job.remaining) == (timedelta(minutes=30), timedelta(minutes=30))
        assert job.filament_mm == 1250.0
        for key in ("filename", "progress", "current_layer", "print_duration"):
            made.show(f"{{id}}_{key}", "" if key == "filename" else "0.0")
        made.show("{id}_print_state", "paused")
        job = (await opened.until(P.PAUSED)).job
        assert job is not None
        assert (job.name, job.progress, job.layer) == ("case.gcode", 0.4, 20)
        made.show("{id}_filament_switch_sensor_runout", "off")
        status = await opened.until(P.ATTENTION)
        assert status.filament_present is False
        made.show("{id}_print_state", "complete")
        job = (await opened.until(P.FINISHED)).job
        assert job is not None
        assert (job.name, job.progress) == ("case.gcode", 1.0)
        made.show("{id}_print_state", "standby")
        assert (await opened.until(P.IDLE)).job is None


async def test_what_moonraker_shows_of_the_machine(hass: HomeAssistant) -> None:
    """Two nozzles, fans by name, a plug and a strip of lights."""
    made = moonraker(hass, state="shutdown", message="MCU 'mcu' shutdown: Lost communication")
    status = await present(made)
    assert [(tool.index, tool.temperature.actual_c) for tool in status.tools] == [
        (0, 31.5),
        (1, 30.5),
    ]
    assert status.tools[0].temperature.target_c == 0.0
    assert status.bed == Temperature(actual_c=60.1, target_c=60.0)
    assert [(fan.key, fan.percent) for fan in status.fans] == [("hotend_fan", 100), ("part", 0)]
    assert (status.lights, status.outlets) == ((("case", False),), (("printer plug", True),))
    assert status.speed_percent == 100
    (problem,) = status.problems
    assert (problem.code, problem.severity) == ("SHUTDOWN", Severity.FATAL)
    assert problem.text == "MCU 'mcu' shutdown: Lost communication"


async def test_moments_become_spans_that_move_only_with_their_report(hass: HomeAssistant) -> None:
    """Else every look would make a new status, and every status a state to be recorded."""
    now = dt_util.utcnow()
    made = octoprint(
        hass,
        **{
            "Current State": "printing",
            "Current File": "case.gcode",
            "Job Percentage": "25.5",
            "Start Time": (now - timedelta(minutes=10)).isoformat(),
            "Estimated Finish Time": (now + timedelta(minutes=30)).isoformat(),
        },
    )
    job = (await present(made)).job
    assert job is not None
    assert job.elapsed is not None
    assert job.remaining is not None
    assert abs(job.elapsed - timedelta(minutes=10)) <= timedelta(seconds=2)
    assert abs(job.remaining - timedelta(minutes=30)) <= timedelta(seconds=2)
    await asyncio.sleep(0.01)
    assert (await present(made)).job == job


# -- how a job ends --------------------------------------------------------------------------


async def test_a_cancel_is_told_from_a_failure_by_its_code(hass: HomeAssistant) -> None:
    """ "Failed" for what a person ended counts against the printer."""
    made = bambu(hass, print_status="running", subtask_name="Bracket")
    async with line(made) as opened:
        await opened.until(P.PRINTING)
        waiting = asyncio.create_task(opened.until(P.CANCELLED))
        await settle()
        made.show("{id}_print_status", "pause")
        made.show("{id}_print_error", "on", code="0300_400C", error="The task was canceled.")
        await settle()
        made.show("{id}_print_error", "off")
        made.show("{id}_print_status", "failed")
        status = await waiting
        assert status.problems == ()
        made.show("{id}_print_progress", "4")
        assert (await opened.next()).state is P.CANCELLED


async def test_a_cancel_is_told_by_the_event_as_well(hass: HomeAssistant) -> None:
    """Its code may be gone before any entity has shown it."""
    made = bambu(hass, print_status="running", subtask_name="Bracket")
    async with line(made) as opened:
        await opened.until(P.PRINTING)
        made.show("{id}_print_status", "failed")
        hass.bus.async_fire(
            "bambu_lab_event", {"device_id": "other", "type": "event_print_canceled"}
        )
        hass.bus.async_fire(
            "bambu_lab_event", {"device_id": made.device.id, "type": "event_print_canceled"}
        )
        assert (await opened.next()).state is P.CANCELLED


async def test_a_failure_is_told_after_a_moment(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sign of a cancel may come after the word; without it the job has failed."""
    monkeypatch.setattr("custom_components.printernizer.followed.states.SETTLE_S", 0.1)
    made = bambu(hass, print_status="running", subtask_name="Bracket")
    async with line(made) as opened:
        await opened.until(P.PRINTING)
        made.show("{id}_print_status", "failed")
        status = await opened.until(P.FAILED)
        assert status.job is not None
        assert status.job.name == "Bracket"


# -- the source comes and goes ---------------------------------------------------------------


async def test_a_source_that_shows_nothing_is_unreachable(hass: HomeAssistant) -> None:
    """Home Assistant then tries again by itself."""
    made = bambu(hass, print_status="unavailable")
    with pytest.raises(Unreachable) as error:
        async with made.driver().connect():
            pass
    assert error.value.key == "source_unavailable"


async def test_a_silent_source_ends_the_line_after_a_grace(hass: HomeAssistant) -> None:
    """A moment of silence is a reload, more is a loss."""
    made = bambu(hass)
    async with line(made) as opened:
        await opened.next()
        made.show("{id}_print_status", "unavailable")
        await hass.async_block_till_done()
        made.show("{id}_print_status", "running")
        assert (await opened.next()).state is P.PRINTING
        hass.states.async_remove(made.find("{id}_print_status"))
        with pytest.raises(Unreachable):
            await opened.next()
        with pytest.raises(Unreachable):
            opened.session.present()


async def test_a_line_that_was_up_waits_for_its_source_a_while(hass: HomeAssistant) -> None:
    """The back-off would sleep through the moment at which it is back."""
    made = bambu(hass)
    driver = made.driver()
    async with driver.connect():
        pass
    made.show("{id}_print_status", "unavailable")
    with pytest.raises(Unreachable):
        async with driver.connect():
            pass
    hass.loop.call_later(0.05, made.show, "{id}_print_status", "finish")
    async with driver.connect() as session:
        assert session.present().state is P.FINISHED
    assert "bambu_lab" in repr(driver)


async def test_a_device_that_is_gone_is_the_wrong_printer(hass: HomeAssistant) -> None:
    """Trying again cannot help: somebody has removed it."""
    made = bambu(hass)
    async with line(made) as opened:
        await opened.next()
        dr.async_get(hass).async_remove_device(made.device.id)
        with pytest.raises(WrongPrinter) as error:
            await opened.next()
    assert error.value.key == "source_gone"
    with pytest.raises(WrongPrinter):
        async with made.driver().connect():
            pass


async def test_a_source_that_was_pointed_at_another_printer_is_refused(
    hass: HomeAssistant,
) -> None:
    """Its jobs would be booked to the printer that stood there before."""
    made = source(hass, "prusalink", serial="CZPX2")
    made.add("sensor", "{id}_printer.state", "idle")
    with pytest.raises(WrongPrinter) as error:
        async with made.driver("CZPX1").connect():
            pass
    assert error.value.key == "wrong_serial"
    async with made.driver("CZPX2").connect() as session:
        assert session.identity.maker == "Prusa Research"


async def test_a_printer_without_a_serial_number_is_known_by_its_source(
    hass: HomeAssistant,
) -> None:
    """Old boards tell none; a firmware update may bring it."""
    made = source(hass, "prusalink")
    made.add("sensor", "{id}_printer.state", "idle")
    serial = f"prusalink_{made.identifier}"
    async with made.driver(serial).connect() as session:
        assert session.identity.serial == serial
    dr.async_get(hass).async_update_device(made.device.id, serial_number="CZPX7")
    async with made.driver(serial).connect() as session:
        assert session.identity.serial == serial


async def test_entities_of_others_and_disabled_ones_are_left_alone(hass: HomeAssistant) -> None:
    """Other integrations add entities to devices that are not theirs."""
    made = bambu(hass)
    made.add("sensor", "{id}_chamber_temp", "40", disabled=True, unit_of_measurement="°C")
    er.async_get(hass).async_get_or_create(
        "sensor",
        "powercalc",
        f"{made.identifier}_bed_temp",
        config_entry=made.entry,
        device_id=made.device.id,
    )
    async with line(made) as opened:
        status = await opened.next()
        assert status.chamber is None
        assert status.bed is not None
        transcript = opened.session.transcript()
        assert transcript["disabled"] == ["chamber"]
        er.async_get(hass).async_update_entity(made.find("{id}_chamber_temp"), disabled_by=None)
        assert (await opened.next()).chamber == Temperature(actual_c=40.0)


# -- wishes ----------------------------------------------------------------------------------


async def test_buttons_hold_resume_and_end_the_job(hass: HomeAssistant) -> None:
    """Each is over when the source shows it."""
    made = bambu(hass, print_status="running")
    async with line(made) as opened:
        control = opened.session.control
        assert control is not None
        made.serves("button", "press", **{"{id}_print_status": "pause"})
        await control.pause()
        made.serves("button", "press", **{"{id}_print_status": "running"})
        await control.resume()
        made.serves("button", "press", **{"{id}_print_status": "failed"})
        hass.bus.async_fire(
            "bambu_lab_event", {"device_id": made.device.id, "type": "event_print_canceled"}
        )
        await control.cancel()
    pressed = [call.data["entity_id"] for call in made.calls]
    keys = ("pause", "resume", "stop")
    assert pressed == [[made.find(f"{{id}}_{key}")] for key in keys] or pressed == [
        made.find(f"{{id}}_{key}") for key in keys
    ]


async def test_an_unavailable_button_is_not_pressed_in_vain(hass: HomeAssistant) -> None:
    """Home Assistant would leave it out without a word."""
    made = bambu(hass, print_status="running")
    made.serves("button", "press")
    made.show("{id}_pause", "unavailable")
    async with line(made) as opened:
        assert opened.session.control is not None
        with pytest.raises(Refused) as refusal:
            await opened.session.control.pause()
        er.async_get(hass).async_remove(made.find("{id}_stop"))
        with pytest.raises(Refused) as gone:
            await opened.session.control.cancel()
    assert (refusal.value.key, gone.value.key) == ("wrong_state", "not_supported")
    assert not made.calls


async def test_a_file_is_started_by_the_sources_action(hass: HomeAssistant) -> None:
    """ha-bambulab can; the slots go with it as it counts them."""
    made = bambu(hass)
    made.serves("bambu_lab", "print_project_file", **{"{id}_print_status": "prepare"})
    async with line(made) as opened:
        control = opened.session.control
        assert control is not None
        await control.start("/cache/bracket.3mf", plate=2, slots=("1_2", None, "128_0"))
        (call,) = made.calls
        assert call.data["device_id"] == made.device.id
        assert (call.data["filepath"], call.data["plate"]) == ("cache/bracket.3mf", 2)
        assert (call.data["use_ams"], call.data["ams_mapping"]) == (True, "6,-1,128")
        with pytest.raises(Refused) as busy:
            await control.start("/cache/bracket.3mf")
        with pytest.raises(Refused) as odd:
            await control.start("/cache/bracket.gcode")
    assert (busy.value.key, odd.value.key) == ("printer_busy", "not_supported")
    assert len(made.calls) == 1


async def test_a_slot_that_cannot_be_named_is_refused(hass: HomeAssistant) -> None:
    """A wrong spool ruins a print."""
    made = bambu(hass)
    made.serves("bambu_lab", "print_project_file")
    async with line(made) as opened:
        assert opened.session.control is not None
        with pytest.raises(Refused) as refusal:
            await opened.session.control.start("/x.3mf", slots=("external",))
    assert refusal.value.key == "not_supported"
    assert not made.calls


async def test_a_printer_without_buttons_takes_no_commands(hass: HomeAssistant) -> None:
    """ha-bambulab adds none without Developer Mode."""
    made = source(hass, "bambu_lab", "03900A000000009")
    made.add("sensor", "{id}_print_status", "idle")
    status = await present(made)
    assert status.read_only
    async with line(made) as opened:
        assert opened.session.control is None


async def test_temperatures_are_set_in_the_unit_of_the_home(hass: HomeAssistant) -> None:
    """220 sent as 220 degrees Fahrenheit would be a cold nozzle."""
    made = bambu(hass)
    made.serves("number", "set_value", **{"{id}_target_nozzle_temperature": "428"})
    async with line(made) as opened:
        heaters = opened.session.heaters
        assert heaters is not None
        assert heaters.ranges == {"tool_0": Range(minimum=0.0, maximum=320.0)}
        await heaters.set_target("tool_0", 220.0)
        assert made.calls[0].data["value"] == 428.0
        for heater, celsius, key in (
            ("tool_0", 500.0, "out_of_range"),
            ("bed", 60.0, "not_supported"),
        ):
            with pytest.raises(Refused) as refusal:
                await heaters.set_target(heater, celsius)
            assert refusal.value.key == key
        with pytest.raises(Refused) as lost:
            await heaters.set_target("tool_0", 100.0)
        assert lost.value.key == "not_confirmed"


async def test_fans_speed_and_lights_are_set(hass: HomeAssistant) -> None:
    """As a fan, a number, a select, a light: whatever the source has."""
    made = bambu(hass)
    made.serves("light", "turn_on", **{"{id}_chamber_light": "on"})
    made.serves("select", "select_option", **{"{id}_speed_profile": "sport"})
    made.serves("fan", "set_percentage", **{"{id}_cooling_fan_speed": "80"})
    async with line(made) as opened:
        session = opened.session
        assert session.lights is not None
        assert session.speed is not None
        assert session.fans is not None
        await session.lights.set("chamber_light", True)
        assert session.speed.profiles == ("silent", "standard", "sport", "ludicrous")
        assert session.speed.percent_range is None
        await session.speed.set_profile("sport")
        with pytest.raises(Refused):
            await session.speed.set_profile("warp")
        with pytest.raises(Refused):
            await session.speed.set_percent(120)
        assert session.fans.keys == ("part",)
        await session.fans.set_speed("part", 75)
    made = moonraker(hass)
    made.serves("number", "set_value", **{"{id}_speed_factor": "120", "{id}_fan_speed": "50"})
    async with line(made, f"moonraker_{made.identifier}") as opened:
        session = opened.session
        assert session.speed is not None
        assert session.fans is not None
        assert (session.speed.profiles, session.speed.percent_range) == ((), (1, 200))
        await session.speed.set_percent(120)
        await session.fans.set_speed("part", 50)


async def test_a_socket_is_not_cut_under_a_hot_printer(hass: HomeAssistant) -> None:
    """The fan that keeps the nozzle from clogging would stop."""
    made = moonraker(hass)
    made.serves("switch", "turn_off", **{"{id}_printer plug": "off"})
    async with line(made, f"moonraker_{made.identifier}") as opened:
        outlets = opened.session.outlets
        assert outlets is not None
        assert outlets.keys == ("printer plug",)
        with pytest.raises(Refused) as refusal:
            await outlets.set("printer plug", False)
        assert refusal.value.key == "printer_busy"
        made.show("{id}_heater_bed_temp", "28", unit_of_measurement="°C")
        made.show("{id}_heater_bed_target", "0", unit_of_measurement="°C")
        await outlets.set("printer plug", False)
        made.show("{id}_print_state", "unavailable")
        await outlets.set("printer plug", False)
    assert len(made.calls) == 2


async def test_gcode_goes_through_the_sources_action(hass: HomeAssistant) -> None:
    """What it says when it refuses is told in its words."""
    made = moonraker(hass)
    async with line(made, f"moonraker_{made.identifier}") as opened:
        console, emergency = opened.session.console, opened.session.emergency
        assert console is not None
        assert emergency is not None
        with pytest.raises(Refused) as missing:
            await console.send("G28")
        assert missing.value.key == "not_supported"
        made.serves("moonraker", "send_gcode")
        made.serves("button", "press")
        await console.send("G28")
        await emergency.stop()
        made.refuses = "Must home axis first"
        with pytest.raises(Refused, match="Must home axis first"):
            await console.send("G1 X10")
    assert made.calls[0].data == {"device_id": made.device.id, "gcode": "G28"}


async def test_the_head_is_moved_only_while_nothing_else_moves_it(hass: HomeAssistant) -> None:
    """A hand in the printer, or a print under the nozzle."""
    made = moonraker(hass)
    made.serves("button", "press")
    made.serves("moonraker", "send_gcode")
    async with line(made, f"moonraker_{made.identifier}") as opened:
        motion = opened.session.motion
        assert motion is not None
        await motion.home()
        await motion.home(("x", "y"))
        await motion.move({"z": 5.0}, speed_mm_s=10.0)
        assert "G1 Z5.000 F600" in made.calls[-1].data["gcode"]
        with pytest.raises(Refused) as axis:
            await motion.home(("w",))
        made.show("{id}_print_state", "printing")
        with pytest.raises(Refused) as busy:
            await motion.move({"z": 5.0})
    assert (axis.value.key, busy.value.key) == ("out_of_range", "printer_busy")
    assert len(made.calls) == 4


async def test_a_bambu_head_moves_in_the_steps_its_source_knows(hass: HomeAssistant) -> None:
    """Half a millimetre would silently become none."""
    made = bambu(hass)
    made.serves("bambu_lab", "move_axis")
    async with line(made) as opened:
        motion = opened.session.motion
        assert motion is not None
        await motion.home()
        await motion.move({"x": -10.0})
        for wish in (motion.move({"x": 0.5}), motion.home(("x",))):
            with pytest.raises(Refused):
                await wish
    moves = [(call.data["axis"], call.data["distance"]) for call in made.calls]
    assert moves == [("Home", 10), ("X", -10)]


async def test_objects_are_left_out_and_never_the_last(hass: HomeAssistant) -> None:
    """The last one would be a cancel that nobody asked for."""
    made = bambu(hass, print_status="running", stage="printing")
    made.add("sensor", "{id}_printable_objects", "2", objects={"409": "Cube", "1463": "Cone"})
    made.add("sensor", "{id}_skipped_objects", "0", objects=[])

    async def skip(call: Any) -> None:
        made.calls.append(call)
        gone = [int(one) for one in call.data["objects"].split(",")]
        made.show("{id}_skipped_objects", str(len(gone)), objects=gone)

    hass.services.async_register("bambu_lab", "skip_objects", skip)
    async with line(made) as opened:
        objects = opened.session.objects
        assert objects is not None
        assert [one.name for one in await objects.list()] == ["Cube", "Cone"]
        await objects.skip(("409",))
        assert [one.skipped for one in await objects.list()] == [True, False]
        refused = []
        for ids in (("7",), ("1463",)):
            with pytest.raises(Refused) as refusal:
                await objects.skip(ids)
            refused.append(refusal.value.key)
        made.show("{id}_print_status", "idle")
        with pytest.raises(Refused) as idle:
            await objects.skip(("409",))
    assert [*refused, idle.value.key] == ["object_missing", "last_object", "no_job"]


async def test_cameras_and_pictures_come_through_home_assistant(
    hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line to the camera, and the source has it."""
    monkeypatch.setattr("custom_components.printernizer.followed.pictures.FRAME_S", 0.0)
    made = bambu(hass, print_status="running")
    made.add("camera", "{id}_camera", "idle")
    made.add("image", "{id}_cover_image", "2026-11-20T10:00:00+00:00")
    shots = [b"one", b"one", b"two"]
    camera = "homeassistant.components.camera.async_get_image"
    image = "homeassistant.components.image.async_get_image"
    async with line(made) as opened:
        (eye,) = opened.session.cameras.values()
        picture = opened.session.job_picture
        status = await opened.next()
        assert picture is not None
        assert status.job is not None
        assert (eye.stream_source, eye.orientation) == (None, UPRIGHT)
        with patch(camera, side_effect=[Image("image/jpeg", shot) for shot in shots]):
            frames = eye.frames()
            assert [await anext(frames), await anext(frames)] == [b"one", b"two"]
            await frames.aclose()  # type: ignore[attr-defined]
        with patch(image, return_value=Image("image/png", b"cover")):
            assert await picture.picture(status.job) == b"cover"
        with patch(image, side_effect=HomeAssistantError("none yet")):
            assert await picture.picture(status.job) is None
        er.async_get(hass).async_remove(made.find("{id}_camera"))
        assert await eye.snapshot() is None


async def test_a_fresh_status_is_asked_for_and_comes(hass: HomeAssistant) -> None:
    """Also when nothing has changed: somebody waits for it."""
    made = octoprint(hass)
    async with line(made) as opened:
        first = await opened.next()
        await opened.session.refresh()
        assert await opened.next() == first
