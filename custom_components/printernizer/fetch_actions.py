"""Actions that bring files of printers into the library, and call that off."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from . import fields
from .fetch_news import fetch_facts
from .shop_action import ShopAction
from .targets import async_place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .action import Facts
    from .shop_action import ShopRequest


async def _fetch_file(request: ShopRequest) -> Facts:
    data, fetches = request.data, request.shop.fetches
    if "file" in data:
        file = await fetches.file(data["file"])
    else:
        printer = async_place_of(request.hass, data[ATTR_DEVICE_ID], None)[0]
        file = await fetches.fetch(printer.printer_id, data["path"])
    return {"file": str(file.id), "size": file.size_bytes, "sha256": file.sha256}


async def _cancel_fetch(request: ShopRequest) -> Facts:
    printer = async_place_of(request.hass, request.data[ATTR_DEVICE_ID], None)[0]
    ended = await request.shop.fetches.cancel(printer.printer_id, request.data.get("path"))
    return fetch_facts(ended)


def _one_file(data: dict[str, Any]) -> dict[str, Any]:
    if ("file" in data) == ("path" in data) or (ATTR_DEVICE_ID in data) != ("path" in data):
        raise vol.Invalid("either a file of the library, or a printer and a path on it")
    return data


FETCH_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "fetch_file": ShopAction(
        deed=_fetch_file,
        fields={
            vol.Optional("file"): vol.All(cv.string, vol.Coerce(UUID)),
            vol.Optional(ATTR_DEVICE_ID): cv.string,
            vol.Optional("path"): fields.remote_path,
        },
        check=_one_file,
    ),
    "cancel_fetch": ShopAction(
        deed=_cancel_fetch,
        fields={
            vol.Required(ATTR_DEVICE_ID): cv.string,
            vol.Optional("path"): fields.remote_path,
        },
        response=SupportsResponse.OPTIONAL,
    ),
}
