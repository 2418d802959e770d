"""Actions on files: sent, started, removed, and by whom."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import Context
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.printernizer.engine.drivers.virtual.machine import Phase
from custom_components.printernizer.engine.start import Started
from tests.rich_printer import set_up  # noqa: F401 - fixture
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures
from tests.test_services import call, somebody
from tests.upload_floor import SIZE, SOURCE, DockUp, dock_up  # noqa: F401 - fixture

HOOK = "media-source://media_source/local/hook.gcode"
GCODE = b"; a hook\nG28\nG1 X10 Y10 E1 F1200\n" * 500


@pytest.fixture
def media(floor: Floor) -> Path:
    """Give the media folder with a file to print in it."""
    folder = Path(floor.hass.config.media_dirs["local"])
    folder.mkdir()
    (folder / "hook.gcode").write_bytes(GCODE)
    return folder


# -- sent ------------------------------------------------------------------------------------


@pytest.mark.usefixtures("media")
async def test_a_file_is_sent_whole_and_says_where_it_lies(floor: Floor) -> None:
    """To several at once, into a folder, under its own name."""
    left, right = await floor.add("Left"), await floor.add("Right")
    answers = await call(
        floor, "upload_file", left, right, answer=True, source=HOOK, path="/models/"
    )
    for answer, printer in zip(answers, (left, right), strict=True):
        assert (answer["ok"], answer["printer"]) == (True, printer.entry.title)
        assert (answer["path"], answer["size"]) == ("/models/hook.gcode", len(GCODE))
        assert answer["attempts"] == 1
        assert printer.machine.files["/models/hook.gcode"].content == GCODE


@pytest.mark.usefixtures("media")
async def test_what_lies_there_is_replaced_only_when_asked(floor: Floor) -> None:
    """One of the same name may be somebody's."""
    printer = await floor.add()
    await call(floor, "upload_file", printer, source=HOOK, path="/a.gcode")
    with pytest.raises(HomeAssistantError) as refusal:
        await call(floor, "upload_file", printer, source=HOOK, path="/a.gcode")
    assert refusal.value.translation_key == "file_exists"
    await call(floor, "upload_file", printer, source=HOOK, path="/a.gcode", replace=True)
    assert printer.machine.files["/a.gcode"].content == GCODE


async def test_a_file_that_may_not_be_sent_is_never_opened(floor: Floor, media: Path) -> None:
    """And no printer hears of it; neither by its path nor through a link."""
    printer = await floor.add()
    secret = media.parent / "secrets.yaml"
    secret.write_text("password")
    (media / "link.gcode").symlink_to(secret)
    before = set(printer.machine.files)
    for source in (str(secret), "media-source://media_source/local/link.gcode", "/etc/hostname"):
        for action in ("upload_file", "print_file"):
            with pytest.raises(ServiceValidationError) as refusal:
                await call(floor, action, printer, source=source)
            assert refusal.value.translation_key == "source_not_allowed"
    with pytest.raises(ServiceValidationError) as refusal:
        await call(floor, "upload_file", printer, source=str(media / "nothing.gcode"))
    assert refusal.value.translation_key == "source_missing"
    assert set(printer.machine.files) == before


async def test_what_is_not_what_its_name_says_is_not_sent(floor: Floor, media: Path) -> None:
    """A printer that unpacks it would find out in the middle of the night."""
    printer = await floor.add()
    (media / "broken.3mf").write_bytes(b"PK\x03\x04 not really")
    before = set(printer.machine.files)
    with pytest.raises(HomeAssistantError) as failure:
        await call(
            floor,
            "upload_file",
            printer,
            source="media-source://media_source/local/broken.3mf",
        )
    assert failure.value.translation_key == "bad_file"
    assert set(printer.machine.files) == before


# -- printed ---------------------------------------------------------------------------------


@pytest.mark.usefixtures("media")
async def test_a_file_is_sent_and_printed_in_one_go(floor: Floor) -> None:
    """What people want of a file is a print."""
    printer = await floor.add()
    (answer,) = await call(floor, "print_file", printer, answer=True, source=HOOK)
    assert answer["ok"] is True
    assert (answer["path"], answer["attempts"]) == ("/hook.gcode", 1)
    assert answer["overridden"] == []
    assert printer.machine.run
    assert printer.machine.run.path == "/hook.gcode"
    assert printer.machine.phase in {Phase.HEATING, Phase.PRINTING}


