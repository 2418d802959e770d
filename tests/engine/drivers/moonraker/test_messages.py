"""What Moonraker says, as values of ours: pure, and never surprised."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.printernizer.engine.drivers.moonraker import messages
from custom_components.printernizer.engine.drivers.moonraker.address import (
    Address,
    joined,
    segments_of,
    target_of,
)
from custom_components.printernizer.engine.drivers.moonraker.job import JobMemory, past_run
from custom_components.printernizer.engine.drivers.moonraker.layout import Layout, picture_in
from custom_components.printernizer.engine.drivers.moonraker.objects import (
    Store,
    macros_in,
    plain,
    subscription,
)
from custom_components.printernizer.engine.drivers.moonraker.status import (
    STATES,
    House,
    state_of,
    status_of,
)
from custom_components.printernizer.engine.drivers.moonraker.web import Credentials, refused_upload
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    DriverError,
    Garbled,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.printer import PrinterState, Severity

RUNNING: dict[str, Any] = {"state": "printing", "filename": "a.gcode", "print_duration": 10.0}


def store(**values: dict[str, Any]) -> Store:
    """Return what Klipper says; names with spaces are written with two underscores."""
    made = Store()
    base: dict[str, Any] = {"webhooks": {"state": "ready"}, "print_stats": {"state": "standby"}}
    made.replace(base | {name.replace("__", " "): fields for name, fields in values.items()})
    return made


def house(**values: Any) -> House:
    """Return a server whose Klipper is ready."""
    return House(**({"klippy": "ready"} | values))


# -- state ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "klippy", "state"),
    [
        ({}, "ready", PrinterState.IDLE),
        ({}, "disconnected", PrinterState.OFFLINE),
        ({"print_stats": RUNNING}, "disconnected", PrinterState.OFFLINE),
        ({}, "startup", PrinterState.BUSY),
        ({"webhooks": {"state": "startup"}}, "ready", PrinterState.BUSY),
        ({"webhooks": {"state": "shutdown"}, "print_stats": RUNNING}, "ready", PrinterState.FAILED),
        ({"webhooks": {"state": "shutdown"}}, "ready", PrinterState.OFFLINE),
        ({"webhooks": {"state": "error"}}, "error", PrinterState.OFFLINE),
        ({"print_stats": RUNNING | {"print_duration": 0.0}}, "ready", PrinterState.PREPARING),
        ({"print_stats": RUNNING}, "ready", PrinterState.PRINTING),
        ({"print_stats": RUNNING | {"state": "paused"}}, "ready", PrinterState.PAUSED),
        (
            {
                "print_stats": RUNNING | {"state": "paused"},
                "filament_switch_sensor__x": {"filament_detected": False, "enabled": True},
            },
            "ready",
            PrinterState.ATTENTION,
        ),
        (
            {
                "print_stats": RUNNING | {"state": "paused"},
                "filament_switch_sensor__x": {"filament_detected": False, "enabled": False},
            },
            "ready",
            PrinterState.PAUSED,
        ),
        (
            {"print_stats": RUNNING | {"state": "paused", "message": "change colour"}},
            "ready",
            PrinterState.ATTENTION,
        ),
        ({"print_stats": {"state": "complete"}}, "ready", PrinterState.FINISHED),
        ({"print_stats": {"state": "cancelled"}}, "ready", PrinterState.CANCELLED),
        ({"print_stats": {"state": "error"}}, "ready", PrinterState.FAILED),
        ({"idle_timeout": {"state": "Printing"}}, "ready", PrinterState.BUSY),
        (
            {"print_stats": {"state": "complete"}, "idle_timeout": {"state": "Printing"}},
            "ready",
            PrinterState.FINISHED,
        ),
        ({"print_stats": {"state": "dancing"}}, "ready", PrinterState.UNKNOWN),
        ({"print_stats": {}}, "ready", PrinterState.IDLE),
        ({"pause_resume": {"is_paused": True}, "print_stats": RUNNING}, "ready",
         PrinterState.PRINTING),
    ],
)  # fmt: skip
def test_the_first_rule_that_fits_is_the_state(
    values: dict[str, Any], klippy: str, state: PrinterState
) -> None:
    assert state_of(store(**values), house(klippy=klippy)) is state


def test_a_word_of_klipper_is_known_or_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        state = state_of(store(print_stats={"state": "juggling"}), house())
        assert state is PrinterState.UNKNOWN
    assert caplog.text.count("juggling") == 1
    assert "standby" in STATES


def test_a_shutdown_is_told_with_klippers_own_words() -> None:
    text = "Heater extruder not heating at expected rate\nPrinter is shutdown\n"
    told = store(webhooks={"state": "shutdown", "state_message": text}, print_stats=RUNNING)
    status = status_of(told, house(), JobMemory())
    assert status.state is PrinterState.FAILED
    [problem] = status.problems
    assert problem.code == "KLIPPER_SHUTDOWN"
    assert problem.text == "Heater extruder not heating at expected rate Printer is shutdown"
    assert problem.severity is Severity.FATAL


def test_without_webhooks_the_servers_word_for_the_trouble_counts() -> None:
    told = house(klippy="error", klippy_message="Error loading kinematics 'nonsense'")
    empty = Store()
    status = status_of(empty, told, JobMemory())
    assert status.problems[0].code == "KLIPPER_ERROR"
    assert status.problems[0].text == "Error loading kinematics 'nonsense'"
    assert status.tools == ()
    assert status.bed is None


def test_an_error_of_the_gcode_is_a_problem_of_the_failed_job() -> None:
    told = store(print_stats={"state": "error", "message": "Move out of range: 9999.000"})
    status = status_of(told, house(), JobMemory())
    assert status.state is PrinterState.FAILED
    assert status.problems[0].text == "Move out of range: 9999.000"


# -- figures -------------------------------------------------------------------------------------


def full() -> Store:
    """Return a machine with a bit of everything."""
    return store(
        extruder={"temperature": 214.62, "target": 215.0},
        extruder1={"temperature": None, "target": 0.0},
        extruder_stepper={"temperature": 1.0},
        heater_bed={"temperature": 59.98, "target": 60.0},
        temperature_sensor__Chamber={"temperature": 31.2},
        fan={"speed": 0.5, "rpm": None},
        heater_fan__hotend={"speed": 1.0, "rpm": 4321.4},
        fan_generic__Exhaust={"speed": 0.25},
        controller_fan__exhaust={"speed": 0.0},
        toolhead={"extruder": "extruder1", "homed_axes": "xy"},
        gcode_move={
            "speed_factor": 1.2, "extrude_factor": 0.95, "gcode_position": [1, 2, 3.456, 0],
        },
        filament_switch_sensor__runout={"filament_detected": True, "enabled": True},
        filament_motion_sensor__enc={"filament_detected": False, "enabled": True},
        led__bed={"color_data": [[0.0, 0.0, 0.5, 0.0]]},
        output_pin__caselight={"value": 0.0},
        output_pin__beeper={"value": 1.0},
    )  # fmt: skip


def test_everything_klipper_says_of_the_machine_arrives() -> None:
    settings = {"settings": {"extruder": {"nozzle_diameter": 0.6}}}
    status = status_of(
        full(),
        house(
            configfile=settings,
            spoolman=True,
            spool_id=7,
            queued=2,
            outlets={"psu": True},
            firmware="v0.12",
            new_firmware="v0.13",
        ),
        JobMemory(),
    )
    assert [tool.index for tool in status.tools] == [0, 1]
    assert status.tools[0].temperature.actual_c == 214.6
    assert status.tools[0].nozzle_diameter_mm == 0.6
    assert status.tools[1].temperature.actual_c is None
    assert status.active_tool == 1
    assert status.bed is not None
    assert (status.bed.actual_c, status.bed.target_c) == (60.0, 60.0)
    assert status.chamber is not None
    assert (status.chamber.actual_c, status.chamber.target_c) == (31.2, None)
    assert {fan.key: (fan.percent, fan.rpm) for fan in status.fans} == {
        "part": (50, None),
        "hotend": (100, 4321),
        "exhaust": (25, None),
        "controller_fan_exhaust": (0, None),
    }
    assert (status.speed_percent, status.flow_percent, status.z_mm) == (120, 95, 3.46)
    assert status.filament_present is False
    assert status.lights == (("bed", True), ("caselight", False))
    assert status.slots[0].spool_tag == "spoolman:7"
    assert (status.queued, status.outlets) == (2, (("psu", True),))
    assert (status.firmware, status.new_firmware) == ("v0.12", "v0.13")


def test_what_klipper_does_not_say_is_none_and_not_nought() -> None:
    status = status_of(store(), house(), JobMemory())
    assert status.tools == ()
    assert status.bed is None
    assert status.chamber is None
    assert status.speed_percent is None
    assert status.z_mm is None
    assert status.filament_present is None
    assert status.job is None
    assert status.slots == ()


@pytest.mark.parametrize("junk", [None, "x", True, [], {}, float("nan"), 10**400, -1e300, [[None]]])
def test_no_value_of_the_wrong_kind_does_harm(junk: Any) -> None:
    """A fork's `null` temperature must not stop a whole printer."""
    broken = {
        found: dict.fromkeys(
            (
                "state", "filename", "temperature", "target", "speed", "rpm", "speed_factor",
                "gcode_position", "print_duration", "total_duration", "info", "color_data",
                "value", "progress", "extruder", "filament_detected", "enabled", "message",
                "state_message", "file_position",
            ),
            junk,
        )
        for found in (*full(), "virtual_sdcard", "display_status")
    }  # fmt: skip
    made = Store()
    made.replace(broken)
    memory = JobMemory()
    memory.follow(made)
    assert status_of(made, house(), memory).state in set(PrinterState)


