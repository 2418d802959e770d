"""The action that draws a file: of Home Assistant's disk, or of a printer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from . import fields
from .engine.errors import BadFile, NotAllowed
from .engine.picture import Colouring, PictureFormat, PictureOptions
from .local_files import async_local_file
from .runtime import async_previews
from .shop_action import ShopAction
from .targets import async_place_of
from .views.export import async_offer
from .views.printer_files import async_fetched

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .action import Facts
    from .engine.workshop.previews import Picture
    from .shop_action import ShopRequest

SIDE: Final = vol.All(vol.Coerce(int), vol.Range(16, 2048))
_COLOUR: Final = vol.All(cv.string, vol.Match(r"^#[0-9A-Fa-f]{6}\Z"), vol.Upper)
_MOST_TURNING: Final = 512
"""Side in pixels of a picture that turns: sixty of 2048 would take minutes."""


async def _render_preview(request: ShopRequest) -> Facts:
    hass, data = request.hass, request.data
    source, content, name = await _source(request)
    options = PictureOptions(
        width_px=data["width"],
        height_px=data.get("height", data["width"]),
        plate=data.get("plate"),
        azimuth_deg=data["azimuth"],
        elevation_deg=data["elevation"],
        colour=data.get("colour"),
        background=data.get("background"),
        colouring=data["colouring"],
        bed=data["bed"],
        smooth=data["smooth"],
        format=data["format"],
        frames=data["frames"],
    )
    try:
        picture = await async_previews(hass).picture(
            source, content, options, thumbnail=data["thumbnail"]
        )
    except BadFile as err:
        raise err.called(source.name, name) from err
    return {
        "path": str(picture.path),
        "url": async_offer(hass, picture.path, _called(picture)),
        "content_type": picture.content_type,
        "size": len(picture.content),
    }


def _called(picture: Picture) -> str:
    """Return a name that says what it is: a notice shows nothing that it takes for a download."""
    return f"preview.{picture.content_type.rpartition('/')[2]}"


async def _source(request: ShopRequest) -> tuple[Path, str, str]:
    """Return a file, what it is known by among the pictures that were drawn, and its name."""
    hass, data = request.hass, request.data
    if "file" in data:
        library = request.shop.library
        path, file = await library.path(data["file"]), await library.get(data["file"])
        # It has a hash: it lies on the shelf. The same is shown in lists, and drawn once for both.
        return path, str(file.sha256), file.name
    if "source" in data:
        path = await async_local_file(hass, data["source"])
        name = path.name
    else:
        printer = async_place_of(hass, data[ATTR_DEVICE_ID], None)[0]
        path = await async_fetched(hass, printer, data["path"])
        name = data["path"].rpartition("/")[2]
    return path, await hass.async_add_executor_job(_identity, path), name


def _identity(path: Path) -> str:
    try:
        about = path.stat()
    except OSError as err:
        # Swept out of the cache, or unmounted, since it was found.
        raise NotAllowed(err.strerror or type(err).__name__, key="disk_failed") from err
    return f"{path} {about.st_size} {about.st_mtime_ns}"


def _one_file(data: dict[str, Any]) -> dict[str, Any]:
    named = sum(key in data for key in ("file", "source", ATTR_DEVICE_ID))
    if named != 1 or (ATTR_DEVICE_ID in data) != ("path" in data):
        raise vol.Invalid(
            "a file of the library, one of Home Assistant, or a printer and a path on it"
        )
    if data["frames"] > 1:
        if data["format"] is PictureFormat.PNG:
            raise vol.Invalid("only webp and gif can turn")
        if max(data["width"], data.get("height", 0)) > _MOST_TURNING:
            raise vol.Invalid(f"a picture that turns has at most {_MOST_TURNING} pixels")
    return data


PREVIEW_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "render_preview": ShopAction(
        deed=_render_preview,
        fields={
            vol.Optional("file"): vol.All(cv.string, vol.Coerce(UUID)),
            vol.Optional("source"): fields.source,
            vol.Optional(ATTR_DEVICE_ID): cv.string,
            vol.Optional("path"): fields.remote_path,
            vol.Optional("plate"): fields.PLATE,
            vol.Optional("width", default=512): SIDE,
            vol.Optional("height"): SIDE,
            vol.Optional("azimuth", default=-35.0): vol.All(fields.finite, vol.Range(-360, 360)),
            vol.Optional("elevation", default=30.0): vol.All(fields.finite, vol.Range(-90, 90)),
            vol.Optional("colour"): _COLOUR,
            vol.Optional("background"): _COLOUR,
            vol.Optional("colouring", default=Colouring.FEATURE): vol.Coerce(Colouring),
            vol.Optional("bed", default=False): cv.boolean,
            vol.Optional("smooth", default=False): cv.boolean,
            vol.Optional("thumbnail", default=False): cv.boolean,
            vol.Optional("format", default=PictureFormat.PNG): vol.Coerce(PictureFormat),
            vol.Optional("frames", default=1): vol.All(vol.Coerce(int), vol.Range(1, 60)),
        },
        check=_one_file,
        response=SupportsResponse.ONLY,
    ),
}
