"""Actions, as automations and people call them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import homeassistant.helpers.device_registry as dr
import pytest
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import Context, HomeAssistant, SupportsResponse
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
    UnknownUser,
)
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.printernizer import downloads
from custom_components.printernizer.const import CONF_KIND, DOMAIN, KIND_SHOP
from custom_components.printernizer.downloads import async_download, safe_name
from custom_components.printernizer.engine.drivers.base import RemoteFile
from custom_components.printernizer.engine.drivers.virtual.machine import Fault, Phase, VirtualFile
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.file_actions import MOST_FILES
from custom_components.printernizer.services import ACTIONS
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures

MINIMAL: dict[str, dict[str, Any]] = {
    "pause": {},
    "resume": {},
    "cancel": {},
    "start_print": {"path": "/benchy.gcode"},
    "send_gcode": {"gcode": "G28"},
    "set_temperature": {"heater": "bed", "celsius": 60},
    "list_files": {},
    "download_file": {"path": "/benchy.gcode"},
    "upload_file": {"source": "/media/a.gcode"},
    "print_file": {"source": "/media/a.gcode"},
    "cancel_upload": {},
    "move_file": {"path": "/benchy.gcode", "to": "/done.gcode"},
    "delete_file": {"path": "/benchy.gcode"},
    "list_objects": {},
    "skip_objects": {"objects": ["1"]},
    "list_past_prints": {},
    "emergency_stop": {},
    "move_axis": {"z": 10},
    "home": {},
    "load_filament": {},
    "unload_filament": {},
    "list_macros": {},
    "run_macro": {"name": "CLEAN"},
    "maintain": {"task": "connect"},
}
"""What each action needs at least."""


async def call(
    floor: Floor,
    action: str,
    *printers: Printer,
    answer: bool = False,
    context: Context | None = None,
    **data: Any,
) -> Any:
    """Call an action on printers; return the results if an answer is wanted."""
    response = await floor.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": [printer.device_id for printer in printers], **data},
        blocking=True,
        return_response=answer,
        context=context,
    )
    return response["printers"] if response else None


# -- asked and done --------------------------------------------------------------------------


async def test_a_job_can_be_started_held_and_ended(floor: Floor) -> None:
    """The buttons under a push notice."""
    printer = await floor.add()
    await call(floor, "start_print", printer, path="benchy.gcode", plate=1)
    assert printer.machine.run
    assert printer.machine.run.path == "/benchy.gcode"
    await printer.live(60)
    await call(floor, "pause", printer)
    assert printer.machine.phase is Phase.PAUSED
    await printer.show()
    await call(floor, "resume", printer)
    assert printer.machine.phase is Phase.PRINTING
    await printer.show()
    await call(floor, "cancel", printer)
    assert printer.machine.phase is Phase.CANCELLED


async def test_gcode_and_temperatures_reach_the_printer(floor: Floor) -> None:
    """Preheating from an automation."""
    printer = await floor.add()
    await call(floor, "send_gcode", printer, gcode="G28\nG29\n")
    await call(floor, "send_gcode", printer, gcode=["M300", "M117 hi"])
    assert list(printer.machine.gcode_log) == ["G28", "G29", "M300", "M117 hi"]
    await call(floor, "set_temperature", printer, heater="bed", celsius=60)
    await call(floor, "set_temperature", printer, heater="tool_0", celsius=0)
    assert printer.machine.bed.target_c == 60
    assert printer.machine.tools[0].target_c == 0


async def test_files_are_listed_with_what_the_printer_says_of_them(floor: Floor) -> None:
    """To choose what to print, one has to see what is there."""
    printer = await floor.add("Voron")
    printer.machine.store(VirtualFile(path="/models/a.gcode", content=b"G28"))
    (root,) = await call(floor, "list_files", printer, answer=True)
    assert (root["printer"], root["device_id"], root["ok"]) == ("Voron", printer.device_id, True)
    assert [file["path"] for file in root["files"] if file["folder"]] == ["/models"]
    (models,) = await call(floor, "list_files", printer, answer=True, path="models")
    assert models["files"] == [
        {
            "path": "/models/a.gcode",
            "name": "a.gcode",
            "size": 3,
            "modified": "1970-01-01T00:00:00+00:00",
            "folder": False,
            "printable": True,
        }
    ]
    assert models["truncated"] is False


async def test_an_endless_folder_is_cut_and_says_so(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of a hundred thousand files would freeze the editor."""
    printer = await floor.add()
    many = tuple(RemoteFile(path=f"/{n}", name=str(n)) for n in range(MOST_FILES + 5))

    async def list_files(*_: object) -> tuple[RemoteFile, ...]:
        return many

    monkeypatch.setattr(printer.coordinator.workshop, "list_files", list_files)
    (answer,) = await call(floor, "list_files", printer, answer=True)
    assert len(answer["files"]) == MOST_FILES
    assert answer["truncated"] is True


