"""The senders of the shop, in the options of its own entry."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from homeassistant.core import callback
from homeassistant.helpers.network import NoURLAvailableError, get_url

from .const import CONF_SENDERS, DOMAIN
from .engine.errors import NotAllowed
from .engine.sender import Reach, Sender, key_hash, sender_name
from .runtime import async_shop_entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

BASE: Final = f"/{DOMAIN}-slicer"
"""What people type in. Not below "/api/": Cura takes every address with "api/printer" in it for a
question of the printer's state, and would read all answers as that."""
BASE_OF_API: Final = f"/api/{DOMAIN}/slicer"
"""The same door, for proxies that let through nothing else."""
MOST: Final = 100
_KEY_BYTES: Final = 16
"""OctoPrint's keys have as many, and some forms take no longer ones."""
_SOMEWHERE: Final = "http://homeassistant.local:8123"
"""Where most people find Home Assistant, when it does not know its own address."""


def senders_in(options: Mapping[str, Any]) -> tuple[Sender, ...]:
    """Return the senders that the shop's options hold."""
    return tuple(
        Sender(
            id=said["id"],
            name=said["name"],
            key_sha256=said["key_sha256"],
            reach=Reach(said["reach"]),
            printer_id=said.get("printer_id"),
        )
        for said in options.get(CONF_SENDERS, ())
    )


@callback
def async_senders(hass: HomeAssistant) -> tuple[Sender, ...]:
    """Return all senders."""
    shop = async_shop_entry(hass)
    return () if shop is None else senders_in(shop.options)


def new_sender(
    options: Mapping[str, Any], name: str, reach: Reach, printer_id: str | None
) -> tuple[Sender, str]:
    """Return one more sender and its key, which is kept nowhere.

    Raises NotAllowed: "bad_sender", "sender_known", "too_many_senders".
    """
    known = senders_in(options)
    if len(known) >= MOST:
        raise NotAllowed(f"{MOST} senders", key="too_many_senders")
    key = secrets.token_hex(_KEY_BYTES).upper()
    sender = Sender(
        id=uuid4().hex,
        name=sender_name(name, known),
        key_sha256=key_hash(key),
        reach=reach,
        printer_id=printer_id,
    )
    return sender, key


def with_sender(options: Mapping[str, Any], sender: Sender) -> dict[str, Any]:
    """Return the options with one more sender."""
    said: dict[str, Any] = {
        "id": sender.id,
        "name": sender.name,
        "key_sha256": sender.key_sha256,
        "reach": sender.reach.value,
    }
    if sender.printer_id is not None:
        said["printer_id"] = sender.printer_id
    return {**options, CONF_SENDERS: [*options.get(CONF_SENDERS, ()), said]}


def without_senders(options: Mapping[str, Any], ids: set[str]) -> dict[str, Any]:
    """Return the options without some senders: their keys open nothing from now on."""
    left = [said for said in options.get(CONF_SENDERS, ()) if said["id"] not in ids]
    return {**options, CONF_SENDERS: left}


@callback
def async_shop(hass: HomeAssistant) -> ConfigEntry[Any]:
    """Return the shop's entry. Raises NotAllowed while there is none."""
    if (shop := async_shop_entry(hass)) is None:
        raise NotAllowed("no printer is set up")
    return shop


@callback
def async_slicer_address(hass: HomeAssistant) -> str:
    """Return what to type into a slicer as its host."""
    try:
        url = get_url(hass, allow_cloud=False)
    except NoURLAvailableError:
        url = _SOMEWHERE
    return f"{url}{BASE}"
