"""What a line learns of its server once: who it is, what the key may do, what the printer has."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...errors import AccessDenied, WrongPrinter
from ...printer import PrinterIdentity
from .client import identify
from .reading import flag, number, obj, objects, text, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .client import Client
    from .reading import Json

_UUID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_MOST_TOOLS: Final = 32
_MADE_UP: Final = "octoprint-"
"""How a serial begins that was made of the address, where the server has no uuid."""
_CORE_TASKS: Final = {
    "restart": "restart_server",
    "reboot": "reboot_host",
    "shutdown": "shut_down_host",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Profile:
    """The printer as its owner described it to OctoPrint."""

    model: str | None = None
    tools: int = 1
    heated_tools: int = 1
    """Fewer than tools where several filaments share one nozzle."""
    nozzle_mm: float | None = None
    bed: bool = True
    chamber: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What holds for as long as a line is up."""

    identity: PrinterIdentity
    profile: Profile
    version: str
    permissions: frozenset[str] | None
    """What the key may do; None where the server does not say."""
    webcam: Json
    sd_name: str | None
    """What this generation calls the printer's own card; None where it is switched off."""
    timelapse: bool
    core_commands: tuple[str, ...]
    """Tasks of `MAINTENANCE` that its system commands offer."""

    def may(self, permission: str) -> bool:
        """Whether our key may do something, as far as the server tells."""
        return self.permissions is None or bool({permission, "ADMIN"} & self.permissions)


async def learn(client: Client, serial: str | None, fingerprint: str | None) -> Facts:
    """Ask who it is and what it has. Raises WrongPrinter, AccessDenied, Unreachable, Garbled."""
    version = await identify(client)
    permissions = await _permissions(client)
    settings = await client.find("/api/settings") or {}
    known = _serial_of(settings)
    if serial is not None and known not in {None, serial} and not serial.startswith(_MADE_UP):
        raise WrongPrinter("another OctoPrint answers at this address", key="wrong_serial")
    profile = profile_of(
        await client.find("/api/printerprofiles") or {}, await client.find("/api/connection") or {}
    )
    commands = await client.find("/api/system/commands") or {}
    webcam = obj(settings, "webcam")
    return Facts(
        identity=PrinterIdentity(
            serial=serial or known or _made_up(client),
            maker="OctoPrint",
            model=profile.model or "3D printer",
            name=text(obj(settings, "appearance"), "name", 64),
            firmware=f"OctoPrint {version}",
            address=client.address.host,
            url=f"{client.address.base}/",
            fingerprint=fingerprint,
        ),
        profile=profile,
        version=version,
        permissions=permissions,
        webcam=webcam,
        sd_name=_sd_name(settings, version),
        timelapse=flag(webcam, "timelapseEnabled"),
        core_commands=tuple(
            task
            for item in objects(commands, "core", 32)
            if (task := _CORE_TASKS.get(text(item, "action") or "")) is not None
        ),
    )


async def _permissions(client: Client) -> frozenset[str] | None:
    """Return what the key may do. Raises AccessDenied for one that belongs to nobody.

    A server that lets guests read answers everything else to a wrong key as well.
    """
    answer = await client.request("GET", "/api/currentuser")
    if answer.status == 404:
        return None
    who = await client.user()
    if who is None:
        raise AccessDenied("it does not know this key")
    said = who.get("permissions")
    return (
        frozenset(item for item in said if isinstance(item, str))
        if isinstance(said, list)
        else None
    )


def _serial_of(settings: Json) -> str | None:
    uuid = text(obj(obj(settings, "plugins"), "discovery"), "upnpUuid", 64)
    return uuid if uuid is not None and _UUID.fullmatch(uuid) else None


def _made_up(client: Client) -> str:
    return _MADE_UP + hashlib.sha256(client.address.base.encode()).hexdigest()[:16]


def _sd_name(settings: Json, version: str) -> str | None:
    if obj(settings, "feature").get("sdSupport") is False:
        return None
    major = version.partition(".")[0]
    return "printer" if major.isdigit() and int(major) >= 2 else "sdcard"


def profile_of(profiles: Json, connection: Json) -> Profile:
    """Return the profile in use: the connection's, else the one marked, else the default one."""
    known: dict[str, Mapping[str, object]] = {
        key: value for key, value in obj(profiles, "profiles").items() if isinstance(value, dict)
    }
    named = text(obj(connection, "current"), "printerProfile", 128)
    chosen = known.get(named or "")
    for mark in ("current", "default"):
        chosen = chosen or next((item for item in known.values() if flag(item, mark)), None)
    if chosen is None:
        return Profile()
    extruder = obj(chosen, "extruder")
    tools = min(_MOST_TOOLS, max(1, whole(extruder, "count") or 1))
    return Profile(
        model=text(chosen, "model", 64) or text(chosen, "name", 64),
        tools=tools,
        heated_tools=1 if flag(extruder, "sharedNozzle") else tools,
        nozzle_mm=number(extruder, "nozzleDiameter"),
        bed=flag(chosen, "heatedBed"),
        chamber=flag(chosen, "heatedChamber"),
    )
