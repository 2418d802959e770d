"""What happens to files on their way to printers, onto Home Assistant's event bus."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import callback

from .const import EVENT_UPLOAD, EVENT_UPLOAD_PROGRESS
from .engine.upload import UploadState
from .targets import async_called

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.upload import Upload

STEP: Final = 10
"""Per cent. An event for each byte that moves would be the recorder's whole day."""
_LONGEST: Final = 500
"""Characters of a text that a printer or a stranger's file gave."""


class UploadKind(StrEnum):
    """What people are told of an upload."""

    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


_ENDS: Final = {
    UploadState.DONE: UploadKind.FINISHED,
    UploadState.FAILED: UploadKind.FAILED,
    UploadState.CANCELLED: UploadKind.CANCELLED,
}


def upload_facts(upload: Upload, now: datetime) -> dict[str, Any]:
    """Return an upload as plain JSON: what automations read as `trigger.upload`.

    Progress is in whole per cent, cut and not rounded; `eta` and the other times are ISO 8601 in
    UTC; what nobody knows is None.
    """
    eta = upload.ended_at or (now + upload.left if upload.left is not None else None)
    return {
        "id": str(upload.id),
        "name": upload.name[:_LONGEST],
        "path": upload.path and upload.path[:_LONGEST],
        "progress": upload.percent,
        "moved_bytes": upload.moved_bytes,
        "total_bytes": upload.total_bytes,
        "bytes_per_s": None if upload.bytes_per_s is None else round(upload.bytes_per_s),
        "eta": None if eta is None else eta.replace(microsecond=0).isoformat(),
        "attempt": upload.attempt,
        "started_at": upload.started_at.isoformat(),
        "ended_at": upload.ended_at.isoformat() if upload.ended_at else None,
        "error_key": upload.error_key,
        "reason": upload.reason and upload.reason[:_LONGEST],
    }


class UploadNews:
    """Finds the news in how one printer's uploads stand from moment to moment."""

    def __init__(self, printer_id: str, tell: Callable[[UploadKind, Upload], None]) -> None:
        self._printer_id = printer_id
        self._tell = tell
        self._told: dict[UUID, int] = {}
        """Per cent that were told of, of every upload that has begun."""

    @callback
    def on_upload(self, upload: Upload) -> None:
        """Take an upload as it stands now, of any printer."""
        if upload.printer_id != self._printer_id:
            return
        if upload.state in _ENDS:
            self._told.pop(upload.id, None)
            self._tell(_ENDS[upload.state], upload)
        elif upload.state is UploadState.WAITING:
            pass  # for those before it, or for its next try
        elif upload.id not in self._told:
            self._told[upload.id] = 0
            self._tell(UploadKind.STARTED, upload)
        elif (step := upload.percent // STEP * STEP) > self._told[upload.id]:
            self._told[upload.id] = step
            self._tell(UploadKind.PROGRESS, upload)


@callback
def async_announce_uploads(hass: HomeAssistant, coordinator: PrinterCoordinator) -> CALLBACK_TYPE:
    """Announce what happens to a printer's uploads; returns how to stop."""

    @callback
    def tell(kind: UploadKind, upload: Upload) -> None:
        now = coordinator.workshop.clock.now()
        hass.bus.async_fire(
            EVENT_UPLOAD_PROGRESS if kind is UploadKind.PROGRESS else EVENT_UPLOAD,
            {
                "device_id": coordinator.device_id,
                "printer": async_called(coordinator),
                "kind": kind.value,
                "at": (upload.ended_at or now).isoformat(),
                "upload": upload_facts(upload, now),
            },
        )

    news = UploadNews(coordinator.printer_id, tell)
    return coordinator.workshop.uploads.subscribe(news.on_upload)