# -- objects -------------------------------------------------------------------------------------


def test_only_what_is_there_and_read_is_subscribed() -> None:
    wanted = subscription(
        ("webhooks", "extruder", "extruder_stepper x", "configfile", "fan_generic Exhaust",
         "gcode_macro A", "mcu", "led x", "extruder12")
    )  # fmt: skip
    assert set(wanted) == {"webhooks", "extruder", "fan_generic Exhaust", "led x", "extruder12"}
    assert wanted["fan_generic Exhaust"] == ["speed", "rpm"]


def test_changes_are_merged_field_by_field_and_foreign_objects_left_out() -> None:
    told = store(extruder={"temperature": 20.0, "target": 0.0})
    assert told.merge({"extruder": {"temperature": 21.0}})
    assert dict(told["extruder"]) == {"temperature": 21.0, "target": 0.0}
    assert not told.merge({"extruder": {"temperature": 21.0}})
    assert not told.merge({"stranger": {"a": 1}})
    for nonsense in (None, [], {"extruder": 5}, {"extruder": None}):
        assert not told.merge(nonsense)
    assert "stranger" not in told
    told.clear()
    assert list(told) == []


def test_macros_for_people_are_those_without_an_underscore() -> None:
    assert macros_in(("gcode_macro B", "gcode_macro _X", "gcode_macro A", "fan")) == ("A", "B")


