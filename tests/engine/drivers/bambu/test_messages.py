"""Payloads into values: against recorded reports where there are some, and our own always."""

from __future__ import annotations

import copy
import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.drivers.bambu import models, parts, payload, problems
from custom_components.printernizer.engine.drivers.bambu.certificate import common_name
from custom_components.printernizer.engine.drivers.bambu.merge import (
    Report,
    is_full,
    tray_bit,
    unit_bit,
)
from custom_components.printernizer.engine.drivers.bambu.messages import Messages, Reply
from custom_components.printernizer.engine.drivers.bambu.stages import (
    FORCED_PAUSES,
    PREPARATION,
    STAGES,
    WANTED_PAUSES,
    stage_key,
)
from custom_components.printernizer.engine.drivers.bambu.state import (
    BOOT_S,
    SPEECHLESS_S,
    StateReader,
)
from custom_components.printernizer.engine.drivers.bambu.trays import active_slot, slots
from custom_components.printernizer.engine.printer import PrinterState, PrinterStatus, Severity
from tests.simulators.bambu_reports import partial_push
from tests.simulators.certificates import issue

FIXTURES = Path(__file__).parents[5] / "shared" / "fixtures" / "bambu"
REPORTS = sorted(FIXTURES.glob("report/*.json"))
CANCEL = 0x0300400C


def tray(key: int, **fields: Any) -> dict[str, Any]:
    return {
        "id": str(key),
        "tray_type": "PLA",
        "tray_color": "FF8800FF",
        "tray_sub_brands": "PLA Basic",
        "remain": 50,
        "tray_uuid": "AB" * 16,
        **fields,
    }


def full(**fields: Any) -> dict[str, Any]:
    """A full push with the least in it."""
    return {
        "command": "push_status",
        "msg": 0,
        "gcode_state": "IDLE",
        "stg_cur": 255,
        "nozzle_temper": 25.03125,
        "nozzle_target_temper": 0,
        "bed_temper": 22,
        "bed_target_temper": 0,
        "chamber_temper": 5,
        "home_flag": -2147483648,
        "ams": {
            "ams": [{"id": "0", "tray": [tray(0), tray(1), tray(2), {"id": "3"}]}],
            "ams_exist_bits": "1",
            "tray_exist_bits": "7",
            "tray_now": "255",
        },
        "vt_tray": {"id": "254", "tray_type": ""},
        **fields,
    }


def said(*pushes: dict[str, Any], product: str = "Bambu Lab P1S", step: float = 1.0) -> Messages:
    """A line on which these pushes came, one each second; the first is full."""
    messages = Messages()
    module = {"name": "ota", "product_name": product, "sw_ver": "01.02.03.04", "sn": "S"}
    version = {"info": {"command": "get_version", "module": [module]}}
    messages.take(json.dumps(version).encode(), 0)
    for index, push in enumerate(pushes):
        messages.take(json.dumps({"print": push}).encode(), index * step)
    return messages


def delta(**fields: Any) -> dict[str, Any]:
    return {"command": "push_status", "msg": 1, **fields}


def status(*pushes: dict[str, Any], product: str = "Bambu Lab P1S") -> PrinterStatus:
    result = said(*pushes, product=product).status
    assert result is not None
    return result


# -- recorded reports ------------------------------------------------------------------------------

EXPECTED = {
    "MOCK-A1": (PrinterState.IDLE, "A1", None, 5),
    "MOCK-H2D": (PrinterState.PRINTING, "H2D", 0.06, 10),
    "MOCK-H2DPRO": (PrinterState.IDLE, "H2D Pro", None, 7),
    "MOCK-P1PNOAMS": (PrinterState.FINISHED, "P1P", 1.0, 1),
    "MOCK-P2S": (PrinterState.PRINTING, "P2S", 0.64, 5),
    "MOCK-X1CMULTIAMS": (PrinterState.FINISHED, "X1 Carbon", 1.0, 14),
    "2AMS1-1AMS2-1AMSHT": (PrinterState.FINISHED, "X1 Carbon", 1.0, 14),
}


def recorded(path: Path) -> Messages:
    content = json.loads(path.read_bytes())
    push = content.get("pushall") or content["push_all"]
    version = content["get_version"]
    messages = Messages()
    for body in (
        version if "info" in version else {"info": version},
        push if "print" in push else {"print": push},
    ):
        messages.take(json.dumps(body).encode(), 1.0)
    return messages


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_every_recorded_printer_is_understood(path: Path) -> None:
    messages = recorded(path)
    assert messages.status is not None
    assert messages.garbled == 0
    assert messages.builder.model is not models.UNKNOWN_MODEL
    assert messages.status.state is not PrinterState.UNKNOWN
    assert all(tool.temperature.actual_c is not None for tool in messages.status.tools)
    if path.stem in EXPECTED:
        state, model, progress, places = EXPECTED[path.stem]
        assert messages.status.state is state
        assert messages.builder.model.product == model
        assert (messages.status.job.progress if messages.status.job else None) == progress
        assert len(messages.status.slots) == places


def test_there_are_recorded_reports() -> None:
    if not FIXTURES.is_dir():
        pytest.skip("no recorded reports here")
    assert len(REPORTS) >= 5


