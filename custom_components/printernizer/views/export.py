"""Files that were exported: for administrators, and for whoever holds a link that was signed."""

from __future__ import annotations

from datetime import timedelta
from secrets import token_urlsafe
from typing import TYPE_CHECKING, Final

from aiohttp import web
from homeassistant.components.http.auth import async_sign_path
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.core import callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from .answers import headers_for, kind_of_file

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

LINK_LASTS: Final = timedelta(hours=24)
MOST_OFFERED: Final = 100
"""Files that can be fetched by a link; the one offered longest ago gives way."""
_OFFERED: HassKey[dict[str, tuple[Path, str]]] = HassKey(f"{DOMAIN}_exports")
"""Files and what they are called, by their tokens."""


@callback
def async_offer(hass: HomeAssistant, file: Path, name: str | None = None) -> str:
    """Return a signed link to a file. It ends by itself, and with Home Assistant.

    name: what browsers call it, and take it for; its own without one.
    """
    what = (file, name or file.name)
    offered = hass.data.setdefault(_OFFERED, {})
    # A picture that is asked for every minute must not push out last night's workbook.
    known = next((token for token, other in offered.items() if other == what), None)
    token = known or token_urlsafe(16)
    offered.pop(token, None)
    while len(offered) >= MOST_OFFERED:
        del offered[next(iter(offered))]
    offered[token] = what
    return async_sign_path(hass, f"/api/{DOMAIN}/export/{token}", LINK_LASTS, use_content_user=True)


class ExportView(HomeAssistantView):
    """Hands out one file."""

    url = f"/api/{DOMAIN}/export/{{token}}"
    name = f"api:{DOMAIN}:export"

    async def get(self, request: web.Request, token: str) -> web.StreamResponse:
        """Send the file, or 404 when it is not offered any more.

        A link of ours comes as the user of Home Assistant's own that no person is.
        """
        hass: HomeAssistant = request.app[KEY_HASS]
        user = request[KEY_HASS_USER]
        if not (user.is_admin or user.system_generated):
            raise web.HTTPForbidden
        what = hass.data.get(_OFFERED, {}).get(token)
        if what is None or not await hass.async_add_executor_job(what[0].is_file):
            raise web.HTTPNotFound
        file, name = what
        headers = {
            **headers_for(name, kind_of_file(name)),
            "Cache-Control": "no-store",
        }
        return web.FileResponse(file, headers=headers)
