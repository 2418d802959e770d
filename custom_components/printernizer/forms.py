"""The fields that people fill in, per kind of printer."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.const import (
    CONF_API_KEY,
    CONF_HOST,
    CONF_NAME,
    CONF_PASSWORD,
    CONF_PORT,
    CONF_URL,
    CONF_USERNAME,
)
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)

from .addresses import host_of
from .const import (
    CONF_ACCESS_CODE,
    CONF_FINGERPRINT,
    CONF_KIND,
    CONF_LOGIN,
    CONF_SERIAL,
    CONF_SPEED,
)
from .engine.drivers.registry import PrinterKind
from .probe import split_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .engine.printer import PrinterIdentity

_TEXT: Final = TextSelector()
_SECRET: Final = TextSelector(
    TextSelectorConfig(type=TextSelectorType.PASSWORD, autocomplete="off")
)
FASTEST: Final = 1000
DEFAULT_USER: Final = "maker"
"""The user name that every PrusaLink starts with."""

_BAMBU_KEY: Final = {vol.Required(CONF_ACCESS_CODE): _SECRET}
_PRUSALINK_KEY: Final = {
    vol.Required(CONF_USERNAME, default=DEFAULT_USER): _TEXT,
    vol.Required(CONF_PASSWORD): _SECRET,
}
_MOONRAKER_KEY: Final = {
    vol.Optional(CONF_API_KEY): _SECRET,
    vol.Optional(CONF_USERNAME): _TEXT,
    vol.Optional(CONF_PASSWORD): _SECRET,
}
_HOST: Final = {vol.Required(CONF_HOST): _TEXT}
_URL: Final = {vol.Required(CONF_URL): _TEXT}

KEYS: Final = {
    PrinterKind.BAMBU: vol.Schema(_BAMBU_KEY),
    PrinterKind.PRUSALINK: vol.Schema(_PRUSALINK_KEY),
    PrinterKind.OCTOPRINT: vol.Schema({vol.Required(CONF_API_KEY): _SECRET}),
    PrinterKind.MOONRAKER: vol.Schema(_MOONRAKER_KEY),
}
"""What a printer wants to hear from us. Asked for alone once the address is known."""
WHOLE: Final = {
    PrinterKind.BAMBU: vol.Schema({**_HOST, **_BAMBU_KEY}),
    PrinterKind.PRUSALINK: vol.Schema({**_HOST, **_PRUSALINK_KEY}),
    PrinterKind.OCTOPRINT: vol.Schema(_URL),
    PrinterKind.MOONRAKER: vol.Schema(_URL),
}
"""What is asked of somebody who has told nothing yet: of a print server the address alone, since
only the server knows whether it wants a key."""
VIRTUAL: Final = vol.Schema(
    {
        vol.Required(CONF_NAME): _TEXT,
        vol.Required(CONF_SPEED, default=1): NumberSelector(
            NumberSelectorConfig(min=1, max=FASTEST, step=1, mode=NumberSelectorMode.BOX)
        ),
    }
)


def schema_of(step: str, kind: PrinterKind) -> vol.Schema:
    """Return the fields of a step's form."""
    if kind is PrinterKind.VIRTUAL:
        return VIRTUAL
    if step == "confirm_moonraker":
        return vol.Schema({})
    if step.startswith(("reauth", "confirm")) or step.endswith("_key"):
        return KEYS[kind]
    return WHOLE[kind]


def settings_of(kind: PrinterKind, typed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was typed as the settings of an entry: no blanks around it, address split."""
    settings: dict[str, Any] = {CONF_KIND: kind.value}
    for key, value in typed.items():
        settings[key] = value.strip() if isinstance(value, str) else value
    if kind is PrinterKind.VIRTUAL:
        settings[CONF_SPEED] = int(settings[CONF_SPEED])
        settings[CONF_SERIAL] = f"VIRTUAL-{secrets.token_hex(4).upper()}"
    elif CONF_HOST in settings:
        address = split_address(settings[CONF_HOST])
        settings[CONF_HOST] = address[CONF_HOST]
        if kind is PrinterKind.PRUSALINK and CONF_PORT in address:
            settings[CONF_PORT] = address[CONF_PORT]
    return settings


def learnt(settings: Mapping[str, Any], identity: PrinterIdentity) -> dict[str, Any]:
    """Return the settings with what the printer said of itself."""
    data = {**settings, CONF_SERIAL: identity.serial}
    if identity.fingerprint is not None:
        data[CONF_FINGERPRINT] = identity.fingerprint
    if identity.login is not None:
        data[CONF_LOGIN] = identity.login
    return data


def title_of(settings: Mapping[str, Any], identity: PrinterIdentity) -> str:
    """Return what to call a new printer: as its owner does, else its model, else its address."""
    return str(
        settings.get(CONF_NAME)
        or identity.name
        or identity.model
        or host_of(settings)
        or identity.serial
    )


def as_typed(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as a form shows them again: the address in one piece, and no secret."""
    shown_again = (CONF_USERNAME, CONF_NAME, CONF_SPEED, CONF_URL)
    typed = {key: settings[key] for key in shown_again if key in settings}
    if host := settings.get(CONF_HOST):
        shown = f"[{host}]" if ":" in host and CONF_PORT in settings else host
        typed[CONF_HOST] = f"{shown}:{settings[CONF_PORT]}" if CONF_PORT in settings else host
    return typed
