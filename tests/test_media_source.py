"""The media browser: what a user finds there, and what nobody may get out of it."""

from __future__ import annotations

import os
from pathlib import Path
from uuid import uuid4

import pytest
from homeassistant.auth.models import User
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import (
    DOMAIN as MEDIA_SOURCE,
    BrowseMediaSource,
    Unresolvable,
    async_browse_media,
    async_resolve_media,
)
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.printernizer import media_source
from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.drivers.virtual.machine import Fault, VirtualFile
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.snapshots import folder_of
from custom_components.printernizer.views.printer_files import (
    CACHE_BYTES,
    _make_room,
    file_url,
    path_of,
    thumbnail_url,
    token_of,
)
from tests.rich_printer import JPEG, PNG, SetUp, set_up  # noqa: F401
from tests.shop_floor import SAMPLE, Floor, Printer, floor  # noqa: F401

ROOT = f"media-source://{DOMAIN}"


@pytest.fixture
async def printer(hass: HomeAssistant, floor: Floor) -> Printer:
    """Give a printer whose files the media browser shows."""
    assert await async_setup_component(hass, MEDIA_SOURCE, {})
    return await floor.add("Ärmel One")


async def browse(hass: HomeAssistant, where: str = ROOT) -> BrowseMediaSource:
    found = await async_browse_media(hass, where)
    assert isinstance(found, BrowseMediaSource)
    return found


def titled(found: BrowseMediaSource, title: str) -> str:
    """Return the address of a child."""
    assert found.children is not None
    child = next(each for each in found.children if each.title == title)
    assert child.media_content_id is not None
    return str(child.media_content_id)


async def files_of(hass: HomeAssistant) -> BrowseMediaSource:
    below = await browse(hass, titled(await browse(hass), "Ärmel One"))
    return await browse(hass, titled(below, "Files"))


async def test_a_file_is_found_by_browsing_and_fetched_whole(
    hass: HomeAssistant, printer: Printer, hass_client: ClientSessionGenerator
) -> None:
    printer.machine.store(VirtualFile(path="/Teile/söckel (2).gcode", content=b"G28\n" * 999))
    root = await files_of(hass)
    assert root.children is not None
    assert root.children[0].title == "Teile"
    folder = await browse(hass, titled(root, "Teile"))
    media = await async_resolve_media(hass, titled(folder, "söckel (2).gcode"), None)
    assert media.mime_type == "text/x.gcode"
    client = await hass_client()
    answer = await client.get(media.url)
    assert await answer.read() == b"G28\n" * 999
    piece = await client.get(media.url, headers={"Range": "bytes=4-7"})
    assert (piece.status, await piece.read()) == (206, b"G28\n")


