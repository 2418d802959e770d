"""Answers become statuses; what is missing stays unknown, what is nonsense harms nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.printernizer.engine.drivers.prusalink.layout import Layout
from custom_components.printernizer.engine.drivers.prusalink.messages import (
    STATES,
    Context,
    Dialect,
    dialect_of,
    file_path_of,
    identity_of,
    material_of,
    reason_of,
    reference,
    state_word,
    status_of,
)
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    Fan,
    PrinterState,
    Severity,
    Temperature,
)

SHARED = Path(__file__).parents[5] / "shared/fixtures/prusalink"
PRINTER = {
    "state": "PRINTING",
    "temp_bed": 60.0,
    "target_bed": 60.0,
    "temp_nozzle": 214.8,
    "target_nozzle": 215.0,
    "axis_z": 12.4,
    "flow": 95,
    "speed": 110,
    "fan_hotend": 5000,
    "fan_print": 2500,
}
JOB = {"id": 129, "progress": 37.5, "time_remaining": 73020, "time_printing": 43987}


def printing(**changes: object) -> dict[str, object]:
    return {"job": JOB, "printer": PRINTER | changes}


def fixture(name: str) -> dict:
    path = SHARED / name
    if not path.exists():
        pytest.skip("shared fixtures are not here")
    return json.loads(path.read_text())


def test_a_printing_printer_is_read_in_full() -> None:
    status = status_of(
        printing(), Context(firmware="6.5.3", nozzle_diameter_mm=0.4, material="PETG")
    )
    assert status.state is PrinterState.PRINTING
    assert status.job == CurrentJob(
        id="129",
        progress=0.375,
        remaining=timedelta(seconds=73020),
        elapsed=timedelta(seconds=43987),
    )
    assert status.tools[0].temperature == Temperature(actual_c=214.8, target_c=215.0)
    assert (status.tools[0].material, status.tools[0].nozzle_diameter_mm) == ("PETG", 0.4)
    assert status.bed == Temperature(actual_c=60.0, target_c=60.0)
    assert status.fans == (Fan(key="part", rpm=2500), Fan(key="hotend", rpm=5000))
    assert (status.speed_percent, status.flow_percent, status.z_mm) == (110, 95, 12.4)
    assert status.firmware == "6.5.3"
    assert not status.problems


@pytest.mark.parametrize("word", STATES)
def test_every_state_word_has_its_place(word: str) -> None:
    status = status_of(printing(state=word), Context(last_state=PrinterState.IDLE))
    expected = PrinterState.IDLE if word == "UNKNOWN" else STATES[word]
    assert status.state is expected


def test_a_new_state_word_keeps_the_last_state_and_is_logged_once(caplog) -> None:
    context = Context(last_state=PrinterState.PRINTING)
    for _ in range(3):
        assert status_of(printing(state="DREAMING"), context).state is PrinterState.PRINTING
    assert caplog.text.count("DREAMING") == 1


def test_attention_is_a_stopped_job_with_a_problem() -> None:
    status = status_of(printing(state="ATTENTION"), Context())
    assert status.state is PrinterState.ATTENTION
    assert [(p.code, p.severity) for p in status.problems] == [("ATTENTION", Severity.COMMON)]


def test_a_question_without_a_job_invents_no_job() -> None:
    """The ledger would open a run for every prompt on the screen."""
    status = status_of({"printer": {"state": "ATTENTION"}}, Context())
    assert status.state is PrinterState.BUSY
    assert [problem.code for problem in status.problems] == ["ATTENTION"]


def test_an_error_says_what_the_daemon_says() -> None:
    link = {"ok": False, "message": "Serial device does not exist"}
    status = status_of({"printer": {"state": "ERROR", "status_printer": link}}, Context())
    assert status.state is PrinterState.FAILED
    assert status.problems[0].text == "Serial device does not exist"
    assert status.problems[0].severity is Severity.FATAL
    idle = status_of({"printer": {"state": "IDLE", "status_printer": link}}, Context())
    assert idle.problems[0].code == "PRINTER"


@pytest.mark.parametrize(
    ("changes", "progress", "state"),
    [
        ({"temp_nozzle": 100.0}, 0.0, PrinterState.PREPARING),
        ({"temp_bed": 30.0}, 0.0, PrinterState.PREPARING),
        ({"target_nozzle": 0.0, "temp_nozzle": 25.0}, 0.0, PrinterState.PREPARING),
        ({}, 0.0, PrinterState.PRINTING),
        ({"target_bed": 0.0, "temp_bed": 25.0}, 0.0, PrinterState.PRINTING),
        ({"temp_nozzle": 6.0, "target_nozzle": 0.0}, 37.0, PrinterState.PRINTING),
    ],
)
def test_heating_up_is_preparing_until_something_is_printed(
    changes: dict, progress: float, state: PrinterState
) -> None:
    raw = {"job": {"id": 1, "progress": progress}, "printer": PRINTER | changes}
    assert status_of(raw, Context()).state is state


def test_a_job_that_began_does_not_go_back_to_preparing() -> None:
    raw = {"job": {"id": 1, "progress": 0}, "printer": PRINTER | {"temp_bed": 50.0}}
    assert status_of(raw, Context(begun="1")).state is PrinterState.PRINTING
    assert status_of(raw, Context(begun="2")).state is PrinterState.PREPARING


def test_a_transfer_is_a_fraction_in_the_firmware_and_per_cent_on_the_pi() -> None:
    """Read the wrong way, an upload is done at 1 per cent or never."""
    for dialect, progress in ((Dialect.BUDDY, 0.3125), (Dialect.PI, 31.25)):
        raw = {"transfer": {"id": 9, "progress": progress}, "printer": {"state": "IDLE"}}
        status = status_of(raw, Context(dialect=dialect, transfer_name="a.gcode"))
        assert status.transfer is not None
        assert (status.transfer.name, status.transfer.progress) == ("a.gcode", 0.3125)


def test_the_file_of_a_job_is_kept_with_its_id_only() -> None:
    known = CurrentJob(id="129", name="x.gcode", path="/x.gcode")
    assert status_of(printing(), Context(job=known)).job.path == "/x.gcode"
    other = CurrentJob(id="128", name="y.gcode", path="/y.gcode")
    assert status_of(printing(), Context(job=other)).job.path is None


def test_the_end_of_a_job_that_the_daemon_forgot_still_names_it() -> None:
    known = CurrentJob(id="4", name="x", progress=0.97, remaining=timedelta(seconds=60))
    done = status_of({"printer": {"state": "FINISHED"}}, Context(job=known))
    assert done.job is not None
    assert (done.job.id, done.job.progress, done.job.remaining) == ("4", 1.0, timedelta(0))
    stopped = status_of({"printer": {"state": "STOPPED"}}, Context(job=known))
    assert stopped.job is not None
    assert (stopped.job.progress, stopped.job.remaining) == (0.97, None)
    assert status_of({"printer": {"state": "IDLE"}}, Context(job=known)).job is None


def test_the_dialects_are_told_apart_and_an_octoprint_is_neither() -> None:
    assert dialect_of({"text": "PrusaLink"}) is Dialect.BUDDY
    assert dialect_of({"text": "PrusaLink 0.8.1", "original": "PrusaLink I3MK3S"}) is Dialect.PI
    assert dialect_of({"text": "OctoPrint 1.11.8"}) is None
    assert dialect_of({}) is None


def test_a_printer_without_serial_is_known_by_its_host_name() -> None:
    def identity(version: dict, info: dict):
        return identity_of(version, info, host="192.0.2.7", url="http://192.0.2.7")

    new = identity({"hostname": "core", "printer": "7.1.0", "firmware": "6.5.3"}, {"serial": "S1"})
    assert (new.serial, new.model, new.firmware, new.name) == ("S1", "CORE One", "6.5.3", "core")
    old = identity({"hostname": "PrusaXL"}, {})
    assert (old.serial, old.model, old.firmware) == ("PrusaXL", None, None)
    assert identity({}, {"hostname": "mini"}).serial == "mini"
    assert identity({}, {}).serial == "192.0.2.7"
    assert identity({"original": "PrusaLink I3MK3S"}, {}).model == "MK3S"
    assert identity({"printer": "9.9.9"}, {}).model == "9.9.9"


@pytest.mark.parametrize("value", ["abc", "1e999", True, None, [], 1e300, float("nan")])
def test_a_number_that_is_none_reads_as_not_said(value: object) -> None:
    raw = {"printer": {"state": "IDLE", "axis_z": value}, "job": {"id": 1, "time_printing": -5}}
    status = status_of(raw, Context())
    assert status.z_mm is None
    assert status.job is not None
    assert status.job.elapsed is None


def test_a_single_storage_reads_as_a_list_of_one() -> None:
    layout = Layout(Dialect.BUDDY)
    layout.learn({"storage_list": {"path": "/usb/", "available": False}})
    assert not layout.present


def test_material_is_none_when_the_printer_shows_dashes() -> None:
    assert material_of({"telemetry": {"material": "PETG"}}) == "PETG"
    for nothing in ("---", " - ", "", None, 7):
        assert material_of({"telemetry": {"material": nothing}}) is None


def test_the_path_of_a_job_is_the_same_however_it_is_said() -> None:
    names = {"PrusaLink gcodes": "local", "usb": "usb"}
    buddy = {"path": "/usb/sub", "name": "LONG~1.GCO", "display_name": "long name.gcode"}
    assert file_path_of(buddy, names) == "/usb/sub/long name.gcode"
    pi = {"path": "/PrusaLink gcodes/a/x.gcode", "name": "x.gcode", "display_name": "x.gcode"}
    assert file_path_of(pi, names) == "/local/a/x.gcode"
    assert file_path_of({"path": "/local", "name": "T~1.GCO"}, names) == "/local/T~1.GCO"
    assert file_path_of({"path": "/usb"}, names) is None


@pytest.mark.parametrize(
    "path", ["http://evil/x.png", "//evil/x.png", "/a/../../etc", "thumb", 5, None, ""]
)
def test_a_reference_never_leads_elsewhere(path: object) -> None:
    """A printer that is not one must not get our login sent to a third."""
    assert reference({"thumbnail": path}, "thumbnail") is None


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("application/json", b'{"title":"409: Conflict","message":"Busy"}', "409: Conflict: Busy"),
        ("application/json", b'{"title":"T","text":"old"}', "T: old"),
        ("application/json", b"[]", "HTTP 409"),
        pytest.param("application/json", b"[" * 100_000, "HTTP 409", id="deep"),
        ("text/html", b"<h1>409</h1>", "HTTP 409"),
        (
            "text/plain",
            b"Not Found\nIt was not found.\n\nSee: http://x/",
            "Not Found: It was not found.",
        ),
        ("text/plain", b"a\x00\x1bb", "ab"),
        ("", b"", "HTTP 409"),
    ],
)
def test_a_reason_is_one_line_of_the_printer(kind: str, body: bytes, reason: str) -> None:
    assert reason_of(409, kind, body) == reason


def test_paths_of_ours_begin_at_the_main_storage() -> None:
    layout = Layout(Dialect.PI)
    layout.learn(
        {
            "storage_list": [
                {"path": "/local", "name": "PrusaLink gcodes", "available": True, "free_space": 5},
                {"path": "/sdcard", "name": "SD Card", "read_only": True, "available": True},
                {"path": "/a/b"},
                {},
            ]
        }
    )
    assert layout.locate("/x.gcode") == ("local", "x.gcode")
    assert layout.locate("/local/x.gcode") == ("local", "x.gcode")
    assert layout.locate("/sdcard/x.gcode") == ("sdcard", "x.gcode")
    assert layout.shown(("local", "a", "x")) == "/a/x"
    assert layout.shown_path("/sdcard/x") == "/sdcard/x"
    assert layout.shown_path("/elsewhere/x") == "/elsewhere/x"
    assert [folder.path for folder in layout.others()] == ["/sdcard"]
    for path in ("/../x", "/a/./b", "/a\\b", "/a\x00b"):
        with pytest.raises(Refused) as refusal:
            layout.locate(path)
        assert refusal.value.key == "file_missing"


def test_a_printer_with_another_main_storage_is_served_too() -> None:
    layout = Layout(Dialect.BUDDY)
    layout.learn({"storage_list": [{"path": "/flash/", "available": True}]})
    assert layout.locate("/x") == ("flash", "x")
    layout.learn({})
    assert layout.present


def test_a_listing_takes_no_name_that_climbs() -> None:
    layout = Layout(Dialect.BUDDY)
    names = ["..", "a/b", "a\\b", "", 3, "ok.gcode"]
    children = [{"name": name, "type": "PRINT_FILE", "m_timestamp": 1e30} for name in names]
    files = layout.files_of({"children": [*children, "x", None]}, ("usb",))
    assert [(file.path, file.modified, file.size) for file in files] == [("/ok.gcode", None, None)]


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text("aIDLE1.", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["job", "printer", "id", "state", "progress", "transfer", "temp_bed", "axis_z"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(["job", "printer", "transfer", "storage"]), _JSON))
def test_no_answer_however_odd_breaks_the_reading(raw: dict) -> None:
    status = status_of(raw, Context())
    assert status.job is None or status.job.progress is None or 0 <= status.job.progress <= 1
    assert state_word(raw)


# -- recorded answers ----------------------------------------------------------------------------


def test_the_recorded_bodies_read_as_what_they_show() -> None:
    runout = status_of(fixture("buddy/status_attention_runout.json")["body"], Context())
    assert runout.state is PrinterState.ATTENTION
    assert runout.job is not None
    assert (runout.job.id, runout.job.progress) == ("66", 0.41)
    finished = status_of(fixture("buddy/status_finished.json")["body"], Context())
    assert (finished.state, finished.job.progress) == (PrinterState.FINISHED, 1.0)
    idle = status_of(fixture("buddy/status_idle_with_transfer.json")["body"], Context())
    assert (idle.state, idle.transfer.progress) == (PrinterState.IDLE, 0.3125)
    folder = fixture("buddy/folder_root.json")["body"]
    files = Layout(Dialect.BUDDY).files_of(folder, ("usb",))
    assert [(f.path, f.folder, f.printable) for f in files] == [
        ("/Shape-Box_0.4n_0.2mm_PLA_MK4ISMMU3_20m.bgcode", False, True),
        ("/firmware.bbf", False, False),
        ("/examples", True, False),
    ]
    assert files[0].thumbnail == "/thumb/l/usb/SHAPE-~1.BGC"
    job = fixture("responses/ha_job_printing_xl.json")["body"]
    assert file_path_of(job["file"], {}) == "/usb/TabletStand3.bgcode"
    version = fixture("responses/get_version.json")["body"]
    info = fixture("responses/get_info.json")["body"]
    identity = identity_of(version, info, host="h", url="u")
    assert (identity.serial, identity.model) == ("CZPX0000X000XC00001", "CORE One")


LIVE = {
    "idle": "IDLE", "printing": "PRINTING", "paused": "PAUSED", "cancelled": "STOPPED",
    "finished": "FINISHED", "attention": "ATTENTION", "error": "ERROR", "offline": "ERROR",
}  # fmt: skip


@pytest.mark.parametrize(("scene", "word"), LIVE.items())
def test_what_a_real_daemon_said_is_understood(scene: str, word: str) -> None:
    """Every recorded status has a known state word, and the scene's own is among them."""
    exchanges = fixture(f"live/{scene}.json")["exchanges"]
    bodies = [
        exchange["response"]["json"]
        for exchange in exchanges
        if exchange.get("request", {}).get("path") == "/api/v1/status"
        and exchange["response"]["status"] == 200
    ]
    assert bodies
    words = {state_word(body) for body in bodies}
    assert word in words
    assert words <= STATES.keys()
    for body in bodies:
        status = status_of(body, Context(dialect=Dialect.PI))
        assert status.bed is not None
        assert status.bed.actual_c is not None
        assert (status.state is PrinterState.FAILED) == (state_word(body) == "ERROR")
        assert bool(status.problems) == (state_word(body) in {"ERROR", "ATTENTION"})


def test_recorded_refusals_give_their_reason() -> None:
    exchanges = fixture("live/upload.json")["exchanges"]
    reasons = {
        reason_of(
            409,
            exchange["response"]["headers"]["Content-Type"],
            exchange["response"]["text"].encode(),
        )
        for exchange in exchanges
        if exchange.get("response", {}).get("status") == 409
    }
    assert "File Already Exists: File already exists." in reasons
