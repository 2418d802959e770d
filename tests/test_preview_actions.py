"""Drawing a file, asked of a real Home Assistant."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import pytest
import voluptuous as vol
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import preview_actions
from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.picture import Colouring, PictureFormat, PictureOptions
from custom_components.printernizer.engine.workshop.sandbox import Sandbox
from custom_components.printernizer.runtime import async_previews, async_shared
from tests.shop_floor import Floor, floor  # noqa: F401

PNG = b"\x89PNG\r\n\x1a\n drawn"


async def _ask(hass: HomeAssistant, **data: Any) -> Any:
    return await hass.services.async_call(
        DOMAIN, "render_preview", data, blocking=True, return_response=True
    )


@pytest.fixture
def model(hass: HomeAssistant, tmp_path: Path) -> Path:
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    path = tmp_path / "bracket.stl"
    path.write_bytes(bytes(84))
    return path


async def test_a_file_is_drawn_and_its_link_shows_it(
    hass: HomeAssistant,
    floor: Floor,
    model: Path,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """A picture in a notice is worth more than a file name."""
    await floor.add()
    drawn: list[tuple[Path, PictureOptions, bool]] = []

    async def picture(
        _: Sandbox, path: Path, options: PictureOptions, *, thumbnail: bool
    ) -> tuple[bytes, str]:
        drawn.append((path, options, thumbnail))
        return PNG, "render"

    with patch.object(Sandbox, "picture", picture):
        told = await _ask(
            hass,
            source=str(model),
            width=300,
            height=200,
            plate=2,
            azimuth=10,
            elevation=45.5,
            colour="#00ae42",
            background="#FFFFFF",
            colouring="tool",
            bed=True,
            smooth=True,
            thumbnail=True,
            format="webp",
            frames=8,
        )
        again = await _ask(hass, source=str(model))
    path, options, thumbnail = drawn[0]
    assert (path, thumbnail) == (model, True)
    assert options == PictureOptions(
        width_px=300,
        height_px=200,
        plate=2,
        azimuth_deg=10,
        elevation_deg=45.5,
        colour="#00AE42",
        background="#FFFFFF",
        colouring=Colouring.TOOL,
        bed=True,
        smooth=True,
        format=PictureFormat.WEBP,
        frames=8,
    )
    assert (drawn[1][1], drawn[1][2]) == (PictureOptions(), False)
    assert (told["content_type"], told["size"]) == ("image/png", len(PNG))
    assert Path(told["path"]).parts[-4] == DOMAIN
    client = await hass_client_no_auth()
    answer = await client.get(again["url"])
    assert (answer.status, await answer.read()) == (200, PNG)
    assert answer.content_type == "image/png", "a notice shows no download"
    assert answer.headers["Content-Disposition"].startswith("inline")


async def test_a_file_of_the_library_is_drawn_once_for_lists_and_wishes(
    hass: HomeAssistant, floor: Floor, model: Path
) -> None:
    """What was drawn for a list is not drawn again because somebody asks for it by name."""
    await floor.add()
    model.write_bytes(b"G28\nG1 X1 Y1 E1\n")
    file = await hass.services.async_call(
        DOMAIN, "add_to_library", {"source": str(model)}, blocking=True, return_response=True
    )
    assert file is not None
    drawn: list[Path] = []

    async def picture(_: Sandbox, path: Path, *__: Any, **___: Any) -> tuple[bytes, str]:
        drawn.append(path)
        return PNG, "render"

    with patch.object(Sandbox, "picture", picture):
        await _ask(hass, file=file["id"], width=256, thumbnail=True)
        await async_previews(hass).picture(
            drawn[0], str(file["sha256"]), PictureOptions(width_px=256, height_px=256)
        )
    assert len(drawn) == 1
    with pytest.raises(ServiceValidationError, match="no such file"):
        await _ask(hass, file=str(uuid4()))


async def test_a_file_of_a_printer_is_fetched_and_drawn(
    hass: HomeAssistant,
    floor: Floor,
) -> None:
    """What hangs on the wall as a list of names is on the printer, not here."""
    printer = await floor.add()
    contents: list[bytes] = []

    async def picture(_: Sandbox, path: Path, *__: Any, **___: Any) -> tuple[bytes, str]:
        contents.append(path.read_bytes())
        return PNG, "render"

    with patch.object(Sandbox, "picture", picture):
        await _ask(hass, device_id=printer.device_id, path="/benchy.gcode")
    assert contents == [printer.machine.files["/benchy.gcode"].content]


async def test_what_cannot_be_drawn_says_why(
    hass: HomeAssistant,
    floor: Floor,
    model: Path,
) -> None:
    with pytest.raises(ServiceValidationError):
        await _ask(hass, source=str(model))
    await floor.add()
    trouble = BadFile("bracket.stl at byte 80: it has no triangles")
    with (
        patch.object(Sandbox, "picture", side_effect=trouble),
        pytest.raises(HomeAssistantError, match="no triangles"),
    ):
        await _ask(hass, source=str(model))
    found = patch.object(preview_actions, "async_local_file", return_value=model.parent / "gone")
    with found, pytest.raises(HomeAssistantError) as swept:
        await _ask(hass, source=str(model))
    assert swept.value.translation_key == "disk_failed"


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"source": "/x", "device_id": "y", "path": "/z"},
        {"device_id": "y"},
        {"path": "/z"},
        {"source": "/x", "width": 9},
        {"source": "/x", "width": 4096},
        {"source": "/x", "azimuth": "nan"},
        {"source": "/x", "elevation": 91},
        {"source": "/x", "colour": "red"},
        {"source": "/x", "frames": 2},
        {"source": "/x", "frames": 2, "format": "gif", "width": 1024},
        {"source": "/x", "frames": 61, "format": "gif"},
    ],
    ids=str,
)
async def test_nonsense_is_refused(
    hass: HomeAssistant,
    floor: Floor,
    wrong: dict[str, Any],
) -> None:
    await floor.add()
    with pytest.raises(vol.Invalid):
        await _ask(hass, **wrong)
    assert async_shared(hass).previews is not None
