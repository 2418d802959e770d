"""Entities of other integrations, made by hand: what their tables say that they look like."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.engine.workshop.clock import SystemClock
from custom_components.printernizer.followed.driver import FollowedDriver, Pace

QUICK = Pace(grace_s=0.2, patience_s=0.3, settle_s=0.2, confirm_s=0.3, answer_s=0.2, again_s=0.02)


@dataclass
class Source:
    """One printer of one integration, as Home Assistant shows it."""

    hass: HomeAssistant
    domain: str
    identifier: str
    device: dr.DeviceEntry
    entry: MockConfigEntry
    calls: list[ServiceCall] = field(default_factory=list)
    refuses: str | None = None
    """What its actions raise."""

    def add(
        self,
        domain: str,
        unique_id: str,
        state: str | None = None,
        *,
        device: dr.DeviceEntry | None = None,
        disabled: bool = False,
        **attributes: Any,
    ) -> str:
        """Add an entity with the state that it shows; `{id}` stands for the device's piece."""
        entity = er.async_get(self.hass).async_get_or_create(
            domain,
            self.domain,
            unique_id.format(id=self.identifier),
            config_entry=self.entry,
            device_id=(device or self.device).id,
            disabled_by=er.RegistryEntryDisabler.INTEGRATION if disabled else None,
        )
        if state is not None:
            self.hass.states.async_set(entity.entity_id, state, attributes)
        return entity.entity_id

    def show(self, unique_id: str, state: str, **attributes: Any) -> None:
        """Show another state of an entity."""
        self.hass.states.async_set(self.find(unique_id), state, attributes)

    def find(self, unique_id: str) -> str:
        """Return the entity id."""
        wanted = unique_id.format(id=self.identifier)
        registry = er.async_get(self.hass)
        return next(
            entity.entity_id
            for entity in er.async_entries_for_config_entry(registry, self.entry.entry_id)
            if entity.unique_id == wanted
        )

    def serves(self, domain: str, action: str, **effect: str) -> None:
        """Offer an action; it shows these states by unique id: `id=state`."""

        async def act(call: ServiceCall) -> None:
            self.calls.append(call)
            if self.refuses is not None:
                raise HomeAssistantError(self.refuses)
            for unique_id, state in effect.items():
                old = self.hass.states.get(self.find(unique_id))
                attributes = dict(old.attributes) if old is not None else {}
                self.show(unique_id, state, **attributes)

        self.hass.services.async_register(domain, action, act)

    def driver(self, serial: str | None = None) -> FollowedDriver:
        """Return a driver that follows it."""
        settings = {
            "source": self.domain,
            "identifier": self.identifier,
            "serial": serial or self.identifier,
        }
        return FollowedDriver(self.hass, settings, SystemClock(), QUICK)


def source(
    hass: HomeAssistant,
    domain: str,
    identifier: str | None = None,
    *,
    serial: str | None = None,
    **about: str,
) -> Source:
    """Set up one printer of an integration: its entry and its device, no entities yet.

    Without identifier the device is known by its entry, as those integrations do it.
    """
    entry = MockConfigEntry(domain=domain, title="Its title", unique_id=identifier)
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={(domain, identifier or entry.entry_id)},
        name=about.get("name", "Workhorse"),
        manufacturer=about.get("manufacturer"),
        model=about.get("model"),
        serial_number=serial,
        sw_version=about.get("sw_version"),
        configuration_url=about.get("configuration_url"),
    )
    return Source(hass, domain, identifier or entry.entry_id, device, entry)


def bambu(hass: HomeAssistant, **states: str) -> Source:
    """Return a Bambu A1 of ha-bambulab at rest."""
    made = source(
        hass,
        "bambu_lab",
        "03900A000000001",
        manufacturer="Bambu Lab",
        model="A1",
        name="A1_03900A000000001",
        sw_version="01.05.00.00",
    )
    shown: Mapping[str, str] = {
        "print_status": "idle",
        "stage": "idle",
        "print_type": "idle",
        "subtask_name": "",
        "gcode_file": "unknown",
        "print_progress": "0",
        "current_layer": "0",
        "total_layers": "0",
        "speed_profile": "standard",
        "sdcard_status": "normal",
        "wifi_signal": "-51",
        **states,
    }
    for key, state in shown.items():
        made.add("sensor", f"{{id}}_{key}", state)
    made.add("sensor", "{id}_remaining_time", "0", unit_of_measurement="h")
    made.add("sensor", "{id}_total_usage_hours", "312.5", unit_of_measurement="h")
    made.add("sensor", "{id}_nozzle_temp", "24", unit_of_measurement="°C")
    made.add("sensor", "{id}_target_nozzle_temp", "0", unit_of_measurement="°C")
    made.add("sensor", "{id}_bed_temp", "75.2", unit_of_measurement="°F")
    made.add("sensor", "{id}_target_bed_temp", "32", unit_of_measurement="°F")
    made.add("sensor", "{id}_cooling_fan_speed", "40", unit_of_measurement="%")
    made.add("binary_sensor", "{id}_print_error", "off")
    made.add("binary_sensor", "{id}_hms", "off")
    for key in ("pause", "resume", "stop"):
        made.add("button", f"{{id}}_{key}", "unknown")
    made.add("light", "{id}_chamber_light", "off")
    made.add("fan", "{id}_cooling_fan", "on", percentage=40)
    made.add(
        "select",
        "{id}_Speed",
        "standard",
        options=["silent", "standard", "sport", "ludicrous"],
    )
    made.add(
        "number",
        "{id}_target_nozzle_temperature",
        "32",
        unit_of_measurement="°F",
        min=32,
        max=608,
    )
    return made


