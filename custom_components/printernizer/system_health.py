"""The state of the shop on one screen, for people who ask why something does not work."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.loader import async_get_integration

from .const import DOMAIN
from .engine.errors import StoreError
from .engine.watched_folder import Hearing
from .runtime import (
    async_database_facts,
    async_find_workshop,
    async_previews,
    database_url,
)

if TYPE_CHECKING:
    from collections.abc import Collection

    from homeassistant.components.system_health import SystemHealthRegistration
    from homeassistant.core import HomeAssistant

    from .engine.workshop.ledger import LedgerHealth


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Offer the information."""
    register.async_register_info(system_health_info)


async def system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return version, database, printers and jobs."""
    integration = await async_get_integration(hass, DOMAIN)
    info: dict[str, Any] = {"version": str(integration.version)}
    workshop = async_find_workshop(hass)
    if workshop is None:
        return info | {"printers_online": "0 / 0"}
    links = list(workshop.fleet)
    online = sum(1 for link in links if link.session is not None)
    info["printers_online"] = f"{online} / {len(links)}"
    drawn = async_previews(hass).figures
    info |= _ledger(workshop.ledger.health)
    try:
        facts = await async_database_facts(workshop, database_url(hass))
        library = await workshop.library.statistics()
    except StoreError as err:
        return info | {"database": {"type": "failed", "error": err.key}}
    return info | {
        "database": facts.kind,
        "schema_revision": facts.revision,
        "open_jobs": facts.open_jobs,
        "library": f"{library.shelf_files} / {_size(library.shelf_bytes)}",
        "pictures": f"{drawn.drawn} / {drawn.refused} / {_size(drawn.kept_bytes)}",
        "watched_folders": _watched(workshop.watching.hearing),
        "other_models": _installed("trimesh"),
        "fast_binary_gcode": _installed("heatshrink2"),
        "folder_changes": _installed("asyncinotify"),
    }


def _installed(package: str) -> Any:
    """Return whether a package is there that can be done without."""
    return "ok" if find_spec(package) else {"type": "failed", "error": "missing"}


def _watched(hearing: Collection[Hearing]) -> str:
    """Return how many watched folders are told of their changes, of how many."""
    told = sum(1 for one in hearing if one is Hearing.TOLD)
    return f"{told} / {len(hearing)}"


def _size(count: int) -> str:
    """Return bytes as people read them."""
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.1f} MB"


def _ledger(health: LedgerHealth) -> dict[str, Any]:
    """Return whether job events reach the disk, and how many wait for it."""
    if health.well:
        return {"ledger": "ok", "events_waiting": health.pending}
    error = health.error.key if health.error is not None else "overflowing"
    return {"ledger": {"type": "failed", "error": error}, "events_waiting": health.pending}