# -- refused ---------------------------------------------------------------------------------


async def test_a_refusal_reaches_the_person_translated(floor: Floor) -> None:
    """A command that fails in silence is worse than none."""
    printer = await floor.add()
    with pytest.raises(HomeAssistantError) as refusal:
        await call(floor, "pause", printer)
    assert (refusal.value.translation_domain, refusal.value.translation_key) == (DOMAIN, "no_job")
    with pytest.raises(ServiceValidationError) as refusal:
        await call(floor, "start_print", printer, path="/nothing.gcode")
    assert refusal.value.translation_key == "file_missing"
    with pytest.raises(ServiceValidationError) as refusal:
        await call(floor, "set_temperature", printer, heater="bed", celsius=400)
    assert refusal.value.translation_key == "out_of_range"
    await call(floor, "start_print", printer, path="/benchy.gcode")
    await printer.show()
    with pytest.raises(ServiceValidationError) as refusal:
        await call(floor, "start_print", printer, path="/benchy.gcode")
    assert refusal.value.translation_key == "printer_busy"
    assert printer.machine.starts_seen == 2


def test_every_action_is_tried_without_a_printer() -> None:
    """One that is left out here is left out below."""
    assert set(ACTIONS) == set(MINIMAL)


@pytest.mark.parametrize("action", sorted(ACTIONS))
async def test_without_a_loaded_printer_every_action_says_so(
    hass: HomeAssistant, enable_custom_integrations: None, action: str
) -> None:
    """ "Action not found" sends people looking for a bug of ours."""
    entry = MockConfigEntry(domain=DOMAIN, unique_id="X", data={CONF_KIND: "virtual"})
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={(DOMAIN, "X")}
    )
    entry.mock_state(hass, state=type(entry.state).NOT_LOADED)
    assert await async_setup_component(hass, DOMAIN, {}) or hass.services.has_service(
        DOMAIN, action
    )
    for device_id, key in (
        (device.id, "service_config_entry_not_loaded"),
        ("nobody", "service_device_not_found"),
    ):
        with pytest.raises(ServiceValidationError) as refusal:
            await hass.services.async_call(
                DOMAIN,
                action,
                {"device_id": device_id, **MINIMAL[action]},
                blocking=True,
                return_response=ACTIONS[action].response is SupportsResponse.ONLY,
            )
        assert refusal.value.translation_key == key


async def test_the_shop_is_not_a_printer(floor: Floor) -> None:
    """It is an entry of ours all the same."""
    await floor.add()
    shop = MockConfigEntry(domain=DOMAIN, unique_id="other", data={CONF_KIND: KIND_SHOP})
    shop.add_to_hass(floor.hass)
    assert await floor.hass.config_entries.async_setup(shop.entry_id)
    device = dr.async_get(floor.hass).async_get_or_create(
        config_entry_id=shop.entry_id, identifiers={(DOMAIN, "shop")}, name="Office"
    )
    with pytest.raises(ServiceValidationError) as refusal:
        await floor.hass.services.async_call(
            DOMAIN, "pause", {"device_id": device.id}, blocking=True
        )
    assert refusal.value.translation_key == "not_a_printer"


# -- several printers ------------------------------------------------------------------------


async def test_several_printers_are_asked_and_each_answers(floor: Floor) -> None:
    """One that says no must not keep the others from pausing."""
    left, right = await floor.add("Left"), await floor.add("Right")
    await left.begin()
    answer = await call(floor, "pause", left, right, answer=True)
    assert left.machine.phase is Phase.PAUSED
    assert [(each["printer"], each["ok"]) for each in answer] == [("Left", True), ("Right", False)]
    assert answer[1]["error_key"] == "no_job"
    assert answer[1]["error"]
    assert "error" not in answer[0]


