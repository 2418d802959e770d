"""Which kinds of printers exist, and what each needs to be told.

The settings of a printer are a plain mapping (a config entry's data): `host`, and per kind the
keys named here. A secret arrives as text and leaves this module inside a driver.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .bambu.driver import BambuDriver
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
    VIRTUAL = "virtual"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What a driver borrows from its host."""

    clock: Clock
    http: ClientSession


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


def _virtual(settings: Mapping[str, Any], around: Surroundings) -> Driver:
    return VirtualDriver(virtual_machine(settings, around.clock), around.clock)


BUILDERS: Final[Mapping[PrinterKind, Callable[[Mapping[str, Any], Surroundings], Driver]]] = {
    PrinterKind.BAMBU: _bambu,
    PrinterKind.PRUSALINK: _prusalink,
    PrinterKind.VIRTUAL: _virtual,
}


def build(kind: PrinterKind, settings: Mapping[str, Any], around: Surroundings) -> Driver:
    """Return the driver for a printer of this kind. Opens nothing."""
    return BUILDERS[kind](settings, around)
