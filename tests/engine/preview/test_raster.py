"""Triangles onto samples: each in its place, the nearest in front, none twice, none missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from custom_components.printernizer.engine.preview.raster import COLOURS, Canvas, fold, unfold

if TYPE_CHECKING:
    from numpy.typing import NDArray

UP_FRONT = np.array([[0.0], [0.0], [1.0]], np.float32)


def triangles(*corners: list[tuple[float, float, float]]) -> NDArray[np.float32]:
    """Return triangles, each three corners of x, y and depth, the way a canvas takes them."""
    return np.array(corners, np.float32).transpose(2, 1, 0)


def facing(count: int) -> NDArray[np.float32]:
    """Return normals that all look at the eye."""
    return np.repeat(UP_FRONT, count, axis=1)


def test_a_triangle_covers_the_samples_whose_centres_lie_in_it() -> None:
    """A picture whose shapes are a little too large or too small lies about every hole."""
    canvas = Canvas(8, 8, 1)
    canvas.draw(triangles([(0, 0, 5), (8, 0, 5), (0, 8, 5)]), facing(1))
    expected = np.add.outer(np.arange(8), np.arange(8)) < 7
    assert (canvas.covered == expected).all()
    assert canvas.samples().depth[0, 0] == 5
    assert np.isinf(canvas.samples().depth[7, 7])


def test_neighbours_leave_no_crack_and_draw_no_sample_twice() -> None:
    """Cracks between the triangles of a fine mesh let the background shine through."""
    rng = np.random.default_rng(5)
    steps = 40
    grid = np.stack(np.meshgrid(np.arange(steps), np.arange(steps)), -1).astype(np.float32)
    grid[1:-1, 1:-1] += rng.uniform(-0.4, 0.4, (steps - 2, steps - 2, 2))
    points = np.concatenate((grid * 1.7 + 3.3, np.full((steps, steps, 1), 9)), axis=2)
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    both = np.concatenate((np.stack((a, b, c), -2), np.stack((c, d, a), -2))).reshape(-1, 3, 3)
    canvas = Canvas(80, 80, 1)
    corners = both.transpose(2, 1, 0).astype(np.float32)
    canvas.draw(corners, facing(len(both)))
    low, high = round(3.3), round(3.3 + 39 * 1.7)
    assert canvas.covered[low:high, low:high].all()
    assert canvas.covered.sum() == (high - low) ** 2
    alone = 0
    for one in range(len(both)):
        single = Canvas(80, 80, 1)
        single.draw(corners[..., one : one + 1], UP_FRONT)
        alone += single.covered.sum()
        if one == 200:
            break
    together = Canvas(80, 80, 1)
    together.draw(corners[..., :201], facing(201))
    assert alone == together.covered.sum()


def test_planes_that_cross_each_show_their_nearer_half() -> None:
    """A thing behind another must not shine through it, whichever is drawn first."""
    falling = [(0.0, 0.0, 0.0), (40.0, 0.0, 20.0), (0.0, 20.0, 0.0)]
    falling2 = [(40.0, 0.0, 20.0), (40.0, 20.0, 20.0), (0.0, 20.0, 0.0)]
    rising = [(0.0, 0.0, 20.0), (40.0, 0.0, 0.0), (0.0, 20.0, 20.0)]
    rising2 = [(40.0, 0.0, 0.0), (40.0, 20.0, 0.0), (0.0, 20.0, 20.0)]
    corners = triangles(falling, falling2, rising, rising2)
    colours = np.array([1, 1, 2, 2], np.uint16)
    for order in ([0, 1, 2, 3], [3, 2, 1, 0]):
        canvas = Canvas(40, 20, 1)
        canvas.draw(corners[..., order], facing(4), colours[order])
        assert (canvas.samples().colours[:, :20] == 1).all()
        assert (canvas.samples().colours[:, 20:] == 2).all()


def test_the_order_of_drawing_does_not_show() -> None:
    """Equal options give equal bytes, also where surfaces lie in one plane."""
    rng = np.random.default_rng(7)
    corners = rng.uniform(-10, 110, (3, 3, 3000)).astype(np.float32)
    corners[2] = np.abs(corners[2])
    corners[2, :, :500] = 30
    normals = rng.normal(size=(3, 3000)).astype(np.float32)
    colours = rng.integers(0, COLOURS, 3000).astype(np.uint16)
    first, second = Canvas(50, 50), Canvas(50, 50)
    first.draw(corners, normals, colours)
    order = rng.permutation(3000)
    for part in np.array_split(order, 7):
        second.draw(corners[..., part], normals[..., part], colours[part])
    assert (first.samples().depth == second.samples().depth).all()
    assert (first.samples().colours == second.samples().colours).all()
    assert (first.samples().normals == second.samples().normals).all()


def test_what_lies_beside_the_canvas_or_nowhere_is_left_out() -> None:
    """A hostile file holds corners that are no numbers, and triangles of any size."""
    canvas = Canvas(16, 16)
    corners = np.concatenate(
        (
            triangles([(-1e30, -1e30, 4), (1e30, -1e30, 4), (0, 1e30, 4)]),
            triangles([(np.nan, 0, 1), (9, 0, 1), (0, 9, 1)]),
            triangles([(np.inf, 0, 1), (9, 0, 1), (0, 9, 1)]),
            triangles([(-50, 3, 1), (-9, 0, 1), (-20, 9, 1)]),
            triangles([(3, 300, 1), (9, 100, 1), (0, 90, 1)]),
            triangles([(3, 3, 1), (9, 9, 1), (6, 6, 1)]),
        ),
        axis=2,
    )
    assert list(canvas.touched(corners[..., 3:5])) == []
    canvas.draw(corners, facing(6), np.arange(6, dtype=np.uint16))
    assert canvas.covered.any()
    assert set(canvas.samples().colours[canvas.covered]) == {0}


def test_fine_meshes_lose_only_triangles_between_the_samples() -> None:
    """`touched` saves most of the work, and may not save what is seen."""
    rng = np.random.default_rng(3)
    centres = rng.uniform(-5, 69, (2, 1, 4000))
    corners = np.concatenate((centres + rng.normal(0, 0.6, (2, 3, 4000)), np.ones((1, 3, 4000))))
    corners = corners.astype(np.float32)
    whole, part = Canvas(32, 32), Canvas(32, 32)
    whole.draw(corners, facing(4000))
    touched = whole.touched(corners)
    part.draw(corners[..., touched], facing(len(touched)))
    assert 0 < len(touched) < 3000
    assert (whole.covered == part.covered).all()


def test_normals_and_colours_come_back_as_they_were_drawn() -> None:
    """Light falls on what the canvas remembers, at a tenth of a degree."""
    rng = np.random.default_rng(11)
    normals = rng.normal(size=(3, 500)).astype(np.float32)
    normals[2] = np.abs(normals[2])
    normals /= np.linalg.norm(normals, axis=0)
    for place in range(0, 500, 50):
        canvas = Canvas(1, 1)
        canvas.draw(
            triangles([(-9, -9, 1), (9, -9, 1), (0, 20, 1)]), normals[:, [place]], COLOURS - 1
        )
        towards = normals[:, place]
        assert canvas.samples().normals[:, 0, 0] @ towards > np.cos(np.radians(0.2))
        assert canvas.samples().colours[0, 0] == COLOURS - 1
    folded = fold(normals)
    assert np.abs(folded).max() <= 1
    again = unfold(folded[0], folded[1])
    assert np.allclose(again, normals, atol=1e-4)
    assert np.allclose(fold(np.zeros((3, 1), np.float32)), 0)
    away = np.array([[3.0], [0.0], [-4.0]], np.float32)
    assert np.allclose(unfold(*fold(away))[:, 0], (1, 0, 0))


def test_a_bent_surface_is_bent_between_its_corners() -> None:
    """Smooth shading and round extrusions need the bend, not facets."""
    canvas = Canvas(64, 4, 1)
    corners = triangles(
        [(0, 0, 1), (64, 0, 1), (0, 4, 1)],
        [(64, 0, 1), (64, 4, 1), (0, 4, 1)],
    )
    left, right = (-1.0, 0.0, 1.0), (1.0, 0.0, 1.0)
    normals = np.array([[left, right, left], [right, right, left]], np.float32)
    canvas.draw(corners, normals.transpose(2, 1, 0), 3)
    seen = canvas.samples().normals[0]
    assert (np.diff(seen, axis=1) > 0).all()
    assert seen[:, 0].max() < -0.65
    assert seen[:, -1].min() > 0.65
    assert (canvas.samples().colours == 3).all()


@pytest.mark.parametrize("size", [1, 16, 300])
def test_rows_of_a_picture_can_be_read_in_parts(size: int) -> None:
    """Pictures of any size are finished in bands, so that memory does not grow with them."""
    canvas = Canvas(size, 8)
    canvas.draw(triangles([(0, 0, 1), (2 * size, 0, 1), (0, 16, 9)]), UP_FRONT)
    band = slice(4, 9)
    assert (canvas.samples(band).depth == canvas.samples().depth[band]).all()
    assert (canvas.samples(band).normals == canvas.samples().normals[:, band]).all()
    assert (canvas.samples(band).colours == canvas.samples().colours[band]).all()
