"""The simulated OctoPrint, and the driver's reading, are held to recordings of real servers.

The recordings (1.11.8 and 2.0.0rc7 with their virtual printer) lie outside the project; without
them these tests are skipped. Held are the fields and their kinds, the words, and the order of
events; not the numbers, which are the recorded day's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.octoprint.address import Address
from custom_components.printernizer.engine.drivers.octoprint.facts import Profile, profile_of
from custom_components.printernizer.engine.drivers.octoprint.listing import entries_of, files_of
from custom_components.printernizer.engine.drivers.octoprint.messages import status_of
from custom_components.printernizer.engine.drivers.octoprint.view import EVENTS, View
from custom_components.printernizer.engine.drivers.octoprint.webcam import webcams_of
from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.printer import PrinterState
from tests.simulators.octoprint import OctoPrintSimulator

RECORDED: Final = Path(__file__).parents[3] / "shared/fixtures/octoprint/live"
BOTH: Final = [("", "1.11.8"), ("v2_", "2.0.0rc7")]
generations = pytest.mark.parametrize(("prefix", "version"), BOTH)
UNTOLD: Final = {
    "/api/settings": {"serial", "folder", "printerConnection", "devel", "gcodeAnalysis"},
}
"""Parts of answers that nobody reads."""


def recording(name: str) -> Path:
    path = RECORDED / name
    if not path.exists():
        pytest.skip("no recordings of OctoPrint here")
    return path


def exchanges(prefix: str, scene: str) -> list[dict[str, Any]]:
    loaded = json.loads(recording(f"{prefix}{scene}.json").read_text())
    found: list[dict[str, Any]] = loaded["exchanges"]
    return [item for item in found if "request" in item and "response" in item]


def answer(prefix: str, scene: str, path: str, label: str = "") -> Any:
    """Return the body of the first recorded answer of success to a request."""
    for item in exchanges(prefix, scene):
        fits = item["request"]["path"] == path and label in item["label"]
        if fits and item["response"].get("status") == 200:
            return item["response"]["json"]
    pytest.fail(f"{scene} holds no {path}")


def frames(prefix: str) -> list[dict[str, Any]]:
    lines = recording(f"{prefix}websocket.jsonl").read_text().splitlines()
    found = []
    for line in lines[1:]:
        item = json.loads(line)
        if item.get("dir") == "recv":
            frame = item["frame"]
            found.append(json.loads(frame) if isinstance(frame, str) else frame)
        elif "mark" in item:
            found.append({"mark": item["mark"]})
    return found


def kind(value: object) -> str:
    """Return the kind of a value; whole and broken numbers are one kind."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__
    return "number"


