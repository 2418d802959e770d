"""The simulated Moonraker, and our reader of it, are held to recorded sessions of a real one.

The recordings (Moonraker 0.11.0 over the real Klipper host software) are not part of the project;
where they are missing these tests skip, and what they are about is tested on the simulator alone.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.moonraker import messages
from custom_components.printernizer.engine.drivers.moonraker.job import JobMemory, past_run
from custom_components.printernizer.engine.drivers.moonraker.layout import Layout
from custom_components.printernizer.engine.drivers.moonraker.objects import Store
from custom_components.printernizer.engine.drivers.moonraker.status import (
    STATES,
    House,
    state_of,
    status_of,
)
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import AccessDenied
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.printer import PrinterState
from tests.simulators.moonraker import MoonrakerSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

LIVE = Path(__file__).parents[3] / "shared/fixtures/moonraker/live"
KEY = "0123456789abcdef0123456789abcdef"
GCODE = b"; test\n" + b"G1 X1 E1\n" * 200
FRAME_FIELDS = {"jsonrpc", "method", "params", "result", "error", "id"}
ONLY_REAL = {
    "toolhead": {"motion_queue"},
    "webhooks": set[str](),
}
"""Fields of a recorded object that the simulator leaves out, for they say nothing of a print."""

needs_recordings = pytest.mark.skipif(
    not LIVE.is_dir(), reason="no recordings of a real Moonraker here"
)


class Turned:
    """Machine time, turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@asynccontextmanager
async def server(**settings: Any) -> AsyncIterator[tuple[MoonrakerSimulator, Turned]]:
    """Start a simulator around a machine with one file."""
    time = Turned()
    machine = VirtualMachine(now=time)
    plate = PlateFacts(seconds=600, layers=60, tool_c=60, bed_c=30)
    machine.store(VirtualFile(path="/part.gcode", content=GCODE, modified=1.7e9, plates=(plate,)))
    async with MoonrakerSimulator(machine, **settings) as sim:
        yield sim, time


@cache
def frames() -> tuple[dict[str, Any], ...]:
    """Return the recorded frames of one whole session, and its marks."""
    lines = (LIVE / "websocket.jsonl").read_text().splitlines()[1:]
    return tuple(json.loads(line) for line in lines)


def recorded(scene: str) -> list[dict[str, Any]]:
    """Return recorded HTTP exchanges."""
    found: list[dict[str, Any]] = json.loads((LIVE / f"{scene}.json").read_text())["exchanges"]
    return found


def exchange(scene: str, label: str) -> Any:
    """Return the JSON of one recorded answer."""
    return next(item["response"]["json"] for item in recorded(scene) if item.get("label") == label)


def received() -> Iterator[dict[str, Any]]:
    """Yield what the real server sent."""
    for line in frames():
        if line.get("dir") == "recv":
            yield line["frame"]


def shape(value: Any) -> Any:
    """Reduce a value to its kinds: what a reader may rely on."""
    if isinstance(value, dict):
        return {key: shape(one) for key, one in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number"
        if isinstance(value, int | float) and not isinstance(value, bool)
        else type(value).__name__
    )


def _agrees(mine: Any, real: Any, where: str) -> None:
    """Assert that a simulated answer has every field of the real one, of the same kind."""
    if isinstance(real, dict):
        assert isinstance(mine, dict), where
        for key, value in real.items():
            assert key in mine, f"{where}.{key} is not there"
            _agrees(mine[key], value, f"{where}.{key}")
    elif isinstance(real, list):
        assert isinstance(mine, list), where
        if real and mine:
            _agrees(mine[0], real[0], f"{where}[0]")
    elif real is not None and mine is not None:
        assert shape(mine) == shape(real), f"{where}: {mine!r} is not like {real!r}"


# -- our reader on the real thing ----------------------------------------------------------------