def test_a_recorded_h2d_feeds_from_the_slot_its_extruder_says() -> None:
    path = FIXTURES / "report" / "MOCK-H2D.json"
    if not path.is_file():
        pytest.skip("no recorded reports here")
    result = recorded(path).status
    assert result
    assert [slot.key for slot in result.slots if slot.active] == ["1_3"]
    assert result.tools[0].temperature.actual_c == 245.0
    assert result.read_only


def test_recorded_lives_of_jobs_read_as_they_were() -> None:
    path = FIXTURES / "sequences" / "lifecycle_delta.json"
    if not path.is_file():
        pytest.skip("no recorded sequences here")
    ends = []
    for life in json.loads(path.read_text()):
        messages = said(full())
        seen = []
        for index, message in enumerate(life["messages"]):
            messages.take(json.dumps(message).encode(), 10.0 + index)
            assert messages.status
            if not seen or seen[-1] is not messages.status.state:
                seen.append(messages.status.state)
        ends.append(seen)
    prepare, printing, paused = PrinterState.PREPARING, PrinterState.PRINTING, PrinterState.PAUSED
    assert ends[0] == [prepare, printing, paused, printing, PrinterState.FINISHED]
    assert ends[1] == [printing, PrinterState.CANCELLED]


# -- merging ---------------------------------------------------------------------------------------

values = st.recursive(
    st.integers(0, 3) | st.sampled_from(["a", "b"]) | st.booleans(),
    lambda inner: st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, min_size=1, max_size=3),
    max_leaves=6,
)
reports = st.fixed_dictionaries(
    {
        "gcode_state": st.sampled_from(["IDLE", "RUNNING", "PAUSE"]),
        "nozzle_temper": st.integers(20, 250),
        "hms": st.lists(st.fixed_dictionaries({"attr": st.integers(1, 3), "code": st.just(1)})),
        "stg": st.lists(st.integers(0, 5), max_size=3),
        "device": st.fixed_dictionaries(
            {
                "extruder": st.fixed_dictionaries(
                    {
                        "info": st.tuples(
                            *(
                                st.fixed_dictionaries(
                                    {"id": st.just(number), "temp": st.integers(0, 9)}
                                )
                                for number in (0, 1)
                            )
                        ).map(list),
                        "state": st.integers(0, 300),
                    }
                ),
                "plate": st.fixed_dictionaries({"x": values, "y": values}),
            }
        ),
        "ams": st.tuples(*(st.booleans() for _ in range(4)), st.integers(0, 100)).map(
            lambda there: {
                "ams": [
                    {
                        "id": "0",
                        "tray": [
                            tray(index, remain=there[4]) if there[index] else {"id": str(index)}
                            for index in range(4)
                        ],
                    }
                ],
                "ams_exist_bits": "1",
                "tray_exist_bits": f"{sum(there[index] << index for index in range(4)):x}",
            }
        ),
    }
)


