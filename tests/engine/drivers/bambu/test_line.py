"""The driver and a printer over real sockets: connecting, telling failures apart, commanding."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.bambu.commander import Commander
from custom_components.printernizer.engine.drivers.bambu.mapping import in_order
from custom_components.printernizer.engine.drivers.bambu.messages import Messages
from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    Heater,
    MachineSlot,
    Phase,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    Refused,
    Unreachable,
    WrongPrinter,
)
from custom_components.printernizer.engine.printer import PrinterState, Slot
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.hand_clock import HandClock
from tests.simulators.bambu import BambuSimulator, driver_for
from tests.simulators.certificates import issue

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from custom_components.printernizer.engine.drivers.bambu.session import BambuSession
    from custom_components.printernizer.engine.printer import PrinterStatus
    from tests.simulators.bambu_broker import Client

SERIAL = "03900A000000001"
FILE = "/cache/clip.gcode.3mf"
PLATES = (
    PlateFacts(seconds=3600, tool_c=40, bed_c=30),
    PlateFacts(number=2, seconds=3600, tool_c=40, bed_c=30),
)


def machine(**settings: object) -> VirtualMachine:
    """A machine that heats in a tenth of a second and prints long."""
    begin = time.monotonic()
    made = VirtualMachine(
        now=lambda: (time.monotonic() - begin) * 60,
        serial=SERIAL,
        **{"slots": [MachineSlot() for _ in range(4)], **settings},
    )
    made.store(VirtualFile(path=FILE, content=b"PK" + bytes(2000), plates=PLATES))
    return made


@asynccontextmanager
async def printer(model: str = "A1", **settings: object) -> AsyncIterator[BambuSimulator]:
    """A simulated printer without files and camera."""
    two = model == "H2D"
    tools = [Heater() for _ in range(2 if two else 1)]
    made = machine(tools=tools, chamber=Heater() if two else None)
    simulator = BambuSimulator(
        made, model, interval_s=0.03, **{"ftps": False, "camera": False, **settings}
    )
    async with simulator:
        yield simulator


async def shows(session: BambuSession, condition: Callable[[PrinterStatus], bool]) -> PrinterStatus:
    """Wait for a status."""
    async with asyncio.timeout(8):
        async for status in session.statuses():
            if condition(status):
                return status
    raise AssertionError("the statuses ended")


MODELS = ("A1", "P1S", "X1C", "P2S", "H2D")


@pytest.mark.parametrize("model", MODELS)
async def test_every_family_tells_who_it_is_and_how_it_is(model: str) -> None:
    async with printer(model) as simulator, driver_for(simulator, SystemClock()).connect() as line:
        status = await shows(line, lambda status: True)
    assert line.identity.serial == SERIAL
    assert line.identity.fingerprint == simulator.fingerprint
    assert line.identity.model == simulator.profile.product
    assert line.identity.firmware == simulator.profile.firmware
    assert status.state is PrinterState.IDLE
    assert len([slot for slot in status.slots if slot.unit == "0"]) == 4


@pytest.mark.parametrize("model", MODELS)
async def test_a_job_runs_through_its_states_on_every_family(model: str) -> None:
    async with printer(model) as simulator, driver_for(simulator, SystemClock()).connect() as line:
        assert line.control
        await line.control.start(FILE, plate=2)
        status = await shows(line, lambda status: status.state is PrinterState.PRINTING)
        assert status.job
        assert status.job.name == "clip"
        assert status.job.id is not None
        assert simulator.machine.run
        assert simulator.machine.run.plate.number == 2
        await line.control.pause()
        assert (await shows(line, lambda status: True)).state is PrinterState.PAUSED
        await line.control.resume()
        assert (await shows(line, lambda status: True)).state is PrinterState.PRINTING
        await line.control.cancel()
        await shows(line, lambda status: status.state is PrinterState.CANCELLED)


async def test_the_serial_is_learnt_from_the_address_alone() -> None:
    async with (
        printer() as simulator,
        driver_for(simulator, SystemClock(), serial=None).connect() as line,
    ):
        assert line.identity.serial == SERIAL


async def test_a_wrong_access_code_is_told_from_an_outage() -> None:
    """Who has to type a new code must not be told to wait."""
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock(), access_code="00000000")
        with pytest.raises(AccessDenied):
            async with driver.connect():
                pass


async def test_an_address_where_nobody_listens_is_unreachable() -> None:
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock())
    with pytest.raises(Unreachable) as lost:
        async with driver.connect():
            pass
    assert lost.value.key == "unreachable"


async def test_a_printer_without_a_place_left_says_so() -> None:
    async with printer() as simulator:
        simulator.broker.places = 0
        begin = time.monotonic()
        with pytest.raises(Unreachable) as full:
            async with driver_for(simulator, SystemClock()).connect():
                pass
    assert full.value.key == "too_many_clients"
    assert time.monotonic() - begin < 3


async def test_another_printer_at_the_address_never_gets_the_code() -> None:
    """DHCP gave the address to a neighbour: its owner must not learn our code."""
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock(), serial="01P00A000000002")
        with pytest.raises(WrongPrinter) as wrong:
            async with driver.connect():
                pass
        assert simulator.broker.names == []
    assert wrong.value.key == "wrong_serial"


async def test_a_changed_certificate_is_shown_to_the_user_and_gets_nothing() -> None:
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock(), fingerprint=issue(SERIAL).fingerprint)
        with pytest.raises(CertificateChanged) as changed:
            async with driver.connect():
                pass
        assert simulator.broker.names == []
    assert changed.value.fingerprint == simulator.fingerprint


async def test_the_first_certificate_is_insisted_on_from_then_on() -> None:
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock())
        async with driver.connect():
            pass
        port = simulator.mqtt_port
    twin = BambuSimulator(machine(), ftps=False, camera=False)
    twin.broker.port = port
    async with twin:
        with pytest.raises(CertificateChanged):
            async with driver.connect():
                pass


async def test_a_printer_that_reports_nothing_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.session.REPORT_S", 0.3)
    async with printer() as simulator:
        simulator.stalled = True
        with pytest.raises(Unreachable) as silent:
            async with driver_for(simulator, SystemClock()).connect():
                pass
    assert silent.value.key == "no_reports"


async def test_silence_is_questioned_twice_and_then_given_up() -> None:
    clock = HandClock()
    async with printer() as simulator, driver_for(simulator, clock).connect() as line:
        simulator.stalled = True
        await asyncio.sleep(0.1)
        asked = len(simulator.pushalls)
        turning = asyncio.create_task(_turn(clock, 90))
        with pytest.raises(Unreachable) as lost:  # noqa: PT012
            async with asyncio.timeout(5):
                async for _ in line.statuses():
                    pass
        turning.cancel()
        assert len(simulator.pushalls) == asked + 1
    assert lost.value.key == "no_reports"


async def _turn(clock: HandClock, seconds: int) -> None:
    for _ in range(seconds):
        await clock.advance(1)
        await asyncio.sleep(0.005)


async def test_each_connection_has_a_name_of_its_own() -> None:
    """A printer throws out the older of two clients that share one."""
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock())
        for _ in range(2):
            async with driver.connect():
                pass
        assert len(set(simulator.broker.names)) == 2


async def test_a_line_cut_in_mid_print_is_reported_and_the_next_one_knows_the_job() -> None:
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock())
        with pytest.raises(Unreachable):  # noqa: PT012
            async with driver.connect() as line:
                assert line.control
                await line.control.start(FILE)
                first = await shows(line, lambda status: status.state is PrinterState.PRINTING)
                await simulator.kill()
                async with asyncio.timeout(5):
                    async for _ in line.statuses():
                        pass
        with pytest.raises(Unreachable):
            async with driver.connect():
                pass
        await simulator.revive()
        async with driver.connect() as line:
            again = await shows(line, lambda status: True)
        assert first.job
        assert again.job
        assert again.job.id == first.job.id


@pytest.mark.parametrize("refusal", ["reply", "silent"])
async def test_without_developer_mode_commands_name_the_remedy(refusal: str) -> None:
    async with (
        printer("P1S", developer_mode=False) as simulator,
        driver_for(simulator, SystemClock()).connect() as line,
    ):
        simulator.refusal = refusal
        simulator.echoes = refusal == "reply"
        status = await shows(line, lambda status: True)
        assert not status.read_only
        assert line.lights
        with pytest.raises(Refused) as refused:
            async with asyncio.timeout(12):
                await line.lights.set("chamber_light", on=False)
        assert refused.value.key == "developer_mode"
        await shows(line, lambda status: status.read_only)


async def test_a_printer_that_says_so_is_read_only_from_the_start() -> None:
    async with (
        printer("H2D", developer_mode=False) as simulator,
        driver_for(simulator, SystemClock()).connect() as line,
    ):
        assert (await shows(line, lambda status: True)).read_only
        assert line.control
        with pytest.raises(Refused) as refused:
            await line.control.start(FILE)
        assert refused.value.key == "developer_mode"
        assert simulator.commands == []


async def test_a_command_nobody_answers_or_obeys_is_not_taken_for_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.client.ECHO_S", 0.3)
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.deaf = True
        assert line.console
        with pytest.raises(Refused) as unsure:
            await line.console.send("G28")
        assert unsure.value.key == "not_confirmed"


async def test_a_command_without_echo_counts_when_its_effect_shows() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.echoes = False
        simulator.machine.start(FILE)
        await shows(line, lambda status: status.state is PrinterState.PRINTING)
        assert line.control
        await line.control.pause()
        assert simulator.machine.phase is Phase.PAUSED


async def test_a_start_is_never_sent_to_a_busy_printer() -> None:
    """On an A1 mini it would end the running job."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.start_cancels = True
        simulator.machine.start(FILE)
        await shows(line, lambda status: status.active)
        assert line.control
        with pytest.raises(Refused) as busy:
            await line.control.start(FILE)
        assert busy.value.key == "printer_busy"
        assert simulator.machine.in_job


