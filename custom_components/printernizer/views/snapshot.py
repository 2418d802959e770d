"""The picture of a job as it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..snapshots import find, folder_of
from .answers import entry_for, headers_for, kind_of_file

if TYPE_CHECKING:
    from pathlib import Path


def snapshot_url(entry_id: str, job_id: UUID) -> str:
    """Return the path of a picture on this server."""
    return f"/api/{DOMAIN}/snapshot/{entry_id}/{job_id}"


class SnapshotView(HomeAssistantView):
    """Hands out one picture."""

    url = f"/api/{DOMAIN}/snapshot/{{entry_id}}/{{job_id}}"
    name = f"api:{DOMAIN}:snapshot"

    async def get(self, request: web.Request, entry_id: str, job_id: str) -> web.StreamResponse:
        """Return the picture of a job, or 404 when none was kept."""
        entry = entry_for(request, entry_id)
        try:
            job = UUID(job_id)
        except ValueError as err:
            raise web.HTTPNotFound from err
        assert entry.unique_id is not None
        hass = request.app[KEY_HASS]
        path: Path | None = await hass.async_add_executor_job(
            find, folder_of(hass, entry.unique_id), job
        )
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=headers_for(path.name, kind_of_file(path.name)))