def _same_shape(old: Any, new: Any) -> bool:
    """Whether no key went: firmware never takes one back in a partial push."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() <= new.keys() and all(_same_shape(old[key], new[key]) for key in old)
    return not isinstance(old, dict)


@settings(max_examples=150, deadline=None)
@given(st.lists(reports, min_size=2, max_size=6), st.booleans())
def test_partial_pushes_add_up_to_what_a_full_one_says(
    states: list[dict[str, Any]], nested: bool
) -> None:
    """One lost field is a wrong number on a dashboard until the next restart."""
    heads = {"command": "push_status", "sequence_id": "1"}
    before = {**copy.deepcopy(states[0]), **heads, "msg": 0}
    merged = Report()
    merged.merge(copy.deepcopy(before), 0)
    for state in states[1:]:
        after = {**copy.deepcopy(state), **heads, "msg": 0}
        if not _same_shape(before["device"], after["device"]):
            after["device"] = copy.deepcopy(before["device"])
        push = partial_push(before, after, nested=nested)
        merged.merge(copy.deepcopy(push), 0)
        before = after
        left = {key: value for key, value in merged.values.items() if key != "msg"}
        assert left == {key: value for key, value in after.items() if key != "msg"}


def test_an_emptied_slot_leaves_no_ghost_spool() -> None:
    emptied = {"ams": [{"id": "0", "tray": [{"id": "1", "state": 0}]}], "tray_exist_bits": "5"}
    result = status(full(), delta(ams=emptied))
    assert [slot.empty for slot in result.slots[:4]] == [False, True, False, True]
    assert result.slots[1].material is None
    assert result.slots[0].material == "PLA"


def test_the_bits_alone_empty_a_slot_too() -> None:
    result = status(full(), delta(ams={"tray_exist_bits": "6"}))
    assert [slot.empty for slot in result.slots[:4]] == [True, False, False, True]


def test_an_unplugged_feeder_goes_and_a_power_cut_keeps_its_spools() -> None:
    gone = delta(ams={"ams": [], "ams_exist_bits": "0", "tray_exist_bits": "0"})
    assert [slot.key for slot in status(full(), gone).slots] == ["external"]
    removed = delta(ams={"ams_exist_bits": "0", "tray_exist_bits": "0", "power_on_flag": True})
    assert [slot.key for slot in status(full(), removed).slots] == ["external"]
    dark = delta(ams={"ams_exist_bits": "0", "tray_exist_bits": "0", "power_on_flag": False})
    assert len(status(full(), dark).slots) == 5


def test_a_full_report_without_the_list_of_feeders_keeps_it() -> None:
    again = full(ams={"tray_now": "1", "ams_exist_bits": "1"})
    result = status(full(), again)
    assert [slot.key for slot in result.slots if slot.active] == ["0_1"]


def test_a_full_report_forgets_what_it_does_not_say() -> None:
    result = status(full(hms=[{"attr": 1, "code": 65537}]), full())
    assert result.problems == ()


def test_a_report_without_its_mark_is_told_by_its_size() -> None:
    big = {**full(), **{f"k{number}": 0 for number in range(40)}}
    del big["msg"]
    assert is_full(big)
    del big["gcode_state"]
    assert not is_full(big)


def test_partial_reports_before_the_first_full_one_say_nothing() -> None:
    assert said(delta(gcode_state="RUNNING")).status is None


def test_a_commanded_field_is_shielded_and_then_follows_the_printer() -> None:
    messages = said(full(spd_lvl=2, spd_mag=100))
    report = messages.report
    report.hold("spd_lvl", 3, 13.0)
    messages.take(json.dumps({"print": delta(spd_lvl=2)}).encode(), 11.0)
    assert report.values["spd_lvl"] == 3
    messages.take(json.dumps({"print": full(spd_lvl=2)}).encode(), 11.5)
    assert report.values["spd_lvl"] == 3
    messages.take(json.dumps({"print": full()}).encode(), 11.7)
    assert report.values["spd_lvl"] == 3
    assert messages.settle(12.0) is None
    assert messages.settle(13.0) is not None
    assert report.values["spd_lvl"] == 2
    assert not report.held


def test_a_shield_ends_with_a_report_after_its_time() -> None:
    messages = said(full(spd_lvl=2))
    messages.report.hold("spd_lvl", 3, 13.0)
    messages.take(json.dumps({"print": delta(spd_lvl=1)}).encode(), 14.0)
    assert messages.report.values["spd_lvl"] == 1


def test_bits_of_units_and_slots_follow_the_family() -> None:
    assert [unit_bit(unit) for unit in (0, 3, 16, 128, 129)] == [0, 3, 12, 4, 5]
    assert [tray_bit(1, 2), tray_bit(16, 1), tray_bit(129, 0)] == [6, 25, 17]


def heaviness(value: Any) -> int:
    """How many values there are in all."""
    if not isinstance(value, (dict, list)):
        return 1
    return 1 + sum(map(heaviness, value.values() if isinstance(value, dict) else value))


def lengths(value: Any) -> list[int]:
    """The length of every object and list."""
    if not isinstance(value, (dict, list)):
        return []
    inner = value.values() if isinstance(value, dict) else value
    return [len(value), *(length for item in inner for length in lengths(item))]


def nested(levels: int) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for _ in range(levels):
        made = {"in": made}
    return made


GROWTH = {
    "keys": lambda n: {f"junk_{n}_{i}": i for i in range(1000)},
    "keys of an object": lambda n: {"online": {f"junk_{n}_{i}": i for i in range(1000)}},
    "items by id": lambda n: {"vir_slot": [{"id": f"{n}_{i}"} for i in range(1000)]},
    "items": lambda n: {"stg": [n] * 60_000},
    "letters": lambda n: {f"text_{n}": "x" * 60_000},
    "lists in lists": lambda n: {f"list_{n}": [[[n] * 100] * 50]},
    "objects in objects": lambda n: {"online": {f"f{n}": {f"x{i}": i for i in range(600)}}},
}


@pytest.mark.parametrize("kind", GROWTH)
def test_a_printer_that_never_stops_adding_fills_no_memory(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One sick printer must not take Home Assistant with it; what is real stays."""
    with caplog.at_level(logging.WARNING):
        messages = said(full(), *(delta(**GROWTH[kind](n)) for n in range(100)))
        last = delta(gcode_state="RUNNING", junk="x" * 70_000)
        messages.take(json.dumps({"print": last}).encode(), 200)
    kept = messages.report.values
    assert max(lengths(kept)) <= 512
    assert heaviness(kept) <= 20_100
    assert len(json.dumps(kept)) < 2 << 20
    assert messages.status
    assert messages.status.state is PrinterState.PRINTING
    assert len([slot for slot in messages.status.slots if slot.unit]) == 4
    assert [record.message[:7] for record in caplog.records] == ["Garbled"]
    assert messages.garbled == 1


def test_a_report_without_bottom_is_cut_and_can_still_be_merged() -> None:
    deep = {"ams": [{"id": "0", "tray": [tray(0)], **nested(800)}], "ams_exist_bits": "1"}
    again = delta(ams={"ams": [{"id": "0", "humidity": "3"}]}, junk=nested(900))
    messages = said(full(), delta(ams=deep), again)
    assert messages.report.trim()
    copy.deepcopy(messages.report.values)
    assert not messages.report.trim()
    assert messages.status
    assert messages.status.feeders[0].humidity_level == 3