@pytest.mark.parametrize("value", ["a\nb", "a;b", 'a"b', "a'b", "a\\b", "a#b", "x" * 501])
def test_a_value_that_would_begin_another_command_is_refused(value: str) -> None:
    with pytest.raises(Refused) as refusal:
        plain(value)
    assert refusal.value.key == "out_of_range"


def test_a_value_with_blanks_is_quoted() -> None:
    assert plain("a b") == '"a b"'
    assert plain("") == '""'
    assert plain("k=v") == '"k=v"'
    assert plain("PLA") == "PLA"


# -- the job -------------------------------------------------------------------------------------


def running(**stats: Any) -> Store:
    """Return a Klipper that prints."""
    values = {"state": "printing", "filename": "sub/a.gcode", "total_duration": 30.0,
              "print_duration": 20.0, "filament_used": 123.456, "message": "",
              "info": {"total_layer": None, "current_layer": None}} | stats  # fmt: skip
    return store(
        print_stats=values,
        virtual_sdcard={"progress": 0.1, "file_position": 100, "file_size": 1000},
        display_status={"progress": 0.1},
    )


def test_the_job_is_named_by_its_file_as_the_storage_lists_it() -> None:
    memory, told = JobMemory(), running()
    assert memory.follow(told)
    job = memory.current(told, Layout())
    assert job is not None
    assert (job.path, job.name, job.id) == ("/sub/a.gcode", "a.gcode", None)
    assert job.elapsed == timedelta(seconds=20)
    assert job.filament_mm == 123.5
    assert memory.wanted
    memory.named({"filename": "other.gcode", "job_id": "000007"})
    assert memory.id is None
    memory.named({"filename": "sub/a.gcode", "job_id": "000008"})
    assert memory.id == "000008"
    assert not memory.wanted


