"""Readings of the house on their way to the meters: units become kWh, W and money per kWh.

Whatever an entity says that is no number in a unit we know counts as saying nothing.
"""

from __future__ import annotations

import logging
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import callback
from homeassistant.helpers.event import async_track_state_change_event

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import CALLBACK_TYPE, Event, EventStateChangedData, HomeAssistant, State

    from .coordinator import PrinterCoordinator

_LOGGER = logging.getLogger(__name__)

KWH: Final[Mapping[str, Decimal]] = {
    "mWh": Decimal("0.000001"),
    "Wh": Decimal("0.001"),
    "kWh": Decimal(1),
    "MWh": Decimal(1000),
    "GWh": Decimal(1_000_000),
    "J": 1 / Decimal(3_600_000),
    "kJ": 1 / Decimal(3600),
    "MJ": 1 / Decimal("3.6"),
    "GJ": 1000 / Decimal("3.6"),
}
"""Kilowatt-hours in a unit of energy."""
WATTS: Final[Mapping[str, Decimal]] = {
    "mW": Decimal("0.001"),
    "W": Decimal(1),
    "kW": Decimal(1000),
    "MW": Decimal(1_000_000),
}
HUNDREDTHS: Final = frozenset({"ct", "cent", "cents", "c", "¢", "öre", "øre", "p", "gr"})
"""Units that are a hundredth of a currency, in lower case."""
LARGEST: Final = Decimal("1e9")
"""A reading beyond is garbage, not energy."""
HIGHEST_PRICE: Final = Decimal("1e6")
"""Of a kilowatt-hour, in any currency; sums of garbage would not fit into the ledger."""


def number(state: State | None) -> Decimal | None:
    """Return what an entity says, or None when that is no number."""
    if state is None:
        return None
    try:
        said = Decimal(state.state)
    except InvalidOperation:
        return None
    return said if said.is_finite() and abs(said) <= LARGEST else None


def in_unit(state: State | None, units: Mapping[str, Decimal]) -> Decimal | None:
    """Return what an entity says in the unit of the table, or None."""
    said = number(state)
    if state is None or said is None:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    factor = units.get(unit) if isinstance(unit, str) else None
    if factor is None:
        _LOGGER.debug("%s: unit %r is not one of %s", state.entity_id, unit, sorted(units))
        return None
    return said * factor


def price_of(state: State | None) -> Decimal | None:
    """Return a price per kilowatt-hour in whole currency.

    "EUR/kWh", "ct/kWh", "EUR/MWh"; an entity without a unit is believed to mean the first.
    """
    said = number(state)
    if state is None or said is None:
        return None
    unit = str(state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) or "/kWh")
    money, _, energy = unit.partition("/")
    factor = KWH.get(energy.strip())
    if factor is None:
        return None
    if money.strip().lower() in HUNDREDTHS:
        said /= 100
    price = said / factor
    return price if abs(price) <= HIGHEST_PRICE else None


def share_of(state: State | None) -> Decimal | None:
    """Return a percentage as a share, 0 to 1."""
    said = number(state)
    return None if said is None else min(max(said, Decimal(0)), Decimal(100)) / 100


@callback
def async_feed_energy(hass: HomeAssistant, coordinator: PrinterCoordinator) -> CALLBACK_TYPE:
    """Carry what the house measures for a printer to its meter; returns how to stop.

    The price and the own share are the shop's: every printer carries them, the first one counts.
    """
    feed = _Feed(hass, coordinator)
    feed.follow()
    stop_settings = coordinator.workshop.settings.subscribe(feed.follow)

    @callback
    def stop() -> None:
        stop_settings()
        feed.stop()

    return stop


class _Feed:
    """The entities that one printer's energy is known from."""

    def __init__(self, hass: HomeAssistant, coordinator: PrinterCoordinator) -> None:
        self._hass = hass
        self._meters = coordinator.workshop.meters
        self._settings = coordinator.workshop.settings
        self._printer_id = coordinator.printer_id
        self._followed: tuple[str | None, ...] = ()
        self._stop: CALLBACK_TYPE | None = None

    @callback
    def follow(self) -> None:
        """Listen to the entities of this moment's settings, and read them once."""
        machine = self._settings.machine(self._printer_id)
        energy = self._settings.shop.energy
        power = None if machine.energy_entity else machine.power_entity
        wanted = (machine.energy_entity, power, energy.price_entity, energy.solar_entity)
        if wanted == self._followed:
            return
        self._unlisten()
        self._followed = wanted
        entities = [entity for entity in wanted if entity]
        if entities:
            self._stop = async_track_state_change_event(self._hass, entities, self._on_change)
        for entity_id in reversed(entities):  # the price first, then what costs it
            self._read(entity_id, self._hass.states.get(entity_id))

    @callback
    def stop(self) -> None:
        """Listen no more: what is drawn from here on nobody reads."""
        self._unlisten()
        self._meters.unavailable(self._printer_id)

    def _unlisten(self) -> None:
        if self._stop is not None:
            self._stop()
            self._stop = None

    @callback
    def _on_change(self, event: Event[EventStateChangedData]) -> None:
        self._read(event.data["entity_id"], event.data["new_state"])

    def _read(self, entity_id: str, state: State | None) -> None:
        meter, power, price, solar = self._followed
        if entity_id == price:
            self._meters.price(price_of(state))
        if entity_id == solar:
            self._meters.solar(share_of(state))
        if entity_id == meter:
            self._carry(meter_kwh=in_unit(state, KWH))
        if entity_id == power:
            self._carry(power_w=in_unit(state, WATTS))

    def _carry(self, *, meter_kwh: Decimal | None = None, power_w: Decimal | None = None) -> None:
        if meter_kwh is None and power_w is None:
            self._meters.unavailable(self._printer_id)
        else:
            self._meters.sample(self._printer_id, meter_kwh=meter_kwh, power_w=power_w)