def test_a_version_report_without_end_is_cut_and_long_names_go(
    caplog: pytest.LogCaptureFixture,
) -> None:
    messages = said(full())
    modules = [{"name": "ota", "sn": "S"}, *({"name": f"m{n}"} for n in range(5000))]
    version = {"info": {"command": "get_version", "module": modules}}
    with caplog.at_level(logging.WARNING):
        messages.take(json.dumps(version).encode(), 3)
    assert messages.serial == "S"
    assert len(messages.modules) == 512
    assert "Garbled" in caplog.text
    messages.take(json.dumps({"print": delta(**{"k" * 5000: 1})}).encode(), 4)
    assert messages.report.trim()
    assert max(map(len, messages.report.values)) < 50


@pytest.mark.parametrize("path", REPORTS, ids=lambda path: path.stem)
def test_nothing_a_real_printer_says_is_cut(path: Path) -> None:
    messages = recorded(path)
    before = copy.deepcopy(messages.report.values)
    assert not messages.report.trim()
    assert messages.report.values == before


# -- state -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"gcode_state": ""}, PrinterState.IDLE),
        ({"gcode_state": "INIT"}, PrinterState.PREPARING),
        ({"gcode_state": "SLICING"}, PrinterState.PREPARING),
        ({"gcode_state": "RUNNING", "stg_cur": 2}, PrinterState.PREPARING),
        ({"gcode_state": "RUNNING", "stg_cur": 14, "layer_num": 7}, PrinterState.PRINTING),
        ({"gcode_state": "RUNNING", "stg_cur": 4}, PrinterState.PRINTING),
        ({"gcode_state": "RUNNING", "stg_cur": 999}, PrinterState.PRINTING),
        ({"gcode_state": "PAUSE", "stg_cur": 16}, PrinterState.PAUSED),
        ({"gcode_state": "PAUSE", "stg_cur": 30}, PrinterState.PAUSED),
        ({"gcode_state": "PAUSE", "stg_cur": 0}, PrinterState.PAUSED),
        ({"gcode_state": "PAUSE", "stg_cur": 6}, PrinterState.ATTENTION),
        (
            {"gcode_state": "PAUSE", "stg_cur": 16, "print_error": 0x03008003},
            PrinterState.ATTENTION,
        ),
        (
            {"gcode_state": "PAUSE", "stg_cur": 0, "hms": [{"attr": 5, "code": 0x20001}]},
            PrinterState.ATTENTION,
        ),
        ({"gcode_state": "FINISH"}, PrinterState.FINISHED),
        ({"gcode_state": "FAILED"}, PrinterState.FAILED),
        ({"gcode_state": "FAILED", "print_error": CANCEL}, PrinterState.CANCELLED),
        ({"gcode_state": "FAILED", "print_error": 0x0500400E}, PrinterState.CANCELLED),
        ({"stg_cur": 13}, PrinterState.BUSY),
        ({"stg_cur": 0}, PrinterState.IDLE),
        ({"ams_status": 0x0102}, PrinterState.BUSY),
        ({"ams_status": 0x0300}, PrinterState.IDLE),
        ({"print_type": "system"}, PrinterState.BUSY),
        ({"upgrade_state": {"status": "FLASHING"}}, PrinterState.BUSY),
        ({"gcode_state": "UNKNOWN"}, PrinterState.UNKNOWN),
        ({"gcode_state": "JUGGLING"}, PrinterState.UNKNOWN),
    ],
)
def test_each_word_of_the_printer_has_its_state(
    fields: dict[str, Any], state: PrinterState
) -> None:
    assert status(full(**fields)).state is state


def test_a_new_word_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        said(full(), *(delta(gcode_state="JUGGLING", layer_num=n) for n in range(3)))
    assert len([record for record in caplog.records if "JUGGLING" in record.message]) == 1


def test_a_cancel_whose_code_comes_first_or_late_is_a_cancel() -> None:
    running = full(gcode_state="RUNNING", stg_cur=0)
    first = said(
        running, delta(print_error=CANCEL), delta(print_error=0), delta(gcode_state="FAILED")
    )
    assert first.status
    assert first.status.state is PrinterState.CANCELLED
    late = said(running, delta(gcode_state="FAILED", stg_cur=255))
    assert late.status
    assert late.status.state is PrinterState.PRINTING
    late.take(json.dumps({"print": delta(print_error=CANCEL)}).encode(), 1.5)
    assert late.status.state is PrinterState.CANCELLED
    late.take(json.dumps({"print": delta(print_error=0)}).encode(), 30)
    assert late.status.state is PrinterState.CANCELLED


def test_a_failure_without_a_code_is_told_when_no_cancel_came() -> None:
    messages = said(full(gcode_state="RUNNING", stg_cur=0), delta(gcode_state="FAILED"))
    assert messages.settle(2.0) is None
    settled = messages.settle(3.1)
    assert settled
    assert settled.state is PrinterState.FAILED
    assert messages.builder.states.due is None


def test_a_printer_that_says_nothing_of_itself_goes_offline_after_a_minute() -> None:
    messages = said(full(gcode_state="RUNNING"), delta(gcode_state="OFFLINE"))
    assert messages.status
    assert messages.status.state is PrinterState.PRINTING
    gone = messages.settle(SPEECHLESS_S + 2)
    assert gone
    assert gone.state is PrinterState.OFFLINE


