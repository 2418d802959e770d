"""Which kinds of printers exist, and what each needs to be told.

The settings of a printer are a plain mapping (a config entry's data): `host`, or `url` where a
path may follow it, and per kind the keys named here. A secret arrives as text and leaves this
module inside a driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ..errors import NotAllowed
from .bambu.driver import BambuDriver
from .moonraker.driver import MoonrakerDriver
from .octoprint.driver import OctoPrintDriver
from .prusalink.driver import PrusaLinkDriver
from .virtual.driver import VirtualDriver
from .virtual.home import virtual_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from aiohttp import ClientSession

    from ..workshop.clock import Clock
    from .base import Driver


class PrinterKind(StrEnum):
    """A protocol family."""

    BAMBU = "bambu"
    PRUSALINK = "prusalink"
    OCTOPRINT = "octoprint"
    MOONRAKER = "moonraker"
    FOLLOWED = "followed"
    """Followed through the entities of another integration: the host brings the driver."""
    VIRTUAL = "virtual"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a driver borrows from its host."""

    clock: Clock
    http: ClientSession
    follow: Callable[[Mapping[str, Any]], Driver] | None = None
    """Makes the driver of a followed printer, which lives in the host's own entities; None where
    the host has none."""


def _bambu(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    ports = {
        key: settings[key] for key in ("mqtt_port", "ftps_port", "camera_port") if key in settings
    }
    return BambuDriver(
        settings["host"],
        serial=settings.get("serial"),
        access_code=settings["access_code"],
        fingerprint=settings.get("fingerprint"),
        clock=around.clock,
        **ports,
    )


def _prusalink(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    return PrusaLinkDriver(
        settings["host"],
        port=settings.get("port", 80),
        username=settings.get("username", "maker"),
        password=settings["password"],
        serial=settings.get("serial"),
        login=settings.get("login"),
        session=around.http,
        clock=around.clock,
    )


def _octoprint(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    return OctoPrintDriver(
        settings["url"],
        api_key=settings["api_key"],
        serial=settings.get("serial"),
        fingerprint=settings.get("fingerprint"),
        session=around.http,
        clock=around.clock,
    )


def _moonraker(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    return MoonrakerDriver(
        settings["url"],
        api_key=settings.get("api_key"),
        username=settings.get("username"),
        password=settings.get("password"),
        serial=settings.get("serial"),
        fingerprint=settings.get("fingerprint"),
        session=around.http,
        clock=around.clock,
    )


def _followed(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    if around.follow is None:
        raise NotAllowed("this host has no printers that could be followed")
    return around.follow(settings)


def _virtual(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    return VirtualDriver(virtual_machine(settings, around.clock), around.clock)


BUILDERS: Final[Mapping[PrinterKind, Callable[[Mapping[str, Any], Surroundings], Driver]]] = {
    PrinterKind.BAMBU: _bambu,
    PrinterKind.PRUSALINK: _prusalink,
    PrinterKind.OCTOPRINT: _octoprint,
    PrinterKind.MOONRAKER: _moonraker,
    PrinterKind.FOLLOWED: _followed,
    PrinterKind.VIRTUAL: _virtual,
}


def build(kind: PrinterKind, settings: Mapping[str, Any], around: Surroundings) -> Driver:
    """Return the driver for a printer of this kind. Opens nothing.

    Raises NotAllowed for a followed printer where the host brings no driver for it.
    """
    return BUILDERS[kind](settings, around)