def test_progress_is_the_slicers_where_it_says_and_the_codes_where_it_does_not() -> None:
    memory, told = JobMemory(), running()
    memory.metadata = {"gcode_start_byte": 80, "gcode_end_byte": 1080}
    memory.file = "sub/a.gcode"
    memory.follow(told)
    memory.follow(told)
    assert _share(memory, told) == 0.02
    told.merge({"display_status": {"progress": 0.05}})
    memory.follow(told)
    assert _share(memory, told) == 0.05
    # During a pause display_status falls back to the card: nothing is undone by that.
    told.merge({"display_status": {"progress": 0.01}})
    memory.follow(told)
    assert _share(memory, told) == 0.05


def _share(memory: JobMemory, told: Store) -> float | None:
    job = memory.current(told, Layout())
    assert job is not None
    return job.progress


def test_without_metadata_the_cards_own_progress_is_taken() -> None:
    memory, told = JobMemory(), running()
    memory.follow(told)
    assert _share(memory, told) == 0.1
    told.merge({"print_stats": {"state": "complete"}, "virtual_sdcard": {"progress": 1.0}})
    memory.follow(told)
    assert _share(memory, told) == 1.0


def test_nothing_is_done_while_it_heats_up() -> None:
    """A file's comments are an eighth of it, and read in no time."""
    memory, told = JobMemory(), running(print_duration=0.0)
    memory.follow(told)
    assert _share(memory, told) == 0.0


def test_what_is_left_is_the_estimate_first_and_follows_from_the_pace_later() -> None:
    memory, told = JobMemory(), running()
    memory.follow(told)
    memory.metadata = {"estimated_time": 100}
    job = memory.current(told, Layout())
    assert job is not None
    assert job.remaining == timedelta(seconds=180)  # a tenth took 20 s
    memory = JobMemory()
    told.merge({"virtual_sdcard": {"progress": 0.01}, "display_status": {"progress": 0.01}})
    memory.follow(told)
    memory.metadata = {"estimated_time": 100}
    job = memory.current(told, Layout())
    assert job is not None
    assert job.remaining == timedelta(seconds=80)
    told.merge({"print_stats": {"state": "cancelled"}})
    memory.follow(told)
    job = memory.current(told, Layout())
    assert job is not None
    assert job.remaining is None


def test_layers_come_from_the_slicer_else_their_number_from_the_file() -> None:
    memory, told = JobMemory(), running(info={"total_layer": 50, "current_layer": 3})
    memory.follow(told)
    job = memory.current(told, Layout())
    assert job is not None
    assert (job.layer, job.layers) == (3, 50)
    told.merge({"print_stats": {"info": {"total_layer": None, "current_layer": None}}})
    memory.metadata = {"layer_count": 44}
    job = memory.current(told, Layout())
    assert job is not None
    assert (job.layer, job.layers) == (None, 44)