def moonraker(hass: HomeAssistant, **states: str) -> Source:
    """Return a Klipper printer of the Moonraker integration at rest."""
    made = source(hass, "moonraker", name="voron", manufacturer="moonraker", model="moonraker")
    shown: Mapping[str, str] = {
        "print_state": "standby",
        "state": "ready",
        "idle_timeout_state": "Idle",
        "message": "Printer is ready",
        "print_message": "",
        "filename": "",
        "progress": "0.0",
        "current_layer": "0",
        "total_layer": "0",
        **states,
    }
    for key, state in shown.items():
        made.add("sensor", f"{{id}}_{key}", state)
    made.add("sensor", "{id}_print_duration", "0.0", unit_of_measurement="min")
    made.add("sensor", "{id}_print_time_left", "0.0", unit_of_measurement="h")
    made.add("sensor", "{id}_filament_used", "0.0", unit_of_measurement="m")
    made.add("sensor", "{id}_extruder_temp", "31.5", unit_of_measurement="°C")
    made.add("sensor", "{id}_extruder1_temp", "30.5", unit_of_measurement="°C")
    made.add("sensor", "{id}_heater_bed_temp", "60.1", unit_of_measurement="°C")
    made.add("sensor", "{id}_heater_fan_hotend_fan", "100", unit_of_measurement="%")
    made.add("number", "{id}_extruder_target", "0", unit_of_measurement="°C", min=0, max=350)
    made.add("number", "{id}_heater_bed_target", "60", unit_of_measurement="°C", min=0, max=130)
    made.add("number", "{id}_fan_speed", "0", unit_of_measurement="%", min=0, max=100)
    made.add("number", "{id}_speed_factor", "100", unit_of_measurement="%", min=0, max=200)
    made.add("binary_sensor", "{id}_filament_switch_sensor_runout", "on")
    for key in ("pause_print", "resume_print", "cancel_print", "emergency_stop"):
        made.add("button", f"{{id}}_{key}", "unknown")
    for key in ("x_axis", "y_axis", "z_axis", "all_axes"):
        made.add("button", f"{{id}}_home_{key}", "unknown")
    made.add("switch", "{id}_printer plug", "on")
    made.add("switch", "{id}_output_pin caselight", "off")
    made.add("light", "{id}_neopixel case", "off")
    return made


def octoprint(hass: HomeAssistant, **states: str) -> Source:
    """Return a printer of Home Assistant's OctoPrint integration at rest."""
    made = source(hass, "octoprint", UUID, name="OctoPrint", manufacturer="OctoPrint")
    shown: Mapping[str, str] = {
        "Current State": "operational",
        "Current File": "unavailable",
        "Job Percentage": "0",
        "Start Time": "unknown",
        "Estimated Finish Time": "unknown",
        **states,
    }
    for key, state in shown.items():
        made.add("sensor", f"{key}-{{id}}", state)
    for tool in ("tool0", "bed"):
        made.add("sensor", f"actual {tool} temp-{{id}}", "25", unit_of_measurement="°C")
        made.add("sensor", f"target {tool} temp-{{id}}", "0", unit_of_measurement="°C")
        made.add(
            "number",
            f"{{id}}_{tool}_temperature",
            "0",
            unit_of_measurement="°C",
            min=0,
            max=300,
        )
    for key in ("Pause Job", "Resume Job", "Stop Job"):
        made.add("button", f"{key}-{{id}}", "unknown")
    made.add("camera", "{id}", "idle")
    return made


UUID = "2c1b5d2e-1111-2222-3333-444455556666"