def differences(ours: Any, theirs: Any, at: str = "") -> set[str]:
    """Return where ours has a field that theirs has not, or of another kind."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found = {f"{at}.{key}: not theirs" for key in ours.keys() - theirs.keys()}
        for key in ours.keys() & theirs.keys():
            found |= differences(ours[key], theirs[key], f"{at}.{key}")
        return found
    if ours is None or theirs is None or kind(ours) == kind(theirs):
        return set()
    return {f"{at}: {kind(ours)} for {kind(theirs)}"}


class Time:
    """Machine time, turned by hand."""

    seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Scene:
    """A simulator in hand-turned time, and what it says."""

    def __init__(self, version: str) -> None:
        self.time = Time()
        self.machine = VirtualMachine(now=self.time)
        plate = (PlateFacts(seconds=100, tool_c=60, bed_c=30),)
        self.machine.store(
            VirtualFile(path="/long.gcode", content=b"G28\n", modified=1.7e9, plates=plate)
        )
        self.sim = OctoPrintSimulator(self.machine, version=version, api_key="key")

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        headers = {"X-Api-Key": "key", **options.pop("headers", {})}
        async with (
            aiohttp.ClientSession(headers=headers) as http,
            http.request(method, self.sim.url + path, **options) as said,
        ):
            text = await said.text()
            return said.status, json.loads(text) if text else None

    def spend(self, seconds: float) -> list[str]:
        """Let time pass; returns the events of it."""
        self.time.seconds += seconds
        self.sim.voice.catch_up()
        events, self.sim.voice.events = self.sim.voice.events, []
        return [item["event"]["type"] for item in events]


@generations
@pytest.mark.parametrize(
    "path",
    ["/api/version", "/api/server", "/api/connection", "/api/printer", "/api/job",
     "/api/printerprofiles", "/api/files/local", "/api/timelapse", "/api/settings",
     "/api/printer/tool", "/api/printer/bed"],
)  # fmt: skip
async def test_an_idle_server_answers_with_the_recorded_fields(
    prefix: str, version: str, path: str
) -> None:
    theirs = answer(prefix, "idle", path)
    scene = Scene(version)
    del scene.machine.files["/long.gcode"]
    async with scene.sim:
        status, ours = await scene.ask("GET", path)
    assert status == 200
    if path == "/api/printer":
        theirs["temperature"] = {**ours["temperature"], **theirs["temperature"]}
    if path == "/api/settings":
        theirs.setdefault("plugins", {})["discovery"] = {"upnpUuid": ""}
    assert not differences(ours, theirs)


@generations
async def test_a_print_answers_with_the_recorded_fields(prefix: str, version: str) -> None:
    scene = Scene(version)
    async with scene.sim:
        scene.machine.start("/long.gcode")
        scene.spend(60)
        _, job = await scene.ask("GET", "/api/job")
        _, printer = await scene.ask("GET", "/api/printer")
        _, file = await scene.ask("GET", "/api/files/local/long.gcode")
    assert not differences(job, answer(prefix, "printing", "/api/job"))
    assert not differences(printer, answer(prefix, "printing", "/api/printer"))
    theirs = answer(prefix, "upload", "/api/files/local/long.gcode")
    assert not differences(file, theirs)
    assert ("hash" in file) == ("hash" in theirs)


@generations
async def test_refusals_have_the_recorded_status(prefix: str, version: str) -> None:
    """A wrong key is 403 to a question and 400 to a command; an offline printer is 409."""
    scene = Scene(version)
    asked = 0
    async with scene.sim:
        for part in ("auth", "offline", "commands"):
            scene.sim.voice.open = part != "offline"
            for item in exchanges(prefix, part):
                request, status = item["request"], item["response"].get("status")
                wrong = request.get("headers", {}).get("X-Api-Key") == "not-a-key"
                if status not in {400, 403, 404, 409} or not (wrong or part != "auth"):
                    continue
                headers = {"X-Api-Key": "not-a-key"} if wrong else {}
                ours, _ = await scene.ask(
                    request["method"], request["path"], json=request.get("json"), headers=headers
                )
                assert ours == status, item["label"]
                asked += 1
    assert asked >= 6


@generations
async def test_a_story_is_told_in_the_recorded_order(prefix: str, version: str) -> None:
    """Pause, resume, cancel, end, and an error: what the driver's reading rests on."""
    ours: list[str] = []
    scene = Scene(version)
    scene.machine.start("/long.gcode")
    ours += scene.spend(40)
    scene.machine.pause()
    ours += scene.spend(1)
    scene.machine.resume()
    ours += scene.spend(1)
    scene.machine.cancel()
    ours += scene.spend(1)
    scene.machine.start("/long.gcode")
    ours += scene.spend(300)
    scene.machine.start("/long.gcode")
    ours += scene.spend(40)
    scene.machine.inject(Fault.HEATER)
    ours += scene.spend(1)
    told = frames(prefix)
    first = next(at for at, item in enumerate(told) if "print long" in item.get("mark", ""))
    last = next(at for at, item in enumerate(told) if "serial connection drops" in
                item.get("mark", ""))  # fmt: skip
    wanted = {
        "PrintStarted", "PrintPaused", "PrintResumed", "PrintCancelling", "PrintCancelled",
        "PrintFailed", "PrintDone", "Error",
    }  # fmt: skip
    theirs = [
        item["event"]["type"] for item in told[first:last] if "event" in item
    ]  # fmt: skip
    assert [name for name in ours if name in wanted] == [name for name in theirs if name in wanted]


@generations
def test_the_push_line_says_the_recorded_fields(prefix: str, version: str) -> None:
    told = frames(prefix)
    scene = Scene(version)
    for subject, ours in (("current", scene.sim._current()), ("history", scene.sim._history())):
        theirs = next(item[subject] for item in told if subject in item)
        ours.pop("temps")
        theirs.pop("temps")
        ours["job"]["file"].pop("display")
        ours["job"]["file"].pop("upload", None)
        ours["job"].pop("averagePrintTime", None)
        theirs["job"]["file"].setdefault("path", None)
        assert not differences(ours, theirs), subject
    assert not differences(scene.sim._greeting(), told[0]["connected"])


