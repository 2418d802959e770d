"""Conditions for automations: how a printer is right now.

A printer that is not connected, or whose state is not known, meets none of them: an automation
must never act on what nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Unpack, override

import voluptuous as vol
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)

from .engine.printer import PrinterState, PrinterStatus
from .targets import EVERYTHING, async_printer_entries

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.typing import ConfigType

    from .runtime import PrinternizerConfigEntry

CONF_BELOW: Final = "below"

COOL_C: Final = 50.0
"""At this heat a hotend may lose its fan: filament softens from about 60 degrees on, and what
softens above the heat break clogs it."""

type Holds = Callable[[PrinterStatus, Mapping[str, Any]], bool]

_BEHAVIOR: Final = vol.In([BEHAVIOR_ANY, BEHAVIOR_ALL])


def _schema(default_behavior: str, **options: Any) -> vol.Schema:
    return vol.Schema(
        {
            vol.Optional(CONF_TARGET): cv.TARGET_FIELDS,
            vol.Required(CONF_OPTIONS, default=dict): {
                vol.Required(ATTR_BEHAVIOR, default=default_behavior): _BEHAVIOR,
                **{vol.Required(key, default=value[0]): value[1] for key, value in options.items()},
            },
        }
    )


def is_cool(status: PrinterStatus, below_c: float) -> bool:
    """Whether a printer may be switched off: at rest, no heater on, nothing hot.

    below_c: what counts as cool, degrees Celsius. A printer that does not tell how hot each of
    its nozzles is, is never known to be cool; a bed may be without a sensor. The chamber counts
    only while it is heated: in summer it does not get below the room.
    """
    if not status.ready:
        return False
    nozzles = [tool.temperature for tool in status.tools]
    bed = [status.bed] if status.bed is not None else []
    chamber = [status.chamber] if status.chamber is not None else []
    if not nozzles or any(nozzle.actual_c is None for nozzle in nozzles):
        return False
    if any(heater.target_c for heater in (*nozzles, *bed, *chamber)):
        return False
    return all(heater.actual_c is None or heater.actual_c < below_c for heater in (*nozzles, *bed))


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What a condition tests, and what it may be told."""

    holds: Holds
    schema: vol.Schema


class PrinterCondition(Condition):
    """Tests one rule on all printers meant."""

    rule: ClassVar[Rule]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Return the configuration, checked and completed. Raises vol.Invalid."""
        checked: ConfigType = cls.rule.schema(config)
        return checked

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        super().__init__(hass, config)
        self._target = config.target or EVERYTHING
        self._options = config.options or {}

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        combine: Callable[[Iterable[bool]], bool] = (
            all if self._options.get(ATTR_BEHAVIOR) == BEHAVIOR_ALL else any
        )
        found = [
            (status := _status(entry)) is not None and self.rule.holds(status, self._options)
            for entry in async_printer_entries(self._hass, self._target)
        ]
        return bool(found) and combine(found)


def _status(entry: PrinternizerConfigEntry) -> PrinterStatus | None:
    """Return how a printer is, or None when nobody knows."""
    if entry.state is not ConfigEntryState.LOADED:
        return None
    coordinator = entry.runtime_data.coordinator
    return coordinator.data if coordinator.last_update_success else None


_ANY: Final = _schema(BEHAVIOR_ANY)

RULES: Final[Mapping[str, Rule]] = {
    "printer_is_free": Rule(holds=lambda status, _: status.ready, schema=_ANY),
    "printer_is_printing": Rule(
        holds=lambda status, _: status.state is PrinterState.PRINTING, schema=_ANY
    ),
    "printer_needs_attention": Rule(
        holds=lambda status, _: status.state is PrinterState.ATTENTION, schema=_ANY
    ),
    "job_is_running": Rule(holds=lambda status, _: status.active, schema=_ANY),
    "printer_is_cool": Rule(
        holds=lambda status, options: is_cool(status, options[CONF_BELOW]),
        # Power is cut on this one: with several printers, all of them have to be cool.
        schema=_schema(
            BEHAVIOR_ALL, **{CONF_BELOW: (COOL_C, vol.All(vol.Coerce(float), vol.Range(25, 100)))}
        ),
    ),
}

CONDITIONS: Final[dict[str, type[Condition]]] = {
    key: type(f"PrinterCondition_{key}", (PrinterCondition,), {"rule": rule})
    for key, rule in RULES.items()
}


async def async_get_conditions(_: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions of Printernizer."""
    return CONDITIONS
