"""What a printer's owner may set: another camera of the house."""

from __future__ import annotations

import homeassistant.helpers.entity_registry as er
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.printernizer.const import CONF_CAMERA_ENTITY
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
    (field,) = form["data_schema"].schema
    assert field.description == {"suggested_value": "camera.workshop"}
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
