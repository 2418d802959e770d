"""What a person may attach to a report: everything that helps, nothing that identifies.

Keys that are known to hold secrets or people's names are blanked, then every text is searched
for what the entry itself knows to be secret: a code that leaked into an odd field of a
printer's answer is found by its value.
"""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.diagnostics import REDACTED
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    CONF_API_KEY,
    CONF_HOST,
    CONF_MAC,
    CONF_NAME,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
)

from .addresses import host_of
from .const import CONF_ACCESS_CODE, CONF_FINGERPRINT, CONF_KIND, CONF_SERIAL, KIND_SHOP
from .runtime import async_find_workshop, database_url, default_database_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import AnyDeviceEntry

    from .coordinator import PrinterCoordinator

_TELLTALE: Final = frozenset(
    {
        CONF_ACCESS_CODE,
        CONF_API_KEY,
        CONF_FINGERPRINT,
        CONF_HOST,
        CONF_MAC,
        CONF_NAME,
        CONF_PASSWORD,
        CONF_SERIAL,
        CONF_URL,
        CONF_USERNAME,
        "access_token",
        "address",
        "apikey",
        "authkey",
        "authorization",
        "bssid",
        "command_line",
        "config_file",
        "cookie",
        "dev_id",
        "display_name",
        "email",
        "file",
        "file_name",
        "gcode_file",
        "hostname",
        "instance_id",
        "ip",
        "job_name",
        "key",
        "klipper_path",
        "location",
        "log_file",
        "nonce",
        "path",
        "python_path",
        "refresh_token",
        "rtsp_url",
        "serial_number",
        "session",
        "sn",
        "snapshot",
        "snapshot_url",
        "snapshotdisplay",
        "snapshoturl",
        "spool_tag",
        "ssid",
        "stream",
        "stream_url",
        "streamurl",
        "subtask_name",
        "tag_uid",
        "title",
        "token",
        "tray_uuid",
        "ttcode",
        "uid",
        "upnpuuid",
        "user",
        "user_id",
        "uuid",
        "x-api-key",
    }
)
"""Keys, lower case, whose values name a person, a place, a file or a secret."""
_DEEPEST: Final = 24
_LOGIN: Final = re.compile(r"(?<=://)[^\s/@]+@")
"""User and password in an address."""
_QUERY: Final = re.compile(
    r"(?i)(?<=[?&])(api_?key|token|access_token|password|session|auth|key)=[^\s&#\"']*"
)
_PATH: Final = re.compile(r"/(?:home|Users|root)/[^\s\"':,]*")
"""A home folder names its owner."""
_IPV4: Final = re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}\b")
_IPV6: Final = re.compile(
    r"(?<![\w:])(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){7}"
    r"|(?:[0-9A-Fa-f]{1,4}:){1,7}:(?:[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{1,4}){0,5})?)(?![\w:])"
)
_MAC: Final = re.compile(r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b")
_MAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_SHORTEST: Final = 4
"""Shorter values are searched for nowhere: "1" is in every text."""


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry[Any]
) -> dict[str, Any]:
    """Return what helps to find out why a printer, or the shop, misbehaves."""
    if entry.data[CONF_KIND] == KIND_SHOP:
        own_file = database_url(hass) == default_database_url(hass)
        workshop = async_find_workshop(hass)
        # In the order in which the options have them; their paths would name people.
        folders = [one.value for one in workshop.watching.hearing] if workshop else []
        return {
            "entry": dict(entry.data),
            "database": "file" if own_file else "url",
            "watched_folders": folders,
        }
    if entry.state is not ConfigEntryState.LOADED:
        # The very moment at which people want to know: there is no status, but a reason.
        facts = {"entry": dict(entry.data), "state": entry.state.value, "reason": entry.reason}
        return redacted(facts, _known_from_setup(entry))
    coordinator: PrinterCoordinator = entry.runtime_data.coordinator
    return redacted(_facts(coordinator, entry), secrets_of(coordinator, entry))


async def async_get_device_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry[Any], device: AnyDeviceEntry
) -> dict[str, Any]:
    """Return the same for a device: a feeder is part of its printer's status."""
    return await async_get_config_entry_diagnostics(hass, entry)


def _facts(coordinator: PrinterCoordinator, entry: ConfigEntry[Any]) -> dict[str, Any]:
    link = coordinator.workshop.fleet.get(coordinator.printer_id)
    error = link.error if link is not None else None
    job = coordinator.job
    return {
        "entry": dict(entry.data),
        "identity": asdict(coordinator.identity),
        "parts": asdict(coordinator.parts),
        "line": {
            "up": coordinator.session is not None,
            "available": coordinator.last_update_success,
            "error": type(error).__name__ if error is not None else None,
            "error_key": error.key if error is not None else None,
            "reason": error.reason if error is not None else None,
        },
        "status": asdict(coordinator.data),
        "job": asdict(job) if job is not None else None,
        "transcript": coordinator.session.transcript() if coordinator.session else None,
    }


def secrets_of(coordinator: PrinterCoordinator, entry: ConfigEntry[Any]) -> frozenset[str]:
    """Return every text that must not appear, wherever it stands."""
    identity, status = coordinator.identity, coordinator.data
    job = status.job
    told: Iterable[object] = (
        identity.serial,
        identity.name,
        identity.address,
        identity.fingerprint,
        *(feeder.serial for feeder in status.feeders),
        *(slot.spool_tag for slot in status.slots),
        *((job.name, job.path) if job is not None else ()),
    )
    return _long_enough(told) | _known_from_setup(entry)


def _known_from_setup(entry: ConfigEntry[Any]) -> frozenset[str]:
    told = (entry.unique_id, entry.title, *(entry.data.get(key) for key in _TELLTALE))
    return _long_enough((*told, host_of(entry.data)))


def _long_enough(told: Iterable[object]) -> frozenset[str]:
    return frozenset(str(text) for text in told if text and len(str(text)) >= _SHORTEST)


def redacted(facts: Mapping[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """Return plain JSON without secrets: blanked by key, and by value wherever they stand."""
    pattern = re.compile(
        "|".join(re.escape(text) for text in sorted(secrets, key=len, reverse=True)) or r"(?!)",
        re.IGNORECASE,
    )
    clean: dict[str, Any] = _clean(dict(facts), pattern, 0)
    return clean


def _clean(value: Any, secrets: re.Pattern[str], depth: int) -> Any:
    if depth > _DEEPEST:
        return REDACTED
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, dict):
        return {
            _text(str(key), secrets): REDACTED
            if str(key).lower() in _TELLTALE and value[key] and isinstance(value[key], str | bytes)
            else _clean(value[key], secrets, depth + 1)
            for key in value
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_clean(item, secrets, depth + 1) for item in value]
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes):
        return _text(value.decode("utf-8", "replace"), secrets)
    return _text(str(value), secrets)


def _text(text: str, secrets: re.Pattern[str]) -> str:
    for pattern in (_QUERY, _LOGIN, _PATH, secrets, _MAIL, _MAC, _IPV4, _IPV6):
        text = pattern.sub(REDACTED, text)
    return text