@pytest.mark.parametrize("word", [None, 7, 1.5, True, [], {}, " ", "\x00"])
def test_a_report_that_does_not_say_the_state_changes_no_state(word: object) -> None:
    """Read as idle, the ledger would close the running job and the queue send the next one."""
    job = {"stg_cur": 0, "subtask_name": "clip"}
    before = said(full(gcode_state="RUNNING", **job)).status
    assert before
    for push in (delta(gcode_state=word, mc_percent=3), full(gcode_state=word, **job)):
        after = status(full(gcode_state="RUNNING", **job), push)
        assert after.state is PrinterState.PRINTING
        assert after.job
        assert after.job.name == "clip"
    silent = full(**job)
    del silent["gcode_state"]
    assert status(full(gcode_state="RUNNING", **job), silent).state is PrinterState.PRINTING
    for first in (full(gcode_state=word, **job), silent):
        assert status(first).state is PrinterState.UNKNOWN
    reader = StateReader()
    assert reader.read({"gcode_state": "PAUSE"}, 1) is PrinterState.PAUSED
    assert reader.read({"gcode_state": word}, 2) is PrinterState.PAUSED
    reader.forget()
    assert reader.read({"gcode_state": word}, 3) is PrinterState.UNKNOWN


def test_a_printer_that_starts_anew_in_mid_print_is_not_ready_until_it_says_so() -> None:
    """RUNNING, "", IDLE is a reboot: the empty word comes while it still starts up."""
    messages = said(full(gcode_state="RUNNING", stg_cur=0), delta(gcode_state="", stg_cur=255))
    assert messages.status
    assert messages.status.state is PrinterState.UNKNOWN
    messages.take(json.dumps({"print": delta(gcode_state="IDLE")}).encode(), 20)
    assert messages.status.state is PrinterState.IDLE
    messages.take(json.dumps({"print": delta(gcode_state="")}).encode(), 21)
    assert messages.status.state is PrinterState.IDLE


def test_a_printer_that_lost_its_job_and_never_says_idle_is_free_after_a_minute() -> None:
    messages = said(full(gcode_state="PAUSE"), delta(gcode_state=""))
    assert messages.settle(BOOT_S) is None
    free = messages.settle(BOOT_S + 1.1)
    assert free
    assert free.state is PrinterState.IDLE
    assert messages.settle(BOOT_S + 30) is None


def test_a_reboot_in_mid_print_is_known_on_the_next_line_too() -> None:
    """The line falls with the printer; the empty word is the first thing the new one hears."""
    reader = StateReader()
    reader.read({"gcode_state": "RUNNING"}, 1)
    reader.forget()
    assert reader.read({"gcode_state": ""}, 9) is PrinterState.UNKNOWN
    assert reader.due == 9 + BOOT_S
    assert reader.read({"gcode_state": ""}, 9 + BOOT_S) is PrinterState.IDLE
    reader.read({"gcode_state": "FINISH"}, 99)
    reader.forget()
    assert reader.read({"gcode_state": ""}, 100) is PrinterState.IDLE


def test_how_a_job_ended_outlives_the_line() -> None:
    reader = StateReader()
    ended = {"gcode_state": "FAILED", "task_id": "7", "print_error": CANCEL}
    assert reader.read(ended, 1) is PrinterState.CANCELLED
    reader.forget()
    assert reader.read({**ended, "print_error": 0}, 50) is PrinterState.CANCELLED
    reader.forget()
    assert reader.read({**ended, "print_error": 0, "task_id": "8"}, 99) is PrinterState.FAILED


# -- parts -----------------------------------------------------------------------------------------


def test_a_job_says_what_it_knows_and_nothing_else() -> None:
    running = {
        "gcode_state": "RUNNING",
        "stg_cur": 0,
        "mc_percent": 41,
        "mc_remaining_time": 12,
        "layer_num": 8,
        "total_layer_num": 20,
        "gcode_file": "/data/Metadata/plate_3.gcode",
        "subtask_name": "Vase\x07",
        "task_id": "123456789",
        "print_type": "cloud",
    }
    job = status(full(**running)).job
    assert job
    assert (job.progress, job.layer, job.layers, job.plate) == (0.41, 8, 20, 3)
    assert (job.remaining, job.name, job.path) == (timedelta(minutes=12), "Vase", None)
    assert (job.id, job.origin) == ("123456789", "cloud")
    lan = {**running, "task_id": "0", "subtask_id": "9012", "total_layer_num": 0, "mc_percent": -4}
    job = status(full(**lan, plate_idx=2)).job
    assert job
    assert (job.id, job.layers, job.progress) == (None, None, None)
    assert status(full()).job is None
    early = status(full(gcode_state="PREPARE", mc_percent=100, mc_remaining_time=0)).job
    assert early
    assert (early.progress, early.remaining) == (0.0, None)
    unsure = status(full(gcode_state="RUNNING", mc_percent=3, mc_remaining_time=0, plate_idx=2)).job
    assert unsure
    assert (unsure.remaining, unsure.plate) == (None, 2)


def test_a_cloud_job_shows_its_download() -> None:
    fields = {"gcode_state": "PREPARE", "print_type": "cloud", "gcode_file_prepare_percent": "40"}
    result = status(full(**fields, subtask_name="x"))
    assert result.transfer
    assert result.transfer.progress == 0.4
    assert status(full(**{**fields, "print_type": "local"})).transfer is None


