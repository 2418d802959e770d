"""Which files of Home Assistant may go to a printer."""

from __future__ import annotations

from pathlib import Path

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError

from custom_components.printernizer.local_files import MEDIA, async_local_file


@pytest.fixture
def place(hass: HomeAssistant, tmp_path: Path) -> Path:
    """Give a disk with an open folder, a media folder, and secrets beside and within them."""
    for name in ("open/models", "open/.storage", "media", "secret"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        "open/a.gcode",
        "open/models/größe 1.gcode",
        "open/.storage/auth",
        "open/.hidden.gcode",
        "media/b.gcode",
        "media/.hidden.gcode",
        "secret/key.gcode",
    ):
        (tmp_path / name).write_text("G28")
    (tmp_path / "open/escape.gcode").symlink_to(tmp_path / "secret/key.gcode")
    (tmp_path / "open/out").symlink_to(tmp_path / "secret")
    (tmp_path / "open/peek.gcode").symlink_to(tmp_path / "open/.storage/auth")
    (tmp_path / "open/inside.gcode").symlink_to(tmp_path / "open/a.gcode")
    (tmp_path / "open/circle.gcode").symlink_to(tmp_path / "open/circle.gcode")
    (tmp_path / "media/escape.gcode").symlink_to(tmp_path / "secret/key.gcode")
    (tmp_path / "media/to_open.gcode").symlink_to(tmp_path / "open/a.gcode")
    hass.config.allowlist_external_dirs = {str(tmp_path / "open")}
    hass.config.media_dirs = {"local": str(tmp_path / "media")}
    return tmp_path


@pytest.mark.parametrize(
    ("source", "file"),
    [
        ("{place}/open/a.gcode", "open/a.gcode"),
        ("{place}/open/models/größe 1.gcode", "open/models/größe 1.gcode"),
        ("{place}/open/inside.gcode", "open/a.gcode"),
        ("{place}/media/b.gcode", "media/b.gcode"),
        (f"{MEDIA}local/b.gcode", "media/b.gcode"),
    ],
)
async def test_what_lies_open_is_found_without_links(
    hass: HomeAssistant, place: Path, source: str, file: str
) -> None:
    """German file names are file names, and a link within the folder is nobody's harm."""
    found = await async_local_file(hass, source.replace("{place}", str(place)))
    assert found == (place / file).resolve()


@pytest.mark.parametrize(
    "source",
    [
        "{place}/secret/key.gcode",
        "{place}/secret/nothing.gcode",
        "{place}/open/../secret/key.gcode",
        "{place}/open/models/../a.gcode",
        "{place}/open/escape.gcode",
        "{place}/open/out/key.gcode",
        "{place}/open/peek.gcode",
        "{place}/open/.storage/auth",
        "{place}/open/.hidden.gcode",
        "a.gcode",
        "",
        "file:///open/a.gcode",
        "/" + "a" * 5000,
        "/open/\x00",
        f"{MEDIA}local/../secret/key.gcode",
        f"{MEDIA}local//etc/hostname",
        f"{MEDIA}local/escape.gcode",
        f"{MEDIA}local/to_open.gcode",
        f"{MEDIA}local/.hidden.gcode",
        f"{MEDIA}elsewhere/b.gcode",
        f"{MEDIA}",
        "media-source://printernizer/file/x",
    ],
)
async def test_everything_else_is_refused_alike(
    hass: HomeAssistant, place: Path, source: str
) -> None:
    """A printer shows its files to everybody: the keys of the house must not get there.

    A file that is not there is refused like one that is: nobody learns which there are.
    """
    with pytest.raises(ServiceValidationError) as refusal:
        await async_local_file(hass, source.replace("{place}", str(place)))
    assert refusal.value.translation_key == "source_not_allowed"


@pytest.mark.parametrize(
    "source",
    [
        "{place}/open/nothing.gcode",
        "{place}/open/models",
        "{place}/open/circle.gcode",
        f"{MEDIA}local/nothing.gcode",
        f"{MEDIA}local/",
    ],
)
async def test_what_is_no_file_is_said_to_be_missing(
    hass: HomeAssistant, place: Path, source: str
) -> None:
    """In an open folder a wrong name is a typing error."""
    with pytest.raises(ServiceValidationError) as refusal:
        await async_local_file(hass, source.replace("{place}", str(place)))
    assert refusal.value.translation_key == "source_missing"


async def test_a_house_that_lives_in_a_hidden_folder_can_send_files(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Home Assistant's own default is `.homeassistant`: only what is hidden below it counts."""
    media = tmp_path / ".homeassistant/media"
    media.mkdir(parents=True)
    (media / "a.gcode").write_text("G28")
    hass.config.media_dirs = {"local": str(media)}
    assert await async_local_file(hass, f"{MEDIA}local/a.gcode") == (media / "a.gcode").resolve()