@pytest.mark.usefixtures("media")
async def test_a_busy_printer_is_sent_neither_file_nor_start(floor: Floor) -> None:
    """And the free one beside it prints all the same."""
    busy, free = await floor.add("Busy"), await floor.add("Free")
    await busy.begin()
    answers = await call(floor, "print_file", busy, free, answer=True, source=HOOK)
    assert [(each["ok"], each.get("error_key")) for each in answers] == [
        (False, "printer_busy"),
        (True, None),
    ]
    assert "/hook.gcode" not in busy.machine.files
    assert busy.machine.starts_seen == 1
    assert free.machine.starts_seen == 1


async def test_a_file_for_another_nozzle_is_refused_until_somebody_insists(
    floor: Floor, media: Path, hass_admin_user: MockUser
) -> None:
    """The error says what does not fit; who prints it all the same is written down."""
    printer = await floor.add()
    settings = b"; generated by PrusaSlicer 2.9.0 on 2026-11-20\n"
    end = b"; prusaslicer_config = begin\n; nozzle_diameter = 0.6\n; prusaslicer_config = end\n"
    (media / "wide.gcode").write_bytes(settings + GCODE + end)
    wide = {"source": "media-source://media_source/local/wide.gcode"}
    for action in ("upload_file", "print_file"):
        with pytest.raises(ServiceValidationError) as refusal:
            await call(floor, action, printer, **wide)
        assert refusal.value.translation_key == "wrong_nozzle"
        assert refusal.value.translation_placeholders == {"reason": "0.6 mm, not 0.4 mm"}
    assert "/wide.gcode" not in printer.machine.files
    admin = Context(user_id=hass_admin_user.id)
    (answer,) = await call(
        floor, "print_file", printer, answer=True, context=admin, override=True, **wide
    )
    assert answer["overridden"] == ["wrong_nozzle"]
    assert printer.machine.run
    assert printer.machine.run.path == "/wide.gcode"


async def test_a_file_is_moved_and_never_over_another_one(floor: Floor) -> None:
    printer = await floor.add()
    files = printer.machine.files
    content = files["/benchy.gcode"].content
    where = {"path": "/benchy.gcode", "to": "done/b.gcode"}
    (answer,) = await call(floor, "move_file", printer, answer=True, **where)
    assert answer["path"] == "/done/b.gcode"
    assert files["/done/b.gcode"].content == content
    assert "/benchy.gcode" not in files
    with pytest.raises(HomeAssistantError) as there:
        await call(floor, "move_file", printer, path="/bracket.gcode", to="/done/b.gcode")
    assert there.value.translation_key == "file_exists"
    move = {"path": "/bracket.gcode", "to": "/done/b.gcode", "replace": True}
    await call(floor, "move_file", printer, **move)
    assert "/bracket.gcode" not in files
    with pytest.raises(ServiceValidationError) as missing:
        await call(floor, "move_file", printer, **move)
    assert missing.value.translation_key == "file_missing"


async def test_what_is_printed_can_not_be_deleted(floor: Floor) -> None:
    """The rest of the part lies in that file."""
    printer = await floor.add()
    await printer.begin()
    with pytest.raises(HomeAssistantError) as refusal:
        await call(floor, "delete_file", printer, path="/benchy.gcode")
    assert refusal.value.translation_key == "printer_busy"
    assert "/benchy.gcode" in printer.machine.files
    await call(floor, "delete_file", printer, path="bracket.gcode")
    assert "/bracket.gcode" not in printer.machine.files
    with pytest.raises(ServiceValidationError) as missing:
        await call(floor, "delete_file", printer, path="/bracket.gcode")
    assert missing.value.translation_key == "file_missing"


# -- what is handed on -----------------------------------------------------------------------


