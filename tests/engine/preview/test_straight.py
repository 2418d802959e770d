"""Fewer lines for the same curve."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.preview.straight import Lines, straightened


def path(*points: tuple[float, float, float], width: float = 0.5) -> Lines:
    places = np.array(points, np.float32).T
    count = len(points) - 1
    return Lines(
        since=places[:, :-1],
        until=places[:, 1:],
        width=np.full(count, width, np.float32),
        height=np.full(count, 0.2, np.float32),
        colours=np.zeros(count, np.uint16),
        upright=np.ones(count, np.bool_),
    )


def both(one: Lines, other: Lines) -> Lines:
    return Lines(
        *(
            np.concatenate((getattr(one, name), getattr(other, name)), axis=-1)
            for name in Lines.__slots__
        )
    )


def circle(count: int, radius: float) -> list[tuple[float, float, float]]:
    angles = np.linspace(0, 2 * np.pi, count + 1)
    return [(radius * np.cos(each), radius * np.sin(each), 1.0) for each in angles]


@given(st.integers(3, 400), st.floats(1, 100), st.floats(0.001, 0.5))
@settings(max_examples=60, deadline=None)
def test_a_circle_stays_one(count: int, radius: float, within: float) -> None:
    """A round thing with corners is not what was sliced."""
    found = straightened(path(*circle(count, radius)), within)
    assert 1 <= len(found) <= count
    assert (found.since[:, 1:] == found.until[:, :-1]).all(), "without a gap"
    middle = np.hypot(*((found.since + found.until) / 2)[:2])
    sagitta = radius * (1 - np.cos(np.pi / count))
    assert (radius - middle).max() <= 3 * within + sagitta + 1e-3


def test_a_fine_curve_becomes_an_eighth() -> None:
    assert len(straightened(path(*circle(800, 20.0)), 0.05)) == 100


def test_a_long_straight_line_may_be_one() -> None:
    found = straightened(path(*((float(x), 0.0, 1.0) for x in range(9))), 0.01)
    assert found.since.T.tolist() == [[0, 0, 1]]
    assert found.until.T.tolist() == [[8, 0, 1]]


APART = {
    "a corner": path((0, 0, 1), (5, 0, 1), (5, 5, 1)),
    "back again": path((0, 0, 1), (5, 0, 1), (1, 0, 1)),
    "up a layer": path((0, 0, 1), (5, 0, 1), (5.5, 0, 2)),
    "a gap": both(path((0, 0, 1), (5, 0, 1)), path((6, 0, 1), (9, 0, 1))),
    "another width": both(path((0, 0, 1), (5, 0, 1)), path((5, 0, 1), (9, 0, 1), width=0.6)),
}


@pytest.mark.parametrize("case", APART)
def test_what_is_not_one_line_stays_apart(case: str) -> None:
    """Corners that are cut off, or a bridge across a gap that nobody printed."""
    assert len(straightened(APART[case], 0.1)) == 2