def test_the_same_file_again_is_another_run() -> None:
    """The id of the run before would put this one's hours into the wrong job."""
    memory, told = JobMemory(), running()
    memory.follow(told)
    memory.named({"filename": "sub/a.gcode", "job_id": "000001"})
    told.merge({"print_stats": {"state": "complete"}})
    memory.follow(told)
    assert memory.id == "000001"
    told.merge({"print_stats": {"state": "printing", "total_duration": 1.0, "print_duration": 0.0}})
    assert not memory.follow(told)
    assert memory.id is None
    assert memory.wanted
    memory.named({"filename": "sub/a.gcode", "job_id": "000002"})
    told.merge({"print_stats": {"total_duration": 0.5}})
    memory.follow(told)
    assert memory.id is None


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("completed", Outcome.COMPLETED),
        ("cancelled", Outcome.CANCELLED),
        ("error", Outcome.FAILED),
        ("klippy_shutdown", Outcome.FAILED),
        ("klippy_disconnect", Outcome.UNKNOWN),
        ("server_exit", Outcome.UNKNOWN),
        ("a new word", Outcome.UNKNOWN),
    ],
)
def test_the_history_tells_how_a_run_ended(word: str, outcome: Outcome) -> None:
    job = {
        "job_id": "00000A", "filename": "a.gcode", "status": word, "start_time": 1.7e9,
        "end_time": 1.7e9 + 90, "print_duration": 60.4, "filament_used": 12.34,
    }  # fmt: skip
    run = past_run(job, Layout())
    assert run is not None
    assert (run.id, run.path, run.outcome) == ("00000A", "/a.gcode", outcome)
    assert run.started_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert run.duration == timedelta(seconds=60)
    assert run.filament_mm == 12.3


def test_a_run_under_way_or_without_an_id_is_no_past_run() -> None:
    assert past_run({"job_id": "1", "status": "in_progress"}, Layout()) is None
    assert past_run({"status": "completed"}, Layout()) is None
    bare = past_run({"job_id": "1", "status": "completed", "end_time": -5}, Layout())
    assert bare is not None
    assert (bare.path, bare.started_at, bare.ended_at) == (None, None, None)


# -- paths ---------------------------------------------------------------------------------------


def test_paths_begin_in_gcodes_and_other_roots_are_folders() -> None:
    layout = Layout()
    layout.learn(
        [
            {"name": "gcodes", "permissions": "rw"},
            {"name": "config", "permissions": "rw"},
            {"name": "logs", "permissions": "r"},
            {"name": "secret", "permissions": ""},
            {"name": "a/b", "permissions": "rw"},
            "junk",
        ]
    )
    assert layout.roots == {"gcodes": True, "config": True, "logs": False}
    assert layout.locate("/a.gcode") == ("gcodes", "a.gcode")
    assert layout.locate("/gcodes/a.gcode") == ("gcodes", "a.gcode")
    assert layout.locate("/logs/k.log") == ("logs", "k.log")
    assert layout.shown(("gcodes", "sub", "a")) == "/sub/a"
    assert layout.shown(("config", "x")) == "/config/x"
    # A folder of print files that is called like a root is still found.
    assert layout.shown(("gcodes", "config", "a")) == "/gcodes/config/a"
    assert layout.locate("/gcodes/config/a") == ("gcodes", "config", "a")
    assert [item.path for item in layout.others()] == ["/config", "/logs"]
    layout.learn("no list")


@pytest.mark.parametrize("path", ["/../x", "/a/../b", "/a/./b", "/a\\b", "/a\x00b", "/a\nb"])
def test_a_path_that_climbs_or_hides_something_is_refused(path: str) -> None:
    with pytest.raises(Refused) as refusal:
        segments_of(path)
    assert refusal.value.key == "file_missing"


