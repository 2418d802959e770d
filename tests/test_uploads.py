"""What Home Assistant hears and shows of files on their way to printers."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Event
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.printernizer.const import EVENT_UPLOAD, EVENT_UPLOAD_PROGRESS
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.upload import Upload, UploadState
from custom_components.printernizer.uploads import UploadKind, UploadNews, upload_facts
from tests.hand_clock import settle
from tests.rich_printer import set_up  # noqa: F401 - fixture
from tests.upload_floor import SIZE, SOURCE, DockUp, dock_up  # noqa: F401 - fixture

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WAITING = Upload(
    id=UUID(int=7),
    printer_id="P",
    name="bracket.gcode",
    path=None,
    total_bytes=200,
    started_at=NOON,
)


def at(moved: int, state: UploadState = UploadState.RUNNING, **facts: Any) -> Upload:
    """Return the upload at some moment."""
    return replace(WAITING, moved_bytes=moved, state=state, attempt=1, **facts)


# -- facts and news --------------------------------------------------------------------------


def test_facts_are_plain_and_what_nobody_knows_is_none() -> None:
    """Templates cannot read objects, and an invented 0 is worse than nothing."""
    facts = upload_facts(WAITING, NOON)
    assert json.loads(json.dumps(facts)) == facts
    assert facts == {
        "id": str(UUID(int=7)),
        "name": "bracket.gcode",
        "path": None,
        "progress": 0,
        "moved_bytes": 0,
        "total_bytes": 200,
        "bytes_per_s": None,
        "eta": None,
        "attempt": 0,
        "started_at": "2026-11-20T12:00:00+00:00",
        "ended_at": None,
        "error_key": None,
        "reason": None,
    }


def test_facts_tell_how_far_and_how_long() -> None:
    """99.5 per cent is not done."""
    under_way = at(199, bytes_per_s=9.6, left=timedelta(seconds=30.4))
    facts = upload_facts(under_way, NOON)
    assert (facts["progress"], facts["bytes_per_s"]) == (99, 10)
    assert facts["eta"] == "2026-11-20T12:00:30+00:00"
    later = NOON + timedelta(minutes=5)
    done = at(200, UploadState.DONE, path="/a/b.gcode", ended_at=later)
    facts = upload_facts(done, later + timedelta(hours=1))
    assert facts["eta"] == facts["ended_at"] == "2026-11-20T12:05:00+00:00"
    assert facts["path"] == "/a/b.gcode"


def test_texts_of_strangers_are_cut() -> None:
    """A printer may answer with a page, and a state's attributes have a limit."""
    failed = at(3, UploadState.FAILED, path="/" + "p" * 900, reason="r" * 9000)
    facts = upload_facts(replace(failed, name="n" * 900), NOON)
    assert [len(facts[key]) for key in ("name", "path", "reason")] == [500, 500, 500]


def news_of(*moments: Upload) -> list[tuple[str, int]]:
    """Return kind and per cent of what is told of these moments."""
    told: list[tuple[str, int]] = []
    news = UploadNews("P", lambda kind, upload: told.append((kind.value, upload.percent)))
    for moment in moments:
        news.on_upload(moment)
    assert not moments[-1].ended or not news._told  # a year of uploads is not kept in mind
    return told


def test_progress_is_told_every_ten_per_cent_and_no_oftener() -> None:
    """A file of 500 MB moves thousands of times."""
    moments = [at(moved) for moved in range(200)]
    told = news_of(WAITING, *moments, at(200, UploadState.VERIFYING), at(200, UploadState.DONE))
    assert told == [
        ("started", 0),
        *(("progress", percent) for percent in range(10, 101, 10)),
        ("finished", 100),
    ]


def test_a_second_try_begins_again_and_says_nothing_twice() -> None:
    """Steps that were told are old news, even when the bytes have to move again."""
    told = news_of(
        at(0),
        at(50),
        at(50, UploadState.WAITING),
        replace(at(0), attempt=2),
        at(50),
        at(61),
        at(61, UploadState.FAILED),
    )
    assert told == [("started", 0), ("progress", 25), ("progress", 30), ("failed", 30)]


def test_only_the_printers_own_uploads_are_news() -> None:
    """The other printer has a teller of its own."""
    other = replace(at(100), printer_id="Q")
    assert news_of(other, replace(other, state=UploadState.DONE)) == []


def test_one_that_waits_in_line_can_be_called_off_without_a_start() -> None:
    """Three files for one printer wait for each other."""
    assert news_of(WAITING, replace(WAITING, state=UploadState.CANCELLED)) == [("cancelled", 0)]


# -- from the action to the entities ---------------------------------------------------------


