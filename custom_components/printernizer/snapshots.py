"""The last look at a print: a picture of every job as it ended, kept on disk.

A camera that does not answer costs a picture and nothing else. Pictures are named by their job,
so that whoever knows the job finds them; the oldest go when there are too many.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from homeassistant.core import callback
from homeassistant.util import slugify

from .announce import job_facts
from .const import DOMAIN, EVENT_SNAPSHOT, SNAPSHOT_FOLDER
from .engine.job import CLOSING
from .engine.workshop.listeners import Listeners
from .job_links import async_picture_links
from .pictures import kind_of
from .targets import async_called

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.job import JobEvent
    from .eyes import Eyes

_LOGGER = logging.getLogger(__name__)

LOOK_S: Final = 20.0
"""How long a camera may take; some have to wake up first."""
TRIES: Final = 2
MOST: Final = 500
"""Pictures kept per printer: some 50 to 100 MB."""
LARGEST: Final = 20 << 20
"""Bytes of one picture."""
RESERVE: Final = 256 << 20
"""Bytes that stay free on the disk."""
_ENDINGS: Final = {"image/jpeg": ".jpg", "image/png": ".png"}


def folder_of(hass: HomeAssistant, printer_id: str) -> Path:
    """Return where the pictures of a printer lie. Home Assistant's backup carries them."""
    return Path(hass.config.path(SNAPSHOT_FOLDER), slugify(printer_id))


def find(folder: Path, job_id: UUID) -> Path | None:
    """Return the picture of a job, if there is one. Reads the disk."""
    found = (folder / f"{job_id}{ending}" for ending in _ENDINGS.values())
    return next((path for path in found if path.is_file()), None)


def _read(folder: Path, job_id: UUID) -> bytes | None:
    path = find(folder, job_id)
    try:
        return path.read_bytes() if path is not None else None
    except OSError:
        return None  # cleaned up meanwhile


def newest(folder: Path, limit: int) -> list[Path]:
    """Return the newest pictures first, at most `limit`. Reads the disk."""
    pictures = [(path.stat().st_mtime, path) for path in _pictures(folder)]
    return [path for _, path in sorted(pictures, reverse=True)[:limit]]


def job_of(picture: Path) -> UUID | None:
    """Return the job that a picture shows."""
    with suppress(ValueError):
        return UUID(picture.stem)
    return None


def _pictures(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.suffix in _ENDINGS.values() and job_of(path)]


def _keep(folder: Path, job_id: UUID, picture: bytes, ending: str) -> Path:
    """Write a picture, whole or not at all, and let the oldest go. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < RESERVE + len(picture):
        raise OSError("the disk is almost full")
    path = folder / f"{job_id}{ending}"
    part = path.with_suffix(".part")
    try:
        part.write_bytes(picture)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    for old in newest(folder, 1_000_000)[MOST:]:
        old.unlink(missing_ok=True)
    return path


class Snapshots:
    """Takes the last picture of one printer's jobs."""

    def __init__(self, hass: HomeAssistant, coordinator: PrinterCoordinator, eyes: Eyes) -> None:
        self._hass = hass
        self._coordinator = coordinator
        self._eyes = eyes
        self._listeners: Listeners[Path] = Listeners("snapshots")
        self._taking: dict[UUID, asyncio.Task[None]] = {}
        self.folder = folder_of(hass, coordinator.printer_id)

    @callback
    def on_job(self, event: JobEvent) -> None:
        """Look when a job of this printer was seen ending, of any printer's events."""
        ended = event.kind in CLOSING and event.live
        if ended and event.job.printer_id == self._coordinator.printer_id:
            taking = self._coordinator.config_entry.async_create_background_task(
                self._hass, self._take(event), name="printernizer snapshot"
            )
            self._taking[event.job.id] = taking
            taking.add_done_callback(lambda _: self._taking.pop(event.job.id, None))

    async def of(self, job_id: UUID) -> bytes | None:
        """Return the last picture of a job, once it is taken; None where there is none."""
        if (taking := self._taking.get(job_id)) is not None:
            await asyncio.wait({taking})
        return await self._hass.async_add_executor_job(_read, self.folder, job_id)

    @callback
    def listen(self, listener: Callable[[Path], None]) -> CALLBACK_TYPE:
        """Hear of every picture that was kept; returns how to stop."""
        return self._listeners.add(listener)

    async def _take(self, event: JobEvent) -> None:
        picture = await self._look()
        ending = _ENDINGS.get(kind_of(picture) or "") if picture else None
        if picture is None or ending is None:
            return
        try:
            path = await self._hass.async_add_executor_job(
                _keep, self.folder, event.job.id, picture, ending
            )
        except OSError as err:
            _LOGGER.warning("%s: no snapshot was kept: %s", self._coordinator.name, err)
            return
        self._listeners.tell(path)
        self._hass.bus.async_fire(EVENT_SNAPSHOT, self._facts(event, path))

    async def _look(self) -> bytes | None:
        for _ in range(TRIES):
            try:
                async with asyncio.timeout(LOOK_S):
                    picture = await self._eyes.still()
            except TimeoutError:
                continue
            if picture is not None and len(picture) <= LARGEST:
                return picture
        return None

    def _facts(self, event: JobEvent, path: Path) -> dict[str, Any]:
        entry_id = self._coordinator.config_entry.entry_id
        return {
            "device_id": self._coordinator.device_id,
            "printer": async_called(self._coordinator),
            "job": job_facts(event.job),
            "pictures": async_picture_links(self._hass, self._coordinator, event.job),
            "path": str(path),
            "media_content_id": f"media-source://{DOMAIN}/snapshot/{entry_id}/{event.job.id}",
        }
