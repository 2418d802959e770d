"""Stories of printers, and what the ledger makes of them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from custom_components.printernizer.engine.job import (
    Certainty,
    DurationSource,
    JobEventKind,
    JobState,
    Outcome,
)
from custom_components.printernizer.engine.tracking import observe

from .story import BEGINNING, Story

K = JobEventKind


@pytest.fixture
def story() -> Story:
    return Story()


def test_a_watched_print_is_told_and_timed(story: Story) -> None:
    """The common case: everything seen, everything known."""
    story.acquainted()
    start = story.at
    story.shows("preparing", "cube", id="7")
    story.passes(60).shows("printing", "cube", 0.01, id="7", layer=1)
    story.passes(300).shows("paused", "cube", 0.5, id="7", layer=25)
    story.passes(100).shows("printing", "cube", 0.5, id="7", layer=25)
    story.passes(300).shows("finished", "cube", 0.0, id="7", layer=0)
    assert story.kinds == [K.STARTED, K.PRINTING, K.PAUSED, K.RESUMED, K.FINISHED]
    assert all(event.live for event in story.events)
    (job,) = story.runs
    assert (job.outcome, job.certainty, job.state) == (
        Outcome.COMPLETED,
        Certainty.REPORTED,
        JobState.ENDED,
    )
    assert (job.started_at, job.ended_at) == (start, start + timedelta(seconds=760))
    assert (job.duration, job.duration_source) == (
        timedelta(seconds=760),
        DurationSource.OBSERVED,
    )
    assert job.paused == timedelta(seconds=100)
    assert (job.progress, job.layer) == (0.5, 25), "firmware zeroes both at the end"


def test_a_result_found_on_connecting_is_history(story: Story) -> None:
    """Nobody wants "finished" at every boot."""
    story.shows("finished", "old", 1.0, id="3")
    story.passes(3600).shows("finished", "old", 1.0, id="3")
    story.passes(10).shows("idle")
    story.passes(10).shows("finished", "old", 1.0, id="3")
    assert story.events == []


def test_a_print_found_running_starts_when_the_printer_says(story: Story) -> None:
    story.shows("printing", "cube", 0.4, elapsed=600)
    assert story.kinds == [K.STARTED, K.PRINTING]
    assert not any(event.live for event in story.events)
    assert story.runs[0].started_at == BEGINNING - timedelta(seconds=600)


def test_a_print_found_running_has_no_start_if_the_printer_does_not_say(story: Story) -> None:
    story.shows("paused", "cube", 0.4)
    story.passes(50).shows("finished", "cube", 1.0)
    (job,) = story.runs
    assert story.kinds == [K.STARTED, K.PAUSED, K.FINISHED]
    assert job.started_at is None
    assert job.ended_at == story.at
    assert (job.duration, job.duration_source, job.paused) == (None, DurationSource.UNKNOWN, None)


@pytest.mark.parametrize("state", ["busy", "unknown", "offline"])
def test_a_state_that_says_nothing_of_the_job_leaves_it_open(story: Story, state: str) -> None:
    story.acquainted().shows("printing", "cube", 0.2)
    story.passes(5).shows(state)
    story.passes(5).shows("printing", "cube", 0.3)
    assert story.kinds == [K.STARTED, K.PRINTING]
    assert story.memory.run


def test_an_end_behind_an_offline_host_is_not_timed(story: Story) -> None:
    """OctoPrint answers while its printer is unplugged."""
    story.acquainted().shows("printing", "cube", 0.2)
    story.passes(5).shows("offline")
    story.passes(5000).shows("failed", "cube", 0.2)
    job = story.runs[0]
    assert (job.outcome, job.ended_at, job.duration) == (Outcome.FAILED, None, None)
    assert not story.events[-1].live


def test_an_end_reported_while_we_were_away_has_no_time(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.2, id="1")
    story.passes(5).loses_line()
    story.passes(7200).shows("finished", "cube", 1.0, id="1")
    job = story.runs[0]
    assert (job.outcome, job.certainty) == (Outcome.COMPLETED, Certainty.REPORTED)
    assert (job.ended_at, job.closed_at) == (None, story.at)
    assert (job.duration, job.duration_source) == (None, DurationSource.UNKNOWN)
    assert not story.events[-1].live


def test_the_printers_own_figure_fills_a_gap(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.2, id="1")
    story.passes(5).loses_line().passes(600).shows("printing", "cube", 0.6, id="1")
    story.passes(300).shows("finished", "cube", 1.0, id="1", elapsed=880)
    job = story.runs[0]
    assert (job.duration, job.duration_source) == (
        timedelta(seconds=880),
        DurationSource.PRINTER,
    )


def test_a_figure_longer_than_the_run_is_not_believed(story: Story) -> None:
    """Some firmware counts on from the job before."""
    story.acquainted().shows("printing", "cube", 0.2, id="1")
    story.passes(5).loses_line().passes(60).shows("printing", "cube", 0.6, id="1")
    story.passes(300).shows("finished", "cube", 1.0, id="1", elapsed=100_000)
    job = story.runs[0]
    assert (job.duration, job.duration_source) == (timedelta(seconds=365), DurationSource.CLOCK)
    assert job.paused is None, "it may have been paused while we did not look"


def test_a_run_lost_by_a_disconnect_of_51_hours_adds_no_hours(story: Story) -> None:
    """Vector 5 of the ledger: the gap is not printing time."""
    story.acquainted().shows("printing", "cube", 0.5)
    story.passes(60).loses_line()
    story.passes(51 * 3600).shows("printing", "vase", 0.1)
    lost, new = story.runs
    assert (lost.outcome, lost.certainty) == (Outcome.UNKNOWN, Certainty.NONE)
    assert (lost.duration, lost.ended_at, lost.duration_source) == (
        None,
        None,
        DurationSource.UNKNOWN,
    )
    assert new.identity.name == "vase"


@pytest.mark.parametrize(
    ("progress", "kind", "outcome"),
    [(0.995, K.FINISHED, Outcome.COMPLETED), (0.98, K.CANCELLED, Outcome.CANCELLED)],
)
def test_a_job_that_vanishes_before_our_eyes_ended_as_far_as_it_got(
    story: Story, progress: float, kind: JobEventKind, outcome: Outcome
) -> None:
    story.acquainted().shows("printing", "cube", progress)
    story.passes(5).shows("idle")
    job = story.runs[0]
    assert story.kinds[-1] is kind
    assert (job.outcome, job.certainty, job.ended_at) == (outcome, Certainty.INFERRED, story.at)


@pytest.mark.parametrize(
    ("progress", "outcome"), [(0.99, Outcome.COMPLETED), (0.5, Outcome.UNKNOWN)]
)
def test_another_job_in_its_place_ends_a_run(
    story: Story, progress: float, outcome: Outcome
) -> None:
    """A poll every thirty seconds can miss an end and a start."""
    story.acquainted().shows("printing", "a", progress, id="1")
    story.passes(30).shows("printing", "b", 0.0, id="2")
    first, second = story.runs
    assert (first.outcome, first.ended_at) == (outcome, story.at)
    assert (second.started_at, second.open) == (story.at, True)


def test_a_reprint_is_a_new_run(story: Story) -> None:
    """Vector 6: two runs of one file, each with its own row."""
    story.acquainted().shows("printing", "a", 0.5)
    story.passes(30).shows("finished", "a", 1.0)
    story.passes(30).shows("printing", "a", 0.01)
    story.passes(30).shows("failed", "a", 0.1, problems=("0300_400C", "HMS_1"))
    assert [job.outcome for job in story.runs] == [Outcome.COMPLETED, Outcome.FAILED]
    assert story.runs[1].reason == "0300_400C, HMS_1"
    assert len({job.id for job in story.runs}) == 2


def test_a_name_that_comes_late_renames_the_run(story: Story) -> None:
    """Bambu announces PREPARE with the job before, and says the new name seconds later."""
    story.acquainted().shows("printing", "a", 0.5, id="1")
    story.passes(30).shows("finished", "a", 1.0, id="1")
    story.passes(30).shows("preparing", "a", 1.0, id="1")
    story.passes(3).shows("preparing", "b", 0.0, id="2")
    story.passes(30).shows("printing", "b", 0.1, id="2")
    assert story.kinds[3:] == [K.STARTED, K.IDENTIFIED, K.PRINTING]
    assert [job.identity.name for job in story.runs] == ["a", "b"]
    assert story.runs[1].identity.printer_job_id == "2"


def test_a_run_without_a_name_is_named_when_the_printer_does(story: Story) -> None:
    story.acquainted().shows("preparing")
    story.passes(3).shows("printing", "b", 0.1, origin="cloud")
    assert story.kinds == [K.STARTED, K.IDENTIFIED, K.PRINTING]
    assert (story.runs[0].title, story.runs[0].origin) == ("b", "cloud")


def test_a_late_name_may_come_with_the_end(story: Story) -> None:
    story.acquainted().shows("preparing")
    story.passes(3).shows("failed", "b", id="9")
    assert [(job.title, job.outcome) for job in story.runs] == [("b", Outcome.FAILED)]


def test_a_printer_that_comes_back_idle_is_given_time_to_go_on(story: Story) -> None:
    """Power-loss recovery asks at the screen, then prints on with the same job."""
    story.acquainted().shows("printing", "cube", 0.5)
    story.passes(10).loses_line().passes(60)
    assert story.shows("idle") == ()
    assert story.memory.waiting
    story.passes(200)
    assert story.is_quiet() == ()
    story.shows("printing", "cube", 0.5)
    assert story.kinds == [K.STARTED, K.PRINTING, K.RESUMED]
    assert not story.memory.waiting
    story.passes(600).shows("finished", "cube", 1.0)
    assert story.runs[0].duration_source is DurationSource.CLOCK


def test_a_printer_that_stays_idle_has_lost_its_run(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.999)
    story.passes(10).loses_line().passes(60).shows("idle")
    assert story.passes(299).is_quiet() == ()
    (event,) = story.passes(1).is_quiet()
    assert (event.kind, event.live) == (K.ENDED_UNSEEN, False)
    assert (event.job.outcome, event.job.ended_at, event.job.reason) == (
        Outcome.UNKNOWN,
        None,
        "not_resumed",
    )


def test_doubt_counts_only_while_we_look(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.5)
    story.loses_line().passes(9).shows("idle")
    story.passes(200).loses_line().passes(9000)
    assert story.shows("idle") == ()
    assert story.passes(99).is_quiet() == ()
    assert len(story.passes(1).is_quiet()) == 1


def test_doubt_is_not_fed_by_the_time_we_were_switched_off(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.5)
    story.loses_line().passes(9).shows("idle")
    story.passes(9000).restarts(monotonic=99_000.0)
    assert story.shows("idle") == ()


def test_a_missing_run_that_comes_back_further_behind_is_another(story: Story) -> None:
    """Somebody started the same file again after the power cut."""
    story.acquainted().shows("printing", "cube", 0.5)
    story.loses_line().passes(60).shows("idle")
    story.passes(60).shows("preparing", "cube", 0.0)
    lost, new = story.runs
    assert (lost.outcome, lost.ended_at) == (Outcome.UNKNOWN, None)
    assert new.started_at == story.at


def test_a_missing_run_gives_way_to_another_job(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.995)
    story.loses_line().passes(60).shows("idle")
    story.passes(60).shows("printing", "vase", 0.0)
    assert [job.outcome for job in story.runs] == [Outcome.UNKNOWN, None]


def test_a_missing_run_may_still_be_reported(story: Story) -> None:
    story.acquainted().shows("printing", "cube", 0.5)
    story.loses_line().passes(60).shows("idle")
    story.passes(60).shows("failed", "cube", 0.5)
    assert (story.runs[0].outcome, story.runs[0].ended_at) == (Outcome.FAILED, None)


def test_an_old_result_shown_again_says_nothing_of_the_open_run(story: Story) -> None:
    """A printer that replays its last job after power-on."""
    story.acquainted().shows("printing", "a", 0.5)
    story.passes(60).shows("finished", "a", 1.0)
    story.passes(60).shows("printing", "b", 0.5)
    story.passes(60).loses_line().passes(600).shows("finished", "a", 1.0)
    assert story.memory.run
    story.passes(301).is_quiet()
    assert [job.outcome for job in story.runs] == [Outcome.COMPLETED, Outcome.UNKNOWN]


def test_a_report_from_before_the_start_does_not_end_a_reprint(story: Story) -> None:
    """One to three stale reports follow a command."""
    story.acquainted().shows("printing", "a", 0.5)
    story.passes(60).shows("finished", "a", 1.0)
    story.passes(60).shows("preparing", "a")
    story.passes(1).shows("finished", "a", 1.0)
    story.passes(1).shows("preparing", "a")
    story.passes(60).shows("printing", "a", 0.1)
    assert story.kinds[3:] == [K.STARTED, K.PRINTING]


def test_a_run_nobody_saw_is_recorded_when_its_id_is_new(story: Story) -> None:
    """Printed over night while Home Assistant was off: it counts the same (rule 5)."""
    story.acquainted().loses_line().passes(36_000).shows(
        "finished", "cube", 1.0, id="8", elapsed=900
    )
    assert story.kinds == [K.STARTED, K.FINISHED]
    assert not any(event.live for event in story.events)
    job = story.runs[0]
    assert (job.started_at, job.ended_at, job.outcome) == (None, None, Outcome.COMPLETED)
    assert (job.duration, job.duration_source) == (
        timedelta(seconds=900),
        DurationSource.PRINTER,
    )
    story.loses_line().passes(60).shows("finished", "cube", 1.0, id="8", elapsed=900)
    assert len(story.runs) == 1


def test_a_result_without_an_id_found_on_connecting_is_not_counted(story: Story) -> None:
    story.acquainted().loses_line().passes(36_000).shows("finished", "cube", 1.0)
    assert story.events == []


def test_a_lost_run_and_an_unseen_one_are_told_apart(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.5, id="1")
    story.loses_line().passes(36_000).shows("cancelled", "b", 0.3, id="2")
    assert [job.outcome for job in story.runs] == [Outcome.UNKNOWN, Outcome.CANCELLED]


def test_a_job_shorter_than_a_poll_is_recorded(story: Story) -> None:
    story.acquainted().passes(60).shows("finished", "cube", 1.0, elapsed=10)
    assert story.kinds == [K.STARTED, K.FINISHED]
    job = story.runs[0]
    assert (job.ended_at, job.started_at) == (story.at, story.at - timedelta(seconds=10))
    assert all(event.live for event in story.events)


def test_a_job_shorter_than_a_poll_without_a_clock_has_no_duration(story: Story) -> None:
    story.acquainted().passes(60).shows("finished", "cube", 1.0)
    job = story.runs[0]
    assert (job.started_at, job.duration, job.duration_source) == (
        None,
        None,
        DurationSource.UNKNOWN,
    )


def test_a_replay_on_a_young_line_is_not_a_new_job(story: Story) -> None:
    story.shows("idle")
    story.passes(5).shows("finished", "old", 1.0, id="77")
    story.passes(500).shows("finished", "old", 1.0, id="77")
    assert story.events == []


def test_a_failure_without_a_job_is_no_run(story: Story) -> None:
    """An emergency stop on an idle machine."""
    story.acquainted().passes(60).shows("failed", problems=("shutdown",))
    assert story.events == []


def test_the_same_file_from_the_start_again_is_a_new_run(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.97)
    story.passes(30).shows("preparing", "a", 0.0)
    assert [job.outcome for job in story.runs] == [Outcome.UNKNOWN, None]


def test_a_figure_that_falls_while_printing_is_the_firmware(story: Story) -> None:
    """It zeroes progress and layer shortly before it admits a cancel."""
    story.acquainted().shows("printing", "a", 0.97, layer=90)
    story.passes(30).shows("printing", "a", 0.0, layer=0)
    story.passes(3).shows("cancelled", "a", 0.0, layer=0)
    (job,) = story.runs
    assert (job.progress, job.layer, job.outcome) == (0.97, 90, Outcome.CANCELLED)


def test_the_same_file_found_at_its_start_after_a_gap_is_a_new_run(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.9)
    story.loses_line().passes(9000).shows("printing", "a", 0.05)
    assert [job.outcome for job in story.runs] == [Outcome.UNKNOWN, None]


def test_a_unique_id_keeps_a_run_together_whatever_its_progress(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.9, id="4")
    story.loses_line().passes(9000).shows("printing", "a", 0.05, id="4")
    assert len(story.runs) == 1


def test_a_clock_set_back_gives_no_negative_time(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.passes(60).loses_line().passes(5).shows("printing", "a", 0.2)
    story.at -= timedelta(days=1)
    story.passes(60).shows("printing", "a", 0.3)
    story.passes(60).shows("finished", "a", 1.0)
    job = story.runs[0]
    assert (job.duration, job.duration_source) == (None, DurationSource.UNKNOWN)


def test_a_clock_that_jumps_does_not_touch_what_was_watched(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.at += timedelta(days=400)
    story.passes(60).is_quiet()
    story.passes(60).shows("finished", "a", 1.0)
    assert story.runs[0].duration == timedelta(seconds=120)


def test_attention_is_told_and_counts_as_standing_still(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.passes(10).shows("attention", "a", 0.1)
    story.passes(10).shows("paused", "a", 0.1)
    story.passes(10).shows("cancelled", "a", 0.0)
    assert story.kinds[2:] == [K.ATTENTION, K.PAUSED, K.CANCELLED]
    assert story.runs[0].paused == timedelta(seconds=20)


def test_a_pause_found_on_reconnecting_is_recorded_but_not_announced(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.loses_line().passes(10).shows("paused", "a", 0.2)
    assert story.kinds[-1] is K.PAUSED
    assert not story.events[-1].live


def test_our_restart_goes_on_with_the_open_run(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.passes(60).restarts()
    story.shows("printing", "a", 0.2)
    assert story.kinds == [K.STARTED, K.PRINTING]


def test_a_monotonic_clock_that_runs_back_breaks_the_line(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.monotonic -= 500
    story.shows("printing", "a", 0.2)
    story.passes(60).shows("finished", "a", 1.0)
    assert story.runs[0].duration_source is DurationSource.CLOCK


def test_a_printer_gone_for_good_leaves_no_run_open(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.loses_line().passes(31 * 86_400)
    (event,) = story.gives_up()
    assert (event.kind, event.job.reason, event.job.ended_at) == (
        K.ENDED_UNSEEN,
        "printer_gone",
        None,
    )
    assert story.gives_up() == ()


def test_a_starting_printer_says_nothing_yet(story: Story) -> None:
    """Busy first, then its job: nobody saw it begin."""
    story.shows("busy")
    story.passes(10).shows("printing", "a", 0.4)
    assert not story.events[0].live
    assert story.runs[0].started_at is None


def test_foreign_text_and_figures_are_made_fit_for_a_database(story: Story) -> None:
    story.acquainted().shows(
        "printing", "a\x00\udcff" + "x" * 5000, float("nan"), layer=10**12, elapsed=1e12
    )
    job = story.runs[0]
    assert job.identity.name is not None
    assert len(job.identity.name) <= 1024
    assert "\x00" not in job.identity.name
    job.identity.name.encode()
    assert (job.progress, job.layer) == (None, None)


@pytest.mark.parametrize("state", ["idle", "finished", "printing"])
def test_a_status_that_says_nothing_new_costs_nothing(story: Story, state: str) -> None:
    """A hundred printers, once a second."""
    story.acquainted().shows(state, "a", 0.5, id="1")
    before = story.memory
    story.passes(1).shows(state, "a", 0.5, id="1")
    assert story.memory is before


def test_losing_a_line_twice_changes_nothing(story: Story) -> None:
    story.acquainted().loses_line()
    before = story.memory
    story.loses_line().is_quiet()
    assert story.memory is before


def test_the_same_story_gives_the_same_ids(story: Story) -> None:
    story.acquainted().shows("printing", "a", 0.1)
    story.passes(5).shows("finished", "a", 1.0)
    again = Story()
    for observation in story.told:
        again.memory, events = observe(again.memory, observation)
        again.events += events
    assert again.events == story.events
