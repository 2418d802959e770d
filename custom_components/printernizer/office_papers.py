"""Documents as files: a signed link that ends by itself, and a copy on disk for who asks for it.

A link works for whoever has it until it ends. The media folder is open to everybody in the house,
and documents name people: nothing is put there unless somebody says so.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import uuid4

from homeassistant.components.http.auth import async_sign_path
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from .const import DOMAIN
from .downloads import async_folder, safe_name

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from .engine.workshop.office import Office

LINK_LASTS: Final = timedelta(hours=24)
FOLDER: Final = "documents"


def document_url(number: str) -> str:
    """Return the path of a document on this server."""
    return f"/api/{DOMAIN}/document/{quote(number, safe='')}"


def paper_name(number: str) -> str:
    """Return the name of a document's file."""
    return safe_name(f"{number.replace('/', '_')}.pdf")


async def async_paper(
    hass: HomeAssistant, office: Office, number: str, *, save: bool, folder: str | None
) -> dict[str, Any]:
    """Return a link to a document, and where its copy lies, if one was asked for.

    Raises ServiceValidationError or HomeAssistantError, translated, and NotAllowed.
    """
    content = await office.paper(number)
    url = async_sign_path(hass, document_url(number), LINK_LASTS, use_content_user=True)
    told: dict[str, Any] = {
        "url": url,
        "name": paper_name(number),
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "path": None,
    }
    if save or folder is not None:
        place = await async_folder(hass, FOLDER, folder) / paper_name(number)
        await hass.async_add_executor_job(_put, place, content)
        told["path"] = str(place)
    return told


def _put(place: Path, content: bytes) -> None:
    """Write a file whole or not at all; one that is there may only be the same."""
    # A name that nobody can know, and so cannot have made a link of that leads elsewhere.
    part = place.with_name(f".{uuid4().hex}.part")
    try:
        if place.exists(follow_symlinks=False):
            if place.is_file() and place.read_bytes() == content:
                return
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="download_exists",
                translation_placeholders={"file": place.name},
            )
        part.write_bytes(content)
        part.replace(place)
    except OSError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="disk_failed",
            translation_placeholders={"reason": err.strerror or type(err).__name__},
        ) from err
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
