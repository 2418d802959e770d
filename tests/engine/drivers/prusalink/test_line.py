"""The line to a PrusaLink: logins, failures and patience, over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest

from custom_components.printernizer.engine.drivers.prusalink.client import (
    Answer,
    Client,
    Pace,
    Scheme,
    error_of,
    target_of,
)
from custom_components.printernizer.engine.drivers.virtual.machine import Fault
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    Garbled,
    Refused,
    Unreachable,
    WrongPrinter,
)
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.prusalink import QUICK

from .scene import line, scene

DIALECTS = pytest.mark.parametrize("dialect", ["buddy", "pi"])


# -- login ---------------------------------------------------------------------------------------


@DIALECTS
async def test_the_right_password_opens_the_line_by_digest(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        assert session.transcript()["login"] is Scheme.DIGEST
        assert session.identity.serial == "CZPX0001"
        assert session.identity.url == f"http://127.0.0.1:{shop.sim.port}"


async def test_old_firmware_that_rejects_unknown_parameters_lets_us_in() -> None:
    async with line(old_firmware=True) as (_, session):
        assert session.identity.firmware is None
        assert (await anext(session.statuses())).state is PrinterState.IDLE


async def test_an_api_key_works_where_digest_does_not() -> None:
    async with scene(dialect="pi") as shop:
        async with shop.driver(password="pi-api-key").connect() as session:
            assert session.transcript()["login"] is Scheme.KEY
        async with shop.driver(username="", password="pi-api-key").connect() as session:
            assert session.transcript()["login"] is Scheme.KEY
    async with scene() as shop:
        shop.sim.login.allow_digest = False
        async with shop.driver().connect() as session:
            assert session.transcript()["login"] is Scheme.KEY


@DIALECTS
async def test_a_wrong_password_is_told_as_such(dialect: str) -> None:
    async with scene(dialect=dialect) as shop:
        with pytest.raises(AccessDenied) as denial:
            async with shop.driver(password="wrong-key").connect():
                pass
        assert "wrong-key" not in str(denial.value)
        assert not shop.sim.log


async def test_an_empty_password_on_the_printer_locks_everyone_out() -> None:
    async with scene(password="") as shop:
        with pytest.raises(AccessDenied):
            async with shop.driver(password="").connect():
                pass


@DIALECTS
async def test_a_nonce_that_went_stale_is_renewed_without_anybody_noticing(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        statuses = session.statuses()
        await anext(statuses)
        for _ in range(3):
            shop.time.seconds += 1000
            await session.refresh()
            assert (await anext(statuses)).state is PrinterState.IDLE


async def test_a_printer_that_restarted_knows_our_nonce_no_more_and_takes_the_next() -> None:
    async with line() as (shop, session):
        shop.sim.login.reboot()
        assert (await anext(session.statuses())).state is PrinterState.IDLE


@DIALECTS
async def test_a_password_changed_on_the_printer_ends_the_line_at_once(dialect: str) -> None:
    """Three strikes are for stalls; a new key needs the user now."""
    async with line(dialect=dialect) as (shop, session):
        shop.sim.login.password = "another"
        if dialect == "pi":
            shop.sim.login.api_key = "another-key"
        with pytest.raises(AccessDenied):
            await anext(session.statuses())


async def test_a_changed_password_is_not_sent_in_clear_on_a_line_that_knows_digest() -> None:
    async with scene() as shop:
        seen: list[str] = []
        check = shop.sim.login.check

        def spy(method, target, headers):
            seen.append(headers.get("X-Api-Key", ""))
            return check(method, target, headers)

        shop.sim.login.check = spy
        driver = shop.driver()
        async with driver.connect():
            pass
        shop.sim.login.password = "another"
        with pytest.raises(AccessDenied):
            async with driver.connect():
                pass
        assert not any(seen)


async def test_after_a_restart_nobody_can_ask_for_the_password_in_clear() -> None:
    """An impostor at the address would only have to refuse the digest."""
    async with scene() as shop:
        async with shop.driver().connect() as session:
            login = session.identity.login
        assert login == "digest"
        seen: list[str] = []
        check = shop.sim.login.check

        def spy(method, target, headers):
            seen.append(headers.get("X-Api-Key", ""))
            return check(method, target, headers)

        shop.sim.login.check = spy
        shop.sim.login.allow_digest = False
        with pytest.raises(AccessDenied):
            async with shop.driver(login=login).connect():
                pass
        assert not any(seen)


async def test_a_key_that_is_refused_later_ends_the_line() -> None:
    async with (
        scene(dialect="pi") as shop,
        shop.driver(password="pi-api-key").connect() as session,
    ):
        shop.sim.login.api_key = "new"
        with pytest.raises(AccessDenied):
            await anext(session.statuses())


async def test_a_server_that_calls_every_nonce_stale_does_not_keep_us_for_ever() -> None:
    async with scene(nonce_life_s=-1.0) as shop:
        with pytest.raises(Unreachable):
            async with shop.driver().connect():
                pass


# -- who answers ---------------------------------------------------------------------------------


async def test_another_printer_at_the_address_is_not_taken_for_ours() -> None:
    async with scene() as shop:
        with pytest.raises(WrongPrinter) as wrong:
            async with shop.driver(serial="CZPX9999").connect():
                pass
        assert wrong.value.key == "wrong_serial"
        quick = dataclasses.replace(QUICK, facts_s=0.05)
        async with shop.driver(serial="CZPX0001", pace=quick).connect() as session:
            statuses = session.statuses()
            await anext(statuses)
            shop.machine.serial = "CZPX9999"
            with pytest.raises(WrongPrinter):
                await anext(statuses)


async def test_an_octoprint_is_no_prusalink() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("version", b'{"text": "OctoPrint 1.11.8"}'))
        with pytest.raises(WrongPrinter):
            async with shop.driver().connect():
                pass


async def test_a_device_without_the_usual_answers_is_garbled_not_refused() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("info", 404))
        with pytest.raises(Garbled):
            async with shop.driver().connect():
                pass


# -- failures ------------------------------------------------------------------------------------


async def test_nobody_there_is_unreachable() -> None:
    async with scene() as shop:
        await shop.sim.__aexit__()
        with pytest.raises(Unreachable):
            async with shop.driver().connect():
                pass
        await shop.sim.__aenter__()


async def test_a_host_name_that_is_none_is_an_error_of_ours() -> None:
    async with scene() as shop:
        shop.sim.host = "not a host"
        with pytest.raises((Unreachable, Garbled)):
            async with shop.driver().connect():
                pass
        shop.sim.host = "::1"
        assert (
            "[::1]"
            in Client(shop.http, "::1", 80, username="u", password="p", clock=SystemClock()).url
        )


async def test_a_closed_session_is_unreachable() -> None:
    async with scene() as shop:
        await shop.http.close()
        with pytest.raises(Unreachable):
            async with shop.driver().connect():
                pass


@pytest.mark.parametrize(
    "trouble", ["reset", "hang", "truncate", 500, 408, b"{", b"[]", b"\xff\xfe", 404]
)
async def test_two_failures_in_a_row_are_a_stall_and_three_a_lost_line(trouble: object) -> None:
    async with line() as (shop, session):
        statuses = session.statuses()
        await anext(statuses)
        shop.sim.trouble.extend([("status", trouble)] * 2)
        await session.refresh()
        assert (await anext(statuses)).state is PrinterState.IDLE
        assert not shop.sim.trouble
        shop.sim.trouble.extend([("status", trouble)] * 6)
        await session.refresh()
        with pytest.raises((Unreachable, Garbled)):
            await anext(statuses)


async def test_a_first_connect_fails_at_once() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("version", 500))
        with pytest.raises(Unreachable):
            async with shop.driver().connect():
                pass
        shop.sim.trouble.append(("version", b"no json"))
        with pytest.raises(Garbled) as garbled:
            async with shop.driver().connect():
                pass
        assert garbled.value.payload == b"no json"


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("version", b"[" * 1_500_000))
        with pytest.raises(Garbled):
            async with shop.driver().connect():
                pass
        shop.sim.trouble.append(("version", b'{"a":' * 150_000))
        with pytest.raises(Garbled):
            async with shop.driver().connect():
                pass


async def test_a_daemon_that_starts_is_busy_and_after_its_time_out_of_reach() -> None:
    async with line(dialect="pi") as (shop, session):
        statuses = session.statuses()
        await anext(statuses)
        shop.sim.starting = True
        assert (await anext(statuses)).state is PrinterState.BUSY
        shop.sim.starting = False
        assert (await anext(statuses)).state is PrinterState.IDLE
        shop.sim.starting = True
        assert (await anext(statuses)).state is PrinterState.BUSY
        with pytest.raises(Unreachable) as lost:
            await anext(statuses)
        assert lost.value.key == "starting"
        with pytest.raises(Unreachable) as lost:
            async with shop.driver().connect():
                pass
        assert lost.value.key == "starting"


async def test_power_loss_is_a_lost_line_and_power_back_is_busy_first() -> None:
    async with line() as (shop, session):
        shop.machine.inject(Fault.REBOOT)
        with pytest.raises(Unreachable):
            await anext(session.statuses())
        shop.time.seconds += 60
        async with shop.driver().connect() as again:
            statuses = again.statuses()
            assert (await anext(statuses)).state is PrinterState.BUSY
            shop.time.seconds += 10
            assert (await anext(statuses)).state is PrinterState.IDLE


@pytest.mark.parametrize(
    ("status", "kind", "key"),
    [
        (400, Refused, "not_supported"),
        (404, Refused, "file_missing"),
        (409, Refused, "wrong_state"),
        (410, Refused, "not_supported"),
        (411, Refused, "not_supported"),
        (415, Refused, "unsupported_file"),
        (422, Refused, "refused"),
        (501, Refused, "not_supported"),
        (507, Refused, "storage_full"),
        (408, Unreachable, "unreachable"),
        (500, Unreachable, "unreachable"),
        (503, Unreachable, "starting"),
        (302, Garbled, "garbled"),
    ],
)
def test_every_status_has_its_meaning(status: int, kind: type, key: str) -> None:
    error = error_of(Answer(status=status, headers={}, body=b"why"))
    assert type(error) is kind
    assert error.key == key


async def test_a_forbidden_status_asks_for_a_new_key() -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append(("status", 403))
        with pytest.raises(AccessDenied):
            await anext(session.statuses())


def test_every_segment_is_encoded_by_itself() -> None:
    assert target_of("usb", "a b/ä?.gcode") == "/usb/a%20b%2F%C3%A4%3F.gcode"


# -- patience ------------------------------------------------------------------------------------


async def test_requests_share_one_socket() -> None:
    """A Buddy board has a handful, and its own screen and Connect need some."""
    async with line(sockets=1) as (shop, session):
        await asyncio.gather(
            session.storage.list(), anext(session.statuses()), session.storage.list()
        )
        assert shop.sim.refused_sockets == 0


async def test_a_full_board_is_unreachable() -> None:
    async with scene(sockets=0) as shop:
        with pytest.raises(Unreachable):
            async with shop.driver().connect():
                pass
        assert shop.sim.refused_sockets


async def test_a_slow_printer_is_asked_less_often() -> None:
    async with line() as (shop, session):
        statuses = session.statuses()
        idle = await anext(statuses)
        shop.printing()
        busy = await anext(statuses)
        session._client.pace = Pace()
        session._client.took_s = 0.05
        assert session._interval(idle) == 10.0
        assert session._interval(busy) == 2.0
        session._client.took_s = 4.0
        assert session._interval(busy) == 12.0


async def test_a_repr_holds_no_password() -> None:
    async with line() as (shop, session):
        for thing in (shop.driver(), session, session.transcript()):
            assert "secret-key" not in repr(thing)


def test_the_pace_of_tests_has_no_knob_that_production_lacks() -> None:
    assert {field.name for field in dataclasses.fields(QUICK)} == {
        field.name for field in dataclasses.fields(Pace)
    }