def replayed() -> Iterator[tuple[float, Store, House, JobMemory]]:
    """Carry the recorded session through our reader, moment by moment."""
    store, house, memory = Store(), House(klippy="ready"), JobMemory()
    for line in frames():
        frame = line.get("frame", {})
        if line.get("dir") != "recv":
            continue
        method, result = frame.get("method"), frame.get("result")
        first = (messages.params_of(frame) or (None,))[0]
        if method == "notify_status_update":
            store.merge(first)
            memory.follow(store)
        elif method == "notify_history_changed":
            memory.named(messages.obj(first, "job"))
        elif method in {"notify_klippy_ready", "notify_klippy_shutdown"}:
            house.klippy = method.removeprefix("notify_klippy_")
        elif method == "notify_klippy_disconnected":
            house.klippy = "disconnected"
            store.clear()
        elif isinstance(result, dict) and "status" in result:
            house.klippy = "ready"
            store.replace(result["status"])
            memory.follow(store)
        yield line["t"], store, house, memory


@needs_recordings
def test_a_recorded_session_reads_as_the_story_it_was() -> None:
    """Print, pause, resume, cancel; print to the end; error; emergency stop; restart; gone."""
    told: list[PrinterState] = []
    for _, store, house, _ in replayed():
        state = state_of(store, house)
        if not told or told[-1] is not state:
            told.append(state)
    s = PrinterState
    story = [one for one in told if one is not s.BUSY]
    assert [one for at, one in enumerate(story) if not at or story[at - 1] is not one] == [
        s.IDLE, s.PREPARING, s.PRINTING, s.PAUSED, s.PRINTING, s.CANCELLED,
        s.PREPARING, s.PRINTING, s.FINISHED,
        s.PREPARING, s.PRINTING, s.FAILED,
        s.PREPARING, s.FAILED, s.OFFLINE, s.IDLE,
        s.PREPARING, s.OFFLINE,
    ]  # fmt: skip


@needs_recordings
def test_progress_never_goes_back_within_a_recorded_run() -> None:
    last: tuple[str | None, float] = (None, 0.0)
    runs = set()
    for _, store, house, memory in replayed():
        status = status_of(store, house, memory)
        job = status.job
        if job is None or job.id is None or job.progress is None or not status.active:
            continue
        runs.add(job.id)
        if job.id == last[0]:
            assert job.progress >= last[1]
        last = (job.id, job.progress)
    assert len(runs) >= 4


@needs_recordings
def test_every_recorded_word_of_a_state_is_known() -> None:
    words = {
        frame["params"][0]["print_stats"]["state"]
        for frame in received()
        if frame.get("method") == "notify_status_update"
        and "state" in frame["params"][0].get("print_stats", {})
    }
    assert words
    assert words <= set(STATES)


@needs_recordings
def test_every_recorded_frame_is_read() -> None:
    count = 0
    for frame in received():
        [read] = messages.frames_of(json.dumps(frame))
        assert set(read) <= FRAME_FIELDS
        messages.params_of(read)
        count += 1
    assert count > 500


@needs_recordings
@pytest.mark.parametrize(
    ("scene", "label", "outcome"),
    [
        ("cancelled", "history after cancel", Outcome.CANCELLED),
        ("finished", "history", Outcome.COMPLETED),
        ("error", "history: status error", Outcome.FAILED),
        ("error", "history: klippy_shutdown", Outcome.FAILED),
        ("offline", "history: the interrupted job", Outcome.UNKNOWN),
    ],
)
def test_recorded_histories_say_how_a_job_ended(scene: str, label: str, outcome: Outcome) -> None:
    job = exchange(scene, label)["result"]["jobs"][0]
    run = past_run(job, Layout())
    assert run is not None
    assert run.outcome is outcome
    assert run.path is not None
    assert run.started_at is not None
    assert run.ended_at is not None


@needs_recordings
def test_recorded_refusals_of_a_login_are_told_from_bad_parameters() -> None:
    said = json.dumps(recorded("auth"))
    assert "Unauthorized" in said
    for message in ("Unauthorized", "Invalid API Key"):
        assert message in said
        error = messages.frame_error({"error": {"code": -32602, "message": message}})
        assert isinstance(error, AccessDenied)


