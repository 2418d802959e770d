"""The demo's dashboard: one column per printer and what happened, from whatever entities it has.

Home Assistant names entities in the house's language, so the cards are laid out after the start,
from its registry, by the keys that entities have in the integration.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any, Final

from .config_folder import DOMAIN
from .library_card import library_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .config_folder import Entry
    from .home_assistant import HomeAssistant

PATH: Final = "print-fleet"
_WORDS: Final = {
    "en": {
        "title": "Print fleet",
        "log": "Job log",
        "spools": "Spools",
        "heat": "Temperatures",
        "duty": "Keep the virtual printer busy",
        "library": "Library",
        "newest": "Newest files",
        "kept": "Files in the library",
        "files": "Files",
        "file": "File",
        "tags": "Tags",
        "date": "%Y-%m-%d",
        "ideas": "Ideas",
    },
    "de": {
        "title": "Druckerflotte",
        "log": "Auftragsprotokoll",
        "spools": "Spulen",
        "heat": "Temperaturen",
        "duty": "Den virtuellen Drucker beschäftigen",
        "library": "Bibliothek",
        "newest": "Neueste Dateien",
        "kept": "Dateien in der Bibliothek",
        "files": "Dateien",
        "file": "Datei",
        "tags": "Schlagwörter",
        "date": "%d.%m.%Y",
        "ideas": "Ideen",
    },
}
_SETTLE_S: Final = 15.0

type Card = dict[str, Any]
type Found = Mapping[tuple[str, str], str]
"""Entity ids by (platform, key)."""


async def entities_of(home: HomeAssistant, serial: str) -> dict[tuple[str, str], str]:
    """Return the enabled entities of one printer, by platform and key."""
    rows = await home.ask("config/entity_registry/list")
    prefix = f"{serial}_"
    return {
        (row["entity_id"].split(".")[0], row["unique_id"].removeprefix(prefix)): row["entity_id"]
        for row in rows
        if row["platform"] == DOMAIN
        and row["unique_id"].startswith(prefix)
        and row["disabled_by"] is None
    }


async def furnish(home: HomeAssistant, entries: Sequence[Entry], language: str) -> None:
    """Lay out the dashboard, make it the first thing to see, and give the virtual printer work."""
    words = _WORDS[language]
    settled = await asyncio.gather(*(_settled(home, entry) for entry in entries))
    printers = {entry.title: found for entry, found in zip(entries, settled, strict=True)}
    ideas = (await entities_of(home, "shop")).get(("todo", "ideas"))
    config = {"views": [_fleet(printers, words), library_view(ideas, words)]}
    about = {"icon": "mdi:printer-3d-nozzle", "show_in_sidebar": True, "require_admin": False}
    await home.ask_all(
        {
            "type": "lovelace/dashboards/create",
            "url_path": PATH,
            "title": words["title"],
            "mode": "storage",
            **about,
        },
        {"type": "lovelace/config/save", "url_path": PATH, "config": config},
        {"type": "frontend/set_system_data", "key": "core", "value": {"default_panel": PATH}},
        {
            "type": "frontend/set_user_data",
            "key": "language",
            "value": {"language": language, "number_format": "language"},
        },
    )
    await _employ(home, entries, words["duty"])


async def _settled(home: HomeAssistant, entry: Entry) -> dict[tuple[str, str], str]:
    """Wait until the printer has its entities: it may answer later than Home Assistant is up."""
    for _ in range(int(_SETTLE_S / 0.5)):
        found = await entities_of(home, entry.unique_id)
        if ("sensor", "state") in found:
            return found
        await asyncio.sleep(0.5)
    return {}


def _fleet(printers: Mapping[str, Found], words: Mapping[str, str]) -> Card:
    badges = [
        {"type": "entity", "entity": found["sensor", "state"], "name": title, "show_name": True}
        for title, found in printers.items()
        if ("sensor", "state") in found
    ]
    sections = [_printer(title, found, words) for title, found in printers.items() if found]
    events = [one["event", "job"] for one in printers.values() if ("event", "job") in one]
    log: list[Card] = [
        {"type": "heading", "heading": words["log"], "icon": "mdi:clipboard-text-clock"},
        {
            "type": "logbook",
            "target": {"entity_id": events},
            "hours_to_show": 24,
            "grid_options": {"columns": "full", "rows": 12},
        },
    ]
    sections.append({"type": "grid", "column_span": len(sections), "cards": log})
    return {
        "title": words["title"],
        "path": "fleet",
        "type": "sections",
        "max_columns": 5,
        "badges": badges,
        "sections": sections,
    }


def _printer(title: str, found: Found, words: Mapping[str, str]) -> Card:
    cards: list[Card] = [{"type": "heading", "heading": title, "icon": "mdi:printer-3d"}]
    pictures = [entity for (platform, _), entity in found.items() if platform in _SEEN]
    cards += [_picture(entity, 12 // len(pictures)) for entity in sorted(pictures)]
    cards += [_tile(entity) for entity in _those(found, [("sensor", "state")])]
    cards += [_tile(entity) for entity in _those(found, [("sensor", "last_job_outcome")])]
    bar = {"type": "bar-gauge", "min": 0, "max": 100}
    for entity in _those(found, [("sensor", "progress")]):
        shown = _while_known(entity)
        cards.append(_tile(entity, columns=12, features=[bar], features_position="inline", **shown))
    for key in ("job", "layer", "remaining", "end_time"):
        cards += [_tile(e, **_while_known(e)) for e in _those(found, [("sensor", key)])]
    buttons = _those(found, [("button", key) for key in ("pause", "resume", "cancel")])
    for entity in buttons:
        cards.append(_tile(entity, hide_state=True, **_while_known(entity)))
    return {"type": "grid", "cards": cards + _heat(found, words) + _spools(found, words)}


_SEEN: Final = ("camera", "image")


def _picture(entity: str, columns: int) -> Card:
    return {
        **_while_known(entity),
        "type": "picture-entity",
        "entity": entity,
        "show_name": False,
        "show_state": False,
        "camera_view": "auto",
        "fit_mode": "contain",
        "grid_options": {"columns": columns, "rows": 3},
    }


def _while_known(entity: str) -> dict[str, Any]:
    """Show a card only while there is something to show: an idle printer has no job."""
    return {
        "visibility": [
            {"condition": "state", "entity": entity, "state_not": state}
            for state in ("unknown", "unavailable")
            # A button that was never pressed is "unknown", and can be pressed all the same.
            if not (state == "unknown" and entity.startswith("button."))
        ]
    }


def _heat(found: Found, words: Mapping[str, str]) -> list[Card]:
    warm = [
        entity
        for (platform, key), entity in found.items()
        if platform == "sensor" and key.endswith("_temperature") and not key.startswith("feeder")
    ]
    if not warm:
        return []
    return [
        {
            "type": "history-graph",
            "title": words["heat"],
            "entities": sorted(warm),
            "hours_to_show": 1,
            "grid_options": {"columns": "full"},
        }
    ]


def _spools(found: Found, words: Mapping[str, str]) -> list[Card]:
    spools = sorted(
        (key, entity)
        for (platform, key), entity in found.items()
        if platform == "sensor" and key.startswith("slot_") and key.endswith("_filament")
    )
    if not spools:
        return []
    heading = {"type": "heading", "heading": words["spools"], "heading_style": "subtitle"}
    return [heading, *(_tile(e, name={"type": "device"}, **_while_known(e)) for _, e in spools)]


def _those(found: Found, wanted: Iterable[tuple[str, str]]) -> list[str]:
    return [found[one] for one in wanted if one in found]


def _tile(entity: str, *, columns: int = 6, **more: object) -> Card:
    # Without the device's name, which is the column's heading.
    name = {"type": "entity"}
    options = {"columns": columns}
    return {"type": "tile", "entity": entity, "name": name, "grid_options": options, **more}


async def _employ(home: HomeAssistant, entries: Sequence[Entry], duty: str) -> None:
    """Let an automation start jobs on the virtual printer: the others have somebody who does."""
    for entry in entries:
        found = await entities_of(home, entry.unique_id)
        if entry.data["kind"] != "virtual" or ("sensor", "state") not in found:
            continue
        state = found["sensor", "state"]
        rows = await home.ask("config/entity_registry/list")
        device = next(row["device_id"] for row in rows if row["entity_id"] == state)
        start = {
            "action": f"{DOMAIN}.start_print",
            "data": {
                "device_id": device,
                "path": "{{ ['/benchy.gcode', '/bracket.gcode', '/gift box.gcode'] | random }}",
            },
        }
        ready = ["idle", "finished", "failed", "cancelled"]
        condition = {"condition": "state", "entity_id": state, "state": ready}
        await home.post(
            f"config/automation/config/{random.randrange(10**12)}",  # noqa: S311 - just a number
            {
                "alias": duty,
                "mode": "single",
                "triggers": [{"trigger": "time_pattern", "seconds": "/20"}],
                "conditions": [condition],
                "actions": [start],
            },
        )