class Wishes:
    """Stands in for the workshop's starts, and writes down what it was asked for."""

    def __init__(self, printer: Printer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.heard: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        for name in ("start", "print_file"):
            monkeypatch.setattr(printer.coordinator.workshop, name, self._hear)

    async def _hear(self, *args: Any, **named: Any) -> Started:
        self.heard.append((args, named))
        objections = ("wrong_nozzle",) if named["override"] else ()
        return Started(path="/there.3mf", plate=2, attempts=3, overridden=objections)


async def test_plate_slots_and_who_asked_are_handed_on(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, media: Path, hass_admin_user: MockUser
) -> None:
    """The wrong slot is the wrong colour."""
    printer = await floor.add()
    wishes = Wishes(printer, monkeypatch)
    admin = Context(user_id=hass_admin_user.id)
    how = {"plate": 2, "slots": ["0_1", "", "external"], "override": True}
    for action, what in (("start_print", {"path": "a.3mf"}), ("print_file", {"source": HOOK})):
        (answer,) = await call(floor, action, printer, answer=True, context=admin, **what, **how)
        assert (answer["path"], answer["plate"], answer["attempts"]) == ("/there.3mf", 2, 3)
        assert answer["overridden"] == ["wrong_nozzle"]
    asked = {"plate": 2, "slots": ["0_1", None, "external"], "override": True}
    asked["by"] = hass_admin_user.id
    serial = printer.machine.serial
    assert wishes.heard == [
        ((serial, "/a.3mf"), asked),
        ((serial, (media / "hook.gcode").resolve()), {**asked, "path": None, "replace": False}),
    ]


@pytest.mark.usefixtures("media")
async def test_only_administrators_override(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, hass_admin_user: MockUser
) -> None:
    """A file for another machine can drive a nozzle through the plate."""
    printer = await floor.add()
    wishes = Wishes(printer, monkeypatch)
    member = somebody(floor, {"entities": True})
    calls: list[tuple[str, dict[str, Any]]] = [
        ("start_print", {"path": "/a.3mf"}),
        ("print_file", {"source": HOOK}),
        ("upload_file", {"source": HOOK}),
    ]
    for action, data in calls:
        with pytest.raises(Unauthorized):
            await call(floor, action, printer, context=member, **data, override=True)
    assert wishes.heard == []
    assert "/hook.gcode" not in printer.machine.files
    for action, data in calls:
        await call(floor, action, printer, context=member, **data)
    assert [named["by"] for _, named in wishes.heard] == [member.user_id] * 2
    # An automation was written by an administrator.
    await call(floor, "start_print", printer, path="/a.3mf", override=True)
    assert wishes.heard[-1][1]["by"] is None


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("upload_file", {"source": HOOK}),
        ("print_file", {"source": HOOK}),
        ("start_print", {"path": "/benchy.gcode"}),
        ("delete_file", {"path": "/benchy.gcode"}),
        ("cancel_upload", {}),
    ],
)
async def test_who_only_looks_changes_no_file(
    floor: Floor, action: str, data: dict[str, Any]
) -> None:
    """The guest account on the wall tablet."""
    printer = await floor.add()
    before = dict(printer.machine.files)
    guest = somebody(floor, {"entities": {"all": {"read": True}}})
    with pytest.raises(Unauthorized):
        await call(floor, action, printer, context=guest, **data)
    assert printer.machine.files == before
    assert printer.machine.starts_seen == 0


# -- called off ------------------------------------------------------------------------------


async def test_a_script_that_is_stopped_takes_its_upload_along(dock_up: DockUp) -> None:
    """Nobody waits for it any more."""
    bay = await dock_up()
    task = await bay.begin()
    await bay.move(SIZE // 4)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        while bay.shows("upload") != "cancelled":
            await asyncio.sleep(0.005)
    assert bay.storage.files == {}


async def test_uploads_to_one_printer_wait_for_each_other(dock_up: DockUp) -> None:
    """Calling one off lets the next one go."""
    bay = await dock_up()
    first = await bay.begin(path="/1.gcode")
    second = asyncio.create_task(bay.call("upload_file", source=SOURCE, path="/2.gcode"))
    await bay.move(1000)
    bay.storage.sending.clear()
    await bay.call("cancel_upload")
    with pytest.raises(ServiceValidationError):
        await first
    async with asyncio.timeout(10):
        await bay.storage.sending.wait()
    bay.storage.go_on.set()
    (answer,) = await second
    assert answer["path"] == "/2.gcode"
    assert set(bay.storage.files) == {"/2.gcode"}


@pytest.mark.usefixtures("media")
@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("upload_file", {"source": HOOK, "path": "/config/printer.cfg", "replace": True}),
        ("print_file", {"source": HOOK, "path": "/config/"}),
        ("download_file", {"path": "//config/moonraker.conf"}),
        ("delete_file", {"path": "/Config/printer.cfg"}),
        ("move_file", {"path": "/benchy.gcode", "to": "/config/printer.cfg"}),
        ("move_file", {"path": "/config/printer.cfg", "to": "/a.gcode"}),
    ],
)
async def test_what_a_machine_is_set_up_with_is_for_administrators(
    floor: Floor, action: str, data: dict[str, Any]
) -> None:
    """Limits and passwords stand in it: to write there is as good as G-code."""
    printer = await floor.add()
    member = somebody(floor, {"entities": True})
    with pytest.raises(Unauthorized):
        await call(floor, action, printer, context=member, **data)
    assert printer.machine.starts_seen == 0
    assert not [path for path in printer.machine.files if "onfig" in path]