async def test_without_an_answer_a_single_failure_is_raised_after_all_were_asked(
    floor: Floor,
) -> None:
    """Nobody reads a result that nobody asked for; an error everybody sees."""
    left, right = await floor.add("Left"), await floor.add("Right")
    await right.begin()
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "pause", left, right)
    assert right.machine.phase is Phase.PAUSED
    assert failure.value.translation_key == "some_printers_failed"
    placeholders = failure.value.translation_placeholders
    assert placeholders
    assert (placeholders["failed"], placeholders["asked"]) == ("1", "2")
    assert placeholders["details"].startswith("Left: ")


async def test_a_bug_with_one_printer_leaves_no_other_behind(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A command that nobody waits for any more fails in silence."""
    one, two = await floor.add(), await floor.add()
    done: list[str] = []

    async def pause(printer_id: str) -> None:
        if printer_id == one.machine.serial:
            raise ZeroDivisionError("a bug")
        await asyncio.sleep(0.02)
        done.append(printer_id)

    monkeypatch.setattr(one.coordinator.workshop, "pause", pause)
    with pytest.raises(ZeroDivisionError):
        await call(floor, "pause", one, two)
    assert done == [two.machine.serial]


async def test_when_all_printers_fail_the_action_fails_even_with_an_answer(floor: Floor) -> None:
    """An automation that goes on after nothing was done is lied to."""
    left, right = await floor.add("Left"), await floor.add("Right")
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "pause", left, right, answer=True)
    assert failure.value.translation_key == "some_printers_failed"
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "pause", left, answer=True)
    assert failure.value.translation_key == "no_job"


async def test_a_printer_named_twice_is_asked_once(floor: Floor) -> None:
    """A slot stands for its printer; two starts would be one too many."""
    printer = await floor.add()
    slot = next(iter(dr.async_get(floor.hass).child_devices))
    response = await floor.hass.services.async_call(
        DOMAIN,
        "start_print",
        {"device_id": [printer.device_id, slot.id, printer.device_id], "path": "/benchy.gcode"},
        blocking=True,
        return_response=True,
    )
    assert response
    assert len(response["printers"]) == 1
    assert printer.machine.starts_seen == 1


# -- who may ---------------------------------------------------------------------------------


def somebody(floor: Floor, policy: dict[str, Any]) -> Context:
    """Return the context of a user who is no administrator."""
    user = MockUser(is_owner=False).add_to_hass(floor.hass)
    user.mock_policy(policy)
    return Context(user_id=user.id)


async def test_a_user_needs_control_of_the_printer(floor: Floor) -> None:
    """The guest account on the wall tablet shows the printer and does not stop it."""
    printer, other = await floor.add("Left"), await floor.add("Right")
    await printer.begin()
    guest = somebody(floor, {"entities": {"all": {"read": True}}})
    with pytest.raises(Unauthorized) as refusal:
        await call(floor, "pause", printer, context=guest)
    assert refusal.value.permission == POLICY_CONTROL
    assert printer.machine.phase is Phase.PRINTING
    assert await call(floor, "list_files", printer, answer=True, context=guest)
    member = somebody(floor, {"entities": True})
    await call(floor, "pause", printer, context=member)
    assert printer.machine.phase is Phase.PAUSED
    with pytest.raises(Unauthorized):
        await call(floor, "list_files", other, answer=True, context=somebody(floor, {}))


async def test_gcode_is_for_administrators(floor: Floor, hass_admin_user: MockUser) -> None:
    """G-code can heat a nozzle with nobody in the house."""
    printer = await floor.add()
    with pytest.raises(Unauthorized):
        await call(
            floor,
            "send_gcode",
            printer,
            gcode="M104 S300",
            context=somebody(floor, {"entities": True}),
        )
    assert not printer.machine.gcode_log
    await call(
        floor, "send_gcode", printer, gcode="G28", context=Context(user_id=hass_admin_user.id)
    )
    assert list(printer.machine.gcode_log) == ["G28"]
    with pytest.raises(UnknownUser):
        await call(floor, "pause", printer, context=Context(user_id="nobody"))


# -- downloads -------------------------------------------------------------------------------


async def test_a_file_comes_whole_into_the_media_folder(floor: Floor) -> None:
    """What was printed can be kept, and proven to be the same."""
    printer = await floor.add("Big Bertha")
    content = bytes(range(256)) * 1000
    printer.machine.store(VirtualFile(path="/models/größe 1.gcode", content=content))
    (answer,) = await call(
        floor, "download_file", printer, answer=True, path="/models/größe 1.gcode"
    )
    path = Path(answer["path"])
    assert (
        path
        == Path(
            floor.hass.config.media_dirs["local"], "printernizer/big_bertha/größe 1.gcode"
        ).resolve()
    )
    assert path.read_bytes() == content
    assert (answer["size"], answer["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    assert [each.name for each in path.parent.iterdir()] == ["größe 1.gcode"]


async def test_what_is_there_is_not_overwritten_unasked(floor: Floor) -> None:
    """Two files of one name are common; losing the first must be a choice."""
    printer = await floor.add()
    await call(floor, "download_file", printer, path="/benchy.gcode")
    with pytest.raises(ServiceValidationError) as refusal:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert refusal.value.translation_key == "download_exists"
    printer.machine.store(VirtualFile(path="/benchy.gcode", content=b"new"))
    (answer,) = await call(
        floor, "download_file", printer, answer=True, path="/benchy.gcode", overwrite=True
    )
    assert Path(answer["path"]).read_bytes() == b"new"


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "...",
        " ",
        ".bashrc",
        "a\\b",
        "a\x00b",
        "a\nb",
        "evil\u202egpj.gcode",
        "zero\u200bwidth",
        "C:evil",
        "a|b",
        " leading",
        "trailing ",
        "\ud800",
        "x" * 201,
        "ü" * 101,
    ],
)
def test_a_hostile_name_is_refused(name: str) -> None:
    """Whoever can put a file on a printer must not be able to write elsewhere."""
    with pytest.raises(ServiceValidationError) as refusal:
        safe_name(f"/models/{name}")
    assert refusal.value.translation_key == "bad_file_name"


@pytest.mark.parametrize(
    "name",
    [
        "benchy.gcode",
        "größe 1.3mf",
        "日本語.gcode",
        "日本\N{IDEOGRAPHIC SPACE}全角.gcode",
        "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}.stl",
        "a..b.gcode",
        "x" * 200,
    ],
)
def test_an_honest_name_is_kept(name: str) -> None:
    """German file names are file names."""
    assert safe_name(f"/models/{name}") == name


async def test_a_hostile_name_on_the_printer_leaves_no_trace(floor: Floor) -> None:
    """From the wire to the disk, nothing is written."""
    printer = await floor.add()
    for path in ("/.hidden", "/a\\..\\b", "/con:"):
        printer.machine.store(VirtualFile(path=path, content=b"x"))
        with pytest.raises(ServiceValidationError) as refusal:
            await call(floor, "download_file", printer, path=path)
        assert refusal.value.translation_key == "bad_file_name"
    media = Path(floor.hass.config.media_dirs["local"])
    assert [each for each in media.rglob("*") if each.is_file()] == []


async def test_only_allowed_folders_are_written_to(floor: Floor, tmp_path: Path) -> None:
    """An automation shared on a forum must not write to the configuration."""
    printer = await floor.add()
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    floor.hass.config.allowlist_external_dirs = {str(allowed)}
    above = str(allowed / "new" / ".." / "..")
    for folder in (str(tmp_path / "other"), "relative", str(allowed / ".." / "other"), above):
        with pytest.raises(ServiceValidationError) as refusal:
            await call(floor, "download_file", printer, path="/benchy.gcode", folder=folder)
        assert refusal.value.translation_key == "folder_not_allowed"
    assert [each for each in tmp_path.rglob("*.gcode") if each.is_file()] == []
    await call(floor, "download_file", printer, path="/benchy.gcode", folder=str(allowed))
    assert (allowed / "benchy.gcode").is_file()


async def test_a_link_does_not_lead_out_of_the_media_folder(floor: Floor, tmp_path: Path) -> None:
    """A link in the media folder could point anywhere."""
    printer = await floor.add("Voron")
    outside = tmp_path / "outside"
    outside.mkdir()
    ours = Path(floor.hass.config.media_dirs["local"], DOMAIN)
    ours.mkdir(parents=True)
    (ours / "voron").symlink_to(outside)
    with pytest.raises(ServiceValidationError) as refusal:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert refusal.value.translation_key == "folder_not_allowed"
    assert list(outside.iterdir()) == []


async def test_a_link_in_place_of_a_partial_file_is_not_followed(
    floor: Floor, tmp_path: Path
) -> None:
    """Nor of the file itself: it is replaced, not written through."""
    printer = await floor.add()
    floor.hass.config.allowlist_external_dirs = {str(tmp_path)}
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "benchy.gcode.part").symlink_to(victim)
    (tmp_path / "benchy.gcode").symlink_to(victim)
    await call(
        floor, "download_file", printer, path="/benchy.gcode", folder=str(tmp_path), overwrite=True
    )
    assert victim.read_text() == "precious"
    assert not (tmp_path / "benchy.gcode").is_symlink()


async def test_a_broken_download_leaves_nothing_behind(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a file with a whole name gets printed one day."""
    printer = await floor.add()
    seen: list[bool] = []

    async def download(_: str, __: str, to: Path, **___: object) -> None:
        to.write_bytes(b"half")
        seen.append(to.name.endswith(".part"))
        raise Unreachable("the line broke")

    monkeypatch.setattr(printer.coordinator.workshop, "download", download)
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "unreachable"
    assert seen == [True]
    media = Path(floor.hass.config.media_dirs["local"])
    assert [each for each in media.rglob("*") if each.is_file()] == []


async def test_a_full_disk_is_kept_from_becoming_fuller(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A printer that sends without end must not stop Home Assistant."""
    printer = await floor.add()
    nearly_full = SimpleNamespace(free=downloads.RESERVE + 10)
    monkeypatch.setattr(downloads.shutil, "disk_usage", lambda _: nearly_full)
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "disk_full"
    media = Path(floor.hass.config.media_dirs["local"])
    assert [each for each in media.rglob("*") if each.is_file()] == []


async def test_a_download_in_a_thread_is_stopped_too(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the progress is told from a thread, an exception out of it stops nothing."""
    printer = await floor.add()
    monkeypatch.setattr(
        downloads.shutil, "disk_usage", lambda _: SimpleNamespace(free=downloads.RESERVE + 1000)
    )
    written = 0

    async def endless(_: str, __: str, to: Path, *, progress: Callable[[int, None], None]) -> None:
        nonlocal written
        while written < 1_000_000:
            written += 100
            asyncio.get_running_loop().call_soon_threadsafe(progress, written, None)
            await asyncio.sleep(0)

    monkeypatch.setattr(printer.coordinator.workshop, "download", endless)
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "disk_full"
    assert written < 2000


async def test_two_downloads_of_one_file_do_not_meet(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They would write into each other."""
    printer = await floor.add()

    async def download(_: str, path: str, to: Path, **__: object) -> None:
        with pytest.raises(ServiceValidationError) as refusal:
            await async_download(floor.hass, printer.coordinator, path, tmp_path, overwrite=True)
        assert refusal.value.translation_key == "download_running"
        to.write_bytes(b"whole")

    monkeypatch.setattr(printer.coordinator.workshop, "download", download)
    done = await async_download(
        floor.hass, printer.coordinator, "/a.gcode", tmp_path, overwrite=False
    )
    assert done.path.read_bytes() == b"whole"


async def test_a_disk_that_fails_is_told(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full or read-only disk is nobody's bug, and has a name."""
    printer = await floor.add()

    def broken(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    media = Path(floor.hass.config.media_dirs["local"])
    media.parent.mkdir(parents=True, exist_ok=True)
    media.write_text("a file where a folder should be")
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "disk_failed"
    media.unlink()
    monkeypatch.setattr(downloads.shutil, "disk_usage", broken)
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "disk_failed"
    assert failure.value.translation_placeholders == {"reason": "Permission denied"}
    monkeypatch.undo()
    monkeypatch.setattr(downloads.hashlib, "file_digest", broken)
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "disk_failed"
    monkeypatch.undo()

    async def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(printer.coordinator.workshop, "download", full)
    with pytest.raises(HomeAssistantError) as failure:
        await call(floor, "download_file", printer, path="/benchy.gcode")
    assert failure.value.translation_key == "disk_failed"
    assert failure.value.translation_placeholders == {"reason": "No space left on device"}


async def test_a_refusing_printer_is_heard_with_its_reason(floor: Floor) -> None:
    """In its own words."""
    printer = await floor.add()
    printer.machine.inject(Fault.REFUSE)
    with pytest.raises(HomeAssistantError) as refusal:
        await call(floor, "send_gcode", printer, gcode="G28")
    assert refusal.value.translation_key == "refused"
    placeholders = refusal.value.translation_placeholders
    assert placeholders
    assert placeholders["reason"] == "the printer refuses"