async def test_an_upload_walks_to_a_hundred_and_says_when_it_will_be_there(
    dock_up: DockUp,
) -> None:
    """500 MB over Wi-Fi take minutes: people want to see them pass."""
    bay = await dock_up()
    assert (bay.shows("upload"), bay.shows("upload_progress")) == (STATE_UNKNOWN, STATE_UNKNOWN)
    heard = async_capture_events(bay.stand.hass, EVENT_UPLOAD)
    steps = async_capture_events(bay.stand.hass, EVENT_UPLOAD_PROGRESS)
    task = await bay.begin(path="/models/")
    assert (bay.shows("upload"), bay.shows("upload_progress")) == ("running", "0")
    assert bay.shows("upload_end") == STATE_UNKNOWN
    seen = []
    for moved in range(0, SIZE, SIZE // 200):
        await bay.move(moved)
        seen.append(int(bay.shows("upload_progress")))
    assert seen[0] == 0
    assert seen == sorted(seen)
    assert set(seen) == set(range(100))
    # 200 s in all, from noon, and held while it drifts by less than a minute.
    shown = datetime.fromisoformat(bay.shows("upload_end"))
    assert abs(shown - (NOON + timedelta(seconds=200))) <= timedelta(minutes=1)
    await bay.move(SIZE)
    assert (bay.shows("upload"), bay.shows("upload_progress")) == ("verifying", "100")
    bay.storage.go_on.set()
    (answer,) = await task
    assert (answer["ok"], answer["path"], answer["size"]) == (True, "/models/bracket.gcode", SIZE)
    assert answer["attempts"] == 1
    await bay.stand.hass.async_block_till_done()
    assert (bay.shows("upload"), bay.shows("upload_progress")) == ("done", "100")
    attributes = bay.stand.state("sensor", "upload").attributes
    assert attributes["name"] == "bracket.gcode"
    assert attributes["path"] == "/models/bracket.gcode"
    assert attributes["size"] == SIZE
    assert [event.data["kind"] for event in heard] == ["started", "finished"]
    assert [event.data["upload"]["progress"] for event in steps] == list(range(10, 101, 10))
    assert {event.data["kind"] for event in steps} == {"progress"}
    last = heard[-1].data
    assert last["device_id"] == bay.stand.coordinator.device_id
    assert last["printer"] == "Rich One"
    assert last["upload"]["path"] == "/models/bracket.gcode"


async def test_the_end_moves_only_when_it_drifts(dock_up: DockUp) -> None:
    """A moment computed anew twice a second would fill the recorder."""
    bay = await dock_up()
    task = await bay.begin()
    changes: list[Event[Any]] = async_capture_events(bay.stand.hass, EVENT_STATE_CHANGED)
    await bay.move(1_000)
    for second in range(2, 60):
        # 1000 bytes a second, trembling by a hundredth.
        await bay.move(second * 1_000 + second % 2 * 10)
    ends = [
        event.data["new_state"].state
        for event in changes
        if event.data["entity_id"] == bay.stand.entity_id("sensor", "upload_end")
    ]
    assert len(ends) == 1
    # The line becomes ten times faster, and the end comes nearer by minutes.
    for second in range(60):
        await bay.move(59_000 + second * 10_000)
    assert bay.shows("upload_end") < ends[0]
    bay.storage.go_on.set()
    await task
    assert bay.shows("upload_end") == bay.clock.now().isoformat()
    # What was held for one file is not held for the next.
    again = await bay.begin(replace=True)
    assert bay.shows("upload_end") == STATE_UNKNOWN
    bay.storage.go_on.set()
    await again


async def test_what_moves_without_a_whole_per_cent_writes_nothing(dock_up: DockUp) -> None:
    """A hundred printers at two notes a second."""
    bay = await dock_up()
    task = await bay.begin()
    for moved in (1_000, 2_000, 3_000):
        await bay.move(moved)
    changes = async_capture_events(bay.stand.hass, EVENT_STATE_CHANGED)
    await bay.move(4_000)
    await bay.move(5_000)
    assert changes == []
    bay.storage.go_on.set()
    await task


async def test_an_upload_can_be_called_off(dock_up: DockUp) -> None:
    """The wrong file, and ten minutes to go."""
    bay = await dock_up()
    assert bay.stand.state("button", "cancel_upload").state == STATE_UNAVAILABLE
    heard = async_capture_events(bay.stand.hass, EVENT_UPLOAD)
    for how in ("action", "button"):
        task = await bay.begin()
        await bay.move(300_000)
        assert bay.stand.state("button", "cancel_upload").state != STATE_UNAVAILABLE
        if how == "action":
            await bay.call("cancel_upload")
        else:
            await bay.stand.call("button", "press", "cancel_upload")
        with pytest.raises(ServiceValidationError) as called_off:
            await task
        assert called_off.value.translation_key == "upload_cancelled"
        await bay.stand.hass.async_block_till_done()
        assert (bay.shows("upload"), bay.shows("upload_progress")) == ("cancelled", "30")
        assert bay.stand.state("button", "cancel_upload").state == STATE_UNAVAILABLE
        assert bay.storage.files == {}
    assert [event.data["kind"] for event in heard] == ["started", "cancelled"] * 2
    with pytest.raises(ServiceValidationError) as nothing:
        await bay.call("cancel_upload")
    assert nothing.value.translation_key == "no_upload"


async def test_an_upload_that_fails_says_why_everywhere(dock_up: DockUp) -> None:
    """The person who asked may have left the room."""
    bay = await dock_up()
    heard = async_capture_events(bay.stand.hass, EVENT_UPLOAD)
    task = await bay.begin()
    await bay.move(500_000)
    bay.storage.failure = Refused("no room", key="storage_full")
    bay.storage.go_on.set()
    with pytest.raises(HomeAssistantError) as failure:
        await task
    assert failure.value.translation_key == "storage_full"
    await bay.stand.hass.async_block_till_done()
    assert bay.shows("upload") == "failed"
    attributes = bay.stand.state("sensor", "upload").attributes
    assert (attributes["error_key"], attributes["reason"]) == ("storage_full", "no room")
    told = heard[-1].data
    assert (told["kind"], told["upload"]["error_key"]) == ("failed", "storage_full")
    event = bay.stand.state("event", "upload_event").attributes
    assert (event["event_type"], event["progress"], event["reason"]) == ("failed", 50, "no room")


async def test_the_event_entity_tells_begin_and_end_and_no_step(dock_up: DockUp) -> None:
    """Old-style automations and dashboards read it; it is recorded each time."""
    bay = await dock_up()
    entity_id = bay.stand.entity_id("event", "upload_event")
    changes: list[Event[Any]] = async_capture_events(bay.stand.hass, EVENT_STATE_CHANGED)
    task = await bay.begin()
    for moved in range(0, SIZE + 1, SIZE // 5):
        await bay.move(moved)
    bay.storage.go_on.set()
    await task
    await bay.stand.hass.async_block_till_done()
    kinds = [
        change.data["new_state"].attributes["event_type"]
        for change in changes
        if change.data["entity_id"] == entity_id
    ]
    assert kinds == ["started", "finished"]
    attributes = bay.stand.state("event", "upload_event").attributes
    assert attributes["path"] == "/bracket.gcode"
    assert "reason" not in attributes


async def test_two_printers_are_sent_to_at_the_same_time(dock_up: DockUp) -> None:
    """Ten printers one after the other would take the morning."""
    left, right = await dock_up("LEFT"), await dock_up("RIGHT")
    for bay in (left, right):
        bay.storage.go_on.clear()
    task = asyncio.create_task(left.call("upload_file", right, source=SOURCE))
    async with asyncio.timeout(10):
        await asyncio.gather(left.storage.sending.wait(), right.storage.sending.wait())
    await settle()
    await left.move(500_000)
    await right.move(100_000)
    assert (left.shows("upload_progress"), right.shows("upload_progress")) == ("50", "10")
    right.storage.failure = Refused("no room", key="storage_full")
    left.storage.go_on.set()
    right.storage.go_on.set()
    answers = await task
    assert [(each["ok"], each.get("error_key")) for each in answers] == [
        (True, None),
        (False, "storage_full"),
    ]
    assert set(left.storage.files) == {"/bracket.gcode"}
    assert right.storage.files == {}


async def test_a_printer_that_takes_no_files_has_none_of_it(dock_up: DockUp) -> None:
    """An entity exists because its part exists."""
    bay = await dock_up(storage=None)
    for platform, key in (
        ("sensor", "upload"),
        ("sensor", "upload_progress"),
        ("sensor", "upload_end"),
        ("button", "cancel_upload"),
        ("event", "upload_event"),
    ):
        assert not bay.stand.has(platform, key)
    with pytest.raises(ServiceValidationError) as refusal:
        await bay.call("upload_file", source=SOURCE)
    assert refusal.value.translation_key == "not_supported"


async def test_a_lost_printer_shows_no_upload(dock_up: DockUp) -> None:
    """What was known of it is not what is."""
    bay = await dock_up()
    task = await bay.begin()
    bay.storage.go_on.set()
    await task
    assert bay.shows("upload") == "done"
    await bay.stand.go()
    await bay.clock.advance(1)
    assert bay.shows("upload") == STATE_UNAVAILABLE
    await bay.stand.come_back()
    assert bay.shows("upload") == "done"


async def test_an_unloaded_printer_ends_its_upload_and_tells_no_more(dock_up: DockUp) -> None:
    """Nothing is left behind that sends on."""
    bay = await dock_up()
    await dock_up("OTHER")
    task = await bay.begin()
    uploads = bay.stand.coordinator.workshop.uploads
    assert await bay.stand.hass.config_entries.async_unload(bay.stand.entry.entry_id)
    with pytest.raises(ServiceValidationError):
        await task
    heard = async_capture_events(bay.stand.hass, EVENT_UPLOAD)
    uploads._tell(replace(at(0), printer_id="RICH0001"))
    await bay.stand.hass.async_block_till_done()
    assert heard == []


def test_every_end_has_a_kind() -> None:
    """One that ends and is never told of keeps an automation waiting."""
    for state in UploadState:
        told = news_of(at(0), replace(at(0), state=state))
        assert len(told) == (2 if replace(at(0), state=state).ended else 1)
    assert {kind.value for kind in UploadKind} >= {"finished", "failed", "cancelled"}
