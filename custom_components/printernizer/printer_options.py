"""The settings of one printer that are a matter of taste; address and key are reconfigured."""

from __future__ import annotations

from typing import Any, Final

import homeassistant.helpers.entity_registry as er
import voluptuous as vol
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import Platform, UnitOfPower, UnitOfTime
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import CONF_CAMERA_ENTITY, CONF_ENERGY, CONF_MACHINE, DOMAIN
from .engine.shop import Process

METERS: Final = {"energy_entity": SensorDeviceClass.ENERGY, "power_entity": SensorDeviceClass.POWER}
"""What a printer's energy may be read from. Each supplies one printer alone."""
METER_TAKEN: Final = "meter_taken"
WATTS: Final = ("heating_w", "printing_w", "idle_w")
MOST_WATTS: Final = 22_000
LONGEST_MINUTES: Final = 240
MOST_MONEY: Final = 10_000_000
MOST_HOURS: Final = 1_000_000


class PrinterOptionsFlow(OptionsFlowWithReload):
    """Which camera looks at this printer, how its energy is known, and what its hour costs."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go to the form: the step `init` is the shop's."""
        return await self.async_step_printer()

    async def async_step_printer(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a camera and a meter of the house; none means the printer's own, and a model."""
        options = dict(self.config_entry.options)
        errors = {}
        if user_input is not None:
            for key in (CONF_CAMERA_ENTITY, CONF_ENERGY, CONF_MACHINE):
                options.pop(key, None)
            options |= user_input
            if not self._taken().intersection(user_input.get(CONF_ENERGY, {}).values()):
                return self.async_create_entry(data=options)
            errors["base"] = METER_TAKEN
        return self.async_show_form(
            step_id="printer",
            data_schema=self.add_suggested_values_to_schema(self._schema(), options),
            description_placeholders={"name": self.config_entry.title},
            errors=errors,
        )

    def _schema(self) -> vol.Schema:
        registry = er.async_get(self.hass)
        # A camera that shows itself would ask itself for a picture; so would two printers that
        # show each other's.
        closed = [
            entity.entity_id
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            if entry is self.config_entry or entry.options.get(CONF_CAMERA_ENTITY)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
            if entity.domain == Platform.CAMERA
        ]
        cameras = EntitySelectorConfig(domain=Platform.CAMERA, exclude_entities=closed)
        return vol.Schema(
            {
                vol.Optional(CONF_CAMERA_ENTITY): EntitySelector(cameras),
                vol.Optional(CONF_ENERGY): section(self._energy(), {"collapsed": True}),
                vol.Optional(CONF_MACHINE): section(self._machine(), {"collapsed": True}),
            }
        )

    def _energy(self) -> vol.Schema:
        registry = er.async_get(self.hass)
        # Our own sensors show what was counted: a printer that reads them would count in circles.
        ours = {
            entity.entity_id
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
            if entity.original_device_class in METERS.values()
        }
        closed = sorted(ours | self._taken())
        watts = _number(MOST_WATTS, UnitOfPower.WATT)
        return vol.Schema(
            {
                **{
                    vol.Optional(key): EntitySelector(
                        EntitySelectorConfig(
                            domain=Platform.SENSOR,
                            device_class=device_class,
                            exclude_entities=closed,
                        )
                    )
                    for key, device_class in METERS.items()
                },
                vol.Optional("cool_down_minutes"): _number(LONGEST_MINUTES, UnitOfTime.MINUTES),
                vol.Optional("estimate", default=True): BooleanSelector(),
                **{vol.Optional(key): watts for key in WATTS},
            }
        )

    def _machine(self) -> vol.Schema:
        currency = self.hass.config.currency
        processes = SelectSelectorConfig(
            options=[each.value for each in Process],
            translation_key="process",
            mode=SelectSelectorMode.DROPDOWN,
        )
        return vol.Schema(
            {
                vol.Optional("process"): SelectSelector(processes),
                vol.Optional("purchase"): _number(MOST_MONEY, currency),
                vol.Optional("residual"): _number(MOST_MONEY, currency),
                vol.Optional("life_hours"): _number(MOST_HOURS, UnitOfTime.HOURS),
                vol.Optional("maintenance_per_hour"): _number(MOST_MONEY, f"{currency}/h"),
                vol.Optional("pause_counts"): BooleanSelector(),
            }
        )

    def _taken(self) -> set[str]:
        """Return the meters of other printers: one cannot tell whose energy it counts."""
        return {
            entity_id
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            if entry.entry_id != self.config_entry.entry_id
            for key in METERS
            if (entity_id := entry.options.get(CONF_ENERGY, {}).get(key))
        }


def _number(highest: int, unit: str) -> NumberSelector:
    return NumberSelector(
        NumberSelectorConfig(
            min=0,
            max=highest,
            step="any",
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )
