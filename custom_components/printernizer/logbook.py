"""What happens to jobs, uploads and documents as plain sentences in the logbook.

Every event is one line there, with what people ask next: how long it took, and how far
it came. Sentences are in the language of Home Assistant, not of the reader: the logbook knows
no other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import homeassistant.helpers.entity_registry as er
from homeassistant.components.logbook.const import (
    LOGBOOK_ENTRY_ENTITY_ID,
    LOGBOOK_ENTRY_MESSAGE,
    LOGBOOK_ENTRY_NAME,
)
from homeassistant.core import callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN, EVENT_DOCUMENT, EVENT_JOB, EVENT_UPLOAD, SHOP_TITLE
from .engine.job import JobEventKind
from .uploads import UploadKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeassistant.core import Event, HomeAssistant

_ENDED_EARLY: Final = (JobEventKind.FAILED, JobEventKind.CANCELLED)

type Describe = Callable[[Event[dict[str, Any]]], dict[str, str]]


def spell_duration(seconds: int) -> str:
    """Return a length of time for people: "45 s", "12 min", "1 h 05 min"."""
    if seconds < 60:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min"


def sentence_key(kind: str, job: Mapping[str, Any]) -> str:
    """Return which sentence tells this: as much as is known, and no more.

    `finished_after` and the like speak of the duration, `failed_at` of the progress as well,
    and a sentence that ends on `_because` gives the printer's own codes.
    """
    key = f"logbook_{kind}"
    if kind in _ENDED_EARLY and job.get("progress") is not None:
        key += "_at"
    elif kind == JobEventKind.FINISHED and job.get("duration_s") is not None:
        key += "_after"
    if kind == JobEventKind.FAILED and job.get("reason"):
        key += "_because"
    return key


def upload_sentence_key(kind: str, upload: Mapping[str, Any]) -> str:
    """Return which sentence tells this of an upload: with the reason, where there is one."""
    because = kind == UploadKind.FAILED and upload.get("reason")
    return f"logbook_upload_{kind}" + ("_because" if because else "")


@callback
def async_describe_events(
    hass: HomeAssistant, async_describe_event: Callable[[str, str, Describe], None]
) -> None:
    """Tell the logbook how to put our events."""

    def describer(subject: str, key_of: Callable[[str, Mapping[str, Any]], str]) -> Describe:
        @callback
        def describe(event: Event[dict[str, Any]]) -> dict[str, str]:
            data = event.data
            # Old rows and events fired by hand may lack anything.
            told = data.get(subject)
            facts = told if isinstance(told, dict) else {}
            kind = str(data.get("kind"))
            line = {
                LOGBOOK_ENTRY_NAME: str(data.get("printer") or DOMAIN),
                LOGBOOK_ENTRY_MESSAGE: _sentence(hass, key_of(kind, facts), kind, facts),
            }
            if entity_id := _event_entity(hass, data.get("device_id"), subject):
                line[LOGBOOK_ENTRY_ENTITY_ID] = entity_id
            return line

        return describe

    @callback
    def describe_document(event: Event[dict[str, Any]]) -> dict[str, str]:
        told = event.data.get("document")
        number = str(told.get("document")) if isinstance(told, dict) else ""
        kind = str(event.data.get("kind"))
        texts = async_get_cached_translations(hass, hass.config.language, "common", DOMAIN)
        text = texts.get(f"component.{DOMAIN}.common.logbook_document_{kind}")
        message = f"{number} {kind}".strip() if text is None else text.format(document=number)
        return {LOGBOOK_ENTRY_NAME: SHOP_TITLE, LOGBOOK_ENTRY_MESSAGE: message}

    async_describe_event(DOMAIN, EVENT_DOCUMENT, describe_document)
    async_describe_event(DOMAIN, EVENT_JOB, describer("job", sentence_key))
    async_describe_event(DOMAIN, EVENT_UPLOAD, describer("upload", upload_sentence_key))


def _sentence(hass: HomeAssistant, key: str, kind: str, facts: Mapping[str, Any]) -> str:
    texts = async_get_cached_translations(hass, hass.config.language, "common", DOMAIN)
    prefix = f"component.{DOMAIN}.common."
    text = texts.get(prefix + key)
    if text is None:
        return f"{facts.get('name') or ''} {kind}".strip()
    named = facts.get("name")
    return text.format(
        job=named or texts.get(f"{prefix}logbook_nameless", ""),
        file=named or texts.get(f"{prefix}logbook_nameless_file", ""),
        progress=facts.get("progress"),
        duration=spell_duration(int(facts.get("duration_s") or 0)),
        reason=facts.get("reason"),
    )


def _event_entity(hass: HomeAssistant, device_id: object, key: str) -> str | None:
    """Return the printer's event entity for jobs or uploads, so that the line leads there."""
    if not isinstance(device_id, str):
        return None
    entries = er.async_entries_for_device(er.async_get(hass), device_id)
    return next(
        (
            entry.entity_id
            for entry in entries
            if entry.domain == "event" and entry.translation_key == key
        ),
        None,
    )
