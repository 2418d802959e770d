"""The line to a Moonraker: logins, moods of Klipper, failures, over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from custom_components.printernizer.engine.drivers.moonraker.client import MethodMissing
from custom_components.printernizer.engine.drivers.moonraker.driver import MoonrakerDriver
from custom_components.printernizer.engine.drivers.virtual.machine import Fault, Phase
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    DriverError,
    Garbled,
    Refused,
    Unreachable,
    WrongPrinter,
)
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.hand_clock import HandClock
from tests.simulators.certificates import issue_once
from tests.simulators.klipper import Macro
from tests.simulators.moonraker import QUICK

from .scene import KEY, line, scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from custom_components.printernizer.engine.printer import PrinterStatus

    from .scene import Scene


async def refused(shop: Scene, kind: type[DriverError], **settings: Any) -> DriverError:
    """Connect in vain; returns why."""
    with pytest.raises(kind) as error:
        async with shop.driver(**settings).connect():
            pass
    return error.value


# -- logins --------------------------------------------------------------------------------------


async def test_the_right_key_opens_the_line_and_says_once_who_we_are() -> None:
    async with line() as (shop, session):
        assert session.identity.serial == "7d3c6f1e2b4a49a0b1c2d3e4f5a6b7c8"
        assert session.identity.name == "klipperhost"
        assert list(shop.sim.calls).count("server.connection.identify") == 1
        [connection] = shop.sim.connections
        assert connection.identified == {"name": "Printernizer", "type": "other"}


async def test_a_wrong_key_is_denied_and_not_taken_for_bad_parameters() -> None:
    """Moonraker says both with one code; asking again cannot help one of them."""
    async with scene() as shop:
        await refused(shop, AccessDenied, api_key="f" * 32)


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "\x00"])
async def test_what_cannot_be_a_key_is_denied(key: str) -> None:
    async with scene() as shop:
        await refused(shop, AccessDenied, api_key=key)


async def test_blanks_around_a_pasted_key_do_not_count() -> None:
    async with scene() as shop, shop.driver(api_key=f" {KEY}\n").connect() as session:
        assert session.identity.serial


async def test_no_key_is_denied_before_a_line_is_opened() -> None:
    async with scene() as shop:
        await refused(shop, AccessDenied, api_key=None)
        assert not any("websocket" in call for call in shop.sim.calls)


async def test_a_trusted_network_needs_no_key() -> None:
    async with scene(trusted=True) as shop, shop.driver(api_key=None).connect() as session:
        assert session.identity.maker == "Klipper"


async def test_trust_ends_where_logins_are_forced() -> None:
    async with scene(trusted=True, force_logins=True, users={"max": "geheim"}) as shop:
        await refused(shop, AccessDenied, api_key=None)
        driver = shop.driver(api_key=None, username="max", password="geheim")
        async with driver.connect() as session:
            assert await session.storage.list()


async def test_a_wrong_password_is_denied() -> None:
    async with scene(users={"max": "geheim"}) as shop:
        await refused(shop, AccessDenied, api_key=None, username="max", password="falsch")


async def test_a_token_that_ran_out_is_renewed_without_the_password() -> None:
    async with scene(users={"max": "geheim"}) as shop:
        driver = shop.driver(api_key=None, username="max", password="geheim")
        async with driver.connect() as session:
            shop.sim.logins.expire()
            assert await session.storage.thumbnail("/none.png") is None
            assert shop.sim.logins.logins == 1
            shop.sim.logins.expire(refresh=True)
            with pytest.raises(AccessDenied):
                await session.storage.thumbnail("/none.png")
            with pytest.raises(AccessDenied):
                await session.storage.thumbnail("/none.png")


async def test_a_login_without_a_token_is_garbled(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene(users={"max": "geheim"}) as shop:
        monkeypatch.setattr(shop.sim.logins, "log_in", lambda _body: {"username": "max"})
        await refused(shop, Garbled, api_key=None, username="max", password="geheim")


async def test_a_key_that_is_taken_back_in_the_middle_ends_the_line() -> None:
    async with line() as (shop, session):
        for connection in shop.sim.connections:
            connection.known = False
        with pytest.raises(AccessDenied):
            await session.refresh()
        assert shop.listener is not None
        with pytest.raises(AccessDenied):
            await shop.listener


async def test_a_users_line_that_is_no_longer_known_is_opened_anew() -> None:
    """His password is still right: a person need not be asked for it."""
    async with scene(users={"max": "geheim"}) as shop:
        driver = shop.driver(api_key=None, username="max", password="geheim")
        async with driver.connect() as session:
            for connection in shop.sim.connections:
                connection.known = False
            with pytest.raises(Unreachable):
                await session.refresh()
        async with driver.connect():
            pass
        assert shop.sim.logins.logins == 2


async def test_no_secret_shows_in_what_is_logged_or_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("DEBUG")
    async with line() as (shop, session):
        await session.storage.list()
        await session.storage.thumbnail("/x.png")
        for told in (caplog.text, repr(shop.driver()), repr(session), repr(session.transcript())):
            assert KEY not in told


# -- whom we meet --------------------------------------------------------------------------------


async def test_another_server_at_the_address_is_not_spoken_to() -> None:
    async with scene() as shop:
        error = await refused(shop, WrongPrinter, serial="0" * 32)
        assert error.key == "wrong_serial"


async def test_the_announced_id_is_the_same_with_and_without_dashes() -> None:
    serial = "7D3C6F1E-2B4A-49A0-B1C2-D3E4F5A6B7C8"
    async with scene() as shop, shop.driver(serial=serial).connect() as session:
        assert session.identity.serial == serial


async def test_an_old_server_without_an_id_is_known_by_its_place() -> None:
    async with scene(instance_id=None) as shop, shop.driver().connect() as session:
        assert session.identity.serial == f"127.0.0.1:{shop.sim.port}"


async def test_a_server_behind_a_path_is_found_there() -> None:
    async with line(prefix="/printer1") as (shop, session):
        assert session.identity.url == f"http://127.0.0.1:{shop.sim.port}/"
        assert "part.gcode" in [item.name for item in await session.storage.list()]


async def test_a_proxy_with_nobody_behind_it_is_out_of_reach() -> None:
    async with scene() as shop:
        shop.sim.proxy_down = True
        error = await refused(shop, Unreachable)
        assert error.key == "starting"


async def test_an_address_where_nobody_answers_is_out_of_reach() -> None:
    async with scene() as shop:
        port = shop.sim.port
    async with scene() as shop:
        await refused(shop, Unreachable, url=f"http://127.0.0.1:{port}")


async def test_a_closed_http_session_is_out_of_reach() -> None:
    async with scene() as shop:
        driver = shop.driver()
        await shop.http.close()
        with pytest.raises(Unreachable):
            async with driver.connect():
                pass


async def test_a_server_that_is_no_moonraker_is_garbled(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene() as shop:
        monkeypatch.setattr(shop.sim.logins, "info", dict)

        async def nothing(*_: object) -> dict[str, object]:
            return {}

        monkeypatch.setattr(shop.sim.methods, "call", nothing)
        await refused(shop, Garbled)


async def test_a_server_that_lacks_what_all_have_is_garbled() -> None:
    async with scene() as shop:
        shop.sim.unknown_methods.add("server.info")
        await refused(shop, Garbled)


async def test_a_server_with_too_many_lines_says_so() -> None:
    async with scene() as shop:
        shop.sim.most_sockets = 0
        error = await refused(shop, Unreachable)
        assert error.key == "too_many_clients"


async def test_a_certificate_that_nobody_vouches_for_is_shown_and_can_be_pinned() -> None:
    certificate = issue_once("voron")
    async with scene(tls=certificate.context()) as shop:
        first = await refused(shop, CertificateChanged)
        assert isinstance(first, CertificateChanged)
        assert first.fingerprint == certificate.fingerprint
        async with shop.driver(fingerprint=first.fingerprint).connect() as session:
            assert session.identity.fingerprint == first.fingerprint
            assert await session.storage.list()
        other = await refused(shop, CertificateChanged, fingerprint="0" * 64)
        assert isinstance(other, CertificateChanged)
        assert other.fingerprint == first.fingerprint


# -- an old or bare server -----------------------------------------------------------------------


async def test_a_server_without_components_has_fewer_parts() -> None:
    def bare(shop: Scene) -> None:
        shop.sim.components = ("file_manager",)
        shop.sim.klipper.outlook.without |= {
            "exclude_object", "toolhead", "gcode_move", "fan", "heater_bed", "extruder",
            "led bedlight", "output_pin caselight",
        }  # fmt: skip
        shop.sim.klipper.macros.clear()
        shop.sim.unknown_methods |= {"server.connection.identify", "server.files.roots",
                                     "machine.system_info", "server.webcams.list"}  # fmt: skip

    async with scene(trusted=True) as shop:
        bare(shop)
        async with shop.driver(api_key=None).connect() as session:
            missing = ("history", "outlets", "objects", "motion", "speed", "fans", "heaters",
                       "loader", "macros", "lights")  # fmt: skip
            assert [name for name in missing if getattr(session, name) is not None] == []
            assert dict(session.cameras) == {}
            assert session.maintenance is not None
            assert session.maintenance.tasks == (
                "firmware_restart", "restart_firmware_host", "restart_server",
            )  # fmt: skip
            status = await anext(session.statuses())
            assert status.state is PrinterState.IDLE
            assert status.queued is None
            assert status.slots == ()


async def test_an_unknown_method_is_a_refusal_of_its_own() -> None:
    async with line() as (_, session):
        with pytest.raises(MethodMissing) as refusal:
            await session._watch.line.call("no.such.method")
        assert refusal.value.key == "not_supported"


# -- frames --------------------------------------------------------------------------------------


async def test_answers_may_come_in_any_order() -> None:
    async with line() as (shop, session):
        shop.sim.late["server.info"] = 0.1
        call = session._watch.line.call
        slow = asyncio.ensure_future(call("server.info"))
        await asyncio.sleep(0)
        quick = await call("printer.info")
        assert not slow.done()
        assert isinstance(quick, dict)
        assert "klippy_state" in str(await slow)


async def test_an_answer_that_comes_too_late_is_dropped() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, answer_s=0.1)
        async with shop.driver(pace=pace).connect() as session:
            shop.sim.late["printer.info"] = 0.2
            with pytest.raises(Unreachable, match="in time"):
                await session._watch.line.call("printer.info")
            await asyncio.sleep(0.2)
            assert await session._watch.line.call("server.info")


async def test_garbage_between_the_frames_does_no_harm() -> None:
    async with line() as (shop, session):
        await shop.sim.garble("{", "5", b"\x00\x01", '{"id":99,"result":1}', '{"id":[1]}')
        await shop.sim.garble('{"method":"notify_something_new","params":{"a":1}}', "[]")
        await shop.sim.garble('{"method":"notify_status_update"}', '{"method":5}')
        await session.refresh()
        shop.machine.set_bed_target(50)
        await shop.until(lambda status: status.bed and status.bed.target_c == 50)


async def test_nothing_but_garbage_is_no_moonraker() -> None:
    async with line() as (shop, _):
        await shop.sim.garble(*["junk"] * 5)
        assert shop.listener is not None
        with pytest.raises(Garbled):
            await shop.listener


async def test_a_batch_of_notifications_is_taken() -> None:
    async with line() as (shop, _):
        await shop.sim.garble(
            '[{"method":"notify_active_spool_set","params":[{"spool_id":5}]},'
            '{"method":"notify_job_queue_changed","params":[{"updated_queue":[1,2]}]}]'
        )
        await shop.until(lambda status: status.queued == 2)
        assert shop.now.slots[0].spool_tag == "spoolman:5"


async def test_a_frame_beyond_all_measure_ends_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "custom_components.printernizer.engine.drivers.moonraker.client.FRAME_LIMIT", 200_000
    )
    async with line() as (shop, _):
        await shop.sim.garble("x" * 300_000)
        assert shop.listener is not None
        with pytest.raises(Garbled, match="more than"):
            await shop.listener


async def test_a_line_that_is_cut_tells_everybody_who_waits() -> None:
    async with line() as (shop, session):
        shop.sim.silent_methods.add("printer.info")
        waiting = asyncio.ensure_future(session._watch.line.call("printer.info", patient=True))
        await asyncio.sleep(0.05)
        shop.sim.drop()
        with pytest.raises(Unreachable):
            await waiting
        assert shop.listener is not None
        with pytest.raises(Unreachable):
            await shop.listener
        with pytest.raises(Unreachable):
            await session._watch.line.call("server.info")


async def test_a_server_that_no_longer_answers_pings_is_lost() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, ping_s=0.1)
        async with shop.driver(pace=pace).connect() as session:
            statuses = session.statuses()
            await anext(statuses)
            [connection] = shop.sim.connections
            transport = connection.socket._req.transport  # type: ignore[union-attr]
            transport.pause_reading()  # type: ignore[union-attr]
            async with asyncio.timeout(5):
                with pytest.raises(Unreachable, match="pings"):
                    await _exhausted(statuses)


async def _exhausted(statuses: AsyncIterator[PrinterStatus]) -> None:
    async for _ in statuses:
        pass


# -- moods of Klipper ----------------------------------------------------------------------------


async def test_a_klipper_that_restarts_is_offline_then_busy_then_there() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        shop.sim.klipper.restart()
        await shop.until_state(PrinterState.OFFLINE)
        assert shop.now.tools == ()
        shop.time.seconds += 1.5
        await shop.until_state(PrinterState.BUSY)
        shop.time.seconds += 3
        await shop.until_state(PrinterState.IDLE)
        # The subscription was lost with it, and made anew.
        shop.machine.set_bed_target(45)
        await shop.until(lambda status: status.bed and status.bed.target_c == 45)
        [past] = await session.history.recent()
        assert past.outcome == "unknown"


async def test_a_klipper_that_comes_back_with_other_parts_ends_the_line() -> None:
    """Parts are settled for as long as a line is up; the next line has the new ones."""
    async with line() as (shop, _):
        shop.sim.klipper.macros["NEW_MACRO"] = Macro()
        shop.sim.klipper.restart()
        await shop.until_state(PrinterState.OFFLINE)
        shop.time.seconds += 5
        assert shop.listener is not None
        with pytest.raises(Unreachable, match="another configuration"):
            await shop.listener
        async with shop.driver().connect() as session:
            assert "NEW_MACRO" in session.macros.names


async def test_a_line_opened_while_klipper_is_away_waits_for_it() -> None:
    async with scene() as shop:
        shop.sim.klipper.disconnect()
        async with shop.driver().connect() as session:
            shop.listen(session)
            await shop.until_state(PrinterState.OFFLINE)
            assert session.heaters is None
            assert await session.storage.list()
            with pytest.raises(Refused) as refusal:
                await session.control.start("/part.gcode")
            assert refusal.value.key == "printer_busy"
            await session.refresh()
            with pytest.raises(Refused):
                await session.console.send("G28")
            with pytest.raises(Refused):
                await session.emergency.stop()
            shop.sim.klipper.restart()
            shop.time.seconds += 5
            assert shop.listener is not None
            with pytest.raises(Unreachable):
                await shop.listener


async def test_a_broken_configuration_is_told_with_its_text() -> None:
    async with line() as (shop, _):
        shop.sim.klipper.fail_to_start("Error loading kinematics 'nonsense'\nPrinter is halted")
        await shop.until(lambda status: status.problems)
        assert shop.now.state is PrinterState.OFFLINE
        assert shop.now.problems[0].code == "KLIPPER_ERROR"
        assert "nonsense" in (shop.now.problems[0].text or "")


async def test_a_shutdown_in_a_print_fails_the_job_though_print_stats_goes_on() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        shop.machine.inject(Fault.HEATER)
        await shop.until_state(PrinterState.FAILED)
        assert shop.now.job is not None
        assert shop.now.job.id == "000001"
        assert "not heating" in (shop.now.problems[0].text or "")
        with pytest.raises(Refused) as refusal:
            await session.control.start("/part.gcode")
        assert refusal.value.key == "wrong_state"
        with pytest.raises(Refused):
            await session.control.cancel()


async def test_a_gcode_error_fails_the_job_with_its_message() -> None:
    async with line() as (shop, _):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        shop.sim.klipper.break_gcode("Move out of range: 9999.000 20.000 0.400")
        await shop.until_state(PrinterState.FAILED)
        await shop.until(lambda status: status.problems)
        assert shop.now.problems[0].text == "Move out of range: 9999.000 20.000 0.400"


async def test_the_clock_of_klipper_may_jump() -> None:
    async with line() as (shop, _):
        shop.sim.klipper.clock_offset = -5000.0
        shop.machine.set_bed_target(44)
        await shop.until(lambda status: status.bed and status.bed.target_c == 44)


async def test_a_machine_that_boots_is_waited_for_by_the_next_line() -> None:
    async with line() as (shop, _):
        shop.machine.inject(Fault.REBOOT)
        assert shop.listener is not None
        with pytest.raises(Unreachable):
            await shop.listener
        await refused(shop, Unreachable)
        shop.time.seconds += 60
        shop.machine.tick()
        assert shop.machine.phase is Phase.IDLE
        async with shop.driver().connect() as session:
            assert (await anext(session.statuses())).state is not PrinterState.PRINTING


# -- what is pushed ------------------------------------------------------------------------------


async def test_figures_come_once_a_second_and_states_at_once() -> None:
    """A recorder that writes four temperatures a second fills a disk in a year."""
    async with scene() as shop:
        clock = HandClock()
        pace = dataclasses.replace(QUICK, status_s=1.0)
        async with shop.driver(pace=pace, clock=clock).connect() as session:
            shop.listen(session)
            await shop.until(lambda _: True)
            shop.machine.set_bed_target(60)
            for _ in range(5):
                shop.time.seconds += 1
                await asyncio.sleep(0.05)
            assert len(shop.said) == 1
            await clock.advance(1.1)
            await shop.until(lambda status: len(shop.said) == 2)
            shop.machine.start("/part.gcode")
            await shop.until_state(PrinterState.PREPARING)
            assert len(shop.said) <= 4
            shop.listener.cancel()  # type: ignore[union-attr]


async def test_news_of_the_house_arrive() -> None:
    def furnish(shop: Scene) -> None:
        shop.sim.power |= {"psu": "on", "lamp": "off", "odd": "init"}
        shop.sim.spool_id = 12
        shop.sim.remote_version = "v0.14.0"

    async with line(furnish) as (shop, _):
        assert shop.now.outlets == (("psu", True), ("lamp", False))
        assert shop.now.slots[0].spool_tag == "spoolman:12"
        assert shop.now.new_firmware == "v0.14.0"
        assert shop.now.firmware == "v0.13.0-1"
        shop.sim.set_spool(None)
        shop.sim.set_queue("a.gcode", "b.gcode")
        shop.sim.switch("lamp", "on")
        shop.sim.remote_version = "v0.13.0-1"
        shop.sim.tell("notify_update_refreshed", {})
        await shop.until(lambda status: status.queued == 2 and dict(status.outlets)["lamp"])
        await shop.until(lambda status: status.new_firmware is None)
        assert shop.now.slots[0].spool_tag is None


async def test_the_facts_of_a_file_come_when_it_has_been_read() -> None:
    def slow(shop: Scene) -> None:
        shop.sim.shelf.scanned_at["/part.gcode"] = shop.time.seconds + 30
        shop.sim.klipper.outlook.layers = False

    async with line(slow) as (shop, _):
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.PREPARING)
        assert shop.now.job is not None
        assert shop.now.job.layers is None
        shop.time.seconds += 60
        item = {"path": "part.gcode", "root": "gcodes"}
        shop.sim.file_changed("modify_file", item)
        await shop.until(lambda status: status.job and status.job.layers == 60)


async def test_a_job_under_way_is_named_by_the_history() -> None:
    async with line(lambda shop: shop.printing()) as (shop, _):
        await shop.until(lambda status: status.job and status.job.id == "000001")
        assert shop.now.state is PrinterState.PRINTING


async def test_an_ended_job_is_named_by_the_history_too() -> None:
    def ended(shop: Scene) -> None:
        shop.printing()
        shop.sim.catch_up()
        shop.machine.cancel()

    async with line(ended) as (shop, _):
        await shop.until(lambda status: status.job and status.job.id == "000001")
        assert shop.now.state is PrinterState.CANCELLED


async def test_a_history_that_does_not_name_a_job_holds_no_status_up() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, lookup_s=0.05)
        async with shop.driver(pace=pace).connect() as session:
            shop.sim.past._jobs.append({"_run": 1, "status": "completed", "filename": "x"})
            shop.listen(session)
            shop.machine.start("/part.gcode")
            await shop.until_state(PrinterState.PREPARING)
            assert shop.now.job is not None
            assert shop.now.job.id is None
            shop.listener.cancel()  # type: ignore[union-attr]


async def test_a_driver_needs_no_line_to_be_made() -> None:
    async with scene() as shop:
        driver = MoonrakerDriver(shop.sim.url, session=shop.http, clock=SystemClock())
        assert repr(driver) == f"MoonrakerDriver('127.0.0.1:{shop.sim.port}')"


# -- corners -------------------------------------------------------------------------------------


async def test_pings_are_answered_and_ours_keep_a_quiet_line_up() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, ping_s=0.05)
        async with shop.driver(pace=pace).connect() as session:
            [connection] = shop.sim.connections
            await connection.socket.ping(b"are you there")
            await asyncio.sleep(0.3)
            await session.refresh()


async def test_a_server_too_old_for_access_info_is_simply_asked() -> None:
    async with scene(trusted=True) as shop:
        shop.sim.missing_pages.add("/access/info")
        async with shop.driver(api_key=None).connect() as session:
            assert session.identity.serial


@pytest.mark.parametrize(
    ("status", "kind"), [(401, AccessDenied), (502, Unreachable), (404, Garbled)]
)
async def test_a_line_that_is_not_opened_says_why(status: int, kind: type[DriverError]) -> None:
    async with scene() as shop:
        shop.sim.refuse_socket = status
        await refused(shop, kind)


async def test_a_server_that_does_not_answer_is_given_up() -> None:
    async with scene() as shop:
        shop.sim.silent_methods.add("server.connection.identify")
        pace = dataclasses.replace(QUICK, answer_s=0.05)
        await refused(shop, Unreachable, pace=pace)


async def test_what_speaks_no_http_is_no_moonraker() -> None:
    async def babble(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(babble, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, scene() as shop:
        await refused(shop, Garbled, url=f"http://127.0.0.1:{port}")
        await refused(shop, Unreachable, url=f"https://127.0.0.1:{port}")


async def test_a_server_that_hangs_is_given_up() -> None:
    held = asyncio.Event()

    async def hold(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await held.wait()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, scene() as shop:
        pace = dataclasses.replace(QUICK, answer_s=0.05)
        await refused(shop, Unreachable, url=f"http://127.0.0.1:{port}", pace=pace)
        held.set()


async def test_a_klipper_that_goes_in_the_middle_of_a_question_is_looked_for_again() -> None:
    async with line() as (shop, session):
        shop.sim.unknown_methods |= {"printer.objects.query", "printer.objects.list"}
        await session.refresh()
        shop.sim.unknown_methods.clear()
        await session.refresh()
        assert shop.now.state is PrinterState.IDLE


async def test_a_question_that_is_not_answered_ends_no_work() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, answer_s=0.05)
        async with shop.driver(pace=pace).connect() as session:
            shop.listen(session)
            shop.sim.silent_methods.add("machine.update.status")
            shop.sim.tell("notify_update_refreshed", {})
            await asyncio.sleep(0.2)
            shop.sim.silent_methods.clear()
            shop.sim.remote_version = "v9"
            shop.sim.tell("notify_update_refreshed", {})
            await shop.until(lambda status: status.new_firmware == "v9")
            shop.listener.cancel()  # type: ignore[union-attr]


async def test_console_lines_are_kept_for_diagnostics() -> None:
    async with line() as (shop, session):
        shop.sim.klipper.respond("// a line")
        shop.sim.tell("notify_gcode_response", 5)
        await session.refresh()
        assert session.transcript()["console"] == ["// a line"]


async def test_a_line_that_leads_elsewhere_gets_no_key_there() -> None:
    """Opening a WebSocket follows redirects, and the key is the first thing said on it."""

    async def info(_: web.Request) -> web.Response:
        return web.json_response({"result": {}})

    async with scene() as shop:

        async def lead_on(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{shop.sim.url}/websocket")

        app = web.Application()
        app.router.add_get("/access/info", info)
        app.router.add_get("/websocket", lead_on)
        async with TestServer(app) as lure:
            error = await refused(shop, Garbled, url=str(lure.make_url("/")))
        assert "another address" in error.reason
        assert "server.connection.identify" not in list(shop.sim.calls)
