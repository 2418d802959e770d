"""Values that are held still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.printernizer.steady import steady, steady_time, whole_minutes

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("held", "measured", "shown"),
    [
        (None, 219.6, 220),
        (220, 219.1, 220),
        (220, 220.9, 220),
        (220, 221.2, 221),
        (220, 218.6, 219),
        (220, None, None),
        (None, None, None),
    ],
)
def test_a_measured_value_is_held_until_it_has_moved_for_good(
    held: float | None, measured: float | None, shown: float | None
) -> None:
    assert steady(held, measured, 1.0) == shown


def test_a_trembling_heater_is_shown_as_one_value() -> None:
    """The boundary between two whole degrees must not be one between many rows."""
    shown = None
    values = set()
    for step in range(100):
        shown = steady(shown, 219.5 + (0.4 if step % 2 else -0.4), 1.0)
        values.add(shown)
    assert len(values) == 1


@pytest.mark.parametrize(
    ("drift", "moved"),
    [(0, False), (60, False), (-60, False), (61, True), (-90, True)],
)
def test_a_moment_moves_only_when_it_drifts_by_more_than_a_minute(drift: int, moved: bool) -> None:
    shown = steady_time(NOON, NOON + timedelta(seconds=drift))
    assert (shown != NOON) is moved


def test_a_moment_that_moved_is_shown_to_the_nearest_minute() -> None:
    assert steady_time(None, NOON + timedelta(seconds=29)) == NOON
    assert steady_time(None, NOON + timedelta(seconds=31)) == NOON + timedelta(minutes=1)
    assert steady_time(NOON, None) is None


def test_minutes_are_rounded_up() -> None:
    """ "0 minutes left" is what people read as done."""
    assert whole_minutes(timedelta(seconds=1)) == 1
    assert whole_minutes(timedelta(minutes=2)) == 2
    assert whole_minutes(timedelta(0)) == 0
    assert whole_minutes(None) is None
