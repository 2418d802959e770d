"""What a printer's own history fills in, and what it must not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from custom_components.printernizer.engine.job import (
    Certainty,
    DurationSource,
    JobEvent,
    JobEventKind,
    JobState,
    Outcome,
    PastRun,
)
from custom_components.printernizer.engine.memory import Recalled
from custom_components.printernizer.engine.recollection import recollect

from .story import BEGINNING, Story

K = JobEventKind
HOUR = timedelta(hours=1)


def past(
    number: int, outcome: Outcome = Outcome.COMPLETED, path: str = "/gcodes/a.gcode"
) -> PastRun:
    """A run of an hour that began at so many hours."""
    return PastRun(
        id=f"{number:06X}",
        path=path,
        outcome=outcome,
        started_at=BEGINNING + number * HOUR,
        ended_at=BEGINNING + (number + 1) * HOUR,
        duration=HOUR,
    )


def recalls(story: Story, *runs: PastRun, heard: bool = True) -> tuple[JobEvent, ...]:
    """Let the printer tell its history, newest first, on a new line."""
    told = Recalled(
        runs=tuple(sorted(runs, key=lambda run: run.id, reverse=True)),
        at=story.at,
        monotonic=story.monotonic,
        since=BEGINNING if heard else None,
    )
    story.memory, events = recollect(story.memory, told)
    return events


@pytest.fixture
def story() -> Story:
    """A printer that has been watched for a while."""
    story = Story()
    story.shows("idle")
    story.passes(120).shows("idle")
    return story


def printing(story: Story, number: int) -> None:
    story.shows("printing", "a.gcode", 0.4, id=f"{number:06X}", path="/gcodes/a.gcode")


def test_a_run_that_ended_while_we_were_away_has_the_end_it_had(story: Story) -> None:
    """Without the history its end would stay unknown for ever."""
    printing(story, 1)
    story.loses_line().passes(9000)
    (event,) = recalls(story, past(1, Outcome.FAILED))
    assert (event.kind, event.live) == (K.FAILED, False)
    job = event.job
    assert (job.outcome, job.certainty) == (Outcome.FAILED, Certainty.REPORTED)
    assert job.ended_at == BEGINNING + 2 * HOUR
    assert (job.duration, job.duration_source) == (HOUR, DurationSource.PRINTER)
    assert job.progress == 0.4
    assert story.shows("failed", "a.gcode", 0.4, id="000001", path="/gcodes/a.gcode") == ()
    assert story.memory.run is None


def test_runs_that_nobody_saw_are_recorded_in_their_order(story: Story) -> None:
    printing(story, 1)
    story.loses_line().passes(90_000)
    events = recalls(story, past(1), past(2, Outcome.CANCELLED), past(3, path="/gcodes/b.gcode"))
    assert [(event.kind, event.job.identity.printer_job_id) for event in events] == [
        (K.FINISHED, "000001"),
        (K.STARTED, "000002"),
        (K.CANCELLED, "000002"),
        (K.STARTED, "000003"),
        (K.FINISHED, "000003"),
    ]
    assert not any(event.live for event in events)
    assert events[1].job.started_at == BEGINNING + 2 * HOUR
    assert events[1].job.state is JobState.PRINTING
    assert events[0].job.progress == 1.0
    assert events[4].job.title == "b.gcode"
    assert len({event.job.id for event in events}) == 3
    assert story.shows("finished", "b.gcode", 1.0, id="000003", path="/gcodes/b.gcode") == ()


def test_nothing_is_recorded_twice(story: Story) -> None:
    printing(story, 1)
    story.loses_line().passes(90_000)
    assert len(recalls(story, past(1), past(2))) == 3
    before = story.memory
    assert recalls(story, past(1), past(2)) == ()
    assert story.memory is before
    assert [e.kind for e in recalls(story, past(1), past(2), past(3))] == [K.STARTED, K.FINISHED]


def test_the_job_under_way_stays_open_beside_what_was_missed(story: Story) -> None:
    """It started after them, or the printer would not print it."""
    printing(story, 1)
    story.loses_line().passes(60)
    assert recalls(story) == ()
    printing(story, 1)
    assert story.memory.run is not None
    story.loses_line().passes(90_000)
    assert [e.kind for e in recalls(story, past(1), past(2))][-1] is K.FINISHED
    printing(story, 3)
    assert story.memory.run is not None
    assert story.memory.run.job.identity.printer_job_id == "000003"


def test_a_printer_we_meet_for_the_first_time_brings_no_old_jobs() -> None:
    """Whoever adds a printer with years of history would find years of jobs as of today."""
    story = Story()
    assert recalls(story, past(1), past(2), heard=False) == ()
    story.shows("idle")
    story.passes(120).shows("idle")
    story.loses_line().passes(9000)
    assert [e.kind for e in recalls(story, past(1), past(2), past(3))] == [K.STARTED, K.FINISHED]


def test_a_printer_that_never_printed_before_us_is_asked_since_when(story: Story) -> None:
    story.loses_line().passes(90_000)
    old = PastRun(id="000000", path=None, outcome=Outcome.COMPLETED, started_at=BEGINNING - HOUR)
    dateless = PastRun(id="00000F", path=None, outcome=Outcome.COMPLETED, started_at=None)
    events = recalls(story, old, past(1), dateless)
    assert [event.job.identity.printer_job_id for event in events] == ["000001", "000001"]
    fresh = Story()
    fresh.shows("idle")
    fresh.passes(120).shows("idle")
    assert recalls(fresh, past(1), heard=False) == ()


def test_a_printers_clock_that_is_wrong_loses_no_job(story: Story) -> None:
    """A host without a battery begins at every boot in the year of its image."""
    printing(story, 1)
    story.loses_line().passes(9000)
    wrong = PastRun(
        id="000002",
        path="/gcodes/a.gcode",
        outcome=Outcome.COMPLETED,
        started_at=BEGINNING - 9000 * HOUR,
    )
    events = recalls(story, past(1), wrong)
    assert [event.kind for event in events] == [K.FINISHED, K.STARTED, K.FINISHED]


def test_an_open_run_without_an_id_is_known_by_file_and_start(story: Story) -> None:
    story.passes(3600 - 120)
    story.shows("printing", "a.gcode", 0.1, path="/gcodes/a.gcode")
    story.loses_line().passes(9000)
    (event,) = recalls(story, past(1, Outcome.CANCELLED))
    assert (event.kind, event.job.identity.printer_job_id) == (K.CANCELLED, "000001")
    story.shows("printing", "a.gcode", 0.1, path="/gcodes/a.gcode")
    other = recalls(story, past(1), past(2, path="/gcodes/b.gcode"), past(9))
    assert K.STARTED in {event.kind for event in other}
    assert story.memory.run is not None


def test_an_end_that_the_printer_does_not_know_either_is_unknown(story: Story) -> None:
    printing(story, 1)
    story.loses_line().passes(9000)
    unknown = PastRun(
        id="000001", path="/gcodes/a.gcode", outcome=Outcome.UNKNOWN, started_at=BEGINNING
    )
    (event,) = recalls(story, unknown)
    assert (event.kind, event.job.certainty) == (K.ENDED_UNSEEN, Certainty.NONE)
    assert event.job.duration is None
