"""Pictures of a job: what notices link to."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from aiohttp import web
from homeassistant.helpers.http import HomeAssistantView

from ..const import DOMAIN
from ..engine.errors import StoreError
from ..job_links import Look
from ..pictures import kind_of
from ..runtime import async_jobs
from .answers import entry_for, headers_for

if TYPE_CHECKING:
    from ..engine.job import Job
    from ..runtime import PrinternizerConfigEntry


class JobPictureView(HomeAssistantView):
    """Hands out the camera's picture of a job, its file's, or both side by side."""

    url = f"/api/{DOMAIN}/picture/{{entry_id}}/{{job_id}}/{{look:{'|'.join(Look)}}}"
    name = f"api:{DOMAIN}:picture"

    async def get(
        self, request: web.Request, entry_id: str, job_id: str, look: str
    ) -> web.Response:
        """Return PNG or JPEG, or 404 when there is nothing to be seen."""
        entry = entry_for(request, entry_id)
        job = await _job(entry, job_id)
        picture = await entry.runtime_data.pictures.look(job, Look(look))
        kind = kind_of(picture) if picture is not None else None
        if picture is None or kind is None:
            raise web.HTTPNotFound
        # While it runs, it looks different each time.
        headers = {**headers_for(f"{look}.{kind.removeprefix('image/')}", kind)}
        return web.Response(body=picture, headers=headers | {"Cache-Control": "no-store"})


async def _job(entry: PrinternizerConfigEntry, word: str) -> Job:
    """Return a job of this printer and no other. Raises HTTPNotFound."""
    try:
        job_id = UUID(word)
        jobs = await async_jobs(entry.runtime_data.coordinator.workshop, [job_id])
    except (ValueError, StoreError) as err:
        raise web.HTTPNotFound from err
    job = jobs.get(job_id)
    if job is None or job.printer_id != entry.unique_id:
        raise web.HTTPNotFound
    return job