async def test_a_start_asks_for_a_fresh_status_first() -> None:
    async with printer("X1C") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        asked = len(simulator.pushalls)
        assert line.control
        await line.control.start(FILE)
        assert len(simulator.pushalls) == asked + 1


async def test_small_controllers_are_not_asked_for_everything_twice_in_five_minutes() -> None:
    async with printer("A1") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        await line.refresh()
        assert line.control
        await line.control.start(FILE)
        simulator.wire.online += 1
        await asyncio.sleep(0.2)
        assert len(simulator.pushalls) == 1


async def test_large_ones_are_asked_again_when_modules_come_or_go() -> None:
    async with printer("H2D") as simulator, driver_for(simulator, SystemClock()).connect():
        simulator.wire.online += 1
        async with asyncio.timeout(5):
            while len(simulator.pushalls) < 2:
                await asyncio.sleep(0.02)


async def test_old_firmware_gets_the_other_form_of_the_address() -> None:
    async with printer("P1S") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.old_address_form = True
        assert line.control
        await line.control.start(FILE)
        assert simulator.machine.in_job


async def test_a_missing_file_is_refused_in_the_printers_words() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        assert line.control
        with pytest.raises(Refused) as refused:
            await line.control.start("/cache/none.gcode.3mf")
        assert "none" in refused.value.reason


