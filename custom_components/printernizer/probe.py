"""One look at a printer before its entry is made or changed: does it answer, and who is it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import CONF_HOST, CONF_PASSWORD, CONF_PORT

from .const import CONF_ACCESS_CODE, CONF_KIND
from .engine.drivers.registry import PrinterKind
from .engine.errors import CertificateChanged, DriverError, Unreachable
from .runtime import build_driver

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant

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
    }
)
"""Every error text of the forms; each tells the cause and what to do on the printer."""

_DENIED: Final = {
    PrinterKind.BAMBU: (CONF_ACCESS_CODE, "wrong_access_code"),
    PrinterKind.PRUSALINK: (CONF_PASSWORD, "wrong_password"),
}


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
    """Of the certificate presented, where it is not the one that was pinned."""


async def async_probe(hass: HomeAssistant, settings: Mapping[str, Any]) -> Found | NotFound:
    """Connect once, take identity and first status, and hang up."""
    try:
        return await _look(hass, settings)
    except CertificateChanged as err:
        return NotFound(errors={"base": "wrong_printer"}, fingerprint=err.fingerprint)
    except DriverError as err:
        return NotFound(errors=form_errors(PrinterKind(settings[CONF_KIND]), err))
    except Exception:
        # A form must come back to the person, whatever a printer answered.
        _LOGGER.exception("Unexpected error while looking for a printer")
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


def form_errors(kind: PrinterKind, error: DriverError) -> dict[str, str]:
    """Return a driver's error as a form shows it."""
    if error.key == "access_denied" and kind in _DENIED:
        field, key = _DENIED[kind]
        return {field: key}
    key = error.key if error.key in FORM_ERRORS else error.default_key
    return {"base": key if key in FORM_ERRORS else "unexpected"}


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
