"""The pictures of one printer's jobs: the camera's, the file's, and both side by side.

Everything is fetched, drawn and joined when somebody asks for it, and not when a job's event
comes: no notice waits for a camera.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from homeassistant.core import callback

from .engine.errors import DriverError, Garbled, PrinternizerError
from .engine.job import CLOSING, JobEventKind, JobIdentity
from .engine.picture import PictureOptions
from .engine.preview.side_by_side import beside
from .engine.printer import CurrentJob
from .job_links import Look
from .pictures import kind_of
from .runtime import async_previews
from .snapshots import LARGEST

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from homeassistant.core import HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.job import Job, JobEvent
    from .eyes import Eyes
    from .snapshots import Snapshots

PATIENCE_S: Final = 12.0
"""How long one is waited for: phones give up on a notice's picture after some twenty seconds."""


class JobPictures:
    """What there is to see of one printer's jobs."""

    def __init__(
        self,
        hass: HomeAssistant,
        coordinator: PrinterCoordinator,
        eyes: Eyes,
        snapshots: Snapshots,
    ) -> None:
        self._hass = hass
        self._coordinator = coordinator
        self._eyes = eyes
        self._snapshots = snapshots
        self._latest: tuple[JobIdentity, bytes] | None = None
        """The last file that was seen: printers forget theirs when the job is over."""
        self._ended: tuple[JobIdentity, bytes] | None = None
        """What was the last file when a job ended."""
        self._asking = asyncio.Lock()

    @callback
    def on_job(self, event: JobEvent) -> None:
        """Forget the last job's file when the next one begins: it may be another of that name."""
        if event.job.printer_id != self._coordinator.printer_id:
            return
        if event.kind in CLOSING:
            self._ended = self._latest
        elif event.kind is JobEventKind.STARTED and self._latest is self._ended:
            self._latest = None

    async def look(self, job: Job, look: Look) -> bytes | None:
        """Return a PNG or JPEG of a job of this printer, or None when there is none in time."""
        if look is Look.CAMERA:
            return await _in_time(self._camera(job))
        if look is Look.PREVIEW:
            return await _in_time(self._preview(job))
        photo, preview = await asyncio.gather(
            _in_time(self._camera(job)), _in_time(self._preview(job))
        )
        if photo is None or preview is None:
            return photo or preview
        try:
            return await self._hass.async_add_executor_job(beside, photo, preview)
        except Garbled:
            # Cameras break off in the middle of a picture; slicers do not.
            return preview

    async def of_file(self, job: CurrentJob) -> bytes | None:
        """Return what the printer has of a job's file, else what the library has or draws.

        A file that is not in the library is looked into on the printer, where that may be read.
        """
        session = self._coordinator.session
        picture = None
        if session is not None and session.job_picture is not None:
            # What is refused may be asked for again.
            with suppress(DriverError):
                picture = await session.job_picture.picture(job)
        picture = picture or await self._of_library(job)
        if picture is None or kind_of(picture) is None:
            return None
        self._latest = (JobIdentity.of(job), picture)
        return picture

    async def _camera(self, job: Job) -> bytes | None:
        if not job.open:
            return await self._snapshots.of(job.id)
        picture = await self._eyes.still()
        known = picture is not None and len(picture) <= LARGEST and kind_of(picture) is not None
        return picture if known else None

    async def _preview(self, job: Job) -> bytes | None:
        said = job.identity
        # All phones of a home ask at once, and a printer is slow.
        async with self._asking:
            if self._latest is not None and self._latest[0].same_run(said):
                return self._latest[1]
            return await self.of_file(
                CurrentJob(id=said.printer_job_id, name=said.name, path=said.path, plate=said.plate)
            )

    async def _of_library(self, job: CurrentJob) -> bytes | None:
        if job.path is None:
            return None
        workshop, printer_id = self._coordinator.workshop, self._coordinator.printer_id
        library = workshop.library
        try:
            file = await library.at_place(printer_id, job.path)
            if file is None or file.sha256 is None or not file.on_shelf:
                # Nor is a printer read for it whose processor feeds the print.
                return await workshop.glimpses.picture(printer_id, job.path, plate=job.plate)
            path = await library.path(file.id)
            picture = await async_previews(self._hass).picture(
                path, file.sha256, PictureOptions(plate=job.plate)
            )
        except PrinternizerError:
            return None
        return picture.content


async def _in_time(looking: Awaitable[bytes | None]) -> bytes | None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await looking
    except TimeoutError:
        return None
