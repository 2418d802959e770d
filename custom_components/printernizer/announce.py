"""What happens to jobs, and to files on their way, onto Home Assistant's event bus.

The ledger is the only source: an event is announced once it is durable, and only when it was
seen happening. What was merely found after a restart or a lost line stays silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import callback

from .const import DOMAIN, EVENT_JOB
from .engine.job import CLOSING, JobEventKind, JobIdentity
from .job_links import async_picture_links
from .targets import async_called
from .uploads import async_announce_uploads

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.job import Job, JobEvent
    from .engine.printer import PrinterStatus

EVENT_FREE: Final = f"{DOMAIN}_printer_free"
"""Fired when a printer could take the next job after one that was seen ending."""

TOLD: Final = tuple(kind for kind in JobEventKind if kind is not JobEventKind.IDENTIFIED)
"""What people are told of. That a printer names its job late is for the ledger alone."""


def job_facts(job: Job, status: PrinterStatus | None = None) -> dict[str, Any]:
    """Return a run as plain JSON: what automations read as `trigger.job`.

    Progress is in whole per cent, 0 to 100, cut and not rounded; the duration in whole seconds;
    times are ISO 8601 in UTC; what nobody knows is None.

    status: of its printer, which may have measured the filament that went into this run.
    """
    return {
        "id": str(job.id),
        "name": job.title or None,
        "path": job.identity.path,
        "plate": job.identity.plate,
        "progress": None if job.progress is None else int(job.progress * 100 + 1e-6),
        "layer": job.layer,
        "layers": job.layers,
        "filament_mm": _filament_mm(job, status),
        "outcome": job.outcome.value if job.outcome else None,
        "reason": job.reason,
        "duration_s": None if job.duration is None else int(job.duration.total_seconds()),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
    }


def _filament_mm(job: Job, status: PrinterStatus | None) -> int | None:
    now = status.job if status is not None else None
    if now is None or now.filament_mm is None or not JobIdentity.of(now).same_run(job.identity):
        return None
    return round(now.filament_mm)


class Announcer:
    """Tells Home Assistant of one printer's jobs."""

    def __init__(self, hass: HomeAssistant, coordinator: PrinterCoordinator) -> None:
        self._hass = hass
        self._coordinator = coordinator
        self._ended: JobEvent | None = None
        """The end after which the printer has not become ready yet (it purges, it parks)."""

    @callback
    def on_job(self, event: JobEvent) -> None:
        """Take an event of the ledger, of any printer."""
        if event.job.printer_id != self._coordinator.printer_id or not event.live:
            return
        if event.kind in TOLD:
            self._fire(EVENT_JOB, event)
        if event.kind in CLOSING:
            self._ended = event
            self.on_status()

    @callback
    def on_status(self) -> None:
        """Look whether the printer has become free since its last job ended."""
        if self._ended is None:
            return
        status = self._coordinator.data if self._coordinator.last_update_success else None
        if status is not None and status.ready:
            ended, self._ended = self._ended, None
            self._fire(EVENT_FREE, ended)
        elif status is None or status.active:
            # Gone, or at the next job already: nobody saw it become free.
            self._ended = None

    def _fire(self, event_type: str, event: JobEvent) -> None:
        self._hass.bus.async_fire(
            event_type,
            {
                "device_id": self._coordinator.device_id,
                "printer": async_called(self._coordinator),
                "kind": event.kind.value,
                "at": event.at.isoformat(),
                "job": job_facts(event.job, self._coordinator.data),
                "pictures": async_picture_links(self._hass, self._coordinator, event.job),
            },
        )


@callback
def async_announce(hass: HomeAssistant, coordinator: PrinterCoordinator) -> CALLBACK_TYPE:
    """Announce what happens to a printer's jobs and uploads; returns how to stop."""
    announcer = Announcer(hass, coordinator)
    stops = (
        coordinator.workshop.ledger.subscribe(announcer.on_job),
        coordinator.async_add_listener(announcer.on_status),
        async_announce_uploads(hass, coordinator),
    )

    @callback
    def stop() -> None:
        for each in stops:
            each()

    return stop
