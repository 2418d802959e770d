"""A picture of what is being printed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.image import ImageEntity, ImageEntityDescription
from homeassistant.core import callback

from .engine.errors import DriverError
from .engine.job import JobIdentity
from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
_KINDS: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True, kw_only=True)
class PrinterImageDescription(PrinterEntityDescription[None], ImageEntityDescription):
    """A row of what can be looked at."""

    value_fn: Callable[[object], None] = lambda _: None


JOB_PICTURE: Final = PrinterImageDescription(
    key="job_picture",
    translation_key="job_picture",
    exists_fn=lambda _, parts: parts.job_picture,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the picture of the job."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    if JOB_PICTURE.exists_fn(coordinator.data, coordinator.parts):
        yield JOB_PICTURE.key, partial(JobPicture, coordinator, JOB_PICTURE)


def kind_of(picture: bytes) -> str | None:
    """Return the content type of a picture, or None when it is not one that we show."""
    return next((kind for start, kind in _KINDS.items() if picture.startswith(start)), None)


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
        if identity is None or self._job is None or not self._job.same_run(identity):
            if identity != self._job:
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
            picture = await self._ask(job)
        finally:
            self._fetching = False
        kind = kind_of(picture) if picture else None
        if kind is None or self._job is None or not self._job.same_run(identity):
            return
        self._picture, self._attr_content_type = picture, kind
        self._attr_image_last_updated = self.coordinator.workshop.clock.now()
        self.show()

    async def _ask(self, job: CurrentJob) -> bytes | None:
        session = self.coordinator.session
        if session is None or session.job_picture is None:
            return None
        try:
            return await session.job_picture.picture(job)
        except DriverError:
            return None  # asked again later, a few times
