"""What happens to a printer as event entities: its jobs' lives, its problems, its uploads.

Only what was seen happening: what the first status after a connect shows is a fact and no
event, so that neither a restart nor a lost line sends false messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.const import EntityCategory, Platform
from homeassistant.core import callback

from .announce import TOLD, job_facts
from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol
from .runtime import is_shop
from .shop_roster import add_shop_entities
from .uploads import UploadKind, UploadNews, upload_facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.job import JobEvent
    from .engine.printer import Problem
    from .engine.upload import Upload
    from .roster import Row
    from .runtime import PrinternizerConfigEntry, ShopConfigEntry

PARALLEL_UPDATES = PARALLEL_READS

APPEARED: Final = "appeared"
CLEARED: Final = "cleared"
_MOST: Final = 20
"""Problems told of at once. No printer has more; a broken one may report thousands."""
_SHOWN: Final = (
    "name",
    "plate",
    "progress",
    "layer",
    "layers",
    "reason",
    "duration_s",
    "filament_mm",
)
"""What of a job's facts is kept with an event: every one of them is recorded."""

_SHOWN_OF_UPLOADS: Final = ("name", "path", "progress", "total_bytes", "error_key", "reason")


@dataclass(frozen=True, kw_only=True)
class PrinterEventDescription(EventEntityDescription, PrinterEntityDescription[None]):
    """A row of this table: an event entity shows no value of a status."""


def _nothing(_: object) -> None:
    return None


JOB: Final = PrinterEventDescription(
    key="job",
    translation_key="job",
    event_types=[kind.value for kind in TOLD],
    value_fn=_nothing,
)
PROBLEM: Final = PrinterEventDescription(
    key="problem_event",
    translation_key="problem",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[APPEARED, CLEARED],
    value_fn=_nothing,
)


UPLOAD: Final = PrinterEventDescription(
    key="upload_event",
    translation_key="upload",
    entity_category=EntityCategory.DIAGNOSTIC,
    event_types=[kind.value for kind in UploadKind if kind is not UploadKind.PROGRESS],
    value_fn=_nothing,
    exists_fn=lambda _, parts: parts.storage,
)


async def async_setup_entry(
    _: HomeAssistant,
    entry: PrinternizerConfigEntry | ShopConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the event entities of a printer."""
    if is_shop(entry):
        add_shop_entities(Platform.EVENT, entry, async_add_entities)
        return
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    yield JOB.key, partial(JobEventEntity, coordinator, JOB)
    yield PROBLEM.key, partial(ProblemEventEntity, coordinator, PROBLEM)
    if UPLOAD.exists_fn(coordinator.data, coordinator.parts):
        yield UPLOAD.key, partial(UploadEventEntity, coordinator, UPLOAD)


class JobEventEntity(PrinterEntity, EventEntity):
    """The life of this printer's jobs, as the ledger tells it."""

    entity_description: PrinterEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the ledger."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.workshop.ledger.subscribe(self._on_job))

    @callback
    def _on_job(self, event: JobEvent) -> None:
        if event.job.printer_id != self.coordinator.printer_id or not event.live:
            return
        if event.kind in TOLD:
            facts = job_facts(event.job, self.coordinator.data)
            known = {key: facts[key] for key in _SHOWN if facts[key] is not None}
            self._trigger_event(event.kind.value, known)
            self.async_write_ha_state()


class UploadEventEntity(PrinterEntity, EventEntity):
    """Files on their way to this printer: begun, arrived, failed, called off."""

    entity_description: PrinterEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to uploads."""
        await super().async_added_to_hass()
        news = UploadNews(self.coordinator.printer_id, self._on_news)
        self.async_on_remove(self.coordinator.workshop.uploads.subscribe(news.on_upload))

    @callback
    def _on_news(self, kind: UploadKind, upload: Upload) -> None:
        if kind is UploadKind.PROGRESS:
            return
        facts = upload_facts(upload, self.coordinator.workshop.clock.now())
        known = {key: facts[key] for key in _SHOWN_OF_UPLOADS if facts[key] is not None}
        self._trigger_event(kind.value, known)
        self.async_write_ha_state()


class ProblemEventEntity(PrinterEntity, EventEntity):
    """Problems that appear on this printer, and that are gone again."""

    entity_description: PrinterEventDescription

    def __init__(self, coordinator: PrinterCoordinator, description: Any) -> None:
        super().__init__(coordinator, description)
        self._known: dict[str, Problem] | None = None
        """By code; None until a status has been seen since the printer came back."""

    @override
    async def async_added_to_hass(self) -> None:
        """Take the problems there are as known."""
        await super().async_added_to_hass()
        self._compare()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        super()._handle_coordinator_update()
        self._compare()

    def _compare(self) -> None:
        before = self._known
        if not self.coordinator.last_update_success:
            self._known = None
            return
        self._known = now = {problem.code: problem for problem in self.status.problems}
        if before is None:
            return
        self._tell(APPEARED, (problem for code, problem in now.items() if code not in before))
        self._tell(CLEARED, (problem for code, problem in before.items() if code not in now))

    def _tell(self, event_type: str, problems: Iterable[Problem]) -> None:
        for problem in islice(problems, _MOST):
            facts = {"code": problem.code, "severity": problem.severity.value}
            if problem.text:
                facts["text"] = problem.text
            self._trigger_event(event_type, facts)
            self.async_write_ha_state()