def test_two_nozzles_have_their_own_packed_temperatures() -> None:
    device = {
        "extruder": {
            "info": [
                {"id": 0, "temp": 220 << 16 | 215, "snow": 0x0103},
                {"id": 1, "temp": 30, "snow": 0xFEFF},
            ],
            "state": 2 | 0 << 4,
        },
        "nozzle": {"info": [{"id": 0, "diameter": 0.4, "type": "HH01"}, {"id": 1, "type": "XS77"}]},
        "ctc": {"info": {"temp": 45 << 16 | 40}},
        "bed": {"info": {"temp": 60 << 16 | 58}},
        "airduct": {"parts": [{"id": 16, "state": 80}, {"id": 160, "state": 20}]},
    }
    push = full(device=device, cooling_fan_speed="15", big_fan1_speed="6")
    for key in ("chamber_temper", "bed_temper"):
        del push[key]
    result = status(push, product="Bambu Lab H2D")
    assert [tool.temperature.actual_c for tool in result.tools] == [215.0, 30.0]
    assert [tool.temperature.target_c for tool in result.tools] == [220.0, 0.0]
    assert [tool.nozzle_type for tool in result.tools] == ["hardened_steel_high_flow", "XS77"]
    assert result.active_tool == 0
    assert result.chamber
    assert (result.chamber.actual_c, result.chamber.target_c) == (40.0, 45.0)
    assert result.bed
    assert (result.bed.actual_c, result.bed.target_c) == (58.0, 60.0)
    assert {fan.key: fan.percent for fan in result.fans} == {
        "part": 80,
        "auxiliary": 40,
        "auxiliary_2": 20,
    }


def test_a_chamber_without_a_sensor_is_not_five_degrees_cold() -> None:
    assert status(full()).chamber is None
    real = status(full(chamber_temper=5), product="Bambu Lab X1 Carbon").chamber
    assert real
    assert real.actual_c == 5.0
    packed = status(full(chamber_temper=50 << 16 | 41), product="Bambu Lab X1E").chamber
    assert packed
    assert (packed.actual_c, packed.target_c) == (41.0, 50.0)
    blind = full()
    del blind["chamber_temper"]
    assert status(blind, product="Bambu Lab H2S").chamber is None


def test_an_older_form_of_the_nozzle_list_is_read() -> None:
    device = {"nozzle": {"0": {}, "info": {"0": {"diameter": 0.6, "type": "stainless_steel"}}}}
    tool = status(full(device=device)).tools[0]
    assert (tool.nozzle_diameter_mm, tool.nozzle_type) == (0.6, "stainless_steel")


def test_feeders_know_their_kind_and_whether_they_dry() -> None:
    units = [
        {"id": "0", "info": "1003", "temp": "31.5", "humidity": "4", "humidity_raw": "18",
         "dry_time": 90, "tray": []},
        {"id": "1", "info": "2", "temp": "0.0", "humidity": "5", "tray": []},
        {"id": "128", "temp": "40.0", "dry_time": 0, "tray": [tray(0)]},
        {"id": "junk"},
    ]  # fmt: skip
    messages = said(full(ams={"ams": units, "ams_exist_bits": "13"}))
    module = {"name": "n3s/128", "sn": "HT1", "sw_ver": "1"}
    body = {"info": {"command": "get_version", "module": [module]}}
    messages.take(json.dumps(body).encode(), 5)
    assert messages.status
    pro, lite, hot = messages.status.feeders
    assert (pro.model, pro.drying_left, pro.humidity_percent) == (
        "AMS 2 Pro",
        timedelta(minutes=90),
        18,
    )
    assert (lite.model, lite.temperature_c, lite.drying_left) == ("AMS Lite", None, None)
    assert (hot.model, hot.serial, hot.drying_left) == ("AMS HT", "HT1", timedelta(0))


@pytest.mark.parametrize(
    ("report", "key"),
    [
        ({"ams": {"tray_now": "255"}}, None),
        ({"ams": {"tray_now": "254"}}, "external"),
        ({"ams": {"tray_now": "6"}}, "1_2"),
        ({"ams": {"tray_now": "129"}}, "129_0"),
        ({"ams": {"tray_now": "junk"}}, None),
        ({"device": {"extruder": {"info": [{"id": 0, "snow": 0xFFFF}], "state": 1}}}, None),
        ({"device": {"extruder": {"info": [{"id": 0, "snow": 0xFF00}], "state": 1}}}, "external"),
        ({"device": {"extruder": {"info": [{"id": 0, "snow": 0x8000}], "state": 1}}}, "128_0"),
        (
            {
                "device": {
                    "extruder": {"info": [{"id": 0}, {"id": 1, "snow": 0xFE00}], "state": 0x12}
                }
            },
            "external_2",
        ),
        ({"device": {"extruder": {"info": [{"id": 0, "snow": -7}], "state": 1}}}, None),
        (
            {"device": {"extruder": {"info": [{"id": 0}], "state": 1}}, "ams": {"tray_now": "0"}},
            "0_0",
        ),
    ],
)
def test_the_slot_in_use_is_found_on_every_family(report: dict[str, Any], key: str | None) -> None:
    assert active_slot(report) == key


def test_external_spools_are_named_by_side() -> None:
    both = {"vir_slot": [tray(254, tray_type="ABS"), tray(255, tray_type="TPU")]}
    assert [(slot.key, slot.material) for slot in slots(both)] == [
        ("external", "TPU"),
        ("external_2", "ABS"),
    ]
    assert [slot.key for slot in slots({"vir_slot": [tray(255)]})] == ["external"]
    assert slots({}) == ()