@needs_recordings
def test_a_recorded_listing_and_its_facts_are_read() -> None:
    layout = Layout()
    layout.learn(next(item["response"]["json"]["result"] for item in recorded("idle")
                      if item["request"]["path"] == "/server/files/roots"))  # fmt: skip
    assert layout.roots["gcodes"]
    assert not layout.roots["logs"]
    folder = exchange("upload", "directory")["result"]
    [file] = [item for item in layout.files_of(folder, ("gcodes", "folder", "sub"))
              if not item.folder]  # fmt: skip
    assert file.path == "/folder/sub/sub name ä.gcode"
    assert file.thumbnail == "/folder/sub/.thumbs/sub name ä-300x300.png"
    assert file.printable


# -- the simulator beside the real thing ---------------------------------------------------------


@needs_recordings
@pytest.mark.parametrize(
    ("scene", "method", "path"),
    [
        ("idle", "server.info", "/server/info"),
        ("idle", "printer.info", "/printer/info"),
        ("idle", "printer.objects.list", "/printer/objects/list"),
        ("idle", "server.files.roots", "/server/files/roots"),
        ("idle", "server.job_queue.status", "/server/job_queue/status"),
    ],
)
async def test_simulated_answers_have_the_fields_of_the_real_ones(
    scene: str, method: str, path: str
) -> None:
    real = next(
        item["response"]["json"]["result"]
        for item in recorded(scene)
        if item["request"]["path"] == path
    )
    async with server() as (sim, _):
        _agrees(await sim.methods.call(method, {}, None), real, method)


@needs_recordings
async def test_simulated_objects_have_the_fields_of_the_real_ones() -> None:
    status = next(
        frame["result"]["status"]
        for frame in received()
        if isinstance(frame.get("result"), dict) and "status" in frame["result"]
    )
    async with server() as (sim, _):
        there = set(sim.klipper.objects_list())
        same = {name: None for name in status if name in there}
        assert len(same) > 12
        mine = sim.klipper.query(same)["status"]
        assert isinstance(mine, dict)
        for name in same:
            real = {key: value for key, value in status[name].items()
                    if key not in ONLY_REAL.get(name, set())}  # fmt: skip
            _agrees(mine[name], real, name)


@needs_recordings
async def test_a_simulated_upload_and_history_look_like_the_real_ones() -> None:
    async with server() as (sim, time):
        real = exchange("upload", "upload")
        form = aiohttp.FormData({"root": "gcodes"})
        form.add_field("file", GCODE, filename="long.gcode")
        async with (
            aiohttp.ClientSession(headers={"X-Api-Key": KEY}) as http,
            http.post(f"{sim.url}/server/files/upload", data=form) as answer,
        ):
            assert answer.status == 201
            assert "Location" in answer.headers
            _agrees(await answer.json(), real, "upload")
        sim.machine.start("/long.gcode")
        sim.catch_up()
        time.seconds += 120
        sim.machine.cancel()
        mine = await sim.methods.call("server.history.list", {"limit": 1}, None)
        past = exchange("cancelled", "history after cancel")["result"]
        for job in past["jobs"]:
            job["metadata"] = {}
        _agrees(mine, past, "history")


# -- the simulator by itself ---------------------------------------------------------------------


