"""Links to the pictures of a job: notices carry them, and who follows one needs no login."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from homeassistant.components.http.auth import async_sign_path
from homeassistant.core import callback

from .const import DOMAIN

if TYPE_CHECKING:
    from uuid import UUID

    from homeassistant.core import HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.job import Job

LINK_LASTS: Final = timedelta(hours=24)


class Look(StrEnum):
    """What a picture of a job shows."""

    CAMERA = "camera"
    """The print: now while it runs, and as it ended afterwards."""
    PREVIEW = "preview"
    """What was to be printed."""
    BOTH = "both"
    """Side by side, or the one that there is."""


def picture_url(entry_id: str, job_id: UUID, look: Look) -> str:
    """Return the path of a job's picture on this server."""
    return f"/api/{DOMAIN}/picture/{entry_id}/{job_id}/{look.value}"


@callback
def async_picture_links(
    hass: HomeAssistant, coordinator: PrinterCoordinator, job: Job
) -> dict[str, str | None]:
    """Return signed links to what may be seen of a job; None for what nobody can have.

    Nothing is fetched or drawn for them. They last a day, and end with Home Assistant.
    """
    entry = coordinator.config_entry
    eyes = entry.runtime_data.eyes
    camera = eyes.assigned is not None or eyes.main is not None
    preview = job.identity.path is not None or coordinator.parts.job_picture
    there = {Look.CAMERA: camera, Look.PREVIEW: preview, Look.BOTH: camera or preview}
    return {
        look.value: async_sign_path(
            hass, picture_url(entry.entry_id, job.id, look), LINK_LASTS, use_content_user=True
        )
        if known
        else None
        for look, known in there.items()
    }
