"""What can be set on a followed printer: temperatures, fans, speed, lamps and sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    UnitOfTemperature,
)
from homeassistant.util.unit_conversion import TemperatureConverter

from ..engine.drivers.base import HOT_C, Range
from ..engine.errors import Refused
from ..engine.printer import PrinterState

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import State

    from ..engine.printer import PrinterStatus
    from .hands import Hands

_NEAR_C: Final = 1.0
_NEAR_PERCENT: Final = 10
"""Bambu fans know 15 steps, and their integration rounds up to the next ten."""


class FollowedHeaters:
    """Temperatures, as numbers of the source; they may stand in a user's own unit."""

    def __init__(self, hands: Hands, keys: tuple[str, ...]) -> None:
        self._hands = hands
        self._keys = keys

    @property
    def ranges(self) -> Mapping[str, Range]:
        """By heater key, degrees Celsius."""
        found = {}
        for key in self._keys:
            state = _state(self._hands, f"heater_{key}")
            if state is not None:
                low, high = (state.attributes.get(end) for end in ("min", "max"))
                if isinstance(low, int | float) and isinstance(high, int | float):
                    found[key] = Range(minimum=_celsius(state, low), maximum=_celsius(state, high))
        return found

    async def set_target(self, heater: str, celsius: float) -> None:
        """Set a target."""
        allowed = self.ranges.get(heater)
        if allowed is None:
            raise Refused("it has no such heater", key="not_supported")
        if celsius and not allowed.minimum <= celsius <= allowed.maximum:
            raise Refused(
                f"{allowed.minimum:g} to {allowed.maximum:g} degrees are possible",
                key="out_of_range",
            )
        key = f"heater_{heater}"
        state = _state(self._hands, key)
        unit = _unit(state)
        value = TemperatureConverter.convert(celsius, UnitOfTemperature.CELSIUS, unit)
        await self._hands.entity(key, "set_value", value=round(value, 1))
        session = self._hands.session

        def shown() -> bool:
            now = session.readings.celsius(key)
            return now is not None and abs(now - celsius) <= _NEAR_C

        await self._hands.until(shown)


def _state(hands: Hands, key: str) -> State | None:
    bound = hands.session.watch.bindings.present.get(key)
    return None if bound is None else hands.session.hass.states.get(bound.entity_id)


def _unit(state: State | None) -> str:
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) if state is not None else None
    return str(unit) if unit in TemperatureConverter.VALID_UNITS else UnitOfTemperature.CELSIUS


def _celsius(state: State, value: float) -> float:
    return round(TemperatureConverter.convert(value, _unit(state), UnitOfTemperature.CELSIUS), 1)


class FollowedFans:
    """Fans, which sources have as fans or as numbers in per cent."""

    def __init__(self, hands: Hands, keys: tuple[str, ...]) -> None:
        self._hands = hands
        self.keys = keys

    async def set_speed(self, fan: str, percent: int) -> None:
        """Set a fan."""
        key = f"set_fan_{fan}"
        if self._hands.bound(key).entity.domain == "fan":
            await self._hands.entity(key, "set_percentage", percentage=percent)
        else:
            await self._hands.entity(key, "set_value", value=percent)

        def shown() -> bool:
            now = _fan(self._hands.session.present(), fan)
            return now is not None and abs(now - percent) <= _NEAR_PERCENT

        await self._hands.until(shown)


def _fan(status: PrinterStatus, key: str) -> int | None:
    return next((fan.percent for fan in status.fans if fan.key == key), None)


class FollowedSpeed:
    """How fast it prints, by name or by per cent."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    @property
    def profiles(self) -> tuple[str, ...]:
        """Named speeds."""
        options = self._attribute("set_profile", "options")
        return tuple(str(option) for option in options) if isinstance(options, list | tuple) else ()

    @property
    def percent_range(self) -> tuple[int, int] | None:
        """Lowest and highest per cent."""
        low, high = (self._attribute("set_speed", end) for end in ("min", "max"))
        if not isinstance(low, int | float) or not isinstance(high, int | float):
            return None
        return max(1, int(low)), int(high)

    async def set_profile(self, profile: str) -> None:
        """Choose a named speed."""
        if profile not in self.profiles:
            raise Refused("it has no such speed", key="out_of_range")
        await self._hands.entity("set_profile", "select_option", option=profile)
        session = self._hands.session
        await self._hands.until(lambda: session.present().speed_profile == profile)

    async def set_percent(self, percent: int) -> None:
        """Set the feed rate factor."""
        allowed = self.percent_range
        if allowed is None or not allowed[0] <= percent <= allowed[1]:
            raise Refused("it has no such speed", key="out_of_range")
        await self._hands.entity("set_speed", "set_value", value=percent)
        session = self._hands.session
        await self._hands.until(lambda: session.present().speed_percent == percent)

    def _attribute(self, key: str, name: str) -> object:
        state = _state(self._hands, key)
        return None if state is None else state.attributes.get(name)


class FollowedSwitches:
    """Lamps, or whatever is on or off."""

    def __init__(self, hands: Hands, prefix: str, keys: tuple[str, ...]) -> None:
        self._hands = hands
        self._prefix = prefix
        self.keys = keys

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch one."""
        place = f"{self._prefix}{key}"
        await self._hands.entity(place, SERVICE_TURN_ON if on else SERVICE_TURN_OFF)
        await self._hands.until(lambda: self._hands.session.readings.on(place) is on)


class FollowedOutlets(FollowedSwitches):
    """Sockets; they keep their power while the printer needs it."""

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch one, but never off under a job or a hot nozzle."""
        if not on and _needs_power(self._hands.session.look()):
            raise Refused("it prints, heats or is still hot", key="printer_busy")
        await super().set(key, on)


def _needs_power(status: PrinterStatus | None) -> bool:
    if status is None:
        return False
    heated = [tool.temperature for tool in status.tools]
    heated += [part for part in (status.bed, status.chamber) if part is not None]
    return (
        status.active
        or status.state is PrinterState.BUSY
        or any((part.actual_c or 0) > HOT_C or (part.target_c or 0) > 0 for part in heated)
    )
