"""One look at a printer before its entry is made or changed: does it answer, and who is it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import CONF_API_KEY, CONF_HOST, CONF_PASSWORD, CONF_PORT, CONF_USERNAME
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .const import CONF_ACCESS_CODE, CONF_KIND
from .engine.drivers.recognition import find
from .engine.drivers.registry import PrinterKind
from .engine.errors import AccessDenied, CertificateChanged, DriverError, Unreachable
from .runtime import build_driver

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from homeassistant.core import HomeAssistant

    from .engine.drivers.recognition import Server
    from .engine.printer import PrinterIdentity, PrinterStatus

_LOGGER = logging.getLogger(__name__)

PROBE_S: Final = 45.0
"""A person waits in front of the form. Busy Bambu printers take 10 s for their first report,
and drivers give up on their own, with a better reason, before this."""

FORM_ERRORS: Final = frozenset(
    {
        "unreachable",
        "too_many_clients",
        "no_reports",
        "starting",
        "wrong_access_code",
        "wrong_password",
        "wrong_printer",
        "wrong_serial",
        "garbled",
        "refused",
        "unexpected",
        "bad_address",
        "key_needed",
        "no_dialogue",
        "no_permission",
        "other_instance",
        "other_kind",
        "proxy_login",
        "source_gone",
        "source_unavailable",
        "unknown_server",
        "unreachable_server",
        "wrong_api_key",
        "wrong_login",
    }
)
"""Every error text of the forms; each tells the cause and what to do on the printer."""

_DENIED: Final = {
    PrinterKind.BAMBU: (CONF_ACCESS_CODE, "wrong_access_code"),
    PrinterKind.PRUSALINK: (CONF_PASSWORD, "wrong_password"),
}
_SERVERS: Final = frozenset({PrinterKind.OCTOPRINT, PrinterKind.MOONRAKER})
_OF_SERVERS: Final = {
    "unreachable": "unreachable_server",
    "wrong_printer": "other_instance",
    "wrong_serial": "other_instance",
    "garbled": "unknown_server",
}
"""Print servers have no screen to look at: the same errors, in other words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A printer that answered."""

    identity: PrinterIdentity
    status: PrinterStatus


@dataclass(frozen=True, kw_only=True, slots=True)
class NotFound:
    """Why there is none."""

    errors: Mapping[str, str]
    """For the form: field or "base" to a key of `FORM_ERRORS`."""
    fingerprint: str | None = None
    """Of the certificate presented, where it is not the one that was pinned, or where none was
    and no authority vouches for it."""
    url: str = ""
    """Where that certificate was presented, when several addresses were tried."""


async def async_probe(hass: HomeAssistant, settings: Mapping[str, Any]) -> Found | NotFound:
    """Connect once, take identity and first status, and hang up."""
    try:
        return await _look(hass, settings)
    except CertificateChanged as err:
        return NotFound(errors={"base": "wrong_printer"}, fingerprint=err.fingerprint)
    except DriverError as err:
        return NotFound(errors=form_errors(PrinterKind(settings[CONF_KIND]), err, settings))
    except Exception:
        # A form must come back to the person, whatever a printer answered.
        _LOGGER.exception("Unexpected error while looking for a printer")
        return NotFound(errors={"base": "unexpected"})


async def async_find_server(
    hass: HomeAssistant, urls: Sequence[str], kind: PrinterKind, *, fingerprint: str | None = None
) -> Server | NotFound:
    """Return the print server at the first of these addresses that has one; no key is sent.

    One of the wanted kind comes before any other. fingerprint: of the certificate to insist on.
    """
    session = async_get_clientsession(hass)
    try:
        return await find(urls, kind, session, fingerprint=fingerprint)
    except CertificateChanged as err:
        where = err.placeholders["url"]
        return NotFound(errors={}, fingerprint=err.fingerprint, url=where)
    except DriverError as err:
        return NotFound(errors=form_errors(kind, err))
    except Exception:
        # A form must come back to the person, whatever answered.
        _LOGGER.exception("Unexpected error while looking for a print server")
        return NotFound(errors={"base": "unexpected"})


async def _look(hass: HomeAssistant, settings: Mapping[str, Any]) -> Found:
    driver = build_driver(hass, settings)
    try:
        async with asyncio.timeout(PROBE_S), driver.connect() as session:
            async for status in session.statuses():
                return Found(identity=session.identity, status=status)
    except TimeoutError as err:
        raise Unreachable("no status in time", key="no_reports") from err
    raise Unreachable("the printer ended the line")


def form_errors(
    kind: PrinterKind, error: DriverError, settings: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Return a driver's error as a form shows it. `settings` are those that it came from."""
    if kind in _SERVERS:
        return _server_errors(error, settings or {})
    if error.key == "access_denied" and kind in _DENIED:
        field, key = _DENIED[kind]
        return {field: key}
    return {"base": _shown(error.key, error.default_key)}


def _server_errors(error: DriverError, settings: Mapping[str, Any]) -> dict[str, str]:
    if error.key == "proxy_login":
        return {"base": "proxy_login"}
    if error.key == "no_permission":
        return {CONF_API_KEY: "no_permission"}
    if isinstance(error, AccessDenied):
        if settings.get(CONF_PASSWORD) or settings.get(CONF_USERNAME):
            return {CONF_PASSWORD: "wrong_login"}
        return {CONF_API_KEY: "wrong_api_key" if settings.get(CONF_API_KEY) else "key_needed"}
    key = _shown(error.key, error.default_key)
    return {"base": _OF_SERVERS.get(key, key)}


def _shown(key: str, default: str) -> str:
    """Return the key of a text that the forms have."""
    known = (one for one in (key, default) if one in FORM_ERRORS)
    return next(known, "unexpected")


def split_address(text: str) -> dict[str, Any]:
    """Return host and, where one is named, port of what people type or paste as an address.

    Takes "192.168.1.5", "printer.local:8080" and "http://192.168.1.5/"; whatever cannot be read
    is kept as the host, for the connection to fail on.
    """
    bare = text.strip().split("://", 1)[-1].split("/", 1)[0]
    if bare.startswith("[") and "]" in bare:
        host, _, port = bare[1:].partition("]")
        port = port.removeprefix(":")
    elif bare.count(":") == 1:
        host, _, port = bare.partition(":")
    else:
        host, port = bare, ""
    if port.isdecimal() and len(port) <= 5 and 0 < int(port) <= 65535:
        return {CONF_HOST: host, CONF_PORT: int(port)}
    return {CONF_HOST: host}
