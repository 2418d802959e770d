"""Files of the library, and their pictures: behind Home Assistant's login or a signed link."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from aiohttp import web
from homeassistant.components.http.auth import async_sign_path
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.core import callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..engine.errors import BadFile, PrinternizerError
from ..engine.picture import PictureOptions
from ..runtime import async_find_workshop, async_get_workshop, async_previews
from .answers import headers_for, kind_of_file
from .export import LINK_LASTS
from .kind_pictures import kind_picture

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from ..engine.library_file import LibraryFile
    from ..engine.workshop.library import Library

SIZES: Final = (200, 256, 512)
"""Sides in pixels that a page may ask for: each of any size would be a picture of its own."""
MOST_PLATES: Final = 100
PATIENCE_S: Final = 20.0
"""How long a page waits for a picture that a printer has."""


def download_url(file_id: UUID) -> str:
    """Return the path of a file on this server."""
    return f"/api/{DOMAIN}/library/{file_id}"


def preview_url(file_id: UUID, *, size: int = 256, plate: int | None = None) -> str:
    """Return the path of a file's picture on this server."""
    more = "" if plate is None else f"&plate={plate}"
    return f"/api/{DOMAIN}/library/{file_id}/preview?size={size}{more}"


def large_preview_url(file_id: UUID) -> str:
    """Return the path of a large picture: without a query, as only such are signed for players."""
    return f"/api/{DOMAIN}/library/{file_id}/preview/{max(SIZES)}"


@callback
def async_link(hass: HomeAssistant, path: str) -> str:
    """Return a link that works without a login, for a day."""
    return async_sign_path(hass, path, LINK_LASTS, use_content_user=True)


class LibraryFileView(HomeAssistantView):
    """Hands out one file, in pieces where asked."""

    url = f"/api/{DOMAIN}/library/{{file_id}}"
    name = f"api:{DOMAIN}:library"

    async def get(self, request: web.Request, file_id: str) -> web.StreamResponse:
        """Send a file that lies on the shelf, or 404."""
        library = _library(request)
        try:
            file = await library.get(_id(file_id))
            path = await library.path(file.id)
        except PrinternizerError as err:
            raise web.HTTPNotFound from err
        headers = headers_for(file.name, kind_of_file(file.name))
        # By its bytes it is no page; whatever its name says, it is saved and not shown.
        kept = {"Content-Type": "application/octet-stream"} if file.kind else {}
        return web.FileResponse(path, headers={**headers, **kept})


class LibraryPreviewView(HomeAssistantView):
    """Hands out the picture of a file; never an error in a list."""

    url = f"/api/{DOMAIN}/library/{{file_id}}/preview"
    extra_urls = [f"{url}/{{side}}"]  # noqa: RUF012 - as in the base class
    name = f"api:{DOMAIN}:library:preview"

    async def get(
        self, request: web.Request, file_id: str, side: str = "256"
    ) -> web.StreamResponse:
        """Return a picture of `size` pixels of a `plate`; that of its kind where there is none."""
        library = _library(request)
        try:
            file = await library.get(_id(file_id))
        except PrinternizerError as err:
            raise web.HTTPNotFound from err
        options = _options(request, side)
        hass = request.app[KEY_HASS]
        try:
            if file.on_shelf:
                path = await library.path(file.id)
                content, kind = await _picture(hass, file, path, options)
            else:
                content, kind = await _far_picture(hass, file, options)
        except PrinternizerError, TimeoutError:
            content, kind = kind_picture(file.kind), "image/svg+xml"
        headers = {**headers_for("preview", kind), "Content-Disposition": "inline"}
        return web.Response(body=content, headers=headers)


async def _picture(
    hass: HomeAssistant, file: LibraryFile, path: Path, options: PictureOptions
) -> tuple[bytes, str]:
    assert file.sha256 is not None  # it lies on the shelf
    picture = await async_previews(hass).picture(path, file.sha256, options)
    return picture.content, picture.content_type


async def _far_picture(
    hass: HomeAssistant, file: LibraryFile, options: PictureOptions
) -> tuple[bytes, str]:
    """Return the slicer's picture of a file that lies on printers only.

    Raises TimeoutError when that takes long: it is there when somebody asks again.
    """
    glimpses = async_get_workshop(hass).glimpses
    place = next((each for each in file.places if each.present), None)
    if place is None:
        raise BadFile("it lies nowhere any more")
    seen = glimpses.seen(place.printer_id, place.path)
    version = (place.printer_id, place.path, file.size_bytes, seen and seen.modified)
    get = partial(
        glimpses.picture,
        place.printer_id,
        place.path,
        plate=options.plate,
        at_least_px=options.width_px,
    )
    async with asyncio.timeout(PATIENCE_S):
        picture = await async_previews(hass).given(repr(version), options, get)
    return picture.content, picture.content_type


def _library(request: web.Request) -> Library:
    """Return the library. Raises HTTPForbidden for those who may not see all, HTTPNotFound."""
    user = request[KEY_HASS_USER]
    if not (user.is_admin or user.system_generated):
        raise web.HTTPForbidden
    workshop = async_find_workshop(request.app[KEY_HASS])
    if workshop is None:
        raise web.HTTPNotFound
    return workshop.library


def _id(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError as err:
        raise web.HTTPNotFound from err


def _options(request: web.Request, side: str) -> PictureOptions:
    try:
        size = int(request.query.get("size", side))
        plate = int(request.query["plate"]) if "plate" in request.query else None
    except ValueError as err:
        raise web.HTTPBadRequest from err
    if size not in SIZES or (plate is not None and not 1 <= plate <= MOST_PLATES):
        raise web.HTTPBadRequest
    return PictureOptions(width_px=size, height_px=size, plate=plate)
