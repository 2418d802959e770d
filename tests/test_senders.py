"""Slicers are let in and shut out: in the settings of the shop, and by actions."""

from __future__ import annotations

from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError

from custom_components.printernizer import senders
from custom_components.printernizer.const import CONF_SENDERS, DOMAIN
from custom_components.printernizer.engine.sender import Reach, whose
from custom_components.printernizer.runtime import async_shop_entry
from custom_components.printernizer.senders import async_senders, async_slicer_address
from tests.shop_floor import Floor, floor  # noqa: F401


async def _step(hass: HomeAssistant, step: str) -> Any:
    """Open a step of the section "Slicers"."""
    shop = async_shop_entry(hass)
    assert shop is not None
    flow = hass.config_entries.options
    menu = await flow.async_init(shop.entry_id)
    assert "slicers" in menu["menu_options"]
    menu = await flow.async_configure(menu["flow_id"], {"next_step_id": "slicers"})
    assert menu["type"] is FlowResultType.MENU
    if step == "slicers":
        return menu
    return await flow.async_configure(menu["flow_id"], {"next_step_id": step})


async def _ask(hass: HomeAssistant, action: str, **data: Any) -> Any:
    return await hass.services.async_call(DOMAIN, action, data, blocking=True, return_response=True)


async def test_a_sender_is_added_and_its_key_is_shown_once(
    hass: HomeAssistant, floor: Floor
) -> None:
    """What is written down nowhere cannot be stolen from a backup."""
    await floor.add()
    flow = hass.config_entries.options
    menu = await _step(hass, "slicers")
    assert menu["menu_options"] == ["add_sender"]
    assert menu["description_placeholders"]["address"].endswith("/printernizer-slicer")
    form = await flow.async_configure(menu["flow_id"], {"next_step_id": "add_sender"})
    typed = {"name": "Büro", "reach": "print", "printer_id": "FLOOR0000"}
    wrong = await flow.async_configure(form["flow_id"], typed | {"name": "  "})
    assert wrong["errors"] == {"name": "bad_sender"}
    shown = await flow.async_configure(form["flow_id"], typed)
    assert (shown["type"], shown["step_id"]) == (FlowResultType.FORM, "sender_key")
    key = shown["description_placeholders"]["key"]  # type: ignore[index]
    assert len(key) == 32
    assert not async_senders(hass), "it opens nothing before it was seen"
    done = await flow.async_configure(form["flow_id"], {})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    (sender,) = async_senders(hass)
    assert (sender.name, sender.reach, sender.printer_id) == ("Büro", Reach.PRINT, "FLOOR0000")
    assert whose((sender,), key) is sender
    shop = async_shop_entry(hass)
    assert shop is not None
    assert key not in str(shop.options)
    menu = await _step(hass, "slicers")
    assert menu["menu_options"] == ["add_sender", "remove_senders"]
    assert menu["description_placeholders"]["senders"] == "- Büro (Virtual One)"


async def test_senders_are_removed_and_other_settings_stay(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A laptop was sold."""
    await floor.add()
    for name in ("One", "Two", "Three"):
        await _ask(hass, "add_sender", name=name)
    shop = async_shop_entry(hass)
    assert shop is not None
    hass.config_entries.async_update_entry(shop, options=shop.options | {"stock": {"low_g": 7}})
    form = await _step(hass, "remove_senders")
    gone = [each.id for each in async_senders(hass) if each.name != "Two"]
    done = await hass.config_entries.options.async_configure(form["flow_id"], {"senders": gone})
    assert done["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert [each.name for each in async_senders(hass)] == ["Two"]
    assert shop.options["stock"] == {"low_g": 7}


async def test_actions_add_list_and_remove(hass: HomeAssistant, floor: Floor) -> None:
    """A school sets up thirty computers by a script."""
    printer = await floor.add()
    told = await _ask(hass, "add_sender", name="Lab", reach="send", device_id=printer.device_id)
    assert told["address"] == async_slicer_address(hass)
    assert whose(async_senders(hass), told["key"]) is not None
    listed = await _ask(hass, "list_senders")
    assert listed["senders"] == [
        {"name": "Lab", "reach": "send", "printer_id": "FLOOR0000", "printer": "Virtual One"}
    ]
    assert told["key"] not in str(listed)
    for action, name, key in (
        ("add_sender", "lab", "sender_known"),
        ("remove_sender", "Nobody", "no_sender"),
    ):
        with pytest.raises(ServiceValidationError) as refused:
            await _ask(hass, action, name=name)
        assert refused.value.translation_key == key
    assert await _ask(hass, "remove_sender", name="Lab") == {"removed": "Lab"}
    assert not async_senders(hass)


async def test_there_are_only_so_many(
    hass: HomeAssistant, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them is compared with every key that is tried."""
    await floor.add()
    monkeypatch.setattr(senders, "MOST", 1)
    await _ask(hass, "add_sender", name="One")
    with pytest.raises(ServiceValidationError) as refused:
        await _ask(hass, "add_sender", name="Two")
    assert refused.value.translation_key == "too_many_senders"
    form = await _step(hass, "add_sender")
    flow = hass.config_entries.options
    wrong = await flow.async_configure(form["flow_id"], {"name": "Two", "reach": "keep"})
    assert wrong["errors"] == {"name": "too_many_senders"}


async def test_without_a_shop_nobody_is_let_in(hass: HomeAssistant, floor: Floor) -> None:
    """There is nowhere to keep them."""
    assert async_senders(hass) == ()
    printer = await floor.add()
    shop = async_shop_entry(hass)
    assert shop is not None
    assert CONF_SENDERS not in shop.options
    await hass.config_entries.async_remove(shop.entry_id)
    assert printer.coordinator
    with pytest.raises(ServiceValidationError):
        await _ask(hass, "add_sender", name="One")


async def test_the_address_is_that_of_the_house(hass: HomeAssistant) -> None:
    """It is typed off the screen."""
    assert async_slicer_address(hass) == "http://homeassistant.local:8123/printernizer-slicer"
    hass.config.internal_url = "http://10.0.0.5:8123"
    assert async_slicer_address(hass) == "http://10.0.0.5:8123/printernizer-slicer"
