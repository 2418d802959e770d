"""A line to an OctoPrint: whom it accepts, what it hears, and how it ends."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.octoprint.driver import OctoPrintDriver
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    DriverError,
    Garbled,
    Unreachable,
    WrongPrinter,
)
from custom_components.printernizer.engine.printer import ACTIVE, PrinterState
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.certificates import issue
from tests.simulators.octoprint import QUICK
from tests.simulators.octoprint_answers import READER
from tests.simulators.octoprint_state import HALT

from .scene import BRIEF, KEY, PART, listening, new_machine, reaching, scene, server

if TYPE_CHECKING:
    from tests.simulators.octoprint import OctoPrintSimulator

VERSIONS = ["1.8.7", "1.11.8", "2.0.0rc7"]


async def refusal(sim: OctoPrintSimulator, **options: Any) -> DriverError:
    """Try to connect; returns why it failed."""
    async with reaching(sim, **options) as driver:
        with pytest.raises(DriverError) as refused:
            async with driver.connect():
                pass
    assert KEY not in repr(refused.value)
    return refused.value


# -- whom it accepts -----------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
async def test_an_octoprint_says_who_it_is(version: str) -> None:
    machine = new_machine(model="MK3S", name="Bench left", serial="X1")
    async with scene(machine, version=version) as shop:
        identity = shop.session.identity
        assert identity.serial == shop.sim.uuid
        assert identity.model == "MK3S"
        assert identity.name == "Bench left"
        assert identity.firmware == f"OctoPrint {version}"
        assert identity.url == f"{shop.sim.url}/"
        assert identity.fingerprint is None


async def test_it_works_below_a_path() -> None:
    """A reverse proxy may serve several of them at one address."""
    async with scene(prefix="/octoprint") as shop:
        assert shop.now.state is PrinterState.IDLE
        assert shop.session.identity.url == f"{shop.sim.url}/"
        assert [item.name for item in await shop.part("storage").list("/local")] == ["part.gcode"]


async def test_another_path_is_no_octoprint() -> None:
    async with server(prefix="/octoprint") as sim:
        error = await refusal(sim, url=f"http://127.0.0.1:{sim.port}")
        assert isinstance(error, WrongPrinter)


@pytest.mark.parametrize("text", ["OctoPrint (Moonraker v0.9.3)", "PrusaLink 0.8.1", "", "3"])
async def test_who_only_imitates_it_is_not_taken_for_one(text: str) -> None:
    async with server() as sim:
        sim.text = text
        assert isinstance(await refusal(sim), WrongPrinter)


async def test_a_prusalink_is_known_by_its_login() -> None:
    """It answers the same request, and asks for a digest first."""

    async def ask_for_digest(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm="Printer API"\r\n'
            b"Content-Length: 0\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    prusa = await asyncio.start_server(ask_for_digest, "127.0.0.1", 0)
    port = prusa.sockets[0].getsockname()[1]
    async with prusa, server() as sim:
        error = await refusal(sim, url=f"http://127.0.0.1:{port}")
    assert isinstance(error, WrongPrinter)


async def test_a_wrong_key_is_denied_and_not_tried_again() -> None:
    """Failed logins are counted there, and lock everybody out."""
    async with server() as sim:
        error = await refusal(sim, key="wrong")
        assert isinstance(error, AccessDenied)
        assert error.key == "access_denied"
        assert not [line for line in sim.log if line.startswith("POST")]


async def test_a_wrong_key_is_denied_where_guests_may_read() -> None:
    async with server() as sim:
        sim.keys["wrong"] = (None, frozenset({"STATUS"}))  # type: ignore[assignment]
        assert isinstance(await refusal(sim, key="wrong"), AccessDenied)


async def test_a_key_that_may_not_read_the_status_says_so() -> None:
    async with server() as sim:
        sim.keys["weak"] = ("weak", frozenset())
        error = await refusal(sim, key="weak")
        assert isinstance(error, AccessDenied)
        assert error.key == "no_permission"


async def test_a_key_that_may_only_read_offers_nothing_to_do() -> None:
    """A button that can only fail is worse than none."""
    async with server() as sim:
        sim.keys["reader"] = ("reader", READER)
        async with reaching(sim, key="reader") as driver, listening(sim, driver) as shop:
            session = shop.session
            assert session.control is None
            assert session.heaters is None
            assert session.console is None
            assert session.emergency is None
            assert session.maintenance is None
            assert session.storage is not None
            assert shop.now.state is PrinterState.IDLE


async def test_an_old_server_that_tells_no_permissions_is_believed_to_allow_all() -> None:
    async with server() as sim:
        sim.trouble.append(("/api/currentuser", 404))
        async with reaching(sim) as driver, driver.connect() as session:
            assert session.control is not None


async def test_another_octoprint_at_the_address_is_the_wrong_printer() -> None:
    async with server() as sim:
        error = await refusal(sim, serial="11111111-2222-3333-4444-555555555555")
        assert isinstance(error, WrongPrinter)
        assert error.key == "wrong_serial"
        async with reaching(sim, serial=sim.uuid) as driver, driver.connect() as session:
            assert session.identity.serial == sim.uuid


async def test_without_a_uuid_the_serial_is_made_of_the_address_and_stays() -> None:
    async with server() as sim:
        uuid, sim.uuid = sim.uuid, None
        async with reaching(sim) as driver, driver.connect() as session:
            made = session.identity.serial
        assert made.startswith("octoprint-")
        sim.uuid = uuid
        async with reaching(sim, serial=made) as driver, driver.connect() as session:
            assert session.identity.serial == made
        sim.uuid = None
        async with reaching(sim, serial=uuid) as driver, driver.connect() as session:
            assert session.identity.serial == uuid


@pytest.mark.parametrize("url", ["", "ftp://host", "http://", "http://host:port", "no address"])
async def test_what_is_no_address_is_refused(url: str) -> None:
    async with aiohttp.ClientSession() as http:
        driver = OctoPrintDriver(url, api_key=KEY, session=http, clock=SystemClock())
        assert KEY not in repr(driver)
        with pytest.raises(Garbled):
            async with driver.connect():
                pass


async def test_a_closed_session_reaches_nobody() -> None:
    async with server() as sim:
        async with aiohttp.ClientSession() as http:
            driver = OctoPrintDriver(sim.url, api_key=KEY, session=http, clock=SystemClock())
        with pytest.raises(Unreachable):
            async with driver.connect():
                pass


@pytest.mark.parametrize(
    ("trouble", "kind", "key"),
    [
        ("html", Garbled, "garbled"),
        ("elsewhere", Garbled, "garbled"),
        (401, AccessDenied, "proxy_login"),
        (429, Unreachable, "unreachable"),
        (500, Unreachable, "unreachable"),
        (502, Unreachable, "starting"),
        (504, Unreachable, "starting"),
        (418, Garbled, "garbled"),
        (409, Garbled, "garbled"),
        ("reset", Unreachable, "unreachable"),
        ("hang", Unreachable, "unreachable"),
        (b"[]", Garbled, "garbled"),
        (b"{", Garbled, "garbled"),
        (b"[" * 100_000, Garbled, "garbled"),
    ],
    ids=str,
)
async def test_what_goes_wrong_is_told_apart(trouble: object, kind: type, key: str) -> None:
    async with server() as sim:
        # The HTTP library itself asks once more when a line breaks.
        sim.trouble.extend([("/api/version", trouble)] * 2)
        error = await refusal(sim, pace=replace(QUICK, answer_s=0.3))
        assert type(error) is kind
        assert error.key == key


async def test_a_server_that_starts_is_told_from_one_that_is_gone() -> None:
    async with server() as sim:
        sim.starting = True
        error = await refusal(sim)
        assert isinstance(error, Unreachable)
        assert error.key == "starting"
        url = sim.url
    async with aiohttp.ClientSession() as http:
        driver = OctoPrintDriver(url, api_key=KEY, session=http, clock=SystemClock(), pace=QUICK)
        with pytest.raises(Unreachable):
            async with driver.connect():
                pass


@pytest.mark.parametrize("what", [403, "html", (500, "broken")], ids=str)
async def test_something_that_guards_its_version_and_knows_no_user_is_another(what: object) -> None:
    async with server() as sim:
        sim.trouble.extend((("/api/version", 403), ("/api/currentuser", what)))
        error = await refusal(sim)
        assert isinstance(error, WrongPrinter | AccessDenied | Unreachable)


# -- secure lines --------------------------------------------------------------------------------


async def test_a_certificate_that_nobody_vouches_for_is_the_users_to_trust() -> None:
    certificate = issue("octopi")
    async with server(certificate=certificate) as sim:
        error = await refusal(sim)
        assert isinstance(error, CertificateChanged)
        assert error.fingerprint == certificate.fingerprint
        async with (
            reaching(sim, fingerprint=certificate.fingerprint) as driver,
            listening(sim, driver) as shop,
        ):
            assert shop.session.identity.fingerprint == certificate.fingerprint
            assert shop.now.state is PrinterState.IDLE
        error = await refusal(sim, fingerprint="ab" * 32)
        assert isinstance(error, CertificateChanged)
        assert error.fingerprint == certificate.fingerprint


async def test_a_plain_server_behind_a_secure_address_is_unreachable() -> None:
    async with server() as sim:
        error = await refusal(sim, url=f"https://127.0.0.1:{sim.port}")
        assert isinstance(error, Unreachable)


# -- what it hears -------------------------------------------------------------------------------


async def test_it_says_what_it_wants_to_hear_before_it_says_who_it_is() -> None:
    async with scene() as shop:
        first = shop.sim.line.heard[0]["subscribe"]
        assert first["state"] == {"logs": False, "messages": False}
        assert "PrintDone" in first["events"]
        assert "ZChange" not in first["events"]
        assert first["plugins"] is False
        assert [next(iter(said)) for said in shop.sim.line.heard] == [
            "subscribe", "throttle", "auth",
        ]  # fmt: skip


async def test_temperatures_come_by_themselves() -> None:
    async with scene() as shop:
        asked = len(shop.sim.log)
        shop.machine.set_tool_target(0, 60)
        await shop.until(lambda status: (status.tools[0].temperature.actual_c or 0) > 50)
        assert len(shop.sim.log) == asked


async def test_a_print_is_heard_from_its_start_to_its_end() -> None:
    async with scene(new_machine(plate=BRIEF)) as shop:
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.FINISHED)
        assert shop.states == [
            PrinterState.IDLE, PrinterState.PREPARING, PrinterState.PRINTING,
            PrinterState.FINISHED,
        ]  # fmt: skip
        assert {status.job.path for status in shop.said if status.job} == {PART}


async def test_the_second_print_of_a_file_ends_the_first_and_is_another() -> None:
    """Both have one name: between them must be an end."""
    async with scene() as shop:
        for _ in range(2):
            shop.machine.start("/part.gcode")
            await shop.until_state(PrinterState.PRINTING)
            shop.machine.cancel()
            await shop.until_state(PrinterState.CANCELLED)
        ends = [state for state in shop.states if state is PrinterState.CANCELLED]
        assert len(ends) == 2


async def test_a_stranger_line_of_text_is_passed_over() -> None:
    async with scene() as shop:
        for text in ("not json", "[1, 2]", "3", "null", "[" * 50_000, '{"what": 1}',
                     '{"event": 3}', '{"current": []}', '{"event": {"type": 3}}'):  # fmt: skip
            await shop.sim.line.say_raw(text)
        for line in shop.sim.line.lines:
            await line.socket.send_bytes(b"\x00\x01")
        shop.machine.set_bed_target(40)
        await shop.until(lambda status: status.bed is not None and status.bed.target_c == 40)


async def test_a_message_without_end_ends_the_line() -> None:
    async with scene() as shop:
        await shop.sim.line.say_raw(json.dumps({"plugin": "x" * 9_000_000}))
        assert isinstance(await shop.ended(), Unreachable)


@pytest.mark.parametrize("version", VERSIONS)
async def test_a_printer_that_is_not_connected_is_offline_while_its_server_answers(
    version: str,
) -> None:
    def unplug(sim: OctoPrintSimulator) -> None:
        sim.voice.lose(None)

    async with scene(set_up=unplug, version=version) as shop:
        assert shop.now.state is PrinterState.OFFLINE
        assert shop.now.tools[0].temperature.actual_c is None
        shop.sim.voice.connect()
        await shop.until_state(PrinterState.IDLE)


async def test_why_a_line_closed_is_asked_where_it_was_not_told() -> None:
    def broken(sim: OctoPrintSimulator) -> None:
        sim.machine.emergency_stop()
        job = {"state": "Offline after error", "job": {}, "progress": {}}
        sim.trouble.append(("GET /api/job", json.dumps(job).encode()))

    async with scene(set_up=broken) as shop:
        problem = shop.said[0].problems[0]
        assert problem.text == HALT


async def test_a_refresh_tells_the_present_again() -> None:
    async with scene() as shop:
        before = len(shop.said)
        await shop.session.refresh()
        await shop.until(lambda _: len(shop.said) > before)


async def test_a_refresh_that_is_ahead_of_the_push_line_waits_for_it() -> None:
    """Told out of order, a cancelled job would begin again and be cancelled twice."""
    async with scene(current_s=5.0) as shop:
        shop.sim.line.greets = True
        shop.machine.start("/part.gcode")
        shop.sim.voice.catch_up()
        shop.sim.voice.events.clear()
        await shop.session.refresh()
        await shop.until(lambda status: status.state in ACTIVE)


async def test_the_transcript_holds_the_last_answers_and_no_secret() -> None:
    async with scene() as shop:
        said = shop.session.transcript()
        assert said["pushed"] is True
        assert said["job"]
        assert KEY not in repr(said)
        assert not any(session in repr(said) for session in shop.sim.sessions)


# -- logins of the push line ---------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["stale", "logout", "removed"])
async def test_a_line_that_wants_a_new_login_gets_one(reason: str) -> None:
    pace = replace(QUICK, login_again_s=0.0)
    async with scene(pace=pace) as shop:
        await shop.sim.line.demand_login(reason)
        shop.machine.set_bed_target(45)
        await shop.until(lambda status: status.bed is not None and status.bed.target_c == 45)
        assert len([1 for said in shop.sim.line.heard if "auth" in said]) == 2


async def test_a_line_that_wants_one_login_after_the_other_is_given_up() -> None:
    pace = replace(QUICK, login_again_s=60.0)
    async with scene(pace=pace) as shop:
        await shop.sim.line.demand_login("stale")
        error = await shop.ended()
        assert isinstance(error, Unreachable)


async def test_a_key_that_is_revoked_ends_the_line_for_good() -> None:
    pace = replace(QUICK, login_again_s=0.0)
    async with scene(pace=pace) as shop:
        shop.sim.keys.clear()
        await shop.sim.line.demand_login("removed")
        assert isinstance(await shop.ended(), AccessDenied)


async def test_a_login_that_names_nobody_ends_the_line_for_good() -> None:
    async with scene(pace=replace(QUICK, login_again_s=0.0)) as shop:
        shop.sim.trouble.append(("POST /api/login", b'{"name": null, "session": "x"}'))
        await shop.sim.line.demand_login("removed")
        assert isinstance(await shop.ended(), AccessDenied)


async def test_a_server_that_asks_whether_we_are_there_is_answered() -> None:
    async with scene() as shop:
        for line in shop.sim.line.lines:
            await line.socket.ping()
        shop.machine.set_bed_target(45)
        await shop.until(lambda status: status.bed is not None and status.bed.target_c == 45)


async def test_a_quiet_line_is_kept_while_somebody_is_there() -> None:
    """A printer that is switched off says nothing for days."""
    async with scene(pace=replace(QUICK, heartbeat_s=0.05), current_s=60.0) as shop:
        await asyncio.sleep(0.3)
        assert shop.listener is not None
        assert not shop.listener.done()
        shop.machine.start("/part.gcode")
        await shop.until(lambda status: status.state in ACTIVE)


# -- how it ends ---------------------------------------------------------------------------------


async def test_a_server_that_restarts_ends_the_line() -> None:
    async with scene() as shop:
        await shop.sim.restart()
        assert isinstance(await shop.ended(), Unreachable)


async def test_a_cable_that_is_pulled_ends_the_line() -> None:
    async with scene() as shop:
        for line in list(shop.sim.line.lines):
            request: Any = getattr(line.socket, "_req")  # noqa: B009 - aiohttp offers no other way
            request.transport.abort()
        assert isinstance(await shop.ended(), Unreachable)


async def test_a_server_that_falls_silent_ends_the_line() -> None:
    """A raw push line has no heartbeat of its own: pings must find out."""
    pace = replace(QUICK, heartbeat_s=0.2)
    async with scene(pace=pace) as shop:
        for line in list(shop.sim.line.lines):
            line.user = None
            request: Any = getattr(line.socket, "_req")  # noqa: B009 - aiohttp offers no other way
            request.transport.pause_reading()
        assert isinstance(await shop.ended(), Unreachable)


# -- without a push line -------------------------------------------------------------------------


async def test_where_a_proxy_lets_no_push_line_through_the_printer_is_polled() -> None:
    async with scene(new_machine(plate=BRIEF), push=False) as shop:
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.FINISHED)
        assert shop.session.transcript()["pushed"] is False
        assert PrinterState.PRINTING in shop.states


async def test_a_polled_cancel_is_a_cancel() -> None:
    async with scene(push=False) as shop:
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.PRINTING)
        shop.machine.cancel()
        await shop.until_state(PrinterState.CANCELLED)
        assert shop.now.job is not None
        assert shop.now.job.path == PART


def silent(sim: OctoPrintSimulator) -> None:
    sim.line.greets = False


def colon(sim: OctoPrintSimulator) -> None:
    sim.keys[KEY] = ("some:body", sim.keys[KEY][1])


def no_login(sim: OctoPrintSimulator) -> None:
    sim.trouble.append(("POST /api/login", 404))


def elsewhere(sim: OctoPrintSimulator) -> None:
    sim.trouble.append(("/sockjs/websocket", "elsewhere"))


@pytest.mark.parametrize("reason", [silent, colon, no_login, elsewhere])
async def test_a_push_line_that_leads_nowhere_is_polled_instead(reason: Any) -> None:
    pace = replace(QUICK, hello_s=0.2)
    async with server() as sim:
        reason(sim)
        async with reaching(sim, pace=pace) as driver, listening(sim, driver, pushed=False) as shop:
            shop.machine.set_bed_target(45)
            await shop.until(lambda status: status.bed is not None and status.bed.target_c == 45)
            assert shop.session.transcript()["pushed"] is False


async def test_a_push_line_is_tried_for_again() -> None:
    pace = replace(QUICK, push_again_s=0.2)
    async with scene(push=False, pace=pace) as shop:
        shop.sim.push = True
        async with asyncio.timeout(5):
            while not shop.session.transcript()["pushed"]:
                await asyncio.sleep(0.02)


async def test_one_bad_answer_is_no_lost_line_and_three_are() -> None:
    async with scene(push=False) as shop:
        shop.sim.trouble.append(("GET /api/printer", 500))
        shop.machine.set_bed_target(45)
        await shop.until(lambda status: status.bed is not None and status.bed.target_c == 45)
        shop.sim.trouble.extend([("GET /api/printer", 500)] * 3)
        assert isinstance(await shop.ended(), Unreachable)


@pytest.mark.parametrize(
    ("what", "kind"), [(401, AccessDenied), (404, Garbled), (409, type(None))], ids=str
)
async def test_a_status_that_is_refused_ends_a_polled_line_unless_it_is_offline(
    what: int, kind: type
) -> None:
    async with scene(push=False) as shop:
        shop.sim.trouble.extend([("GET /api/printer", what)] * 3)
        if kind is type(None):
            await shop.until_state(PrinterState.IDLE)
            assert shop.listener is not None
            assert not shop.listener.done()
        else:
            assert isinstance(await shop.ended(), kind)


async def test_a_key_revoked_in_the_middle_ends_a_polled_line() -> None:
    async with scene(push=False) as shop:
        shop.sim.keys.clear()
        assert isinstance(await shop.ended(), AccessDenied)
