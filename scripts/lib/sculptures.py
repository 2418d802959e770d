"""Models to draw and to measure with, made from formulas: triangles (n, 3, 3) in mm, z up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    type Floats = NDArray[np.floating]
    type Field = Callable[[Floats, Floats, Floats], Floats]

_STL: Final = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(path: Path, triangles: Floats) -> None:
    """Write a binary STL."""
    records = np.zeros(len(triangles), _STL)
    records["corners"] = triangles
    with path.open("wb") as file:
        file.write(b"made by a formula".ljust(80) + np.uint32(len(triangles)).tobytes())
        records.tofile(file)


def woven(points: Floats) -> Floats:
    """Return two triangles for every mesh of a net of points, (rows, columns, 3)."""
    a, b, c, d = points[:-1, :-1], points[1:, :-1], points[1:, 1:], points[:-1, 1:]
    return np.concatenate(
        (np.stack((a, b, c), -2).reshape(-1, 3, 3), np.stack((a, c, d), -2).reshape(-1, 3, 3))
    )


def lofted(rings: Sequence[Floats]) -> Floats:
    """Return a skin over rings of equally many points, the last one joined to the first."""
    net = np.stack([*rings, rings[0]])
    return woven(np.concatenate((net, net[:, :1]), axis=1))[:, ::-1]


def box(low: Sequence[float], high: Sequence[float]) -> Floats:
    """Return twelve triangles."""
    corner = np.array([low, high], float)
    at = np.array([[corner[(i >> k) & 1, k] for k in range(3)] for i in range(8)])
    faces = [
        (0, 2, 3, 1),
        (4, 5, 7, 6),
        (0, 1, 5, 4),
        (2, 6, 7, 3),
        (0, 4, 6, 2),
        (1, 3, 7, 5),
    ]
    return np.array([at[[f[0], f[i], f[i + 1]]] for f in faces for i in (1, 2)])


def _outline(radius: Floats, turn: Floats, z: float) -> Floats:
    return np.stack((radius * np.cos(turn), radius * np.sin(turn), np.full_like(turn, z)), -1)


def gear(teeth: int = 18, outer: float = 30.0, height: float = 10.0) -> Floats:
    """Return a gear with chamfered teeth, a hub and a bore with a keyway."""
    turn = np.linspace(0, 2 * np.pi, teeth * 40, endpoint=False)
    wave = np.clip(2.2 * np.cos(turn * teeth), -1, 1)
    rim = outer - 3.2 + 3.2 * wave
    web = np.full_like(turn, outer - 10)
    hub = np.full_like(turn, 12.0)
    bore = np.full_like(turn, 6.0)
    bore = np.where(np.abs(turn - np.pi) < 0.3, 7.8 / np.maximum(0.5, -np.cos(turn)), bore)
    sink, bump = height - 3, height + 4
    return lofted(
        [
            _outline(rim - 1, turn, 0),
            _outline(rim, turn, 1),
            _outline(rim, turn, height - 1),
            _outline(rim - 1, turn, height),
            _outline(web, turn, height),
            _outline(web - 1.5, turn, sink),
            _outline(hub + 0.6, turn, sink),
            _outline(hub, turn, bump - 1),
            _outline(hub - 1, turn, bump),
            _outline(bore + 0.8, turn, bump),
            _outline(bore, turn, bump - 0.8),
            _outline(bore, turn, 0.8),
            _outline(bore + 0.8, turn, 0),
        ]
    )


def vase(around: int = 480, up: int = 160) -> Floats:
    """Return a twisted vase with ribs and thin walls."""
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    heights = np.linspace(0, 1, up)

    def ring(part: float, inset: float) -> Floats:
        body = 22 + 11 * np.sin(part * 4.2 + 0.3)
        ribs = 1.0 + 0.07 * np.cos(9 * (turn + part * 1.7)) + 0.012 * np.cos(36 * turn)
        return _outline(body * ribs - inset, turn, part * 95 + (1.6 if inset and part == 0 else 0))

    outside = [ring(part, 0.0) for part in heights]
    inside = [ring(part, 1.4) for part in heights[::-1]]
    middle = np.zeros((len(turn), 3))
    return lofted([*outside, *inside, middle + np.array([0, 0, 1.6]), middle])


def knot(along: int = 900, around: int = 72) -> Floats:
    """Return a trefoil of a twisted, ribbed rope."""
    t = np.linspace(0, 2 * np.pi, along + 1)[:, None]
    s = np.linspace(0, 2 * np.pi, around + 1)[None, :]

    def path(at: Floats) -> Floats:
        reach = 28 * (1 + 0.42 * np.cos(3 * at))
        return np.stack((reach * np.cos(2 * at), reach * np.sin(2 * at), 15 * np.sin(3 * at)), -1)

    centre = path(t)
    ahead = path(t + 1e-4) - path(t - 1e-4)
    ahead /= np.linalg.norm(ahead, axis=-1, keepdims=True)
    side = np.cross(ahead, [0.0, 0.0, 1.0])
    side /= np.linalg.norm(side, axis=-1, keepdims=True)
    over = np.cross(side, ahead)
    radius = 6.2 * (1 + 0.10 * np.abs(np.cos(2 * s + 15 * t)))
    rope = centre + radius[..., None] * (np.cos(s)[..., None] * side + np.sin(s)[..., None] * over)
    return woven(rope + np.array([0, 0, 23]))


def sign(text: str, cell: float = 0.25, height_mm: float = 24.0) -> Floats:
    """Return a plate with raised letters and two holes, as steps of little columns."""
    letters = ImageFont.load_default(size=height_mm * 0.5 / cell)
    left, top, right, bottom = letters.getbbox(text)
    rows = round(height_mm / cell)
    columns = round(right - left) + rows * 2
    picture = Image.new("L", (columns, rows), 0)
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((0, 0, columns - 1, rows - 1), rows // 5, fill=40)
    draw.rounded_rectangle((0, 0, columns - 1, rows - 1), rows // 5, outline=70, width=rows // 16)
    draw.text((rows - left, (rows - top - bottom) / 2), text, fill=90, font=letters)
    for middle in (rows * 0.5, columns - rows * 0.5):
        at = (middle - rows * 0.14, rows * 0.36, middle + rows * 0.14, rows * 0.64)
        draw.ellipse(at, fill=0)
    steps = np.asarray(picture)[::-1]
    return columns_of(np.select([steps >= 85, steps >= 60, steps >= 20], [4.0, 3.2, 2.4]), cell)


def columns_of(heights: Floats, cell: float) -> Floats:
    """Return square columns of some heights beside each other, walls only where they differ."""
    padded = np.pad(heights, 1)
    rows, columns = np.nonzero(heights > 0)
    x, y, z = columns * cell, rows * cell, heights[rows, columns]
    zero = np.zeros_like(z)

    def quads(*corners: tuple[Floats, Floats, Floats]) -> Floats:
        a, b, c, d = (np.stack(corner, -1) for corner in corners)
        return np.concatenate((np.stack((a, b, c), 1), np.stack((a, c, d), 1)))

    x1, y1 = x + cell, y + cell
    made = [
        quads((x, y, z), (x1, y, z), (x1, y1, z), (x, y1, z)),
        quads((x, y1, zero), (x1, y1, zero), (x1, y, zero), (x, y, zero)),
    ]
    for down, right, (ax, ay), (bx, by) in (
        (0, -1, (x, y1), (x, y)),
        (0, 1, (x1, y), (x1, y1)),
        (-1, 0, (x, y), (x1, y)),
        (1, 0, (x1, y1), (x, y1)),
    ):
        low = padded[rows + 1 + down, columns + 1 + right]
        wall = quads((ax, ay, low), (bx, by, low), (bx, by, z), (ax, ay, z))
        made.append(wall[np.tile(low < z, 2)])
    return np.concatenate(made)


_TETRAHEDRA: Final = (
    (0, 5, 1, 6),
    (0, 1, 2, 6),
    (0, 2, 3, 6),
    (0, 3, 7, 6),
    (0, 7, 4, 6),
    (0, 4, 5, 6),
)
_CUBE: Final = np.array(
    [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]]
)


def surface(field: Field, low: float, high: float, cells: int) -> Floats:
    """Return where a field is 0, above 0 being outside, in a cube of cells; by tetrahedra."""
    axis = np.linspace(low, high, cells + 1)
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)
    values = field(grid[..., 0], grid[..., 1], grid[..., 2])
    size = cells + 1
    start = np.ravel_multi_index(
        np.meshgrid(*[np.arange(cells)] * 3, indexing="ij"), (size, size, size)
    ).ravel()
    offsets = _CUBE @ np.array([size * size, size, 1])
    points, flat = grid.reshape(-1, 3), values.ravel()
    made = []
    for tetrahedron in _TETRAHEDRA:
        corners = start[:, None] + offsets[list(tetrahedron)]
        made.append(_cut(points, flat, corners))
    return np.concatenate(made)


def _cut(points: Floats, values: Floats, corners: NDArray[np.integer]) -> Floats:
    inside = values[corners] < 0
    code = inside @ np.array([1, 2, 4, 8])
    made = []

    def at(some: NDArray[np.integer], one: int, other: int) -> Floats:
        a, b = some[:, one], some[:, other]
        part = (values[a] / (values[a] - values[b]))[:, None]
        return points[a] + part * (points[b] - points[a])

    for case in range(1, 15):
        some = corners[code == case]
        if not len(some):
            continue
        ins = [k for k in range(4) if case >> k & 1]
        outs = [k for k in range(4) if not case >> k & 1]
        if len(ins) == 2:
            (a, b), (c, d) = ins, outs
            ring = [at(some, a, c), at(some, a, d), at(some, b, d), at(some, b, c)]
            faces = [np.stack(ring[:3], 1), np.stack((ring[0], ring[2], ring[3]), 1)]
        else:
            one, others = (ins[0], outs) if len(ins) == 1 else (outs[0], ins)
            faces = [np.stack([at(some, one, other) for other in others], 1)]
        inner = points[some[:, ins]].mean(axis=1)
        for face in faces:
            across = np.cross(face[:, 1] - face[:, 0], face[:, 2] - face[:, 0])
            wrong = np.einsum("ij,ij->i", across, face.mean(axis=1) - inner) < 0
            face[wrong] = face[wrong][:, ::-1]
            made.append(face)
    return np.concatenate(made) if made else np.zeros((0, 3, 3))


def _ball(x: Floats, y: Floats, z: Floats, at: Sequence[float], radius: Sequence[float]) -> Floats:
    away = np.sqrt(
        ((x - at[0]) / radius[0]) ** 2
        + ((y - at[1]) / radius[1]) ** 2
        + ((z - at[2]) / radius[2]) ** 2
    )
    return (away - 1) * min(radius)


def _melted(one: Floats, other: Floats, over: float) -> Floats:
    part = np.clip(0.5 + 0.5 * (other - one) / over, 0, 1)
    return other * (1 - part) + one * part - over * part * (1 - part)


def duck(cells: int = 110) -> Floats:
    """Return a bathing duck, cut off level below."""

    def field(x: Floats, y: Floats, z: Floats) -> Floats:
        body = _ball(x, y, z, (3, 0, -6), (19, 14, 12))
        tail = _ball(x, y, z, (21, 0, 3), (7, 6, 6))
        head = _ball(x, y, z, (-9, 0, 12), (10.5, 10, 10.5))
        made = _melted(_melted(body, tail, 9), head, 5)
        for side in (-1, 1):
            wing = _ball(x, y, z, (7, side * 12.5, -3), (10, 3.4, 6))
            made = _melted(made, wing, 1.6)
            made = np.minimum(made, _ball(x, y, z, (-16.5, side * 5.2, 15.5), (1.7, 1.7, 1.9)))
        for lift, thick in ((10.2, 1.9), (7.8, 1.4)):
            made = _melted(made, _ball(x, y, z, (-20, 0, lift), (6.5, 5.2, thick)), 0.7)
        return np.maximum(made, -14 - z)

    return surface(field, -30.0, 30.0, cells)


def gyroid(cells: int = 100) -> Floats:
    """Return a ball of gyroid walls."""

    def field(x: Floats, y: Floats, z: Floats) -> Floats:
        a, b, c = x * 0.42, y * 0.42, z * 0.42
        wave = np.sin(a) * np.cos(b) + np.sin(b) * np.cos(c) + np.sin(c) * np.cos(a)
        return np.maximum(np.abs(wave) * 2.4 - 0.8, np.sqrt(x * x + y * y + z * z) - 24)

    return surface(field, -25.0, 25.0, cells)


def bracket() -> Floats:
    """Return an angle with four holes and a rib."""
    made = [_drilled(44, 36, 4, ((-12, 0), (12, 0)))]
    upright = _drilled(44, 30, 4, ((-12, 2), (12, 2)))
    made.append(upright[..., [0, 2, 1]] * [1, -1, 1] + [0, 18, 15])
    made += [np.array([[[x, 14, 4], [x, -10, 4], [x, 14, 24]]]) for x in (-1.5, 1.5)]
    made.append(woven(np.array([[[-1.5, -10, 4], [1.5, -10, 4]], [[-1.5, 14, 24], [1.5, 14, 24]]])))
    return np.concatenate(made)


def _drilled(
    width: float, depth: float, thick: float, holes: Sequence[tuple[float, float]]
) -> Floats:
    turn = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    half = width / len(holes) / 2
    made = []
    for x, y in holes:
        reach = np.stack((np.cos(turn), np.sin(turn)), -1)
        # Out to the rim of this hole's own part of the plate.
        middle = -width / 2 + half * (1 + 2 * len(made))
        left, right = middle - half - x, middle + half - x
        low, high = -depth / 2 - y, depth / 2 - y
        sides = np.where(reach >= 0, [right, high], [left, low]) / np.where(reach == 0, 1e-9, reach)
        square = reach * sides.min(axis=1, keepdims=True)
        # Corners belong to the outline.
        for corner in ((left, low), (right, low), (right, high), (left, high)):
            square[np.argmin(((square - corner) ** 2).sum(axis=1))] = corner

        def ring(flat: Floats, z: float, x: float = x, y: float = y) -> Floats:
            return np.concatenate((flat + np.array([x, y]), np.full((len(flat), 1), z)), axis=1)

        made.append(
            lofted(
                [
                    ring(square, 0),
                    ring(square, thick),
                    ring(reach * 4.6, thick),
                    ring(reach * 2.6, thick - 2),
                    ring(reach * 2.6, 0),
                ]
            )
        )
    return np.concatenate(made)