def test_a_spool_without_a_tag_does_not_pretend_to_know_its_rest() -> None:
    plain = tray(0, tray_uuid="0" * 32, tag_uid="0" * 16, remain=100, tray_color="12345678")
    odd = tray(1, tray_color="red", remain=-1)
    found = slots({"ams": {"ams": [{"id": "0", "tray": [plain, odd, {"id": "x"}]}]}})
    assert (found[0].remaining, found[0].spool_tag, found[0].colour) == (None, None, "#12345678")
    assert (found[1].remaining, found[1].colour) == (None, None)


def test_flags_are_read_from_where_each_family_keeps_them() -> None:
    flags = 1 << 4 | 1 << 17 | 1 << 19 | 1 << 20 | 1 << 23
    result = status(full(home_flag=flags - (1 << 32)), product="Bambu Lab X1 Carbon")
    assert dict(result.options) == {
        "auto_recovery": True,
        "auto_switch_filament": False,
        "sound": True,
        "filament_tangle": True,
    }
    assert result.door_open is True
    assert status(full(home_flag=flags)).door_open is None
    assert status(full(stat="800000"), product="Bambu Lab H2D").door_open is True
    newer = status(full(home_flag=flags, cfg="0"))
    assert not any(on for _, on in newer.options)
    nothing = full()
    del nothing["home_flag"]
    assert status(nothing).options == ()


@pytest.mark.parametrize(
    ("fields", "dbm"),
    [
        ({"wifi_signal": "-53dBm"}, -53),
        ({"wifi_signal": "-90dBm", "home_flag": 1 << 18}, None),
        ({"wifi_signal": "-60dBm", "home_flag": 1 << 18}, -60),
        ({"wifi_signal": "strong"}, None),
        ({"wifi_signal": 7}, None),
        ({}, None),
    ],
)
def test_the_signal_is_a_number_or_nothing(fields: dict[str, Any], dbm: int | None) -> None:
    assert parts.wifi_dbm(fields) == dbm


@pytest.mark.parametrize(
    ("fields", "there"),
    [
        ({"sdcard": True}, True),
        ({"sdcard": "HAS_SDCARD_NORMAL"}, True),
        ({"sdcard": "NO_SDCARD"}, False),
        ({"sdcard": False, "aux": "1000"}, True),
        ({"aux": "0"}, False),
        ({}, None),
    ],
)
def test_the_card_is_there_or_not(fields: dict[str, Any], there: bool | None) -> None:
    assert parts.storage_present(fields) is there


def test_a_new_firmware_is_named() -> None:
    listed = {"new_version_state": 1, "new_ver_list": [{"name": "ota", "new_ver": "02.00"}]}
    assert status(full(upgrade_state=listed)).new_firmware == "02.00"
    plain = {"new_version_state": 1, "ota_new_version_number": "03.00"}
    assert status(full(), delta(upgrade_state=plain)).new_firmware == "03.00"
    assert status(full(upgrade_state={"new_version_state": 2})).new_firmware is None


def test_lamps_show_and_a_printer_without_one_has_none() -> None:
    lamps = [{"node": "work_light", "mode": "flashing"}, {"node": "chamber_light", "mode": "on"}]
    assert status(full(lights_report=lamps)).lights == (("chamber_light", True),)
    assert status(full()).lights == ()


# -- problems, stages, models ----------------------------------------------------------------------


def test_complaints_keep_their_code_and_say_what_to_do() -> None:
    hms = [
        {"attr": 50331904, "code": 65543},
        {"attr": 0x07012200, "code": 0x00020001},
        {"attr": 0x12010100, "code": 0x00010001},
        {"attr": 0xFF000000, "code": 0x00040001},
        {"attr": 0x07000000, "code": 0x00030099},
        {"attr": 0, "code": 0},
        {"attr": "junk"},
    ]
    found = problems.problems(hms, 0x07008011)
    assert [problem.code for problem in found[:3]] == [
        "0700_8011",
        "HMS_0300_0100_0001_0007",
        "HMS_0701_2200_0002_0001",
    ]
    assert found[0].text
    assert found[0].text.startswith("AMS A:")
    assert found[1].severity is Severity.FATAL
    assert found[2].text == "AMS B slot 3: the filament ran out"
    assert found[3].text == "AMS Lite B: the assist motor has slipped"
    assert (found[4].text, found[4].severity) == (None, Severity.INFO)
    assert found[5].text is None
    assert len(found) == 6


@pytest.mark.parametrize("error", [0, 0x03000001, CANCEL, 0x0500400E, 0x05024007])
def test_what_is_no_error_is_no_problem(error: int) -> None:
    assert problems.problems([], error) == ()


@pytest.mark.parametrize(
    ("value", "error"),
    [(-1610514412, 0xA0018014), ("50348044", CANCEL), ("-1", 0xFFFFFFFF), ("x", 0), (None, 0)],
)
def test_an_error_may_come_signed_or_as_text(value: object, error: int) -> None:
    assert problems.print_error(value) == error


def test_severity_of_an_error_follows_its_kind() -> None:
    kinds = [
        problems.problems([], code)[0].severity for code in (0x03004000, 0x03008003, 0x0C00C003)
    ]
    assert kinds == [Severity.FATAL, Severity.SERIOUS, Severity.COMMON]


