"""What the views share: whose printer it is, who may see it, and how bytes of strangers go out."""

from __future__ import annotations

import mimetypes
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web
from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers.http import KEY_HASS
from homeassistant.helpers.translation import async_get_translations

from ..const import CONF_KIND, DOMAIN, KIND_SHOP
from ..permissions import async_denied

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant

    from ..engine.errors import PrinternizerError
    from ..runtime import PrinternizerConfigEntry

SHOWN: Final = frozenset(
    {"image/jpeg", "image/png", "image/webp", "image/gif", "video/mp4", "video/webm"}
)
"""What a browser may show in our name. Anything else is saved: a page that a student put on a
printer must not run with the rights of who looks at it."""
_KNOWN: Final = {".3mf": "model/3mf", ".stl": "model/stl", ".gcode": "text/x.gcode"}


def kind_of_file(name: str) -> str:
    """Return the content type that a file name promises."""
    ending = f".{name.rsplit('.', 1)[-1].lower()}"
    return _KNOWN.get(ending) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def headers_for(name: str, kind: str) -> Mapping[str, str]:
    """Return headers under which a stranger's bytes can do no harm."""
    way = "inline" if kind in SHOWN else "attachment"
    return {
        "Content-Type": kind,
        "Content-Disposition": f"{way}; filename*=UTF-8''{quote(name, safe='')}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, max-age=300",
    }


def entry_for(request: web.Request, entry_id: str) -> PrinternizerConfigEntry:
    """Return the loaded printer that a request speaks of.

    Raises HTTPNotFound, or HTTPForbidden for a user who may not read all of its entities.
    """
    hass: HomeAssistant = request.app[KEY_HASS]
    entry = hass.config_entries.async_get_entry(entry_id)
    if (
        entry is None
        or entry.domain != DOMAIN
        or entry.data.get(CONF_KIND) == KIND_SHOP
        or entry.state is not ConfigEntryState.LOADED
    ):
        raise web.HTTPNotFound
    if async_denied(hass, request[KEY_HASS_USER], entry_id, POLICY_READ) is not None:
        raise web.HTTPForbidden
    return entry


async def async_reason(hass: HomeAssistant, language: str, err: PrinternizerError) -> str:
    """Return what went wrong, in a language that we speak."""
    texts = await async_get_translations(hass, language, "exceptions", [DOMAIN])
    said = texts.get(f"component.{DOMAIN}.exceptions.{err.key}.message", err.reason)
    return said.format(**err.placeholders)
