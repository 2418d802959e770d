"""Actions on senders: slicers are let in, listed and shut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from .engine.errors import NotAllowed
from .engine.sender import LONGEST_NAME, Reach
from .senders import (
    async_senders,
    async_shop,
    async_slicer_address,
    new_sender,
    with_sender,
    without_senders,
)
from .shop_action import ShopAction
from .targets import async_place_of, async_printer_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .action import Facts
    from .engine.sender import Sender
    from .shop_action import ShopRequest


async def _add_sender(request: ShopRequest) -> Facts:
    hass, data = request.hass, request.data
    printer_id = None
    if ATTR_DEVICE_ID in data:
        printer_id = async_place_of(hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    shop = async_shop(hass)
    sender, key = new_sender(shop.options, data["name"], data["reach"], printer_id)
    hass.config_entries.async_update_entry(shop, options=with_sender(shop.options, sender))
    names = async_printer_names(hass)
    return {**_facts(sender, names), "address": async_slicer_address(hass), "key": key}


async def _list_senders(request: ShopRequest) -> Facts:
    names = async_printer_names(request.hass)
    return {
        "address": async_slicer_address(request.hass),
        "senders": [_facts(sender, names) for sender in async_senders(request.hass)],
    }


async def _remove_sender(request: ShopRequest) -> Facts:
    shop, name = async_shop(request.hass), request.data["name"]
    found = {each.id for each in async_senders(request.hass) if each.name == name}
    if not found:
        raise NotAllowed(name, key="no_sender")
    options = without_senders(shop.options, found)
    request.hass.config_entries.async_update_entry(shop, options=options)
    return {"removed": name}


def _facts(sender: Sender, names: Mapping[str, str]) -> dict[str, Any]:
    """Return what may be told of a sender: everything but its key."""
    return {
        "name": sender.name,
        "reach": sender.reach.value,
        "printer_id": sender.printer_id,
        "printer": names.get(sender.printer_id) if sender.printer_id else None,
    }


_NAME: Final = vol.All(cv.string, vol.Length(min=1, max=LONGEST_NAME))

SENDER_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "add_sender": ShopAction(
        deed=_add_sender,
        fields={
            vol.Required("name"): _NAME,
            vol.Optional("reach", default=Reach.KEEP): vol.Coerce(Reach),
            vol.Optional(ATTR_DEVICE_ID): cv.string,
        },
        response=SupportsResponse.ONLY,
    ),
    "list_senders": ShopAction(deed=_list_senders, fields={}, response=SupportsResponse.ONLY),
    "remove_sender": ShopAction(deed=_remove_sender, fields={vol.Required("name"): _NAME}),
}
