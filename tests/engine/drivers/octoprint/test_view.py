"""What is made of OctoPrint's words: the state, the job's end, and whatever is not a word."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from custom_components.printernizer.engine.drivers.octoprint.facts import Profile, profile_of
from custom_components.printernizer.engine.drivers.octoprint.messages import reason_of, status_of
from custom_components.printernizer.engine.drivers.octoprint.states import state_of
from custom_components.printernizer.engine.drivers.octoprint.view import View
from custom_components.printernizer.engine.printer import PrinterState, PrinterStatus, Severity

FILE = {"name": "a.gcode", "display": "A.gcode", "path": "box/a.gcode", "origin": "local"}
HOT = {"tool0": {"actual": 200.0, "target": 200.0}, "bed": {"actual": 60.0, "target": 60.0}}


def current(text: str, *flags: str, done: float | None = 50.0, **more: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "state": {"text": text, "flags": dict.fromkeys(flags, True), "error": ""},
        "job": {"file": FILE},
        "progress": {"completion": done, "printTime": 60, "printTimeLeft": 90},
        "temps": [HOT],
    }
    return body | more


IDLE = current("Operational", "operational", "ready", done=None)
PRINTING = current("Printing", "operational", "printing")


def shown(view: View) -> PrinterStatus:
    return status_of(view, Profile(), "OctoPrint 1.11.8")


def printing() -> View:
    return View().heard_current(PRINTING)


def ended(kind: str, **payload: Any) -> View:
    view = printing().heard_event(kind, payload)
    return view.heard_event("PrinterStateChanged", {"state_id": "OPERATIONAL"})


@pytest.mark.parametrize(
    ("text", "flags", "state"),
    [
        ("Operational", {"operational", "ready"}, PrinterState.IDLE),
        ("Printing", {"operational", "printing"}, PrinterState.PRINTING),
        ("Paused", {"operational", "paused"}, PrinterState.PAUSED),
        ("Paused", {"operational", "paused", "printing"}, PrinterState.PAUSED),
        ("Pausing", {"operational", "printing", "pausing"}, PrinterState.PAUSED),
        ("Cancelling", {"operational", "cancelling"}, PrinterState.PRINTING),
        ("Finishing", {"operational", "printing", "finishing"}, PrinterState.PRINTING),
        ("Starting", {"operational", "printing"}, PrinterState.PREPARING),
        ("Starting print from SD", {"operational", "printing"}, PrinterState.PREPARING),
        ("Starting to send file to SD", {"operational"}, PrinterState.BUSY),
        ("Sending file to SD", {"operational"}, PrinterState.BUSY),
        ("Transferring file to SD", {"operational"}, PrinterState.BUSY),
        ("Detecting serial connection", set(), PrinterState.BUSY),
        ("Connecting", {"closedOrError"}, PrinterState.BUSY),
        ("Offline", {"closedOrError"}, PrinterState.OFFLINE),
        ("Offline after error", {"closedOrError"}, PrinterState.OFFLINE),
        ("Offline (Error: no port)", {"closedOrError"}, PrinterState.OFFLINE),
        ("Error", {"error", "closedOrError"}, PrinterState.FAILED),
        ("In einer fremden Sprache", {"operational", "ready"}, PrinterState.IDLE),
        ("Brewing coffee", set(), PrinterState.UNKNOWN),
        ("", set(), PrinterState.UNKNOWN),
    ],
)
def test_flags_tell_the_state_and_the_text_where_no_flag_does(
    text: str, flags: set[str], state: PrinterState
) -> None:
    assert state_of(text, frozenset(flags)) is state


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("Operational", PrinterState.IDLE),
        ("Paused", PrinterState.PAUSED),
        ("Closed", PrinterState.OFFLINE),
        ("Error: Connection error", PrinterState.FAILED),
        ("Printing from SD", PrinterState.PRINTING),
    ],
)
def test_a_text_alone_is_enough(text: str, state: PrinterState) -> None:
    assert state_of(text, None) is state


def test_a_printing_job_says_all_that_the_server_does() -> None:
    status = shown(printing())
    assert status.state is PrinterState.PRINTING
    assert status.job is not None
    assert (status.job.id, status.job.name, status.job.path) == (
        None,
        "A.gcode",
        "/local/box/a.gcode",
    )
    assert status.job.progress == 0.5
    assert status.job.elapsed == timedelta(seconds=60)
    assert status.job.remaining == timedelta(seconds=90)
    assert status.tools[0].temperature.actual_c == 200.0
    assert status.bed is not None
    assert status.bed.target_c == 60.0
    assert status.chamber is None
    assert status.speed_percent is None


@pytest.mark.parametrize(
    ("kind", "payload", "state"),
    [
        ("PrintDone", {"time": 61.4}, PrinterState.FINISHED),
        ("PrintCancelled", {"time": 61.4}, PrinterState.CANCELLED),
        ("PrintFailed", {"reason": "cancelled"}, PrinterState.CANCELLED),
        ("PrintFailed", {"reason": "error", "error": "Too hot"}, PrinterState.FAILED),
        ("PrintFailed", {}, PrinterState.FAILED),
    ],
)
def test_the_end_of_a_job_is_what_its_event_says(
    kind: str, payload: dict[str, Any], state: PrinterState
) -> None:
    status = shown(ended(kind, **payload))
    assert status.state is state
    assert status.job is not None
    assert status.job.path == "/local/box/a.gcode"
    assert status.job.progress == (1.0 if state is PrinterState.FINISHED else 0.5)


def test_a_cancel_is_told_as_a_failure_too_and_stays_a_cancel() -> None:
    """OctoPrint fires both; a cancelled print in the ledger as failed spoils the figures."""
    view = printing().heard_event("PrintCancelling", {})
    view = view.heard_event("PrintCancelled", {}).heard_event("PrintFailed", {"reason": None})
    view = view.heard_event("PrintFailed", {"reason": "cancelled"})
    view = view.heard_event("PrinterStateChanged", {"state_id": "OPERATIONAL"})
    assert shown(view).state is PrinterState.CANCELLED


def test_a_cancel_made_for_an_error_of_the_firmware_is_a_failure() -> None:
    view = printing().heard_event("PrintCancelling", {"firmwareError": "Heating failed"})
    view = view.heard_event("PrintCancelled", {})
    status = shown(view.heard_event("PrinterStateChanged", {"state_id": "OPERATIONAL"}))
    assert status.state is PrinterState.FAILED


def test_a_failed_job_stays_failed_while_the_line_is_closed_and_says_why() -> None:
    view = printing().heard_event("Error", {"error": "Thermal Runaway", "reason": "firmware"})
    view = view.heard_event("PrinterStateChanged", {"state_id": "OFFLINE"})
    view = view.heard_event("PrintFailed", {"reason": "error", "error": "unknown"})
    closed = current("Offline after error", "closedOrError", done=None, job={"file": {}})
    status = shown(view.heard_current(closed))
    assert status.state is PrinterState.FAILED
    assert status.job is not None
    assert status.job.path == "/local/box/a.gcode"
    problem = status.problems[0]
    assert (problem.code, problem.text) == ("FIRMWARE", "Thermal Runaway")
    assert problem.severity is Severity.FATAL


def test_a_line_that_closes_at_rest_is_offline_and_no_failed_job() -> None:
    view = View().heard_current(IDLE)
    status = shown(
        view.heard_current(
            {"state": {"text": "Offline after error", "flags": {"closedOrError": True},
                       "error": "Cable pulled"}}
        )
    )  # fmt: skip
    assert status.state is PrinterState.OFFLINE
    assert status.job is None
    assert status.problems[0].text == "Cable pulled"


@pytest.mark.parametrize(
    ("before_end", "after", "state"),
    [
        (50.0, {"completion": 100.0}, PrinterState.FINISHED),
        (50.0, {"completion": None}, PrinterState.CANCELLED),
        (50.0, {"completion": 60.0}, PrinterState.CANCELLED),
    ],
)
def test_an_end_without_an_event_is_read_off_the_edge(
    before_end: float, after: dict[str, Any], state: PrinterState
) -> None:
    rest = {"state": {"text": "Operational", "flags": {"operational": True}}}
    view = printing().heard_rest(rest, {"job": {"file": FILE}, "progress": after})
    assert shown(view).state is state


def test_a_server_that_forgot_its_job_says_nothing_of_its_end() -> None:
    """It was restarted in a print: neither finished nor cancelled would be true."""
    rest = {"state": {"text": "Operational", "flags": {"operational": True}}}
    view = printing().heard_rest(rest, {"job": {"file": {"path": None}}, "progress": {}})
    status = shown(view)
    assert status.state is PrinterState.IDLE
    assert status.job is None


def test_a_failure_without_an_event_is_read_off_the_closed_line() -> None:
    view = printing().heard_rest(None, {"state": "Offline after error", "error": "Line 3 again"})
    status = shown(view)
    assert status.state is PrinterState.FAILED
    assert status.problems[0].text == "Line 3 again"


def test_a_line_that_is_closed_by_hand_in_a_job_is_offline() -> None:
    view = printing().heard_rest(None, {"state": "Offline"})
    assert shown(view).state is PrinterState.OFFLINE


def test_a_printer_met_with_a_finished_file_has_finished_it() -> None:
    status = shown(View().heard_current(current("Operational", "operational", done=100.0)))
    assert status.state is PrinterState.FINISHED
    assert status.job is not None
    assert status.job.progress == 1.0


def test_a_printer_met_at_rest_with_a_selected_file_is_idle_without_a_job() -> None:
    status = shown(View().heard_current(IDLE))
    assert status.state is PrinterState.IDLE
    assert status.job is None


@pytest.mark.parametrize("kind", ["FileSelected", "PrintStarted", "Connecting", "Connected"])
def test_a_result_goes_when_something_new_begins(kind: str) -> None:
    view = ended("PrintDone").heard_event(kind, {**FILE, "path": "b.gcode"})
    assert shown(view).state is PrinterState.IDLE


def test_the_next_job_never_bears_the_name_of_the_last_one() -> None:
    """Its start is told before the state with its name: the ledger would open the old one."""
    view = ended("PrintDone").heard_event("FileSelected", {"path": "b.gcode", "name": "b.gcode"})
    view = view.heard_event("PrinterStateChanged", {"state_id": "STARTING"})
    status = shown(view)
    assert status.state is PrinterState.PREPARING
    assert status.job is not None
    assert status.job.path == "/local/b.gcode"
    assert status.job.progress is None


def test_a_state_that_was_put_together_before_the_end_does_not_undo_it() -> None:
    """Seen on 1.11.8: "Printing" comes a moment after the job has ended."""
    view = ended("PrintDone")
    for _ in range(2):
        view = view.heard_current(PRINTING)
        assert shown(view).state is PrinterState.FINISHED
    assert shown(view.heard_current(PRINTING)).state is PrinterState.PRINTING


def test_a_state_from_before_a_pause_or_its_end_does_not_undo_it() -> None:
    """Seen on 1.11.8: the ledger would tell of pauses that never were."""
    paused = current("Paused", "operational", "paused")
    view = printing().heard_event("PrinterStateChanged", {"state_id": "PAUSING"})
    assert shown(view.heard_current(PRINTING)).state is PrinterState.PAUSED
    view = view.heard_current(paused).heard_event("PrinterStateChanged", {"state_id": "RESUMING"})
    assert shown(view.heard_current(paused)).state is PrinterState.PRINTING
    for _ in range(3):
        view = view.heard_current(paused)
    assert shown(view).state is PrinterState.PAUSED


def test_a_state_from_before_the_start_does_not_end_the_job() -> None:
    view = View().heard_current(IDLE).heard_event("PrintStarted", FILE)
    view = view.heard_event("PrinterStateChanged", {"state_id": "PRINTING"})
    left_over = current("Operational", "operational", done=100.0)
    assert shown(view.heard_current(left_over)).state in {
        PrinterState.PREPARING,
        PrinterState.PRINTING,
    }


def test_operational_without_a_result_waits_for_the_progress_that_tells_it() -> None:
    view = printing().heard_event("PrinterStateChanged", {"state_id": "OPERATIONAL"})
    assert shown(view).state is PrinterState.PRINTING


def heating(actual: float, target: float, *, done: float | None, spent: int) -> PrinterState:
    heaters = {"tool0": {"actual": actual, "target": target}, "bed": {"actual": 20, "target": 0}}
    body = current("Printing", "operational", "printing", temps=[heaters])
    body["progress"] = {"completion": done, "printTime": spent}
    return shown(View().heard_current(body)).state


def test_heating_up_is_told_from_printing() -> None:
    assert heating(20, 200, done=0.5, spent=40) is PrinterState.PREPARING
    assert heating(199, 200, done=0.5, spent=40) is PrinterState.PRINTING
    assert heating(20, 0, done=None, spent=1) is PrinterState.PREPARING
    assert heating(20, 0, done=1.0, spent=60) is PrinterState.PRINTING
    assert heating(20, 200, done=30.0, spent=900) is PrinterState.PRINTING


def test_a_job_that_was_seen_printing_does_not_go_back_to_preparing() -> None:
    cold = {"tool0": {"actual": 150, "target": 200}}
    view = View().heard_current(current("Printing", "operational", "printing", done=2.0))
    view = view.heard_current(current("Printing", "operational", "printing", temps=[cold]))
    assert shown(view).state is PrinterState.PRINTING
    assert shown(view.heard_current(current("Starting", "printing"))).state is PrinterState.PRINTING


@pytest.mark.parametrize("kind", ["FilamentChange", "Waiting"])
def test_a_pause_that_waits_for_somebody_is_attention_until_it_goes_on(kind: str) -> None:
    view = printing().heard_event(kind, {})
    view = view.heard_event("PrinterStateChanged", {"state_id": "PAUSED"})
    status = shown(view)
    assert status.state is PrinterState.ATTENTION
    assert status.problems[0].code
    view = view.heard_event("PrintResumed", {})
    view = view.heard_event("PrinterStateChanged", {"state_id": "PRINTING"})
    assert shown(view).state is PrinterState.PRINTING
    assert not shown(view).problems


def test_a_file_on_its_way_to_the_card_is_a_transfer() -> None:
    body = current("Sending file to SD", "operational", done=25.0)
    status = shown(View().heard_current(body))
    assert status.state is PrinterState.BUSY
    assert status.transfer is not None
    assert status.transfer.progress == 0.25
    assert shown(View().heard_current(current("Connecting"))).transfer is None


def test_empty_temperatures_keep_what_was_known() -> None:
    view = printing()
    for temps in ([], [{}], [{"time": 1}], [{"tool0": None, "bed": {"actual": None}}], "none"):
        view = view.heard_current(current("Printing", "operational", "printing", temps=temps))
    assert shown(view).tools[0].temperature.actual_c == 200.0


def test_more_tools_than_the_profile_knows_are_shown() -> None:
    tools = {f"tool{n}": {"actual": 20.0 + n, "target": 0.0} for n in range(3)}
    status = status_of(
        View().heard_current(current("Operational", "operational", temps=[tools])),
        Profile(tools=2, heated_tools=2, chamber=True, bed=False),
        None,
    )
    assert [tool.temperature.actual_c for tool in status.tools] == [20.0, 21.0, 22.0]
    assert status.active_tool is None
    assert status.bed is None
    assert status.chamber is not None
    assert status.chamber.actual_c is None


@pytest.mark.parametrize(
    "garbage",
    [
        {},
        {"state": None},
        {"state": {"text": 7, "flags": []}},
        {"state": {"text": "Printing", "flags": {"printing": "yes"}}, "job": [], "progress": 3},
        {"state": {"text": "Printing", "flags": {"printing": True}},
         "job": {"file": {"path": 3, "name": None}},
         "progress": {"completion": float("nan"), "printTime": -5, "printTimeLeft": 1e300}},
        {"temps": [{"tool0": {"actual": float("inf"), "target": True}}, 3]},
        {"temps": [{f"tool{n}": {"actual": 1, "target": 1} for n in range(5000)}]},
        {"currentZ": "high"},
    ],
)  # fmt: skip
def test_garbage_is_no_status_and_no_crash(garbage: dict[str, Any]) -> None:
    status = shown(View().heard_current(garbage))
    assert len(status.tools) <= 32
    assert status.job is None or status.job.progress is None


def test_events_nobody_knows_change_nothing() -> None:
    view = printing()
    assert view.heard_event("ZChange", {"new": 1}) is view
    assert view.heard_event("PrinterStateChanged", {"state_id": "DREAMING"}) is view
    assert view.heard_event("PrinterStateChanged", {}) is view


def test_the_active_tool_is_known_where_it_is_told_or_there_is_only_one() -> None:
    many = Profile(tools=2, heated_tools=2)
    view = View().heard_current(IDLE)
    assert status_of(view, Profile(), None).active_tool == 0
    assert status_of(view, many, None).active_tool is None
    for said, tool in ((1, 1), (-1, None), ("1", None)):
        view = View().heard_current({**IDLE, "currentTool": said})
        assert status_of(view, many, None).active_tool == tool


def test_the_card_has_the_same_name_in_both_generations() -> None:
    for origin in ("sdcard", "printer"):
        body = current("Printing", "printing", job={"file": {**FILE, "origin": origin}})
        job = shown(View().heard_current(body)).job
        assert job is not None
        assert job.path == "/sdcard/box/a.gcode"


def profile(**facts: Any) -> dict[str, Any]:
    return {"extruder": {"count": 1}, **facts}


def test_the_profile_in_use_is_the_connections_then_the_marked_one() -> None:
    profiles = {
        "profiles": {
            "a": profile(model="A", default=True),
            "b": profile(model="B", current=True),
            "c": profile(name="C", extruder={"count": 4, "sharedNozzle": True}),
            "broken": 3,
        }
    }
    assert profile_of(profiles, {"current": {"printerProfile": "c"}}) == Profile(
        model="C", tools=4, heated_tools=1, bed=False
    )
    assert profile_of(profiles, {}).model == "B"
    profiles["profiles"].pop("b")
    assert profile_of(profiles, {"current": {"printerProfile": "gone"}}).model == "A"
    assert profile_of({}, {}) == Profile()


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("application/json", b'{"error": "It\\nis busy"}', "Itis busy"),
        ("application/json", b'{"message": "Too warm"}', "Too warm"),
        ("application/json", b"[1", "HTTP 409"),
        ("application/json", b"[1]", "HTTP 409"),
        ("text/html", b"<html>", "HTTP 409"),
        ("text/plain", b"Printer is not operational", "Printer is not operational"),
        ("text/plain", b"", "HTTP 409"),
    ],
)
def test_a_reason_is_one_line_of_the_servers_own(kind: str, body: bytes, reason: str) -> None:
    assert reason_of(409, kind, body) == reason