@pytest.mark.parametrize("path", ["/a/../b.3mf", "/readme.txt", "/\x00.3mf"])
async def test_what_is_no_print_file_is_never_sent(path: str) -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        assert line.control
        with pytest.raises(Refused):
            await line.control.start(path)
        assert simulator.commands == []


async def test_bare_gcode_can_be_started() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.machine.store(VirtualFile(path="/x.gcode", plates=PLATES))
        assert line.control
        await line.control.start("/x.gcode")
        assert simulator.machine.in_job


async def test_a_cancel_is_never_first_a_failure() -> None:
    """The code of a cancel may come after the state: nobody is told of a failed job."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.late_cancel_code_s = 0.5
        simulator.machine.start(FILE)
        await shows(line, lambda status: status.state is PrinterState.PRINTING)
        simulator.machine.cancel()
        seen = []
        async with asyncio.timeout(8):
            async for status in line.statuses():
                seen.append(status.state)
                if not status.active:
                    break
        assert PrinterState.FAILED not in seen
        assert seen[-1] is PrinterState.CANCELLED


async def test_a_cancelled_job_stays_cancelled_after_a_reconnect() -> None:
    async with printer() as simulator:
        simulator.cancel_shown_s = 0.3
        driver = driver_for(simulator, SystemClock())
        async with driver.connect() as line:
            simulator.machine.start(FILE)
            await shows(line, lambda status: status.state is PrinterState.PRINTING)
            simulator.machine.cancel()
            await shows(line, lambda status: status.state is PrinterState.CANCELLED)
        await asyncio.sleep(0.4)
        async with driver.connect() as line:
            assert (await shows(line, lambda status: True)).state is PrinterState.CANCELLED


async def test_a_real_failure_is_one() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.machine.start(FILE)
        await shows(line, lambda status: status.state is PrinterState.PRINTING)
        simulator.machine.inject(Fault.HEATER)
        status = await shows(line, lambda status: not status.active)
        assert status.state is PrinterState.FAILED
        assert status.problems


@pytest.mark.parametrize("fault", [Fault.JAM, Fault.RUNOUT])
async def test_a_fault_wants_a_person_who_can_say_go_on(fault: Fault) -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.machine.start(FILE)
        await shows(line, lambda status: status.state is PrinterState.PRINTING)
        simulator.machine.inject(fault)
        status = await shows(line, lambda status: status.state is PrinterState.ATTENTION)
        assert status.problems[0].text
        assert line.prompt
        await line.prompt.acknowledge()
        await shows(line, lambda status: status.state is PrinterState.PRINTING)
        with pytest.raises(Refused):
            await line.prompt.acknowledge()


async def test_garbage_does_not_end_the_line() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        good = json.dumps({"print": {"command": "push_status", "msg": 1, "wifi_signal": "-33dBm"}})
        for payload in (
            b"",
            b"\xff\xfe",
            b"[" * 50_000,
            b"null",
            b'{"print": 7}',
            b'{"print": {"command": "push_status", "ams": 7, "hms": "x", "msg": 1}}',
            b'{"print": {"command": "push_status", "gcode_state": "DANCING", "msg": 1}}',
            b"{" + b" " * (1 << 20) + b"}",
            good.encode() + b"\0",
        ):
            simulator.inject(payload)
        status = await shows(line, lambda status: status.wifi_dbm == -33)
        assert status.state is PrinterState.UNKNOWN
        assert line.transcript()["garbled"]


async def test_heat_fans_speed_light_options_and_gcode_reach_the_machine() -> None:
    async with printer("H2D") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        machine = simulator.machine
        machine.fan_percent["auxiliary"] = 0
        assert line.heaters
        assert line.fans
        assert line.speed
        assert line.lights
        assert line.options
        assert line.console
        await line.heaters.set_target("tool_1", 210)
        await line.heaters.set_target("bed", 60)
        await line.heaters.set_target("chamber", 45)
        assert machine.tools[1].target_c == 210
        assert machine.bed.target_c == 60
        assert machine.chamber
        assert machine.chamber.target_c == 45
        await line.fans.set_speed("auxiliary", 50)
        assert machine.fan_percent["auxiliary"] == 50
        await line.speed.set_profile("sport")
        assert (await shows(line, lambda status: True)).speed_profile == "sport"
        await line.lights.set("chamber_light", on=False)
        assert (await shows(line, lambda status: True)).lights == (("chamber_light", False),)
        await line.options.set("sound", on=True)
        assert ("sound", True) in (await shows(line, lambda status: True)).options
        await line.console.send("G28\nG1 X10")
        assert list(machine.gcode_log)[-2:] == ["G28", "G1 X10"]


async def test_what_a_model_cannot_bear_is_refused() -> None:
    async with printer("A1") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        assert line.heaters
        assert line.fans
        assert line.speed
        assert line.lights
        assert line.options
        assert line.console
        for call in (
            line.heaters.set_target("bed", 120),
            line.heaters.set_target("chamber", 40),
            line.fans.set_speed("chamber", 10),
            line.fans.set_speed("part", 101),
            line.speed.set_profile("warp"),
            line.speed.set_percent(110),
            line.lights.set("disco", on=True),
            line.options.set("party", on=True),
            line.console.send(" \n"),
        ):
            with pytest.raises(Refused):
                await call
        assert simulator.commands == []


async def test_stale_reports_after_a_command_do_not_flicker() -> None:
    async with printer("X1C") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.lag = 3
        assert line.speed
        await line.speed.set_profile("ludicrous")
        seen = set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.4):
                async for status in line.statuses():
                    seen.add(status.speed_profile)
        assert seen == {"ludicrous"}


async def test_secrets_stay_out_of_sight() -> None:
    async with printer() as simulator:
        driver = driver_for(simulator, SystemClock(), access_code="87654321")
        with pytest.raises(AccessDenied) as denied:
            async with driver.connect():
                pass
    assert "87654321" not in repr(driver) + repr(denied.value) + str(denied.value)


async def test_connecting_can_be_called_off_and_leaves_nothing_open() -> None:
    """An integration that is unloaded while it connects must not keep a place at the printer."""
    async with printer() as simulator:
        for pause in (0.0, 0.01, 0.03, 0.06):
            connecting = asyncio.create_task(
                driver_for(simulator, SystemClock()).connect().__aenter__()
            )
            await asyncio.sleep(pause)
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        async with asyncio.timeout(3):
            while simulator.broker.clients:
                await asyncio.sleep(0.02)


@pytest.mark.parametrize("welcome", [True, False])
async def test_a_login_called_off_before_its_answer_leaves_nothing_open(
    welcome: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer comes after the integration was unloaded: the place must be given back."""
    async with printer() as simulator:
        arrived, answer = asyncio.Event(), asyncio.Event()
        greet = simulator.broker._welcome

        async def slowly(reader: asyncio.StreamReader, client: Client) -> bool:
            arrived.set()
            await answer.wait()
            return welcome and await greet(reader, client)

        monkeypatch.setattr(simulator.broker, "_welcome", slowly)
        connecting = asyncio.create_task(
            driver_for(simulator, SystemClock()).connect().__aenter__()
        )
        await arrived.wait()
        await asyncio.sleep(0.1)
        connecting.cancel()
        await asyncio.sleep(0)
        answer.set()
        with pytest.raises(asyncio.CancelledError):
            await connecting
        async with asyncio.timeout(3):
            while simulator.broker.clients:
                await asyncio.sleep(0.02)