# -- the driver's reading ------------------------------------------------------------------------


def states_of(prefix: str) -> list[PrinterState]:
    """Return the states that the driver makes of a recorded push line, each until it changes."""
    view = View()
    said: list[PrinterState] = []
    for item in frames(prefix):
        if (body := item.get("history")) is not None:
            view = view.heard_current(body, whole=True)
        elif (body := item.get("current")) is not None:
            view = view.heard_current(body)
        elif (event := item.get("event")) is not None and event["type"] in EVENTS:
            view = view.heard_event(event["type"], event["payload"] or {})
        else:
            continue
        state = status_of(view, Profile(), None).state
        if not said or said[-1] is not state:
            said.append(state)
    return said


@generations
def test_a_recorded_day_is_read_as_what_happened(prefix: str, version: str) -> None:
    """Offline and back, printed, paused, cancelled, finished, failed twice, and stopped."""
    assert version
    states = states_of(prefix)
    assert PrinterState.UNKNOWN not in states
    ends = [state for state in states if state in {
        PrinterState.FINISHED, PrinterState.CANCELLED, PrinterState.FAILED}]  # fmt: skip
    assert ends == [
        PrinterState.CANCELLED, PrinterState.FINISHED, PrinterState.FAILED, PrinterState.FAILED,
    ]  # fmt: skip
    print_states = [state for state in states if state in {
        PrinterState.PRINTING, PrinterState.PAUSED}]  # fmt: skip
    assert print_states[:3] == [
        PrinterState.PRINTING, PrinterState.PAUSED, PrinterState.PRINTING,
    ]  # fmt: skip


@generations
@pytest.mark.parametrize(
    ("scene", "label", "state"),
    [
        ("idle", "idle", PrinterState.IDLE),
        ("printing", "printing", PrinterState.PRINTING),
        ("paused", "paused", PrinterState.PAUSED),
        ("finished", "finished", PrinterState.FINISHED),
        ("cancelled", "cancelled", PrinterState.IDLE),
    ],
)
def test_recorded_answers_are_read_as_what_was(
    prefix: str, version: str, scene: str, label: str, state: PrinterState
) -> None:
    assert version
    printer = answer(prefix, scene, "/api/printer", label)
    job = answer(prefix, scene, "/api/job", label)
    # Virtual heaters need no time: these jobs never heated up.
    known = View(begun=True, acquainted=True, text="Printing", flags=frozenset({"printing"}))
    view = known if state is PrinterState.PRINTING else View()
    status = status_of(view.heard_rest(printer, job), Profile(), None)
    assert status.state is state
    if state in {PrinterState.PRINTING, PrinterState.PAUSED}:
        assert status.job is not None
        assert status.job.path == "/local/long.gcode"
        assert 0 < (status.job.progress or 0) < 1


@generations
@pytest.mark.parametrize("scene", ["offline", "error"])
def test_recorded_answers_of_a_closed_line_are_offline(
    prefix: str, version: str, scene: str
) -> None:
    assert version
    job = next(
        item["response"]["json"] for item in exchanges(prefix, scene)
        if item["request"]["path"] == "/api/job" and item["request"]["method"] == "GET"
    )  # fmt: skip
    status = status_of(View().heard_rest(None, job), Profile(), None)
    assert status.state is PrinterState.OFFLINE
    # 2.0 does not say why over REST.
    assert bool(status.problems) == (scene == "error" and not prefix)


@generations
def test_recorded_facts_are_read(prefix: str, version: str) -> None:
    assert version
    profile = profile_of(
        answer(prefix, "idle", "/api/printerprofiles"), answer(prefix, "idle", "/api/connection")
    )
    assert profile == Profile(model="Generic RepRap Printer", nozzle_mm=0.4)
    (camera,) = webcams_of(answer(prefix, "idle", "/api/settings")["webcam"])
    assert camera.name == "camera"
    assert camera.stream is not None
    listing = answer(prefix, "upload", "/api/files?recursive=true")
    home = Address.parse("http://octopi.local")
    found = {item.path: item for item in files_of(entries_of(listing), "local", home)}
    assert found["/local/folder"].folder
    file = found["/local/long job ä.gcode"]
    assert file.printable
    assert (file.thumbnail is not None) == bool(prefix)
