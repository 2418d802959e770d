"""What the logbook says of jobs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import Event, HomeAssistant
from homeassistant.helpers.translation import async_load_integrations

import custom_components.printernizer as integration
from custom_components.printernizer.announce import TOLD
from custom_components.printernizer.const import DOMAIN, EVENT_JOB, EVENT_UPLOAD
from custom_components.printernizer.logbook import (
    async_describe_events,
    sentence_key,
    spell_duration,
    upload_sentence_key,
)
from custom_components.printernizer.uploads import UploadKind
from tests.shop_floor import Floor, floor  # noqa: F401 - fixtures

TRANSLATIONS = Path(integration.__file__).parent / "translations"

type Describe = Callable[[Event[dict[str, Any]]], dict[str, str]]


def describer(hass: HomeAssistant, of: str = EVENT_JOB) -> Describe:
    """Return what the logbook calls for each of our events."""
    found: dict[tuple[str, str], Describe] = {}

    def take(domain: str, event_type: str, describe: Describe) -> None:
        found[domain, event_type] = describe

    async_describe_events(hass, take)
    return found[DOMAIN, of]


async def said(hass: HomeAssistant, kind: str, language: str = "en", **job: Any) -> str:
    """Return the sentence for an event."""
    hass.config.language = language
    await async_load_integrations(hass, {DOMAIN})
    data = {"device_id": None, "printer": "Voron", "kind": kind, "job": {"name": "bracket", **job}}
    line = describer(hass)(Event(EVENT_JOB, data))
    assert line["name"] == "Voron"
    return line["message"]


@pytest.mark.parametrize(
    ("kind", "job", "english", "german"),
    [
        ("started", {}, "started bracket", "hat bracket gestartet"),
        ("printing", {}, "is now printing bracket", "druckt jetzt bracket"),
        ("paused", {"progress": 12}, "paused bracket", "hat bracket pausiert"),
        ("attention", {}, "needs help with bracket", "braucht Hilfe für bracket"),
        ("resumed", {}, "resumed bracket", "hat bracket fortgesetzt"),
        (
            "finished",
            {"duration_s": 5025, "progress": 100},
            "finished bracket after 1 h 23 min",
            "hat bracket nach 1 h 23 min fertig gedruckt",
        ),
        ("finished", {}, "finished bracket", "hat bracket fertig gedruckt"),
        (
            "failed",
            {"progress": 42, "reason": "0300_800A"},
            "failed to print bracket at 42 %: 0300_800A",
            "konnte bracket nicht fertig drucken, nur 42 %: 0300_800A",
        ),
        (
            "failed",
            {"progress": 0},
            "failed to print bracket at 0 %",
            "konnte bracket nicht fertig drucken, nur 0 %",
        ),
        (
            "failed",
            {"reason": "jam"},
            "failed to print bracket: jam",
            "konnte bracket nicht fertig drucken: jam",
        ),
        ("failed", {}, "failed to print bracket", "konnte bracket nicht fertig drucken"),
        (
            "cancelled",
            {"progress": 7},
            "cancelled bracket at 7 %",
            "hat bracket bei 7 % abgebrochen",
        ),
        ("cancelled", {}, "cancelled bracket", "hat bracket abgebrochen"),
        (
            "ended_unseen",
            {},
            "ended bracket while nobody was watching",
            "hat bracket unbeobachtet beendet",
        ),
        ("started", {"name": None}, "started a job", "hat einen Auftrag gestartet"),
    ],
)
async def test_each_event_is_a_plain_sentence(
    floor: Floor, kind: str, job: dict[str, Any], english: str, german: str
) -> None:
    """Who was not there asks how long it took and how far it came."""
    assert await said(floor.hass, kind, **job) == english
    assert await said(floor.hass, kind, "de", **job) == german


@pytest.mark.parametrize(
    ("kind", "upload", "english", "german"),
    [
        ("started", {}, "is receiving a.gcode", "empfängt a.gcode"),
        ("finished", {"progress": 100}, "has received a.gcode", "hat a.gcode empfangen"),
        (
            "failed",
            {"reason": "no room", "progress": 5},
            "did not receive a.gcode: no room",
            "hat a.gcode nicht empfangen: no room",
        ),
        ("failed", {"reason": ""}, "did not receive a.gcode", "hat a.gcode nicht empfangen"),
        (
            "cancelled",
            {"reason": "somebody"},
            "no longer receives a.gcode: the upload was cancelled",
            "empfängt a.gcode nicht mehr: die Übertragung wurde abgebrochen",
        ),
        ("started", {"name": None}, "is receiving a file", "empfängt eine Datei"),
        ("vanished", {}, "a.gcode vanished", "a.gcode vanished"),
    ],
)
async def test_each_event_of_an_upload_is_a_plain_sentence(
    floor: Floor, kind: str, upload: dict[str, Any], english: str, german: str
) -> None:
    """Who finds a file missing on Monday looks here."""
    printer = await floor.add("Voron")
    for language, sentence in (("en", english), ("de", german)):
        floor.hass.config.language = language
        await async_load_integrations(floor.hass, {DOMAIN})
        facts = {"name": "a.gcode", **upload}
        data = {"device_id": printer.device_id, "printer": "Voron", "kind": kind, "upload": facts}
        line = describer(floor.hass, EVENT_UPLOAD)(Event(EVENT_UPLOAD, data))
        assert (line["name"], line["message"]) == ("Voron", sentence)
        assert line["entity_id"] == "event.voron_upload_event"


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_sentence_of_an_upload_is_written(language: str) -> None:
    """Progress has none: it has an event type of its own, which the logbook does not show."""
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text())["common"]
    for kind in set(UploadKind) - {UploadKind.PROGRESS}:
        for reason in (None, "no room"):
            assert upload_sentence_key(kind, {"reason": reason}) in texts


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_sentence_there_can_be_is_written(language: str) -> None:
    """A key on somebody's screen is worse than no line."""
    texts = json.loads((TRANSLATIONS / f"{language}.json").read_text())["common"]
    for kind in TOLD:
        for progress in (None, 5):
            for duration in (None, 5):
                for reason in (None, "jam"):
                    job = {"progress": progress, "duration_s": duration, "reason": reason}
                    assert sentence_key(kind, job) in texts


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (3599, "59 min"),
        (3600, "1 h 00 min"),
        (90000, "25 h 00 min"),
    ],
)
def test_lengths_of_time_are_spelt_for_people(seconds: int, text: str) -> None:
    """Nobody thinks in 5025 seconds."""
    assert spell_duration(seconds) == text


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"kind": "vanished", "job": {"name": "x"}, "upload": {"name": "x"}},
        {"device_id": 7, "job": None, "upload": None},
        {"job": "bracket", "upload": ["a"]},
    ],
)
async def test_rows_of_another_time_are_still_told(
    hass: HomeAssistant, data: dict[str, Any]
) -> None:
    """One odd row must not empty the whole logbook."""
    for event_type in (EVENT_JOB, EVENT_UPLOAD):
        line = describer(hass, event_type)(Event(event_type, data))
        assert line["name"] == DOMAIN
        assert line["message"]


async def test_a_line_leads_to_the_entity_of_its_jobs(floor: Floor) -> None:
    """Lines without an entity do not show up on the printer's own page."""
    printer = await floor.add("Voron")
    heard = floor.hear(EVENT_JOB)
    await printer.print_all()
    events = await heard.until(3)
    lines = [describer(floor.hass)(event) for event in events]
    assert {line["entity_id"] for line in lines} == {"event.voron_job"}
    assert {line["name"] for line in lines} == {"Voron"}
    assert lines[-1]["message"].startswith("finished benchy.gcode")
