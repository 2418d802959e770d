"""Slicers send straight in: their own requests, over a real HTTP server of Home Assistant."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from socket import herror
from typing import Any
from unittest.mock import patch

import pytest
from aiohttp.test_utils import TestClient
from homeassistant.components.http import ban
from homeassistant.components.http.ban import KEY_BAN_MANAGER
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import received
from custom_components.printernizer.const import DOMAIN, EVENT_RECEIVED
from custom_components.printernizer.engine.errors import NotAllowed, Refused, StoreError
from custom_components.printernizer.engine.library_file import LibraryFile, Origin
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.sender import Reach
from custom_components.printernizer.engine.workshop.workshop import Workshop
from custom_components.printernizer.runtime import async_get_workshop, async_shop_entry
from custom_components.printernizer.senders import BASE, BASE_OF_API
from custom_components.printernizer.views import request_body, slicer_door, slicer_form
from custom_components.printernizer.views.slicer_door import async_door
from tests.shop_floor import Floor, Heard, floor  # noqa: F401
from tests.slicer_requests import GCODE, curl_form, form, qt_form

SPOILERS = (
    b"\r\n\r\n",
    b"--",
    b"\r\nContent-Transfer-Encoding: base64\r\n",
    b"\r\nContent-Encoding: gzip\r\n",
    b"\r\nContent-Length: 3\r\n",
    b"filename*=utf-8''%00%ff",
    b'; filename="x',
)
FILE_HEAD = 'Content-Disposition: form-data; name="file"; filename="{}"'


@dataclass
class Desk:
    """A computer with a slicer, on the wire of a house with one printer."""

    hass: HomeAssistant
    floor: Floor
    client: TestClient[Any, Any]
    heard: Heard
    key: str = ""

    async def let_in(self, reach: Reach = Reach.KEEP, *, printer: bool = False) -> None:
        """Add a sender; its key is used from now on."""
        said: dict[str, Any] = {"name": "Workshop", "reach": reach}
        if printer:
            said["device_id"] = self.floor.printers[0].device_id
        told = await self.hass.services.async_call(
            DOMAIN, "add_sender", said, blocking=True, return_response=True
        )
        assert told is not None
        self.key = str(told["key"])

    async def post(
        self, request: tuple[dict[str, str], Any], base: str = BASE, **headers: str
    ) -> tuple[int, str, dict[str, str]]:
        """Send a form; return status, text and headers of the answer."""
        own, body = request
        answer = await self.client.post(
            f"{base}/api/files/local",
            data=body,
            headers={"X-Api-Key": self.key, **own, **headers},
        )
        return answer.status, await answer.text(), dict(answer.headers)

    async def ask(self, what: str, base: str = BASE) -> tuple[int, Any]:
        answer = await self.client.get(f"{base}/api/{what}", headers={"X-Api-Key": self.key})
        text = await answer.text()
        return answer.status, json.loads(text) if answer.content_type.endswith("json") else text

    async def files(self) -> tuple[LibraryFile, ...]:
        return (await async_get_workshop(self.hass).library.page()).files

    def left(self) -> list[Path]:
        """Return what lies on the shelf, or on its way to it."""
        shelf = Path(self.hass.config.path("printernizer/library"))
        # Its own mark is no file of anybody.
        return [each for each in shelf.rglob("*") if each.is_file() and each.name != "shelf-id"]


@pytest.fixture
async def desk(
    hass: HomeAssistant,
    floor: Floor,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    monkeypatch.setattr(slicer_door, "DELAY_S", 0.01)
    await floor.add()
    return Desk(hass, floor, await hass_client_no_auth(), floor.hear(EVENT_RECEIVED))


async def test_a_file_of_a_slicer_lies_in_the_library(desk: Desk) -> None:
    """Nobody should carry files from one computer to the other any more."""
    await desk.let_in()
    bases = (BASE, BASE_OF_API, f"{BASE}/virtual-one")
    for number, (base, shape) in enumerate(itertools.product(bases, (curl_form, qt_form))):
        content = GCODE + b";" * number
        status, text, headers = await desk.post(shape(f"Würfel {number}.gcode", content), base)
        assert status == 201, text
        told = json.loads(text)
        assert told["done"]
        assert not told["effectivePrint"]
        local = told["files"]["local"]
        assert (local["name"], local["origin"]) == (f"Würfel {number}.gcode", "local")
        assert headers["Location"] == local["refs"]["resource"]
        assert headers["Location"].endswith(f"{base}/api/files/local/W%C3%BCrfel%20{number}.gcode")
        file = (await desk.files())[0]
        assert (file.name, file.size_bytes) == (f"Würfel {number}.gcode", len(content))
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert (file.source.origin, file.source.sender) == (Origin.SLICER, "Workshop")
        event = (await desk.heard.until(number + 1))[-1]
        assert event.data == {
            "file": str(file.id),
            "name": file.name,
            "size": len(content),
            "sender": "Workshop",
            "reach": "keep",
            "device_id": desk.floor.printers[0].device_id if "virtual" in base else None,
            "error": None,
            "reason": None,
        }


async def test_curl_itself_gets_through(desk: Desk, tmp_path: Path, socket_enabled: None) -> None:
    """PrusaSlicer's and OrcaSlicer's uploads are libcurl's; what it sends is what they send."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed")
    await desk.let_in()
    source = tmp_path / "source.gcode"
    for header in ("Expect:", "Expect: 100-continue", "Transfer-Encoding: chunked"):
        source.write_bytes(GCODE + f"; {header}\n".encode() + b"G1 X1 E1\n" * 300_000)
        curling = await asyncio.create_subprocess_exec(
            curl,
            *("-sS", "-w", "\n%{http_code}", "-H", f"X-Api-Key: {desk.key}", "-H", header),
            *("-F", "print=false", "-F", "path=", "-F", f"file=@{source};filename=part.gcode"),
            str(desk.client.make_url(f"{BASE_OF_API}/api/files/local")),
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await curling.communicate()
        assert out.decode().endswith("\n201"), header
        file = (await desk.files())[0]
        assert file.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


async def test_who_is_there_is_answered_as_octoprint_would(desk: Desk) -> None:
    """The button "Test" of a slicer comes first, and Cura asks for much more."""
    await desk.let_in(printer=True)
    status, version = await desk.ask("version")
    assert (status, version["api"]) == (200, "0.1")
    assert version["text"].startswith("OctoPrint")
    assert (await desk.ask("server"))[1]["server"] == version["server"]
    assert not (await desk.ask("settings"))[1]["feature"]["sdSupport"]
    assert (await desk.ask("currentuser"))[1]["name"] == "Workshop"
    profile = (await desk.ask("printerprofiles"))[1]["profiles"]["_default"]
    assert (profile["name"], profile["current"]) == ("Virtual One", True)
    answer = await desk.client.post(
        f"{BASE}/api/login", json={"passive": True}, headers={"X-Api-Key": desk.key}
    )
    assert (await answer.json())["name"] == "Workshop"
    answer = await desk.client.post(f"{BASE}/api/job", headers={"X-Api-Key": desk.key})
    assert answer.status == 405


async def test_a_printer_is_shown_as_it_is(desk: Desk) -> None:
    """Cura sends no print to a machine that is busy, and offers to queue it instead."""
    await desk.let_in(printer=True)
    _, idle = await desk.ask("printer")
    assert (idle["state"]["text"], idle["state"]["flags"]["ready"]) == ("Operational", True)
    assert idle["temperature"]["tool0"]["actual"] > 0
    assert (await desk.ask("job"))[1]["state"] == "Operational"
    await desk.floor.printers[0].begin()
    _, busy = await desk.ask("printer")
    assert busy["state"]["flags"]["printing"]
    assert not busy["state"]["flags"]["ready"]
    _, job = await desk.ask("job")
    assert (job["state"], job["job"]["file"]["path"]) == ("Printing", "/benchy.gcode")
    assert 0 <= job["progress"]["completion"] <= 100
    assert (await desk.ask("connection"))[1]["current"]["state"] == "Printing"
    with patch(
        "custom_components.printernizer.views.slicer._status",
        return_value=type("S", (), {"state": PrinterState.OFFLINE, "job": None})(),
    ):
        assert (await desk.ask("printer"))[0] == 409
        assert (await desk.ask("job"))[1]["state"] == "Offline"
        assert (await desk.ask("connection"))[1]["current"]["state"] == "Closed"


async def test_who_may_only_keep_files_does_not_learn_what_others_print(desk: Desk) -> None:
    """A pupil's key would tell what the teacher prints, at one printer after the other."""
    await desk.let_in(Reach.KEEP)
    await desk.floor.printers[0].begin()
    base = f"{BASE}/virtual_one"
    _, job = await desk.ask("job", base)
    assert (job["state"], job["job"]["file"]["name"]) == ("Operational", None)
    assert (await desk.ask("printer", base))[1]["temperature"] == {}
    assert (await desk.ask("connection", base))[1]["current"]["state"] == "Operational"


async def test_a_library_is_always_ready(desk: Desk) -> None:
    """A sender without a printer has nothing to wait for."""
    await desk.let_in()
    assert (await desk.ask("printer"))[1]["state"]["flags"]["ready"]
    assert (await desk.ask("printerprofiles"))[1]["profiles"]["_default"]["name"] == "Printernizer"


# -- on to the printer -------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [curl_form, qt_form], ids=["curl", "qt"])
async def test_upload_and_print_prints(desk: Desk, shape: Any) -> None:
    """One click in the slicer, and the machine heats up."""
    await desk.let_in(Reach.PRINT, printer=True)
    asked: list[tuple[Any, ...]] = []

    async def print_file(_: Workshop, printer: str, source: Path, **said: Any) -> None:
        asked.append((printer, source.read_bytes(), said["path"], said["replace"]))

    with patch.object(Workshop, "print_file", print_file):
        status, text, _ = await desk.post(
            shape("cube.gcode", GCODE, print_it=True, folder="customers/one")
        )
    assert status == 201, text
    assert json.loads(text)["effectivePrint"]
    assert asked == [("FLOOR0000", GCODE, "/customers/one/cube.gcode", True)]
    (event,) = await desk.heard.until(1)
    assert (event.data["reach"], event.data["error"]) == ("print", None)


async def test_orca_says_which_plate_of_a_project_it_means(desk: Desk) -> None:
    """The first plate would be printed, of whichever the person looked at."""
    await desk.let_in(Reach.PRINT, printer=True)
    asked: list[int | None] = []

    async def print_file(*_: Any, plate: int | None, **__: Any) -> None:
        asked.append(plate)

    for said in (b"2", b"0", b"\xb2", b"1000", b""):
        parts = {
            'Content-Disposition: form-data; name="print"': b"true",
            'Content-Disposition: form-data; name="path"': b"",
            'Content-Disposition: form-data; name="plateindex"': said,
            FILE_HEAD.format("two.gcode"): GCODE,
        }
        with patch.object(Workshop, "print_file", print_file):
            status, text, _ = await desk.post(form(parts))
        assert status == 201, text
    assert asked == [2, None, None, None, None]


async def test_of_two_prints_at_once_one_begins_and_none_is_harmed(desk: Desk) -> None:
    """Two people send at the same moment, and a third replaces the file that is being printed."""
    await desk.let_in(Reach.PRINT, printer=True)
    both = await asyncio.gather(
        desk.post(curl_form("one.gcode", GCODE, print_it=True)),
        desk.post(curl_form("two.gcode", GCODE + b"; two\n", print_it=True)),
        desk.post(curl_form("three.gcode", GCODE + b"; three\n")),
    )
    assert sorted(status for status, _, _ in both[:2]) == [201, 409]
    assert both[2][0] == 201
    assert len(await desk.files()) == 3
    _, job = await desk.ask("job")
    printing = job["job"]["file"]["path"]
    assert printing in {"/one.gcode", "/two.gcode"}
    status, text, _ = await desk.post(curl_form(printing[1:], GCODE + b"; other\n"))
    assert (status, "in the library" in text) == (409, True)
    assert (await desk.ask("job"))[1]["job"]["file"]["path"] == printing


async def test_a_real_print_begins_with_one_click(desk: Desk) -> None:
    """From the slicer's button to a machine that heats, with all checks between."""
    await desk.let_in(Reach.PRINT, printer=True)
    status, text, _ = await desk.post(curl_form("cube.gcode", GCODE, print_it=True))
    assert status == 201, text
    assert json.loads(text)["effectivePrint"]
    _, job = await desk.ask("job")
    assert (job["state"], job["job"]["file"]["path"]) == ("Starting", "/cube.gcode")


async def test_a_real_upload_reaches_the_printer_without_a_print(desk: Desk) -> None:
    """The other button of the slicer."""
    await desk.let_in(Reach.SEND, printer=True)
    status, text, _ = await desk.post(curl_form("cube.gcode", GCODE))
    assert status == 201, text
    assert not json.loads(text)["effectivePrint"]
    there = await async_get_workshop(desk.hass).list_files("FLOOR0000")
    assert "/cube.gcode" in [file.path for file in there]


async def test_what_lies_there_stays_when_the_slicer_says_so(desk: Desk) -> None:
    """OctoPrint knows that wish, and so do scripts that were written for it."""
    await desk.let_in(Reach.SEND, printer=True)
    parts = {
        'Content-Disposition: form-data; name="noOverwrite"': b"true",
        FILE_HEAD.format("benchy.gcode"): GCODE,
    }
    status, text, _ = await desk.post(form(parts))
    assert status == 409
    assert "benchy.gcode" in text
    assert len(await desk.files()) == 1


@pytest.mark.parametrize(
    ("reach", "printer", "status", "key"),
    [
        (Reach.KEEP, True, 403, "sender_may_not_print"),
        (Reach.SEND, True, 403, "sender_may_not_print"),
        (Reach.PRINT, False, 409, "sender_without_printer"),
    ],
)
async def test_a_print_that_may_not_be_is_refused_and_not_overheard(
    desk: Desk, reach: Reach, printer: bool, status: int, key: str
) -> None:
    """ "Sent" would be read as "prints", and the night would be lost."""
    await desk.let_in(reach, printer=printer)
    said, text, headers = await desk.post(
        curl_form("cube.gcode", GCODE, print_it=True), **{"Accept-Language": "fr, de;q=0.9"}
    )
    assert (said, headers["Content-Type"]) == (status, "text/plain")
    assert text.endswith("(Die Datei selbst liegt in der Bibliothek.)")
    assert len(await desk.files()) == 1
    (event,) = await desk.heard.until(1)
    assert event.data["error"] == key


@pytest.mark.parametrize("shape", [curl_form, qt_form], ids=["curl", "qt"])
async def test_a_refusal_of_the_printer_is_told_with_its_reason(desk: Desk, shape: Any) -> None:
    """The person at the slicer has to know why, and that nothing needs to be sliced again."""
    await desk.let_in(Reach.PRINT, printer=True)
    await desk.floor.printers[0].begin()
    status, text, _ = await desk.post(shape("cube.gcode", GCODE, print_it=True))
    # Cura has a text of its own for 409, and a wrong one.
    assert status == (409 if shape is curl_form else 422)
    # Cura shows a hundred characters: why stands in front.
    assert text.startswith("The printer is not free")
    assert "printing" in text[:100]
    assert text.endswith("(The file itself is in the library.)")
    assert len(await desk.files()) == 1


async def test_nobody_waits_forever_for_a_slow_printer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A proxy between them would give up, and the slicer would say that it failed."""
    monkeypatch.setattr(received, "PATIENCE_S", 0.01)
    await desk.let_in(Reach.PRINT, printer=True)
    go_on = asyncio.Event()

    async def print_file(*_: Any, **__: Any) -> None:
        await go_on.wait()
        raise Refused("it jams", key="not_started")

    with patch.object(Workshop, "print_file", print_file):
        status, text, _ = await desk.post(curl_form("cube.gcode", GCODE, print_it=True))
        assert (status, json.loads(text)["done"]) == (201, False)
        assert not desk.heard.events
        go_on.set()
        (event,) = await desk.heard.until(1)
    assert (event.data["error"], event.data["reason"]) == ("not_started", "it jams")
    assert "it jams" in caplog.text


async def test_a_printer_that_was_removed_is_missed(desk: Desk) -> None:
    """Its senders stay, and say so."""
    await desk.let_in(Reach.SEND, printer=True)
    assert await desk.hass.config_entries.async_unload(desk.floor.printers[0].entry.entry_id)
    status, text, _ = await desk.post(curl_form("cube.gcode", GCODE))
    assert status == 409
    assert "in the library" in text


# -- the door ----------------------------------------------------------------------------------


async def test_without_the_key_nothing_gets_in(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The door stands open to the whole house."""
    await desk.let_in()
    own, body = curl_form("cube.gcode", GCODE)
    wrongs: tuple[dict[str, str], ...] = (
        {},
        {"X-Api-Key": "0" * 32},
        {"X-Api-Key": desk.key[:-1]},
        {"X-Api-Key": desk.key * 20},
        {"Authorization": "Bearer x"},
    )
    for wrong in wrongs:
        caplog.clear()
        for path in (f"{BASE}/api/files/local", f"{BASE_OF_API}/api/files/local"):
            answer = await desk.client.post(path, data=body, headers={**own, **wrong})
            assert answer.status == 403
            assert "API key" in await answer.text()
        answer = await desk.client.get(f"{BASE}/api/version?apikey={desk.key}", headers=wrong)
        assert answer.status == 403
        # The test server keeps a log of all addresses; Home Assistant's does not.
        logged = [each for each in caplog.records if each.name != "aiohttp.access"]
        assert not [each for each in logged if desk.key[:-1] in each.getMessage()]
        counted = [each for each in logged if "invalid authentication" in each.getMessage()]
        assert len(counted) == (3 if wrong else 0)
    assert not await desk.files()


async def test_who_guesses_is_banned_and_not_the_proxy_between(
    hass: HomeAssistant, floor: Floor, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """With the proxy banned, nobody at all would get in from outside any more."""
    proxied = {"use_x_forwarded_for": True, "trusted_proxies": ["127.0.0.1"]}
    limited = {"ip_ban_enabled": True, "login_attempts_threshold": 2}
    assert await async_setup_component(hass, "http", {"http": {**proxied, **limited}})
    await floor.add()
    client = await hass_client_no_auth()
    bans = hass.http.app[KEY_BAN_MANAGER]

    async def guess(whose: str) -> int:
        headers = {"X-Forwarded-For": whose, "X-Api-Key": "0" * 32}
        with patch.object(slicer_door, "DELAY_S", 0.01):
            answer = await client.get(f"{BASE}/api/version", headers=headers)
            return int(answer.status)

    with patch.object(bans, "_add_ban"), patch.object(ban, "gethostbyaddr", side_effect=herror):
        assert [await guess("203.0.113.9") for _ in range(2)] == [403, 403]
    assert [str(each) for each in bans.ip_bans_lookup] == ["203.0.113.9"]
    assert (await client.get("/", headers={"X-Forwarded-For": "203.0.113.9"})).status == 403
    answer = await client.get(f"{BASE}/api/version", headers={"X-Forwarded-For": "203.0.113.10"})
    assert "API key" in await answer.text()


async def test_the_key_of_a_removed_sender_opens_nothing(desk: Desk) -> None:
    """A laptop was lost."""
    await desk.let_in()
    assert (await desk.ask("version"))[0] == 200
    answer = await desk.client.get(
        f"{BASE}/api/version", headers={"Authorization": f"Bearer {desk.key}"}
    )
    assert answer.status == 200
    await desk.hass.services.async_call(
        DOMAIN, "remove_sender", {"name": "Workshop"}, blocking=True
    )
    assert (await desk.ask("version"))[0] == 403


async def test_a_flood_of_guesses_keeps_nobody_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They wait, or are turned away; who has the key does not wait with them."""
    await desk.let_in()
    monkeypatch.setattr(slicer_door, "DELAY_S", 30.0)
    door = async_door(desk.hass)
    guesses = [
        asyncio.create_task(
            desk.client.get(f"{BASE}/api/version", headers={"X-Api-Key": f"{number}"})
        )
        for number in range(30)
    ]
    done, waiting = await asyncio.wait(guesses, timeout=5, return_when=asyncio.FIRST_COMPLETED)
    while len(done) < 30 - slicer_door.MOST_WAITING:
        more, waiting = await asyncio.wait(waiting, timeout=5, return_when=asyncio.FIRST_COMPLETED)
        assert more
        done |= more
    assert {guess.result().status for guess in done} == {429}
    assert door.guessing == slicer_door.MOST_WAITING
    assert (await desk.ask("version"))[0] == 200
    for guess in waiting:
        guess.cancel()


async def test_a_script_run_wild_is_slowed_down(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sender must not fill the disk while nobody looks."""
    monkeypatch.setattr(slicer_door, "MOST_A_MINUTE", 2)
    await desk.let_in()
    assert [(await desk.post(curl_form("a.gcode", GCODE)))[0] for _ in range(2)] == [201, 201]
    status, _, headers = await desk.post(curl_form("a.gcode", GCODE))
    assert (status, headers["Retry-After"]) == (429, "60")


async def test_only_so_many_files_come_in_at_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds a connection and a file."""
    monkeypatch.setattr(slicer_door, "MOST_OF_ONE", 0)
    await desk.let_in()
    assert (await desk.post(curl_form("a.gcode", GCODE)))[0] == 429


async def test_a_key_of_one_printer_is_not_for_another(desk: Desk) -> None:
    """A pupil's key is for the pupils' printer."""
    await desk.floor.add("Laser & Co")
    await desk.let_in(Reach.SEND, printer=True)
    assert (await desk.ask("version", f"{BASE}/virtual_one"))[0] == 200
    assert (await desk.ask("version", f"{BASE}/FLOOR0000"))[0] == 200
    assert (await desk.ask("version", f"{BASE}/laser_co"))[0] == 403
    assert (await desk.post(curl_form("a.gcode", GCODE), f"{BASE}/FLOOR0001"))[0] == 403
    assert (await desk.ask("version", f"{BASE}/nobody"))[0] == 404
    assert not await desk.files()


# -- the hostile -------------------------------------------------------------------------------


def _file(content: bytes, name: str = "a.gcode") -> dict[str, bytes]:
    return {FILE_HEAD.format(name): content}


HOSTILE: dict[str, tuple[tuple[dict[str, str], bytes], int]] = dict(
    zip(
        (
            "empty",
            "a program",
            "a page",
            "a path out",
            "a path out of windows",
            "an absolute path",
            "two files",
            "no file",
            "thousands of fields",
            "an endless field",
            "a form in the form",
            "no boundary",
            "a boundary too long",
            "no form behind the boundary",
            "another type",
            "half a file",
            "half a form behind a whole file",
        ),
        (
            (form(_file(b"")), 400),
            (form(_file(b"\x7fELF" + bytes(100))), 415),
            (form(_file(b"<html><script>alert(1)</script></html>" * 20)), 415),
            (form(_file(GCODE, "../../configuration.gcode")), 400),
            (form(_file(GCODE, "..\\\\..\\\\autoexec.gcode")), 400),
            (form(_file(GCODE, "/etc/passwd")), 400),
            (form({FILE_HEAD.format("a.gcode"): GCODE, FILE_HEAD.format("b.gcode"): GCODE}), 400),
            (form({'Content-Disposition: form-data; name="print"': b"true"}), 400),
            (
                form({f'Content-Disposition: form-data; name="f{n}"': b"x" for n in range(5000)}),
                400,
            ),
            (
                form({'Content-Disposition: form-data; name="path"': b"x" * 5000, **_file(GCODE)}),
                400,
            ),
            (
                form({"Content-Type: multipart/mixed; boundary=in": b"--in--", **_file(GCODE)}),
                400,
            ),
            (({"Content-Type": "multipart/form-data"}, GCODE), 400),
            (({"Content-Type": "multipart/form-data; boundary=" + "b" * 80}, GCODE), 400),
            (({"Content-Type": "multipart/form-data; boundary=b"}, GCODE), 400),
            (({"Content-Type": "application/octet-stream"}, GCODE), 400),
            ((curl_form("a.gcode", GCODE)[0], curl_form("a.gcode", GCODE)[1][:-40]), 400),
            (
                (qt_form("a.gcode", GCODE)[0], qt_form("a.gcode", GCODE, print_it=True)[1][:-80]),
                400,
            ),
        ),
        strict=True,
    )
)


async def test_what_is_no_upload_is_refused_and_leaves_nothing(desk: Desk) -> None:
    """Whoever has a key, or stole one, meets the front door of a shop."""
    await desk.let_in(Reach.PRINT, printer=True)
    for what, (hostile, status) in HOSTILE.items():
        said, text, headers = await desk.post(hostile)
        assert (said, headers["Content-Type"]) == (status, "text/plain"), (what, text)
        assert not desk.left(), what
    assert not await desk.files()
    assert not desk.heard.events


def _spoilt(body: bytes, chance: Random) -> bytes:
    """Return a form of which some bytes were changed, cut out, doubled or put in."""
    spoilt = bytearray(body)
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(spoilt))
        match chance.randrange(5):
            case 0:
                spoilt[at] = chance.randrange(256)
            case 1:
                del spoilt[at : at + chance.randrange(1, 40)]
            case 2:
                spoilt[at:at] = chance.randbytes(chance.randrange(1, 30))
            case 3:
                spoilt[at:at] = chance.choice(SPOILERS)
            case _:
                spoilt[at:at] = spoilt[: chance.randrange(200)]
        spoilt = spoilt or bytearray(b"-")
    return bytes(spoilt)


@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionHeader")
@pytest.mark.filterwarnings("ignore::aiohttp.BadContentDispositionParam")
async def test_a_spoilt_form_is_taken_whole_or_refused(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that somebody sends may look like a bug of ours, or leave half a file."""
    monkeypatch.setattr(slicer_door, "MOST_A_MINUTE", 1000)
    monkeypatch.setattr(request_body, "PATIENCE_S", 1.0)
    await desk.let_in()
    chance = Random(7)
    seen = set()
    for shape in (curl_form, qt_form) * 30:
        own, body = shape("part.gcode", GCODE)
        status, text, headers = await desk.post((own, _spoilt(body, chance)))
        assert status in {201, 400, 403, 415, 422}, text
        assert headers["Content-Type"].split(";")[0] in {"text/plain", "application/json"}
        seen.add(status)
    assert seen >= {201, 400}
    assert not [each for each in desk.left() if each.suffix == ".part"]


async def test_names_of_all_kinds_arrive_and_lead_nowhere(desk: Desk) -> None:
    """Programs send the letters of their own country, and some of them what nobody can read."""
    await desk.let_in(Reach.SEND, printer=True)
    heads = (
        (FILE_HEAD.format("Würfel 50%.gcode").encode(), "Würfel 50%.gcode"),
        (FILE_HEAD.format("Würfel.gcode").encode("latin-1"), "W?rfel.gcode"),
        (
            FILE_HEAD.format("a.gcode").encode() + b"; filename*=UTF-8''b%0Ac%E2%80%AE.gcode",
            "bc.gcode",
        ),
        (FILE_HEAD.format("部品🧩.gcode").encode(), "部品🧩.gcode"),
        (FILE_HEAD.format("x" * 300 + ".gcode").encode(), None),
    )
    for number, (head, name) in enumerate(heads):
        content = GCODE + b"; %d\n" % number
        body = b"--b\r\n" + head + b"\r\n\r\n" + content + b"\r\n--b--\r\n"
        status, text, _ = await desk.post(
            ({"Content-Type": "multipart/form-data; boundary=b"}, body)
        )
        file = (await desk.files())[0]
        assert file.size_bytes == len(content)
        assert name is None or file.name == name
        assert status in {201, 400}, text
        assert status == 201 or name is None, text


async def test_a_folder_that_leads_elsewhere_is_refused(desk: Desk) -> None:
    """The file is harmless and stays; where it was to go is not."""
    await desk.let_in(Reach.SEND, printer=True)
    for folder in ("../..", "a/../../b", "con", "a\\b"):
        status, _, _ = await desk.post(curl_form("a.gcode", GCODE, folder=folder))
        assert status == 400, folder
    assert [file.name for file in await desk.files()] == ["a.gcode"]


async def test_a_file_beyond_all_measure_is_stopped(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By what it says of itself, and else by what it is."""
    await desk.let_in()
    monkeypatch.setattr(slicer_form, "LARGEST_BYTES", 1000)
    monkeypatch.setattr(slicer_form, "_FORM_BYTES", 500)
    assert (await desk.post(curl_form("a.gcode", GCODE + b";" * 5000)))[0] == 413

    async def pieces() -> AsyncIterator[bytes]:
        yield curl_form("a.gcode", GCODE + b";" * 300_000)[1]

    own, _ = curl_form("a.gcode", b"")
    assert (await desk.post((own, pieces())))[0] == 413
    assert not desk.left()


async def test_a_line_that_drips_is_cut(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand of them would hold a thousand files open."""
    await desk.let_in()
    monkeypatch.setattr(request_body, "PATIENCE_S", 0.05)
    go_on = asyncio.Event()

    async def drips() -> AsyncIterator[bytes]:
        yield curl_form("a.gcode", GCODE)[1][:400]
        await go_on.wait()

    status, text, _ = await desk.post((curl_form("a.gcode", b"")[0], drips()))
    go_on.set()
    assert (status, "slowly" in text) == (400, True)
    assert not desk.left()


async def test_a_length_that_lies_leaves_nothing(
    desk: Desk, socket_enabled: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The line breaks before all that was promised has come."""
    await desk.let_in()
    own, body = curl_form("a.gcode", GCODE)
    url = desk.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {BASE}/api/files/local HTTP/1.1\r\nHost: x\r\nX-Api-Key: {desk.key}\r\n"
    head += f"Content-Type: {own['Content-Type']}\r\nContent-Length: {len(body) + 5000}\r\n\r\n"
    writer.write(head.encode() + body[:-60])
    await writer.drain()
    door = async_door(desk.hass)
    async with asyncio.timeout(5):
        while not door.count():
            await asyncio.sleep(0.005)
        writer.close()
        await writer.wait_closed()
        while door.count():
            await asyncio.sleep(0.005)
    assert not await reader.read()
    assert "Error handling request" not in caplog.text
    assert not desk.left()
    assert not await desk.files()


async def test_garbled_chunks_leave_nothing(
    desk: Desk, socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that breaks what it passes on; not every server notices at once."""
    monkeypatch.setattr(request_body, "PATIENCE_S", 0.3)
    await desk.let_in()
    own, body = curl_form("a.gcode", GCODE)
    url = desk.client.make_url("/")
    reader, writer = await asyncio.open_connection(url.host, url.port)
    head = f"POST {BASE}/api/files/local HTTP/1.1\r\nHost: x\r\nX-Api-Key: {desk.key}\r\n"
    head += f"Content-Type: {own['Content-Type']}\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(head.encode() + b"%x\r\n" % 300 + body[:300] + b"\r\n")
    await writer.drain()
    door = async_door(desk.hass)
    async with asyncio.timeout(5):
        while not door.count():
            await asyncio.sleep(0.005)
        writer.write(b"no number\r\n")
        await writer.drain()
        assert b" 400 " in await reader.readline()
    writer.close()
    assert not desk.left()


async def test_a_shop_that_cannot_take_it_says_so(desk: Desk) -> None:
    """Slicers show the number, people read the text."""
    await desk.let_in()
    errors = {
        NotAllowed("full", key="disk_full"): 507,
        NotAllowed("full", key="library_full"): 507,
        NotAllowed("none", key="no_library"): 503,
        StoreError("gone"): 503,
    }
    for error, status in errors.items():
        with patch.object(type(async_get_workshop(desk.hass).library), "add", side_effect=error):
            said, text, _ = await desk.post(curl_form("a.gcode", GCODE))
        assert (said, error.reason in text) == (status, True)


async def test_a_shop_that_is_closed_says_so(desk: Desk) -> None:
    """Home Assistant answers before, and after, its printers are there."""
    await desk.let_in()
    shop = async_shop_entry(desk.hass)
    assert shop is not None
    for entry in (desk.floor.printers[0].entry, shop):
        assert await desk.hass.config_entries.async_unload(entry.entry_id)
    assert (await desk.post(curl_form("a.gcode", GCODE)))[0] == 409