def test_there_are_texts_for_the_codes_that_matter() -> None:
    tables = (
        problems.PRINT_ERRORS,
        problems.FEEDER_ERRORS,
        problems.HMS_TEXTS,
        problems.FEEDER_HMS,
    )
    assert sum(map(len, tables)) > 100
    texts = [text for table in tables for text in table.values()]
    assert all(text and not text.endswith(".") for text in texts)


def test_stages_are_known_by_key_and_new_ones_by_number() -> None:
    assert set(STAGES) == set(range(78))
    assert stage_key(1) == "bed_levelling"
    assert stage_key(999) == "stage_999"
    assert stage_key(255) is None
    assert stage_key(-1) is None
    assert stage_key(70_000) is None
    assert not PREPARATION & (WANTED_PAUSES | FORCED_PAUSES)
    assert all(STAGES[number].startswith("paused") for number in WANTED_PAUSES | FORCED_PAUSES)


def test_models_are_told_by_product_code_or_board() -> None:
    assert models.by_product("Bambu Lab A1 mini").product == "A1 mini"
    assert models.by_product("Bambu Lab Z9") is models.UNKNOWN_MODEL
    assert models.by_product(None) is models.UNKNOWN_MODEL
    assert models.by_code("O1C2").product == "H2C"
    assert models.by_code(None) is models.UNKNOWN_MODEL
    old = [
        {"name": "ota", "sw_ver": "1"},
        {"name": "esp32", "hw_ver": "AP04", "project_name": "C11"},
    ]
    assert models.by_modules(old).product == "P1P"
    assert models.by_modules([{"name": "ota", "project_name": "N2S"}]).product == "A1"
    assert models.by_modules("junk") is models.UNKNOWN_MODEL


# -- payloads, replies, certificates ---------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"7",
        b"[1]",
        b"{",
        b"[" * 100_000,
        b'{"a":' * 5000,
        b"\xff",
        b"{" + b" " * (1 << 20) + b"}",
    ],
    ids=["empty", "number", "list", "cut", "deep list", "deep object", "bytes", "huge"],
)
def test_what_is_no_report_is_counted_and_dropped(content: bytes) -> None:
    messages = Messages()
    assert messages.take(content, 0) is None
    assert messages.garbled == 1


def test_broken_letters_and_zeros_do_not_cost_the_report() -> None:
    assert payload.decode(b'{"print": {"a": "\xc3\x28"}}\0\0') is not None


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*full(), "device", "hms", "vir_slot", "upgrade_state", "fun", "cfg"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        ["id", "ams", "tray", "info", "extruder", "temp", "snow", "status"]
                    ),
                    inner,
                    max_size=4,
                )
            ),
            max_leaves=12,
        ),
        max_size=8,
    )
)
def test_no_nonsense_in_any_field_breaks_the_reader(fields: dict[str, Any]) -> None:
    """Everything from a printer is untrusted; one bad message must not end the line."""
    messages = said(full())
    for kind in (0, 1):
        body = {**fields, "command": "push_status", "msg": kind}
        messages.take(json.dumps({"print": body}).encode(), 2)
    assert messages.status is not None


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("12", 12.0),
        (3, 3.0),
        (True, None),
        ("1e999", None),
        ("x" * 99, None),
        ([], None),
        ("nan", None),
    ],
)
def test_numbers_are_finite_or_nothing(value: object, number: float | None) -> None:
    assert payload.number(value) == number


def test_other_values_are_read_with_care() -> None:
    assert payload.whole(1 << 70) is None
    assert payload.bits("zz") is None
    assert payload.bits("") is None
    assert payload.bits(-1) == 0xFFFFFFFF
    assert payload.text(True) is None
    assert payload.text("a\x00b") == "ab"
    assert payload.text("  ") is None
    assert payload.packed(-1) is None


def test_replies_tell_success_refusal_and_want_of_a_signature() -> None:
    assert Reply("1", {"result": "SUCCESS"}).ok
    assert Reply("1", {}).ok
    assert not Reply("1", {"result": "FAILED"}).ok
    assert Reply("1", {"result": "failed", "reason": "mqtt message verify failed"}).unsigned
    heard: list[Reply] = []
    messages = Messages(on_reply=heard.append)
    for body in (
        {"print": {"command": "ams_get_rfid", "sequenceId": 5, "result": "fail"}},
        {"system": {"command": "ledctrl", "sequence_id": "6"}},
        {"mc_print": {"command": "push_info", "param": "x", "sequence_id": "7"}},
        {"print": {"command": "x"}},
        {"info": {"command": "other"}},
    ):
        messages.take(json.dumps(body).encode(), 0)
    assert [reply.sequence for reply in heard] == ["5", "6"]
    assert messages.rebuild(0) is None
    assert messages.settle(0) is None
    assert messages.serial is None


def test_the_serial_is_read_from_a_certificate_and_never_guessed() -> None:
    made = issue("03900A123456789")
    assert common_name(made.der) == "03900A123456789"
    assert common_name(b"") is None
    assert common_name(made.der[:60]) is None
    for cut in range(0, len(made.der), 7):
        common_name(made.der[:cut])
        common_name(made.der[cut:])
    assert common_name(b"\x30\x84\xff\xff\xff\xff") is None