async def test_a_new_version_of_a_file_is_not_mistaken_for_the_old_one(
    hass: HomeAssistant, printer: Printer, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    url = file_url(printer.entry.entry_id, "/part.gcode")
    for content in (b"G28\n", b"G28\nG1 X1\n"):
        printer.machine.store(VirtualFile(path="/part.gcode", content=content))
        assert await (await client.get(url)).read() == content


async def test_a_page_on_a_printer_is_saved_and_never_run(
    hass: HomeAssistant, printer: Printer, hass_client: ClientSessionGenerator
) -> None:
    """Whoever can put a file on a printer would act with the rights of who opens it."""
    client = await hass_client()
    for name in ("page.html", "drawing.svg", "part.gcode", "nameless"):
        printer.machine.store(VirtualFile(path=f"/{name}", content=b"<script>alert(1)</script>"))
        answer = await client.get(file_url(printer.entry.entry_id, f"/{name}"))
        assert answer.status == 200
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
    printer.machine.store(VirtualFile(path="/timelapse/a.mp4", content=b"video"))
    video = await client.get(file_url(printer.entry.entry_id, "/timelapse/a.mp4"))
    assert video.headers["Content-Disposition"].startswith("inline")


async def test_nobody_without_a_login_and_no_user_without_the_printer_gets_a_file(
    hass: HomeAssistant,
    printer: Printer,
    hass_client_no_auth: ClientSessionGenerator,
    hass_client: ClientSessionGenerator,
    hass_admin_user: User,
) -> None:
    url = file_url(printer.entry.entry_id, SAMPLE)
    stranger = await hass_client_no_auth()
    assert (await stranger.get(url)).status == 401
    client = await hass_client()
    assert (await client.get(url)).status == 200
    hass_admin_user.groups = []
    hass_admin_user.invalidate_cache()
    assert (await client.get(url)).status == 403


async def test_who_browses_sees_what_they_may_open_and_no_names_besides(
    hass: HomeAssistant,
    printer: Printer,
    hass_ws_client: WebSocketGenerator,
    hass_admin_user: User,
) -> None:
    """The names of files alone tell who had what printed."""
    entry_id = printer.entry.entry_id
    wire = await hass_ws_client()

    async def seen(where: str = "") -> list[str] | None:
        await wire.send_json_auto_id(
            {"type": "media_source/browse_media", "media_content_id": f"{ROOT}/{where}".rstrip("/")}
        )
        answer = await wire.receive_json()
        if not answer["success"]:
            return None
        return [child["title"] for child in answer["result"]["children"]]

    files = f"file/{entry_id}/{token_of('/')}"
    below = ("library", entry_id, files, f"snapshot/{entry_id}")
    assert len(await seen() or ()) == 2
    assert None not in [await seen(where) for where in below]
    hass_admin_user.groups = []
    hass_admin_user.mock_policy({"entities": True})
    assert await seen() == ["Ärmel One"]
    assert [await seen(where) is None for where in below] == [True, False, False, False]
    hass_admin_user.mock_policy({})
    assert await seen() == []
    assert [await seen(where) for where in below] == [None] * 4


async def test_files_on_printers_do_not_crowd_out_the_library(
    hass: HomeAssistant, printer: Printer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A full card was listed after they came, and the library looked empty."""
    monkeypatch.setattr(media_source, "MOST", 2)
    library = printer.coordinator.workshop.library
    for number in range(3):
        ours = tmp_path / f"ours {number}.gcode"
        ours.write_bytes(b"; generated by PrusaSlicer\nG28\n" * (number + 1))
        await library.add(ours)
    far = [(f"/{number}.gcode", f"{number}.gcode", number + 9) for number in range(3)]
    await library.seen(printer.machine.serial, "/", far)
    shown = await browse(hass, f"{ROOT}/library")
    assert [child.title for child in shown.children or ()] == ["ours 2.gcode", "ours 1.gcode"]


@pytest.mark.parametrize("path", ["/config/moonraker.conf", "//Config/./a", "/logs/klippy.log"])
async def test_what_a_printers_server_is_set_up_with_is_for_administrators(
    hass: HomeAssistant,
    printer: Printer,
    hass_client: ClientSessionGenerator,
    hass_admin_user: User,
    path: str,
) -> None:
    """The passwords of a whole house stand in it."""
    printer.machine.store(VirtualFile(path=path, content=b"password"))
    url = file_url(printer.entry.entry_id, path)
    client = await hass_client()
    assert (await client.get(url)).status == 200
    hass_admin_user.groups = []
    hass_admin_user.mock_policy({"entities": True})
    assert (await client.get(url)).status == 403
    assert (await client.get(file_url(printer.entry.entry_id, SAMPLE))).status == 200


async def test_a_file_with_a_name_of_any_script_is_sent(
    printer: Printer, hass_client: ClientSessionGenerator
) -> None:
    """Emoji of families are made with joiners, which nobody can print."""
    path = "/\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}\N{IDEOGRAPHIC SPACE}2.gcode"
    printer.machine.store(VirtualFile(path=path, content=b"G28"))
    client = await hass_client()
    answer = await client.get(file_url(printer.entry.entry_id, path))
    assert (answer.status, await answer.read()) == (200, b"G28")


@pytest.mark.parametrize("path", ["/../secret", "relative", "/a/../../etc/passwd", "/a\x00b", ""])
def test_words_of_ours_lead_to_paths_on_a_printer_only(path: str) -> None:
    with pytest.raises(ValueError, match="path on a printer"):
        path_of(token_of(path))


@pytest.mark.parametrize("word", ["***", "Z", "_w", "A" * 5000], ids=["odd", "short", "b", "long"])
async def test_an_address_that_we_did_not_make_finds_nothing(
    hass: HomeAssistant, printer: Printer, hass_client: ClientSessionGenerator, word: str
) -> None:
    client = await hass_client()
    entry_id = printer.entry.entry_id
    for kind in ("file", "thumbnail", "snapshot"):
        assert (await client.get(f"/api/{DOMAIN}/{kind}/{entry_id}/{word}")).status == 404
        assert (await client.get(f"/api/{DOMAIN}/{kind}/nobody/{word}")).status == 404
    with pytest.raises(BrowseError):
        await browse(hass, f"{ROOT}/file/{entry_id}/{word}")
    for where in (f"file/{entry_id}/{word}", f"snapshot/{entry_id}/{word}", "file/nobody/x", "x"):
        with pytest.raises(Unresolvable):
            await async_resolve_media(hass, f"{ROOT}/{where}", None)
    for where in ("nobody", "a/b/c/d", "snapshot/nobody", "other/thing"):
        with pytest.raises(BrowseError):
            await browse(hass, f"{ROOT}/{where}")


async def test_a_printer_that_is_off_says_so_instead_of_showing_an_empty_folder(
    hass: HomeAssistant, printer: Printer, hass_client: ClientSessionGenerator
) -> None:
    root = f"{ROOT}/file/{printer.entry.entry_id}/{token_of('/')}"
    printer.machine.inject(Fault.NETWORK, seconds=1e9)
    with pytest.raises(BrowseError, match="cut"):
        await browse(hass, root)
    client = await hass_client()
    assert (await client.get(file_url(printer.entry.entry_id, SAMPLE))).status == 502
    missing = file_url(printer.entry.entry_id, "/nothing.gcode")
    assert (await client.get(missing)).status == 502


async def test_pictures_of_ended_prints_are_listed_by_when_and_what(
    hass: HomeAssistant, printer: Printer, floor: Floor, hass_client: ClientSessionGenerator
) -> None:
    await printer.print_all()
    await floor.settle()
    job = printer.coordinator.job
    assert job is not None
    folder = folder_of(hass, printer.machine.serial)
    await hass.async_add_executor_job(_put, folder, f"{job.id}.jpg", JPEG)
    await hass.async_add_executor_job(_put, folder, f"{uuid4()}.png", PNG)
    await hass.async_add_executor_job(_put, folder, "notes.txt", b"not ours")
    below = await browse(hass, f"{ROOT}/{printer.entry.entry_id}")
    found = await browse(hass, titled(below, "Pictures of ended prints"))
    assert found.children is not None
    assert len(found.children) == 2
    mine = next(child for child in found.children if str(job.id) in str(child.media_content_id))
    assert "benchy" in mine.title
    media = await async_resolve_media(hass, str(mine.media_content_id), None)
    client = await hass_client()
    answer = await client.get(media.url)
    assert (media.mime_type, await answer.read()) == ("image/jpeg", JPEG)
    assert (await client.get(str(mine.thumbnail))).status == 200
    missing = f"/api/{DOMAIN}/snapshot/{printer.entry.entry_id}/{uuid4()}"
    assert (await client.get(missing)).status == 404
    gone = f"{ROOT}/snapshot/{printer.entry.entry_id}/{uuid4()}"
    with pytest.raises(Unresolvable):
        await async_resolve_media(hass, gone, None)


async def test_the_shop_is_no_printer_to_look_into(hass: HomeAssistant, printer: Printer) -> None:
    shop = next(e for e in hass.config_entries.async_entries(DOMAIN) if e.unique_id == "shop")
    with pytest.raises(BrowseError):
        await browse(hass, f"{ROOT}/{shop.entry_id}")
    root = await browse(hass)
    assert root.children is not None
    assert [child.title for child in root.children] == ["Library", "Ärmel One"]


async def test_thumbnails_come_from_the_printer_or_not_at_all(
    hass: HomeAssistant, set_up: SetUp, hass_client: ClientSessionGenerator
) -> None:
    """A page that the printer serves as a picture must not be shown in our name."""
    stand = await set_up()
    client = await hass_client()
    url = thumbnail_url(hass, stand.entry.entry_id, "/thumb/l/part.gcode")
    assert (await client.get(url)).status == 404
    storage = _Pictures()
    stand.printer.storage = storage  # type: ignore[assignment]
    assert (await client.get(url)).status == 404
    storage.picture = b"<html>"
    assert (await client.get(url)).status == 404
    storage.picture = b""
    assert (await client.get(url)).status == 404
    storage.picture = PNG
    answer = await client.get(url)
    assert (answer.content_type, await answer.read()) == ("image/png", PNG)
    assert storage.asked == "/thumb/l/part.gcode"
    # Whoever may look at a printer must not have it asked for anything else, with our key.
    entry_id, word = stand.entry.entry_id, token_of("/api/plugin?do=it")
    another = thumbnail_url(hass, "another", "/api/plugin?do=it").rsplit("/", 1)[1]
    for forged in (word, f"{word}.", f"{word}.{url[-32:]}", another):
        forgery = f"/api/{DOMAIN}/thumbnail/{entry_id}/{forged}"
        assert (await client.get(forgery)).status == 404
    assert storage.asked == "/thumb/l/part.gcode"


class _Pictures:
    picture: bytes | None = None
    asked: str | None = None

    async def thumbnail(self, reference: str) -> bytes | None:
        self.asked = reference
        if self.picture == b"":
            raise Refused("it has none", key="file_missing")
        return self.picture


def test_fetched_files_make_room_for_new_ones(tmp_path: Path) -> None:
    """A cache without an end fills the card of a Raspberry Pi."""
    old, fresh, wanted = (tmp_path / "kept" / name for name in ("old", "fresh", "wanted"))
    for folder, size in ((old, CACHE_BYTES), (fresh, 10)):
        folder.mkdir(parents=True)
        with (folder / "file").open("wb") as file:
            file.truncate(size)
    os.utime(old, (1, 1))
    _make_room(wanted)
    assert {each.name for each in (tmp_path / "kept").iterdir()} == {"fresh", "wanted"}


def test_what_is_being_fetched_does_not_make_room(tmp_path: Path) -> None:
    """A third file must not take the first one's folder away while it still grows."""
    growing, fresh, wanted = (tmp_path / "kept" / name for name in ("growing", "fresh", "wanted"))
    for folder in (growing, fresh):
        folder.mkdir(parents=True)
        with (folder / "file.part").open("wb") as file:
            file.truncate(CACHE_BYTES)
    (tmp_path / "kept" / "stray").touch()
    os.utime(growing, (1, 1))
    _make_room(wanted, {growing})
    left = {each.name for each in (tmp_path / "kept").iterdir()}
    assert left == {"growing", "fresh", "stray", "wanted"}


def _put(folder: Path, name: str, content: bytes) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)
