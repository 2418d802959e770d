"""A picture of what is being printed, and of the last print as it ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import callback

from .engine.job import JobIdentity
from .engine.printer import PrinterState
from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .pictures import kind_of
from .roster import async_enrol
from .snapshots import newest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.printer import CurrentJob
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_READS

TRIES: Final = 3
"""How often a picture is asked for. A file may reach the printer a moment after its job."""
AGAIN_S: Final = 20.0
"""Seconds between tries."""
_OVER: Final = frozenset({PrinterState.FINISHED, PrinterState.FAILED, PrinterState.CANCELLED})


@dataclass(frozen=True, kw_only=True)
class PrinterImageDescription(PrinterEntityDescription[None], ImageEntityDescription):
    """A row of what can be looked at."""

    value_fn: Callable[[object], None] = lambda _: None


JOB_PICTURE: Final = PrinterImageDescription(
    key="job_picture",
    translation_key="job_picture",
    exists_fn=lambda _, parts: parts.job_picture or parts.storage,
)
SNAPSHOT: Final = PrinterImageDescription(key="last_snapshot", translation_key="last_snapshot")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the pictures."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    if JOB_PICTURE.exists_fn(coordinator.data, coordinator.parts):
        yield JOB_PICTURE.key, partial(JobPicture, coordinator, JOB_PICTURE)
    runtime = coordinator.config_entry.runtime_data
    if runtime.eyes.assigned is not None or runtime.eyes.main is not None:
        yield SNAPSHOT.key, partial(LastSnapshot, coordinator, SNAPSHOT)


class JobPicture(PrinterEntity, ImageEntity):
    """The job's picture: fetched once per job, kept while the printer speaks of it."""

    def __init__(
        self, coordinator: PrinterCoordinator, description: PrinterImageDescription
    ) -> None:
        PrinterEntity.__init__(self, coordinator, description)
        ImageEntity.__init__(self, coordinator.hass)
        self._job: JobIdentity | None = None
        self._picture: bytes | None = None
        self._tries_left = 0
        self._next_try = 0.0
        self._fetching = False
        self._over = False
        """Whether the job that was shown last had ended."""

    @override
    async def async_image(self) -> bytes | None:
        """Return the picture, or None when there is no job or the printer has none of it."""
        return self._picture

    @override
    def shown(self) -> object:
        return self._attr_image_last_updated

    @override
    async def async_added_to_hass(self) -> None:
        """Fetch the picture of a job that is under way already."""
        await super().async_added_to_hass()
        self._follow()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        self._follow()
        self.show()

    def _follow(self) -> None:
        """See which job it is now, and begin to fetch when its picture is missing."""
        job = self.status.job
        identity = JobIdentity.of(job) if job is not None else None
        # The same file printed again may be another of that name, and not every job has an id.
        again = self.status.active and self._over
        self._over = self.status.state in _OVER
        if identity is None or self._job is None or again or not self._job.same_run(identity):
            if again or identity != self._job:
                self._picture = self._attr_image_last_updated = None
            self._tries_left, self._next_try = TRIES, 0.0
        self._job = identity
        now = self.coordinator.workshop.clock.monotonic()
        if (
            job is None
            or self._picture is not None
            or self._fetching
            or self._tries_left == 0
            or now < self._next_try
            or self.coordinator.session is None
        ):
            return
        self._fetching, self._tries_left, self._next_try = True, self._tries_left - 1, now + AGAIN_S
        self.coordinator.config_entry.async_create_background_task(
            self.hass, self._fetch(job, JobIdentity.of(job)), name="printernizer job picture"
        )

    async def _fetch(self, job: CurrentJob, identity: JobIdentity) -> None:
        try:
            picture = await self.coordinator.config_entry.runtime_data.pictures.of_file(job)
        finally:
            self._fetching = False
        kind = kind_of(picture) if picture else None
        if kind is None or self._job is None or not self._job.same_run(identity):
            return
        self._picture, self._attr_content_type = picture, kind
        self._attr_image_last_updated = self.coordinator.workshop.clock.now()
        self.show()


class LastSnapshot(PrinterEntity, ImageEntity):
    """The camera's picture of the last job as it ended; there while the printer is off, too."""

    def __init__(
        self, coordinator: PrinterCoordinator, description: PrinterImageDescription
    ) -> None:
        PrinterEntity.__init__(self, coordinator, description)
        ImageEntity.__init__(self, coordinator.hass)
        self._snapshots = coordinator.config_entry.runtime_data.snapshots
        self._path: Path | None = None

    @property
    @override
    def available(self) -> bool:
        """A picture on disk needs no printer."""
        return True

    @override
    def shown(self) -> object:
        return self._attr_image_last_updated

    @override
    async def async_image(self) -> bytes | None:
        """Return the picture, or None when there is none yet."""
        if self._path is None:
            return None
        try:
            return await self.hass.async_add_executor_job(self._path.read_bytes)
        except OSError:
            return None  # cleaned up meanwhile

    @override
    async def async_added_to_hass(self) -> None:
        """Show the newest picture there is, and every new one."""
        await super().async_added_to_hass()
        self.async_on_remove(self._snapshots.listen(self._take))
        kept = await self.hass.async_add_executor_job(newest, self._snapshots.folder, 1)
        if kept and self._path is None:
            stat = await self.hass.async_add_executor_job(kept[0].stat)
            self._show(kept[0], datetime.fromtimestamp(stat.st_mtime, UTC))

    @callback
    def _take(self, path: Path) -> None:
        self._show(path, self.coordinator.workshop.clock.now())

    @callback
    def _show(self, path: Path, at: datetime) -> None:
        self._path = path
        self._attr_content_type = "image/png" if path.suffix == ".png" else "image/jpeg"
        self._attr_image_last_updated = at
        self.show()
