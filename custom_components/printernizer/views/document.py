"""Quotes and invoices as PDF: for administrators, and for whoever holds a link that was signed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..engine.errors import NotAllowed, PrinternizerError
from ..office_papers import paper_name
from ..runtime import async_get_workshop
from .answers import headers_for

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


class DocumentView(HomeAssistantView):
    """Hands out one document."""

    url = f"/api/{DOMAIN}/document/{{number:.+}}"
    name = f"api:{DOMAIN}:document"

    async def get(self, request: web.Request, number: str) -> web.Response:
        """Send the PDF, always the same bytes.

        Everybody may sign a path for themselves, and then comes as themselves; a link of ours
        comes as the user of Home Assistant's own that no person is.
        """
        hass: HomeAssistant = request.app[KEY_HASS]
        user = request[KEY_HASS_USER]
        if not (user.is_admin or user.system_generated):
            raise web.HTTPForbidden
        try:
            content = await async_get_workshop(hass).office.paper(number)
        except NotAllowed as err:
            raise web.HTTPNotFound from err
        except PrinternizerError as err:
            raise web.HTTPServiceUnavailable from err
        headers = {
            **headers_for(paper_name(number), "application/pdf"),
            "Cache-Control": "no-store",
        }
        return web.Response(body=content, headers=headers)