async def test_lost_acknowledgements_do_not_cost_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.client.ACK_S", 0.1)
    async with printer() as simulator:
        simulator.broker.lose_acks = True
        async with driver_for(simulator, SystemClock()).connect() as line:
            assert line.console
            with pytest.raises(Refused):
                await asyncio.wait_for(line.console.send(""), 1)
            assert line.lights
            await line.lights.set("chamber_light", on=False)
            assert simulator.machine.light is False


@pytest.mark.parametrize("command", ["pause", "resume", "cancel", "acknowledge"])
async def test_a_command_without_a_job_is_refused_and_not_sent(command: str) -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        with pytest.raises(Refused):
            await getattr(line.control, command)()
        assert simulator.commands == []


async def test_commands_on_a_closed_line_say_that_it_is_closed() -> None:
    async with printer() as simulator:
        async with driver_for(simulator, SystemClock()).connect() as line:
            pass
        assert line.speed
        with pytest.raises(Unreachable):
            await line.speed.set_profile("sport")


async def test_a_start_that_ends_in_a_complaint_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        monkeypatch.setattr(
            simulator, "_print", lambda *_: setattr(simulator.wire, "error", 0x05004003)
        )
        assert line.control
        with pytest.raises(Refused) as refused:
            await line.control.start(FILE)
        assert refused.value.placeholders["code"] == "0500_4003"


