"""States of Home Assistant as values: in our units, and None for whatever is not known."""

from __future__ import annotations

import math
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    UnitOfLength,
    UnitOfTemperature,
    UnitOfTime,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import (
    DistanceConverter,
    DurationConverter,
    TemperatureConverter,
)

from .source import STATE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from homeassistant.core import HomeAssistant, State
    from homeassistant.util.unit_conversion import BaseUnitConverter

    from .devices import Bindings, Bound

_SILENT: Final = frozenset({STATE_UNAVAILABLE, STATE_UNKNOWN})
_LONGEST: Final = timedelta(days=366)
_FARTHEST: Final = 1e9


class Readings:
    """What the source shows at this moment."""

    def __init__(self, hass: HomeAssistant, bindings: Bindings) -> None:
        self._hass = hass
        self._present = bindings.present
        self.bindings = bindings
        self.word = self._plain(STATE)
        """The source's word for the state; None when it says none."""

    def shows(self, key: str) -> bool:
        """Whether this entity is available, whatever it says."""
        state = self._raw(key)
        return state is not None and state.state != STATE_UNAVAILABLE

    @property
    def alive(self) -> bool:
        """Whether any entity but buttons is available. Those keep still when nobody presses."""
        return any(
            self.shows(key)
            for key, bound in self._present.items()
            if bound.entity.domain in {"sensor", "binary_sensor", "number"}
        )

    def state(self, key: str) -> State | None:
        """Return the state of an entity that says something that means something now."""
        bound = self._present.get(key)
        if bound is None or not self._counts(bound):
            return None
        state = self._hass.states.get(bound.entity_id)
        return None if state is None or state.state in _SILENT else state

    def text(self, key: str) -> str | None:
        """Return a text; None for an empty one."""
        state = self.state(key)
        return (state.state.strip() or None) if state is not None else None

    def word_of(self, key: str) -> str:
        """Return a text, "" when there is none: what tables are asked with."""
        return self.text(key) or ""

    def number(self, key: str) -> float | None:
        """Return a number in whatever unit it stands."""
        state = self.state(key)
        return None if state is None else _finite(state.state)

    def whole(self, key: str) -> int | None:
        """Return a number without what is behind its point."""
        value = self.number(key)
        return None if value is None else int(value)

    def celsius(self, key: str) -> float | None:
        """Return a temperature. Users may see it in another unit."""
        value = self._converted(key, TemperatureConverter, UnitOfTemperature.CELSIUS)
        return None if value is None else round(value, 2)

    def millimetres(self, key: str) -> float | None:
        """Return a length."""
        value = self._converted(key, DistanceConverter, UnitOfLength.MILLIMETERS)
        return None if value is None else round(value, 3)

    def duration(self, key: str) -> timedelta | None:
        """Return a duration, whole seconds."""
        value = self._converted(key, DurationConverter, UnitOfTime.SECONDS)
        if value is None or not 0 <= value <= _LONGEST.total_seconds():
            return None
        return timedelta(seconds=round(value))

    def share(self, key: str) -> float | None:
        """Return 0.0 to 1.0 of a value in per cent."""
        value = self.number(key)
        return None if value is None or not 0 <= value <= 100 else value / 100

    def on(self, key: str) -> bool | None:
        """Return whether something is on."""
        state = self.state(key)
        return {STATE_ON: True, STATE_OFF: False}.get(state.state) if state is not None else None

    def since(self, key: str) -> timedelta | None:
        """Return how long before its own report a moment lies: it moves with the report only."""
        state, moment = self.state(key), self._moment(key)
        if state is None or moment is None:
            return None
        return _bounded(state.last_reported - moment)

    def until(self, key: str) -> timedelta | None:
        """Return how long after its own report a moment lies."""
        state, moment = self.state(key), self._moment(key)
        if state is None or moment is None:
            return None
        return _bounded(moment - state.last_reported)

    def attribute(self, key: str, name: str) -> Any:
        """Return an attribute, whatever it is."""
        state = self.state(key)
        return None if state is None else state.attributes.get(name)

    def text_attribute(self, key: str, name: str) -> str | None:
        """Return an attribute that is a text."""
        value = self.attribute(key, name)
        return value.strip() or None if isinstance(value, str) else None

    def reported(self, key: str) -> float | None:
        """Return when the source last said something of this, changed or not. Seconds, UTC."""
        state = self._raw(key)
        return None if state is None else state.last_reported_timestamp

    def changed(self, key: str) -> float | None:
        """Return when it last said something else. Seconds, UTC."""
        state = self._raw(key)
        return None if state is None else state.last_changed_timestamp

    def all(self, prefix: str) -> Iterator[tuple[str, str, Bound]]:
        """Yield key, its rest and entity of all whose key begins so."""
        return self.bindings.beginning(prefix)

    def _raw(self, key: str) -> State | None:
        bound = self._present.get(key)
        return None if bound is None else self._hass.states.get(bound.entity_id)

    def _plain(self, key: str) -> str | None:
        state = self._raw(key)
        return None if state is None or state.state in _SILENT else state.state

    def _counts(self, bound: Bound) -> bool:
        only = bound.entity.only_while
        return not only or self.word in only

    def _converted(self, key: str, way: type[BaseUnitConverter], unit: str) -> float | None:
        state = self.state(key)
        if state is None or (value := _finite(state.state)) is None:
            return None
        shown = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) or unit
        try:
            return way.convert(value, shown, unit)
        except HomeAssistantError:
            return None

    def _moment(self, key: str) -> datetime | None:
        state = self.state(key)
        moment = dt_util.parse_datetime(state.state) if state is not None else None
        return None if moment is None or moment.tzinfo is None else moment


def _finite(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < _FARTHEST else None


def _bounded(span: timedelta) -> timedelta | None:
    """Return a span in whole seconds. A little below zero is a clock's jitter; far is none."""
    if abs(span) > _LONGEST:
        return None
    return timedelta(seconds=max(0, round(span.total_seconds())))
