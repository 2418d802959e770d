"""All of a thing in its picture, as large as it can be, the right way round."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.preview.view import MARGIN, Framing, View, axes

from .shapes import ball, box

DIRECTIONS = [(0, 0), (-35, 30), (120, -20), (0, 90), (725, 55)]


def framed(
    points: np.ndarray,
    azimuth: float = -35,
    elevation: float = 30,
    width: int = 400,
    height: int = 300,
) -> tuple[View, np.ndarray]:
    """Return how points are looked at, and where they come to lie, (3, n)."""
    framing = Framing(width, height, [axes(azimuth, elevation)])
    framing.add(points.astype(np.float32))
    view = framing.view()
    triples = np.repeat(points.astype(np.float32)[:, None], 3, axis=1)
    return view, view.project(triples)[:, 0]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    exponent=st.integers(-9, 6),
    stretch=st.tuples(*[st.sampled_from([0.0, 0.01, 1.0])] * 3),
    direction=st.sampled_from(DIRECTIONS),
    portrait=st.booleans(),
)
def test_a_thing_of_any_size_and_shape_fills_its_picture(
    seed: int,
    exponent: int,
    stretch: tuple[float, float, float],
    direction: tuple[float, float],
    portrait: bool,
) -> None:
    """A picture with a speck in the middle, or with an arm cut off, is of no use."""
    points = np.random.default_rng(seed).normal(size=(40, 3)) * stretch * 10.0**exponent
    width, height = (200, 500) if portrait else (500, 200)
    _, (x, y, depth) = framed(points, *direction, width, height)
    slack = 0.02
    low = np.array([width, height]) * MARGIN - slack
    high = np.array([width, height]) * (1 - MARGIN) + slack
    assert (x >= low[0]).all()
    assert (x <= high[0]).all()
    assert (y >= low[1]).all()
    assert (y <= high[1]).all()
    assert (depth >= 0).all()
    seen = np.array([np.ptp(x), np.ptp(y)]) / (high - low)
    thin = points @ axes(*direction)[:2].T
    if np.ptp(thin, axis=0).max() > 0.2 * np.ptp(points @ axes(*direction)[2]):
        assert seen.max() > 0.98


def test_a_thing_far_from_the_origin_keeps_its_shape() -> None:
    """Some designers place their part where it sits in the car."""
    near = ball(10, 12).reshape(-1, 3)
    _, (x, y, _) = framed(near)
    _, (far_x, far_y, _) = framed(near + np.float32(30_000))
    assert np.abs(x - far_x).max() < 0.2
    assert np.abs(y - far_y).max() < 0.2


@pytest.mark.parametrize(
    ("azimuth", "elevation", "towards"),
    [(0, 0, (0, -1, 0)), (90, 0, (1, 0, 0)), (-90, 0, (-1, 0, 0)), (0, 90, (0, 0, 1))],
)
def test_the_eye_stands_where_the_options_say(
    azimuth: float, elevation: float, towards: tuple[float, float, float]
) -> None:
    """In front is towards -y, as on the printer."""
    direction = axes(azimuth, elevation)
    assert np.allclose(direction[2], towards, atol=1e-9)
    assert np.allclose(direction @ direction.T, np.eye(3), atol=1e-9)
    assert np.linalg.det(direction) == pytest.approx(1)
    if elevation == 0:
        assert np.allclose(direction[1], (0, 0, 1), atol=1e-9)


def test_what_is_nearer_is_less_deep_and_larger() -> None:
    """Perspective the wrong way round makes people dizzy."""
    points = np.array([[-5, -10, 0], [5, -10, 0], [-5, 10, 0], [5, 10, 0], [0, 0, 4]], float)
    _, (x, _, depth) = framed(points, 0, 0)
    assert x[1] - x[0] > 1.02 * (x[3] - x[2])
    assert depth[0] == pytest.approx(depth[1])
    assert depth[0] < depth[4] < depth[2]


def test_what_is_seen_can_be_found_again_in_the_world() -> None:
    """Shadows and the grid of the plate are reckoned from pixels."""
    points = np.random.default_rng(2).uniform(-20, 60, (200, 3))
    view, (x, y, depth) = framed(points)
    distance = view.distance(depth)
    assert np.allclose(view.places(x, y, distance), points.T, atol=2e-3)
    level = points[:, 2].mean()
    flat = np.stack((points[:, 0], points[:, 1], np.full(200, level)), 1).astype(np.float32)
    seen = view.project(np.repeat(flat[:, None], 3, axis=1))[:, 0]
    found, width = view.on_level(seen[0], seen[1], level)
    assert np.allclose(found, flat.T, atol=5e-3)
    assert (width > 0).all()


def test_a_plane_is_a_plane_in_depth_too() -> None:
    """Surfaces are drawn by straight lines between their corners."""
    corners = np.array([[-20, -30, 2], [30, -10, 9], [0, 40, -4]], np.float64)
    view, _ = framed(corners)
    middle = corners.mean(axis=0)
    triangle = view.project(np.stack((corners, np.repeat(middle[None], 3, 0))).astype(np.float32))
    x, y, depth = triangle[..., 0]
    plane = np.linalg.solve(np.stack((x, y, np.ones(3)), 1).astype(float), depth.astype(float))
    at = triangle[:, 0, 1]
    assert plane @ [at[0], at[1], 1] == pytest.approx(at[2], abs=2e-3)


def test_the_side_that_is_seen_is_the_side_that_is_lit() -> None:
    """Many files have some of their triangles inside out."""
    cube = box((-5, -5, -5), (5, 5, 5))
    view, _ = framed(cube.reshape(-1, 3), -35, 30)
    normals = view.normals(cube)
    assert np.allclose(normals, view.normals(cube[:, ::-1]), atol=1e-3)
    assert normals[2].min() > 0
    top = normals[:, 2] / np.linalg.norm(normals[:, 2])
    assert np.allclose(top, axes(-35, 30) @ (0, 0, 1), atol=1e-3)
    bent = np.repeat(np.array([[[0.0, 0.0, 1.0]]], np.float32), 3, axis=1)
    bent = np.repeat(bent, 2, axis=0)
    assert np.allclose(view.facing(cube[2:4], bent)[:, 0, 0], view.axes @ (0, 0, 1), atol=1e-6)
    turned = view.facing(cube[2:4][:, ::-1], -bent)
    assert np.allclose(turned[:, 0, 0], view.axes @ (0, 0, 1), atol=1e-6)


def test_a_turn_keeps_its_thing_in_the_picture_and_in_its_place() -> None:
    """An animation that breathes or wobbles looks broken."""
    points = box((0, 0, 0), (40, 8, 20)).reshape(-1, 3)
    turns = range(0, 360, 9)
    framing = Framing(300, 300, [axes(turn, 20) for turn in turns])
    framing.add(points)
    triples = np.repeat(points[:, None], 3, axis=1)
    largest = 0.0
    for turn in turns:
        view = framing.view().turned_to(axes(turn, 20))
        x, y, depth = view.project(triples)[:, 0]
        assert min(x.min(), y.min()) >= 300 * MARGIN - 0.1
        assert max(x.max(), y.max()) <= 300 * (1 - MARGIN) + 0.1
        assert (depth > 0).all()
        middle = view.project(np.full((1, 3, 3), [20, 4, 10], np.float32))[:2, 0, 0]
        assert np.allclose(middle, 150, atol=0.01)
        largest = max(largest, np.ptp(x), np.ptp(y))
    assert largest > 300 * (1 - 2 * MARGIN) * 0.93


def test_nothing_at_all_can_still_be_looked_at() -> None:
    """Empty files reach the camera before anybody has found them out."""
    framing = Framing(100, 100, [axes(0, 30)])
    assert framing.empty
    assert np.allclose(framing.box, 0)
    assert np.isfinite(framing.view().project(np.zeros((1, 3, 3), np.float32))).all()
    framing.add(np.full((5, 3), 7, np.float32))
    assert not framing.empty
    at = framing.view().project(np.full((1, 3, 3), 7, np.float32))
    assert np.allclose(at[:2], 50)