@pytest.fixture
def short_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits 90 seconds here."""
    bambu = "custom_components.printernizer.engine.drivers.bambu"
    monkeypatch.setattr(f"{bambu}.start.START_S", 0.5)
    monkeypatch.setattr(f"{bambu}.commander.EFFECT_S", 0.1)
    monkeypatch.setattr(f"{bambu}.client.ECHO_S", 0.2)


def takes_and_does_nothing(simulator: BambuSimulator) -> list[str]:
    """Have starts echoed and not obeyed; returns the paths that were to be printed."""
    asked: list[str] = []
    simulator._print = lambda path, *_: asked.append(path)  # type: ignore[method-assign]
    return asked


@pytest.mark.usefixtures("short_start")
@pytest.mark.parametrize("echoes", [True, False])
async def test_a_start_that_is_only_echoed_is_not_taken_for_a_print(echoes: bool) -> None:
    """The queue would count the job as printing and nobody would look at the idle printer."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        asked = takes_and_does_nothing(simulator)
        simulator.echoes = echoes
        assert line.control
        for _ in range(2):
            with pytest.raises(Refused) as refused:
                await line.control.start(FILE)
            assert refused.value.key == "not_confirmed"
        assert asked == [FILE, FILE]


@pytest.mark.usefixtures("short_start")
async def test_a_start_that_does_not_begin_tells_what_the_printer_complains_of() -> None:
    """A message on its health does not stop a start; when nothing begins it is the best hint."""
    complaint = {"hms": [{"attr": 0x03000100, "code": 0x00010007}], "msg": 1}
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        takes_and_does_nothing(simulator)
        simulator.inject(json.dumps({"print": {"command": "push_status", **complaint}}).encode())
        await shows(line, lambda status: bool(status.problems))
        assert line.control
        with pytest.raises(Refused) as refused:
            await line.control.start(FILE)
        assert refused.value.key == "not_confirmed"
        assert refused.value.placeholders["code"] == "HMS_0300_0100_0001_0007"
        assert "HMS_0300_0100_0001_0007" in refused.value.reason