@asynccontextmanager
async def spoken(sim: MoonrakerSimulator, **headers: str) -> AsyncIterator[Any]:
    """Open a WebSocket as anybody would; yields a function that asks and returns the answer."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{sim.url}/websocket", headers=headers) as socket,
    ):

        async def ask(frame: Any) -> Any:
            await socket.send_json(frame)
            async with asyncio.timeout(5):
                while True:
                    answer = await socket.receive_json()
                    if isinstance(answer, list) or "method" not in answer:
                        return answer

        yield ask


def call(method: str, number: int = 1, **params: Any) -> dict[str, Any]:
    """Return a request."""
    return {"jsonrpc": "2.0", "method": method, "id": number, "params": params}


async def test_a_line_opens_without_a_login_and_then_answers_nothing() -> None:
    async with server() as (sim, _), spoken(sim) as ask:
        assert (await ask(call("server.info")))["error"] == {
            "code": -32602, "message": "Unauthorized",
        }  # fmt: skip
        about: dict[str, Any] = {
            "client_name": "x",
            "version": "1",
            "type": "other",
            "url": "http://x",
        }
        assert (await ask(call("server.connection.identify", **about)))["error"]["code"] == -32602
        wrong = await ask(call("server.connection.identify", **about, api_key="f"))
        assert wrong["error"]["message"] == "Invalid API Key"
        assert "result" in await ask(call("server.connection.identify", **about, api_key=KEY))
        again = await ask(call("server.connection.identify", **about, api_key=KEY))
        assert again["error"]["code"] == 400
        assert "result" in await ask(call("server.info"))


async def test_batches_and_nonsense_are_answered_as_json_rpc_wants_it() -> None:
    async with server() as (sim, _), spoken(sim, **{"X-Api-Key": KEY}) as ask:
        both = await ask([call("server.info", 1), call("no.such", 2)])
        assert {answer["id"] for answer in both} == {1, 2}
        assert (await ask(call("no.such")))["error"]["code"] == -32601
        assert (await ask({"id": 1}))["error"]["code"] == -32600
        assert (await ask(5))["error"]["code"] == -32600
        bad = {"jsonrpc": "2.0", "method": "server.info", "id": 1, "params": [1]}
        assert (await ask(bad))["error"]["code"] == -32602


async def test_a_oneshot_token_is_good_once_and_for_five_seconds() -> None:
    async with server() as (sim, time), aiohttp.ClientSession() as http:
        first, second = sim.logins.oneshot(), sim.logins.oneshot()
        for wanted in (200, 401):
            async with http.get(f"{sim.url}/server/info?token={first}") as answer:
                assert answer.status == wanted
        time.seconds += 6
        async with http.get(f"{sim.url}/server/info?token={second}") as answer:
            assert answer.status == 401


async def test_it_imitates_octoprint_and_is_not_one() -> None:
    async with server() as (sim, _), aiohttp.ClientSession(headers={"X-Api-Key": KEY}) as http:
        async with http.get(f"{sim.url}/api/version") as answer:
            told = await answer.json()
            assert told["text"].startswith("OctoPrint (Moonraker")
        async with http.get(f"{sim.url}/access/oneshot_token") as answer:
            assert len((await answer.json())["result"]) == 32
        async with http.post(f"{sim.url}/server/jsonrpc", json=call("server.info")) as answer:
            assert "result" in await answer.json()


async def test_a_pause_without_a_job_is_ok_and_a_line_on_the_console() -> None:
    """Which is why nobody may believe the ok."""
    async with server() as (sim, _):
        assert await sim.methods.call("printer.print.pause", {}, None) == "ok"
        assert sim.klipper.responses[-1] == "// action:paused"
        assert await sim.methods.call("printer.print.pause", {}, None) == "ok"
        assert sim.klipper.responses[-1] == "// Print already paused"
        assert await sim.methods.call("printer.print.cancel", {}, None) == "ok"


async def test_the_words_of_print_stats_outlive_the_job_until_it_is_reset() -> None:
    async with server() as (sim, time):
        sim.machine.start("/part.gcode")
        time.seconds += 3000
        wanted: dict[str, list[str] | None] = {"print_stats": None, "virtual_sdcard": None}
        told = sim.klipper.query(wanted)["status"]
        assert isinstance(told, dict)
        assert told["print_stats"]["state"] == "complete"
        assert told["virtual_sdcard"]["progress"] == 1.0
        assert told["virtual_sdcard"]["file_path"] is None
        sim.klipper.run("SDCARD_RESET_FILE")
        told = sim.klipper.query(wanted)["status"]
        assert isinstance(told, dict)
        assert told["print_stats"]["state"] == "standby"
