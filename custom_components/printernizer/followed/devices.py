"""Finds the devices and entities of the source integrations in Home Assistant's registries.

Nothing here holds on to an entity id: a user may change it, and with it the name, at any time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
from homeassistant.core import callback

from ..engine.errors import WrongPrinter
from .bambu_lab import BAMBU_LAB
from .moonraker import MOONRAKER
from .octoprint import OCTOPRINT
from .prusalink import PRUSALINK
from .source import STATE, Entity, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant

SOURCES: Final[Mapping[str, Source]] = {
    source.domain: source for source in (BAMBU_LAB, MOONRAKER, OCTOPRINT, PRUSALINK)
}
"""By domain."""

_FIRST_SINGLE: Final = 127
"""Feeders of one slot are numbered from here on as they are, all others from 1."""

CONF_SOURCE: Final = "source"
CONF_IDENTIFIER: Final = "identifier"
"""What a followed printer's entry holds besides its serial."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """A printer's device of a source integration."""

    source: Source
    device: dr.DeviceEntry
    identifier: str

    @property
    def serial(self) -> str:
        """What the printer is known by: its serial number, else the source's own name for it.

        Equal to what our own driver for the same printer says, where the source knows that.
        """
        if self.source.identifier_is_serial:
            return self.identifier
        return self.device.serial_number or f"{self.source.domain}_{self.identifier}"

    @property
    def title(self) -> str:
        """What its owner calls it."""
        return self.device.name_by_user or self.device.name or self.identifier


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """An entity that is there."""

    entity_id: str
    entity: Entity
    device_id: str | None
    groups: Mapping[str, str]
    """What the table's expression found in its unique id."""
    unit: str | None = None
    """Number of the feeder it belongs to, as the printer counts."""
    model: str | None = None
    """Of that feeder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bindings:
    """Which entity is what, now. All by key."""

    present: Mapping[str, Bound]
    disabled: Mapping[str, str]
    """Entity ids of those that a person would have to enable."""

    def beginning(self, prefix: str) -> Iterator[tuple[str, str, Bound]]:
        """Yield key, the key's rest, and entity, of those whose key begins so."""
        for key, bound in sorted(self.present.items()):
            if key.startswith(prefix):
                yield key, key.removeprefix(prefix), bound


@callback
def origins(hass: HomeAssistant) -> Iterator[Origin]:
    """Yield every printer of the source integrations that has a state, enabled or not."""
    registry = dr.async_get(hass)
    for source in SOURCES.values():
        for entry in hass.config_entries.async_entries(source.domain):
            for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
                for identifier in sorted(_identifiers(device, source)):
                    origin = Origin(source=source, device=device, identifier=identifier)
                    bindings = bind(hass, origin)
                    if STATE in bindings.present or STATE in bindings.disabled:
                        yield origin


def _identifiers(device: dr.DeviceEntry, source: Source) -> Iterator[str]:
    return (
        str(identifier[1])
        for identifier in device.identifiers
        if len(identifier) == 2 and identifier[0] == source.domain
    )


@callback
def find(hass: HomeAssistant, domain: str, identifier: str, serial: str) -> Origin:
    """Return the device that is followed. Raises WrongPrinter when it is gone, or another.

    A source that was set up anew names its device anew: the serial number finds it then.
    """
    there = [origin for origin in origins(hass) if origin.source.domain == domain]
    for origin in there:
        if origin.serial == serial:
            return origin
    same = next((origin for origin in there if origin.identifier == identifier), None)
    if same is None:
        raise WrongPrinter(f"{domain} no longer has this printer", key="source_gone")
    if same.device.serial_number is None or serial == f"{domain}_{identifier}":
        return same  # it does not tell a serial number, or did not when it was set up
    raise WrongPrinter("the source now follows another printer", key="wrong_serial")


@callback
def bind(hass: HomeAssistant, origin: Origin) -> Bindings:
    """Return which entity is what. Where two claim to be the same, the longer unique id wins."""
    registry = er.async_get(hass)
    patterns = _patterns(origin.source.domain, origin.identifier)
    present: dict[str, Bound] = {}
    disabled: dict[str, str] = {}
    entries = er.async_entries_for_config_entry(registry, origin.device.config_entry_id)
    for entry in sorted(entries, key=lambda entry: (len(entry.unique_id), entry.unique_id)):
        if entry.platform != origin.source.domain:
            continue
        for key, entity, pattern in patterns:
            if entity.domain != entry.domain or not (found := pattern.fullmatch(entry.unique_id)):
                continue
            groups = {name: value or "" for name, value in found.groupdict().items()}
            key = key.format_map({**groups, "n": groups.get("n") or "0"})  # noqa: PLW2901
            if entry.disabled:
                disabled[key] = entry.entity_id
                continue
            unit, model = _unit(hass, origin.source, entry.device_id)
            present[key] = Bound(
                entity_id=entry.entity_id,
                entity=entity,
                device_id=entry.device_id,
                groups=groups,
                unit=unit,
                model=model,
            )
    return Bindings(
        present=present,
        disabled={key: entity_id for key, entity_id in disabled.items() if key not in present},
    )


def _unit(
    hass: HomeAssistant, source: Source, device_id: str | None
) -> tuple[str | None, str | None]:
    """Return number and model of a feeder, out of the name its integration gave the device."""
    if source.unit_name is None or device_id is None:
        return None, None
    device = dr.async_get(hass).async_get(device_id)
    if not isinstance(device, dr.DeviceEntry):
        return None, None
    found = re.search(source.unit_name, device.name or "")
    if found is None:
        return None, None
    number = int(found[1])
    return str(number - 1 if 0 < number <= _FIRST_SINGLE else number), device.model


@lru_cache(maxsize=256)
def _patterns(domain: str, identifier: str) -> tuple[tuple[str, Entity, re.Pattern[str]], ...]:
    stem = re.escape(identifier)
    return tuple(
        (key, entity, re.compile(entity.unique_id.format(stem=stem)))
        for key, entity in SOURCES[domain].entities.items()
    )