def test_a_listing_leaves_out_what_cannot_be_named() -> None:
    layout = Layout()
    files = layout.files_of(
        {
            "dirs": [{"dirname": ".thumbs"}, {"dirname": "sub", "modified": 1.7e9}, {}, 5],
            "files": [
                {"filename": "a.GCODE", "size": 10, "modified": 1.7e9, "permissions": "rw",
                 "thumbnails": [{"width": 32, "relative_path": ".thumbs/a-32x32.png"},
                                {"width": 400, "relative_path": ".thumbs/a-400x400.png"},
                                {"width": 290, "relative_path": "../../etc/passwd"}]},
                {"filename": "../b.gcode"}, {"filename": "c/d"}, {"filename": ".hidden"},
                {"filename": "notes.txt"}, {"filename": 7}, {"filename": "x\ud800"},
                {"filename": ".."}, {"filename": "tab\there"},
            ],
            "disk_usage": {"free": 1234},
        },
        ("gcodes", "sub"),
    )  # fmt: skip
    assert [item.path for item in files] == ["/sub/sub", "/sub/a.GCODE", "/sub/notes.txt"]
    assert files[1].printable
    assert files[1].thumbnail == "/sub/.thumbs/a-400x400.png"
    assert not files[2].printable
    assert layout.free_bytes == 1234


def test_the_picture_nearest_to_three_hundred_is_taken() -> None:
    said = {"thumbnails": [{"width": 48, "relative_path": ".thumbs/s.png"},
                           {"width": 300, "relative_path": ".thumbs/m.png"},
                           {"width": 640, "relative_path": ".thumbs/l.png"},
                           {"width": "x", "relative_path": "y.png"}, {"width": 300}]}  # fmt: skip
    assert picture_in(said) == (".thumbs", "m.png")
    assert picture_in({}) is None


# -- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "shown", "socket", "page"),
    [
        ("http://h:7125", "http://h:7125", "ws://h:7125/websocket", "http://h/"),
        ("http://h:7125/", "http://h:7125", "ws://h:7125/websocket", "http://h/"),
        ("https://h:7130", "https://h:7130", "wss://h:7130/websocket", "https://h/"),
        ("http://h/printer1/", "http://h/printer1", "ws://h/printer1/websocket", "http://h/"),
        ("http://[fe80::1]:7125", "http://[fe80::1]:7125", "ws://[fe80::1]:7125/websocket",
         "http://[fe80::1]/"),
        ("http://h:8080", "http://h:8080", "ws://h:8080/websocket", "http://h:8080/"),
        ("https://u:p@h/x?y=1", "https://h/x", "wss://h/x/websocket", "https://h/"),
    ],
)  # fmt: skip
def test_an_address_keeps_scheme_host_port_and_prefix(
    url: str, shown: str, socket: str, page: str
) -> None:
    address = Address.parse(url)
    assert str(address) == shown
    assert str(address.socket) == socket
    assert str(address.page) == page
    assert str(address.url("/server/info")) == f"{shown}/server/info"


@pytest.mark.parametrize("url", ["", "printer", "ftp://h/", "http://", "http://h:99999999", "h:80"])
def test_what_is_no_web_address_is_said_to_be_none(url: str) -> None:
    with pytest.raises(Garbled):
        Address.parse(url)


