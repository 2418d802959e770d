"""What a printer's owner may set: another camera of the house."""

from __future__ import annotations

from decimal import Decimal

import homeassistant.helpers.entity_registry as er
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.printernizer.const import CONF_CAMERA_ENTITY, CONF_ENERGY, CONF_MACHINE
from custom_components.printernizer.engine.shop import MachineProfile, PowerModel, Process
from custom_components.printernizer.printer_options import METER_TAKEN
from tests.shop_floor import Floor, floor  # noqa: F401


async def test_a_camera_of_the_house_is_chosen_and_given_up_again(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Many printers have none, and a better one hangs on the wall."""
    printer = await floor.add()
    entry = printer.entry
    hass.config_entries.async_update_entry(entry, options={"of_another_form": 1})
    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["type"] is FlowResultType.FORM
    assert form["step_id"] == "printer"
    assert form["description_placeholders"] == {"name": entry.title}
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_CAMERA_ENTITY: "camera.workshop"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert entry.options == {CONF_CAMERA_ENTITY: "camera.workshop", "of_another_form": 1}
    assert entry.state is ConfigEntryState.LOADED

    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["data_schema"] is not None
    (camera, _energy, _machine) = form["data_schema"].schema
    assert camera.description == {"suggested_value": "camera.workshop"}
    await hass.config_entries.options.async_configure(form["flow_id"], {})
    await hass.async_block_till_done()
    assert entry.options == {"of_another_form": 1}


async def test_a_printer_is_not_offered_its_own_camera(hass: HomeAssistant, floor: Floor) -> None:
    """It would ask itself for a picture for ever."""
    printer = await floor.add()
    own = er.async_get(hass).async_get_or_create(
        "camera", "printernizer", "of this printer", config_entry=printer.entry
    )
    form = await hass.config_entries.options.async_init(printer.entry.entry_id)
    assert form["data_schema"] is not None
    selector = form["data_schema"].schema[CONF_CAMERA_ENTITY]
    assert selector.config["domain"] == ["camera"]
    assert own.entity_id in selector.config["exclude_entities"]
    hass.config_entries.options.async_abort(form["flow_id"])


async def test_two_printers_are_not_made_to_show_each_other(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Each would ask the other for a picture, and neither has one."""
    left, right = await floor.add("Left"), await floor.add("Right")
    shown = er.async_get(hass).async_get_or_create(
        "camera", "printernizer", "of the other printer", config_entry=right.entry
    )
    hass.config_entries.async_update_entry(
        right.entry, options={CONF_CAMERA_ENTITY: "camera.of_the_left"}
    )
    form = await hass.config_entries.options.async_init(left.entry.entry_id)
    assert form["data_schema"] is not None
    selector = form["data_schema"].schema[CONF_CAMERA_ENTITY]
    assert shown.entity_id in selector.config["exclude_entities"]
    hass.config_entries.options.async_abort(form["flow_id"])


async def test_a_meter_is_chosen_and_its_printer_goes_by_it(
    hass: HomeAssistant, floor: Floor
) -> None:
    """The owner's words are what the costs are reckoned with."""
    printer = await floor.add()
    form = await hass.config_entries.options.async_init(printer.entry.entry_id)
    energy = {"energy_entity": "sensor.plug", "cool_down_minutes": 0, "heating_w": 310.5}
    result = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_ENERGY: energy}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    settings = printer.coordinator.workshop.settings
    assert settings.machine(printer.machine.serial) == MachineProfile(
        energy_entity="sensor.plug",
        cool_down_minutes=Decimal(0),
        power=PowerModel(heating_w=Decimal("310.5")),
    )
    form = await hass.config_entries.options.async_init(printer.entry.entry_id)
    await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_ENERGY: {"estimate": False}}
    )
    await hass.async_block_till_done()
    assert settings.machine(printer.machine.serial) == MachineProfile(power=None)


async def test_a_meter_supplies_one_printer_alone(hass: HomeAssistant, floor: Floor) -> None:
    """Nobody could tell whose energy it counts, and both would pay all of it."""
    left, right = await floor.add("Left"), await floor.add("Right")
    form = await hass.config_entries.options.async_init(left.entry.entry_id)
    taken = {"energy_entity": "sensor.plug"}
    hass.config_entries.async_update_entry(right.entry, options={CONF_ENERGY: taken})
    refused = await hass.config_entries.options.async_configure(
        form["flow_id"], {CONF_ENERGY: {"power_entity": "sensor.plug"}}
    )
    assert refused["type"] is FlowResultType.FORM
    assert refused["errors"] == {"base": METER_TAKEN}
    assert refused["data_schema"] is not None
    selector = refused["data_schema"].schema[CONF_ENERGY].schema.schema["energy_entity"]
    own = er.async_get(hass).async_get_entity_id(
        "sensor", "printernizer", f"{left.machine.serial}_energy"
    )
    assert {"sensor.plug", own} <= set(selector.config["exclude_entities"])
    result = await hass.config_entries.options.async_configure(
        refused["flow_id"], {CONF_ENERGY: {"power_entity": "sensor.other"}}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()


async def test_what_an_hour_costs_is_what_was_typed(hass: HomeAssistant, floor: Floor) -> None:
    """A machine hour that nobody set must cost nothing, and one that was set exactly that."""
    printer = await floor.add()
    settings = printer.coordinator.workshop.settings
    assert settings.machine(printer.machine.serial).purchase is None
    form = await hass.config_entries.options.async_init(printer.entry.entry_id)
    machine = {
        "process": "resin",
        "purchase": 899.9,
        "residual": 100,
        "life_hours": 4000,
        "maintenance_per_hour": 0.05,
        "pause_counts": True,
    }
    await hass.config_entries.options.async_configure(form["flow_id"], {CONF_MACHINE: machine})
    await hass.async_block_till_done()
    profile = printer.coordinator.workshop.settings.machine(printer.machine.serial)
    assert (profile.process, profile.purchase) == (Process.RESIN, Decimal("899.9"))
    assert (profile.residual, profile.life_hours) == (Decimal(100), Decimal(4000))
    assert (profile.maintenance_per_hour, profile.pause_counts) == (Decimal("0.05"), True)
    assert profile.power is not None, "what another section says stays as it is"