@pytest.mark.usefixtures("short_start")
async def test_a_print_that_begins_without_an_echo_is_a_print(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.start.START_S", 5)
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        asked = takes_and_does_nothing(simulator)
        simulator.echoes = False
        assert line.control
        starting = asyncio.create_task(line.control.start(FILE))
        while not asked:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        assert not starting.done()
        simulator.machine.start(FILE)
        await starting
        assert (await shows(line, lambda status: True)).active


async def test_a_second_start_is_refused_until_the_first_one_shows() -> None:
    """Two starts into the same minute print twice or, on an A1 mini, end each other."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        asked = takes_and_does_nothing(simulator)
        assert line.control
        starting = asyncio.create_task(line.control.start(FILE))
        while not asked:
            await asyncio.sleep(0.01)
        with pytest.raises(Refused) as second:
            await line.control.start(FILE)
        assert second.value.key == "printer_busy"
        simulator.machine.start(FILE)
        await starting
        assert line.control
        await line.control.cancel()
        await shows(line, lambda status: status.state is PrinterState.CANCELLED)
        again = asyncio.create_task(line.control.start(FILE))
        while len(asked) < 2:
            await asyncio.sleep(0.01)
        again.cancel()
        await asyncio.gather(again, return_exceptions=True)
        with pytest.raises(Refused) as after:
            await line.control.start(FILE)
        assert after.value.key == "printer_busy"


async def test_a_start_whose_line_drops_is_not_sent_again_on_the_next_line() -> None:
    """The printer may be about to print it."""
    clock = HandClock()
    async with printer() as simulator:
        driver = driver_for(simulator, clock)
        async with driver.connect() as line:
            asked = takes_and_does_nothing(simulator)
            assert line.control
            starting = asyncio.create_task(line.control.start(FILE))
            while not asked:
                await asyncio.sleep(0.01)
            await simulator.kill()
            with pytest.raises(Unreachable):
                await asyncio.wait_for(starting, 3)
        await simulator.revive()
        async with driver.connect() as line:
            assert line.control
            with pytest.raises(Refused) as refused:
                await line.control.start(FILE)
            assert refused.value.key == "printer_busy"
        await clock.advance(91)
        del simulator._print
        async with driver.connect() as line:
            assert line.control
            await line.control.start(FILE)
            assert simulator.machine.in_job


async def test_a_quiet_small_printer_is_asked_for_a_sign_of_life_before_a_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says only what changes: after seconds of silence "ready" may be long past."""
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.session.FRESH_S", 0.3)
    clock = HandClock()
    async with printer() as simulator, driver_for(simulator, clock).connect() as line:
        simulator.stalled = simulator.deaf = True
        await asyncio.sleep(0.1)
        await clock.advance(10)
        assert line.control
        with pytest.raises(Unreachable) as silent:
            await line.control.start(FILE)
        assert silent.value.key == "no_reports"
        assert simulator.commands == []
        simulator.stalled = simulator.deaf = False
        await line.control.start(FILE)
        assert simulator.machine.in_job
        assert len(simulator.pushalls) == 1


async def test_a_start_waits_for_a_word_that_came_after_the_last_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was heard before a command knows nothing of what the command did."""
    bambu = "custom_components.printernizer.engine.drivers.bambu"
    monkeypatch.setattr(f"{bambu}.session.FRESH_S", 0.3)
    monkeypatch.setattr(f"{bambu}.client.ECHO_S", 0.2)
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.stalled = simulator.deaf = True
        await asyncio.sleep(0.1)
        assert line.console
        with pytest.raises(Refused):
            await line.console.send("G28")
        assert line.control
        with pytest.raises(Unreachable):
            await line.control.start(FILE)
        assert simulator.commands == []


async def test_a_printer_that_takes_no_subscription_is_unreachable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The one client too many is thrown out just after its login."""
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.client.LOGIN_S", 1.0)
    async with printer() as simulator:

        async def hang_up(*_: object) -> bool:
            return False

        monkeypatch.setattr(simulator.broker, "_answer", hang_up)
        begin = time.monotonic()
        with pytest.raises(Unreachable) as crowded:
            async with driver_for(simulator, SystemClock()).connect():
                pass
        assert time.monotonic() - begin < 5
        assert crowded.value.key == "too_many_clients"
        assert not simulator.broker.clients


async def test_a_command_into_a_line_that_drops_ends_at_once() -> None:
    """Who pressed a button is told now, not after the time for an echo."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.deaf = True
        assert line.console
        sending = asyncio.create_task(line.console.send("G28"))
        await asyncio.sleep(0.1)
        await simulator.kill()
        begin = time.monotonic()
        with pytest.raises(Unreachable):
            await sending
        assert time.monotonic() - begin < 3


async def test_a_command_whose_receipt_is_outstanding_ends_with_the_line() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.broker.lose_acks = simulator.deaf = True
        assert line.speed
        sending = asyncio.create_task(line.speed.set_profile("sport"))
        await asyncio.sleep(0.1)
        await simulator.kill()
        with pytest.raises(Unreachable):
            await asyncio.wait_for(sending, 3)
        with pytest.raises(Unreachable):
            await line._line.send({"info": {"command": "get_version"}})


async def test_replies_to_other_clients_are_not_ours() -> None:
    """The slicer commands too; its refusal must not be shown as that of our command."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        foreign = {"command": "pause", "sequence_id": "77", "result": "fail", "reason": "no"}
        simulator.inject(json.dumps({"print": foreign}).encode())
        assert line.console
        await line.console.send("G28")
        assert list(simulator.machine.gcode_log)[-1] == "G28"
        assert foreign["reason"] in {reply["reason"] for reply in line.transcript()["replies"]}


async def test_a_read_only_printer_is_sent_nothing_by_any_part() -> None:
    async with (
        printer("H2D", developer_mode=False) as simulator,
        driver_for(simulator, SystemClock()).connect() as line,
    ):
        assert line.console
        assert line.speed
        for call in (line.console.send("G28"), line.speed.set_profile("sport")):
            with pytest.raises(Refused) as refused:
                await call
            assert refused.value.key == "developer_mode"
        assert simulator.commands == []


async def test_before_the_first_report_there_is_nothing_to_command() -> None:
    commander = Commander(Messages(), SystemClock())
    with pytest.raises(Unreachable) as early:
        _ = commander.status
    assert early.value.key == "starting"


async def test_a_command_that_shows_already_waits_for_its_echo_alone() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        assert line.options
        assert ("sound", False) in (await shows(line, lambda status: True)).options
        await line.options.set("sound", on=False)
        assert simulator.commands[-1]["print"]["sound_enable"] is False


async def test_a_fleet_of_printers_runs_in_one_process() -> None:
    """The load bench starts a hundred."""
    shared = issue(SERIAL)
    fleet = [
        BambuSimulator(machine(), "A1", ftps=False, camera=False, certificate=shared)
        for _ in range(20)
    ]
    async with contextlib.AsyncExitStack() as stack:
        for simulator in fleet:
            await stack.enter_async_context(simulator)
        lines = [driver_for(simulator, SystemClock()).connect() for simulator in fleet]
        sessions = await asyncio.gather(*(stack.enter_async_context(line) for line in lines[:1]))
        for line in lines[1:]:
            sessions.append(await stack.enter_async_context(line))
        assert len(sessions) == 20


async def test_filaments_are_taken_from_the_slots_in_order() -> None:
    async with printer("P1S") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        assert line.control
        await line.control.start(FILE)
        sent = simulator.commands[-1]["print"]
        assert sent["use_ams"] is True
        assert sent["ams_mapping"] == [0, 1, 2, 3]


def test_slot_numbers_follow_the_printers_counting() -> None:
    hot = Slot(key="128_0", unit="128", index=0, empty=False)
    second = Slot(key="1_2", unit="1", index=2, empty=True)
    external = Slot(key="external", unit=None, index=0, empty=False)
    built_in = Slot(key="16_3", unit="16", index=3, empty=False)
    assert in_order((second, hot, built_in, external)).flat == (6, 128, 3)
    for slots in ((second, external), (external,)):
        assert not in_order(slots).feeder
        assert in_order(slots).flat == (254,)


async def test_a_broker_that_is_not_ready_is_not_a_wrong_code() -> None:
    async with printer() as simulator:
        simulator.broker.answer = 3
        with pytest.raises(Unreachable):
            async with driver_for(simulator, SystemClock()).connect():
                pass


async def test_a_message_without_end_ends_the_line() -> None:
    """MQTT allows 256 MB in one message; no printer has that much to say."""
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        for client in simulator.broker.clients:
            client.writer.write(b"\x30\xff\xff\xff\x7f" + bytes(6 << 20))
        with pytest.raises(Unreachable):  # noqa: PT012
            async with asyncio.timeout(10):
                async for _ in line.statuses():
                    pass


async def test_a_start_without_a_fresh_status_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.session.FRESH_S", 0.2)
    async with printer("X1C") as simulator, driver_for(simulator, SystemClock()).connect() as line:
        simulator.stalled = True
        await asyncio.sleep(0.1)
        assert line.control
        with pytest.raises(Unreachable):
            await line.control.start(FILE)
        assert simulator.commands == []


async def test_a_bug_of_ours_in_one_report_does_not_end_the_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        take, calls = line._messages.take, []

        def stumble(payload: bytes, now: float) -> PrinterStatus | None:
            calls.append(payload)
            if len(calls) == 1:
                raise ZeroDivisionError
            return take(payload, now)

        monkeypatch.setattr(line._messages, "take", stumble)
        simulator.inject(b"{}")
        simulator.machine.set_light(on=False)
        await shows(line, lambda status: status.lights == (("chamber_light", False),))
    assert "a report could not be taken in" in caplog.text


@pytest.mark.parametrize("stumbling", ["settle", "renew"])
async def test_a_bug_of_ours_beside_the_reports_ends_the_line_and_is_told(
    stumbling: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A line that nobody watches looks live for ever, whatever the printer does."""

    def stumble(_now: float) -> None:
        raise ZeroDivisionError

    clock = HandClock()
    async with printer() as simulator, driver_for(simulator, clock).connect() as line:
        simulator.stalled = True
        if stumbling == "settle":
            monkeypatch.setattr(line._messages, "settle", stumble)
        else:
            monkeypatch.setattr(line, "_may_ask_for_all", lambda: 1 / 0)
            version = {"command": "push_status", "msg": 1, "online": {"version": 77}}
            simulator.inject(json.dumps({"print": version}).encode())
            await asyncio.sleep(0.1)
        turning = asyncio.create_task(_turn(clock, 5))
        with pytest.raises(Unreachable):  # noqa: PT012
            async with asyncio.timeout(3):
                async for _ in line.statuses():
                    pass
        await turning
        assert line.speed
        with pytest.raises(Unreachable):
            await line.speed.set_profile("sport")
    assert "ZeroDivisionError" in caplog.text
    assert not [record for record in caplog.records if "never retrieved" in record.message]


async def test_a_refresh_of_a_closed_line_says_so() -> None:
    async with printer() as simulator, driver_for(simulator, SystemClock()).connect() as line:
        await simulator.kill()
        with pytest.raises(Unreachable):  # noqa: PT012
            async with asyncio.timeout(5):
                while True:
                    await line.refresh()
                    await asyncio.sleep(0.02)