def test_a_server_without_an_id_is_known_by_its_place() -> None:
    assert Address.parse("http://h:7125/a/").place == "h:7125/a"
    assert target_of("a b", "ä/c") == "/a%20b/%C3%A4%2Fc"
    assert joined(("a", "b")) == "/a/b"


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "message", "kind", "key"),
    [
        (-32602, "Unauthorized", AccessDenied, "access_denied"),
        (-32602, "Invalid API Key", AccessDenied, "access_denied"),
        (-32602, "JWT Decode Error", AccessDenied, "access_denied"),
        (401, "anything", AccessDenied, "access_denied"),
        (-32602, "Invalid params: objects", Refused, "refused"),
        (-32601, "Method not found", Refused, "not_supported"),
        (503, "Klippy Host not connected", Refused, "wrong_state"),
        (504, "Klippy Request Timed Out", Refused, "wrong_state"),
        (400, "SD busy", Refused, "printer_busy"),
        (400, "Unable to open file", Refused, "file_missing"),
        (400, "Invalid file path: gcodes/x", Refused, "file_missing"),
        (400, "Move out of range: 1 2 3", Refused, "out_of_range"),
        (403, "File currently in use", Refused, "printer_busy"),
        (400, "Must home axis first", Refused, "refused"),
        (500, "", Refused, "refused"),
    ],
)
def test_an_error_says_what_its_words_mean_not_only_its_code(
    code: int, message: str, kind: type[DriverError], key: str
) -> None:
    error = messages.frame_error({"error": {"code": code, "message": message}})
    assert type(error) is kind
    assert error.key == key
    assert error.reason


def test_an_answer_without_an_error_is_none() -> None:
    assert messages.frame_error({"result": "ok"}) is None
    assert isinstance(messages.frame_error({"error": "what"}), Refused)


@pytest.mark.parametrize(
    ("status", "body", "kind", "found"),
    [
        (502, b"<html>", "text/html", Unreachable),
        (503, b"", "", Unreachable),
        (401, b"", "text/html", AccessDenied),
        (302, b"", "text/html", Garbled),
        (413, b"", "text/html", Refused),
        (404, b"", "text/html", Garbled),
        (500, b"", "text/html", Unreachable),
        (401, b"", "application/json", AccessDenied),
        (400, b"{", "application/json", Garbled),
        (400, b"[]", "application/json", Refused),
        (404, b'{"error":{"code":404,"message":"Not Found"}}', "application/json", Refused),
    ],
)
def test_an_http_error_is_the_servers_or_a_proxys(
    status: int, body: bytes, kind: str, found: type[DriverError]
) -> None:
    assert type(messages.http_error(status, body, kind)) is found


def test_a_full_disk_is_told_from_other_failures() -> None:
    full_disk = refused_upload(Refused("[Errno 28] No space left on device"))
    assert full_disk.key == "storage_full"
    assert refused_upload(Refused("no")).key == "refused"
    assert isinstance(refused_upload(Unreachable("disk")), Unreachable)


@pytest.mark.parametrize("body", ["", "{", "5", '"x"', "null", "[" * 100_000])
def test_a_frame_that_is_no_message_is_garbled(body: str) -> None:
    with pytest.raises(Garbled):
        messages.frames_of(body)


def test_a_batch_is_several_messages_and_parameters_may_be_missing() -> None:
    assert len(messages.frames_of('[{"id":1},{"id":2},5]')) == 2
    assert messages.params_of({"method": "notify_klippy_ready"}) == ()
    assert messages.params_of({"params": {"a": 1}}) == ()
    assert messages.parse("[NaN, Infinity]") == [None, None]


def test_a_login_never_shows_in_a_repr() -> None:
    assert "secret" not in repr(Credentials(api_key="secret"))
    assert "secret" not in repr(Credentials(username="u", password="secret"))
    assert repr(Credentials()) == "Credentials(none)"


def test_names_are_kept_as_they_are_and_texts_made_fit_to_print() -> None:
    assert messages.name({"a": " x\n"}, "a") == " x\n"
    assert messages.name({"a": "x" * 2000}, "a") is None
    assert messages.name({"a": "x\0"}, "a") is None
    assert messages.text({"a": "x\r\ny\x07"}, "a") == "x  y"
    assert messages.texts({"a": ["x", 1]}, "a") == ("x",)
    assert messages.texts([], "a") == ()
    assert messages.flag({"a": 1}, "a") is None
    assert messages.whole({"a": 2.6}, "a") == 3
    assert messages.moment({"a": 1e12}, "a") is None
