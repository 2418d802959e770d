"""Facts that pixels of a picture must agree with, whatever it looks like."""

from __future__ import annotations

import io
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.formats.mesh import WHOLE, Patch, Share
from custom_components.printernizer.engine.picture import PictureFormat, PictureOptions
from custom_components.printernizer.engine.preview.crew import Crew
from custom_components.printernizer.engine.preview.develop import develop
from custom_components.printernizer.engine.preview.easel import Easel
from custom_components.printernizer.engine.preview.picture import draw
from custom_components.printernizer.engine.preview.plate import Plate, Shadow
from custom_components.printernizer.engine.preview.raster import COLOURS, Canvas
from custom_components.printernizer.engine.preview.shading import Palette
from custom_components.printernizer.engine.preview.solid import Solid
from custom_components.printernizer.engine.preview.view import Framing, axes

from .shapes import Model, ball, box, drawn, stl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    type Picture = NDArray[np.uint8]

SMALL = PictureOptions(width_px=160, height_px=160)
ANGLES = [(-35.0, 30.0), (0.0, 90.0), (20.0, -15.0), (110.0, 60.0)]


def seen(model: Model, **options: Any) -> Picture:
    """Return one picture of a model."""
    how = PictureOptions(**{"width_px": 160, "height_px": 160} | options)
    solid = Solid(model, colour=how.colour, smooth=how.smooth, placed=model.parts > 1)
    (picture,) = drawn(solid, how)
    return picture


def covered_px(picture: Picture) -> float:
    """Return how many pixels a thing covers, parts of pixels too."""
    return float(picture[..., 3].sum() / 255)


def hull_area(points: NDArray[np.float64]) -> float:
    """Return the area of the smallest convex shape around points. Source: Andrew, 1979."""
    points = np.unique(points, axis=0)

    def half(some: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        made: list[NDArray[np.float64]] = []
        for point in some:
            while len(made) > 1:
                one, other = made[-1] - made[-2], point - made[-2]
                if one[0] * other[1] > one[1] * other[0]:
                    break
                made.pop()
            made.append(point)
        return made[:-1]

    x, y = np.array(half(points) + half(points[::-1])).T
    return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2


@pytest.mark.parametrize(("azimuth", "elevation"), ANGLES)
@pytest.mark.parametrize("size", [64, 256])
def test_the_silhouette_of_a_box_has_the_size_it_must_have(
    size: int, azimuth: float, elevation: float
) -> None:
    """People judge by outlines whether it is the part they mean."""
    triangles = box((-10, -4, 0), (10, 14, 9))
    framing = Framing(size, size, [axes(azimuth, elevation)])
    framing.add(triangles.reshape(-1, 3))
    corners = framing.view().project(triangles)[:2].reshape(2, -1).T.astype(float)
    picture = seen(
        Model((triangles, None)),
        width_px=size,
        height_px=size,
        azimuth_deg=azimuth,
        elevation_deg=elevation,
    )
    assert covered_px(picture) == pytest.approx(hull_area(np.round(corners, 3)), rel=0.01)


def test_the_silhouette_of_a_ball_is_the_circle_that_optics_gives() -> None:
    """The same, reckoned without the camera's own code."""
    picture = seen(Model((ball(10, 120), None)), width_px=300, height_px=200)
    radius = 200 / 2 * (1 - 2 * 0.04)
    assert covered_px(picture) == pytest.approx(np.pi * radius**2, rel=0.01)
    rows = np.flatnonzero(picture[..., 3].any(axis=1))
    columns = np.flatnonzero(picture[..., 3].any(axis=0))
    assert abs(rows[0] + rows[-1] + 1 - 200) <= 1
    assert abs(columns[0] + columns[-1] + 1 - 300) <= 1


def test_what_is_not_there_is_clear_and_what_is_there_is_not() -> None:
    """Pictures lie on light and on dark cards alike."""
    picture = seen(Model((ball(10), None)))
    assert (picture[0] == 0).all()
    assert (picture[60:100, 60:100, 3] == 255).all()
    rim = np.unique(picture[..., 3])
    assert set(rim) <= {0, 64, 128, 191, 255}
    assert len(rim) == 5


def test_a_background_fills_what_is_clear() -> None:
    """Messengers show transparency as black."""
    picture = seen(Model((ball(10), None)), background="#FF8000")
    assert (picture[..., 3] == 255).all()
    assert tuple(picture[0, 0]) == (255, 128, 0, 255)
    assert tuple(picture[80, 80, :3]) != (255, 128, 0)


def test_a_mirrored_thing_has_a_mirrored_outline() -> None:
    """A camera that is off by half a sample makes every outline a little wrong."""
    picture = seen(Model((box((-9, -5, 0), (9, 5, 7)), None)), azimuth_deg=0)
    assert (np.abs(picture[..., 3].astype(int) - picture[:, ::-1, 3]) <= 64).all()
    assert covered_px(picture[:, :80]) == pytest.approx(covered_px(picture[:, 80:]), rel=0.003)


def test_boxes_that_run_through_each_other_hide_what_lies_behind() -> None:
    """Assemblies whose parts shine through each other cannot be read."""
    red = box((-20, -2, 0), (20, 2, 20))
    green = box((-6, -8, 4), (6, 8, 12))
    for model in (
        Model((red, "#FF0000"), (green, "#00FF00")),
        Model((green, "#00FF00"), (red, "#FF0000")),
    ):
        front = seen(model, azimuth_deg=0, elevation_deg=0)
        # Seen from the front: the green one sticks out in the middle, red around it.
        assert front[80, 80, 1] > 2 * front[80, 80, 0]
        for column in (20, 140):
            assert front[80, column, 0] > 2 * front[80, column, 1]
        above = seen(model, azimuth_deg=0, elevation_deg=90)
        assert above[80, 80, 0] > 2 * above[80, 80, 1]
        assert above[55, 80, 1] > 2 * above[55, 80, 0]


def test_surfaces_in_one_plane_do_not_flicker() -> None:
    """Two parts of one plate touch: noise of the last bit would mix their colours."""
    below = box((-20, -20, 0), (20, 20, 5))
    inlay = box((-9.3, -7.7, 1), (8.1, 9.9, 5))
    picture = seen(Model((below, "#FF0000"), (inlay, "#0000FF")))
    top = picture[70:90, 60:100].astype(int)
    blue = top[..., 2] > top[..., 0]
    assert blue.all() or not blue.any()


@pytest.mark.parametrize(
    "colour", ["#000000", "#FFFFFF", "#FF0000", "#0000FF", "#FFFF00", "#808080"]
)
def test_sides_of_a_box_can_be_told_apart_in_every_colour(colour: str) -> None:
    """Black and white filament are the two that are printed most."""
    picture = seen(Model((box((-10, -10, -10), (10, 10, 10)), colour)))
    light = picture[..., :3].astype(int).sum(axis=2)
    top, left, right = light[40, 80], light[100, 45], light[100, 115]
    assert top - max(left, right) > 24
    assert abs(left - right) > 12
    assert min(left, right) > 60
    assert top < 3 * 255


def test_a_colour_is_told_from_others() -> None:
    """The picture says which spool to take."""
    found = {}
    for colour in ("#FF0000", "#00FF00", "#0000FF", "#FFFFFF", "#000000", None):
        picture = seen(Model((ball(10), colour)), colour=None if colour else "#FF00FF")
        found[colour] = picture[80, 80, :3].astype(int)
    assert np.argmax(found["#FF0000"]) == 0
    assert np.argmax(found["#00FF00"]) == 1
    assert np.argmax(found["#0000FF"]) == 2
    assert np.ptp(found["#FFFFFF"]) < 12
    assert found["#FFFFFF"].min() > 180
    assert found["#000000"].max() < 100
    assert found[None][1] < min(found[None][0], found[None][2]) - 60


def test_clear_filament_lets_the_background_through_and_can_still_be_seen() -> None:
    """Somebody printed it, and looks for it."""
    clear = seen(Model((ball(10), "#FFFFFF20")))
    assert 90 < clear[80, 80, 3] < 220
    assert seen(Model((ball(10), "#FFFFFFFF")))[80, 80, 3] == 255


@pytest.mark.parametrize("colour", ["blue", "#12345", "", "#GGGGGG"])
def test_what_is_no_colour_counts_as_none(colour: str) -> None:
    """Files hold whatever somebody typed."""
    plain = seen(Model((ball(10), None)))
    assert (seen(Model((ball(10), colour))) == plain).all()


def test_more_colours_than_can_be_told_apart_are_still_drawn() -> None:
    """A painted model has a colour for every triangle."""
    palette = Palette("#112233")
    numbers = [palette.number(f"#{place * 997:06X}") for place in range(COLOURS + 9)]
    assert len(set(numbers)) == COLOURS - 1
    assert numbers[-1] == 0
    assert palette.full
    assert palette.number("#000000") == 1
    assert palette.albedo.shape == (COLOURS - 1, 3)


def test_equal_options_give_equal_bytes(tmp_path: Path) -> None:
    """Pictures are kept by what they were made of."""
    path = stl(tmp_path / "a.stl", np.concatenate((ball(9), box((0, 0, 0), (20, 3, 9)))))
    first = draw(path, SMALL)
    assert draw(path, SMALL) == first
    with Image.open(io.BytesIO(first)) as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGBA", (160, 160))


def test_smooth_shading_has_no_facets_and_keeps_edges() -> None:
    """A coarse cylinder was meant to be round; a box was not."""
    coarse = Model((ball(10, 8), "#CCCCCC"))
    flat, smooth = seen(coarse), seen(coarse, smooth=True)
    across = slice(50, 110)

    def steps(picture: Picture) -> int:
        return int(np.abs(np.diff(picture[75, across, :3].astype(int).sum(axis=1))).max())

    assert steps(smooth) * 2 < steps(flat)
    assert (smooth[..., 3] == flat[..., 3]).all()
    cube = Model((box((-10, -10, -10), (10, 10, 10)), "#CCCCCC"))
    assert (np.abs(seen(cube).astype(int) - seen(cube, smooth=True)) <= 6).all()


def test_a_fine_mesh_is_drawn_although_it_was_to_be_smoothed() -> None:
    """Its facets cannot be seen anyway, and its neighbours would take memory to find."""
    fine = Model((ball(10, 240), None))
    assert covered_px(seen(fine, smooth=True)) == covered_px(seen(fine))


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 1e6])
def test_the_size_of_a_thing_does_not_show(scale: float) -> None:
    """Files in inches, in metres and in nothing at all come in."""
    triangles = box((-0.7, -0.4, 0), (1, 1, 1))
    small = seen(Model((triangles * np.float32(scale), None)))
    usual = seen(Model((triangles, None)))
    assert (np.abs(small[..., 3].astype(int) - usual[..., 3]) <= 64).all()
    assert np.abs(small.astype(int) - usual).mean() < 1


@pytest.mark.parametrize(
    ("high", "elevation"), [((30, 20, 0), 0.0), ((30, 0, 0), 30.0), ((0, 0, 30), 30.0)]
)
def test_what_is_thinner_than_a_sample_is_still_seen(
    high: tuple[float, float, float], elevation: float
) -> None:
    """A sheet from its edge and a wire are models, too."""
    picture = seen(Model((box((0, 0, 0), high), None)), azimuth_deg=0, elevation_deg=elevation)
    long_side = max(np.flatnonzero(picture[..., 3].any(axis=axis)).size for axis in (0, 1))
    assert long_side > 140


@pytest.mark.parametrize(("width", "height"), [(16, 16), (16, 300), (2048, 64)])
def test_pictures_of_any_size_and_shape(width: int, height: int) -> None:
    """Badges, banners and posters."""
    picture = seen(Model((ball(10), None)), width_px=width, height_px=height, bed_mm=(60, 60))
    assert picture.shape == (height, width, 4)
    assert picture[..., 3].max() == 255


def test_a_wide_picture_has_hollows_and_edges_of_the_same_kind() -> None:
    """Above 512 pixels hollows are looked for in a coarser picture."""
    model = Model((box((-10, -10, 0), (10, 10, 2)), "#CCCCCC"), (ball(6), "#CCCCCC"))
    large = seen(model, width_px=800, height_px=800)
    small = seen(model, width_px=400, height_px=400)
    halved = np.asarray(Image.fromarray(large).resize((400, 400), Image.Resampling.BOX))
    assert np.abs(halved.astype(int) - small).mean() < 3


def test_hollows_are_darker_than_the_open() -> None:
    """Without it a pocket and a bump look the same."""
    walls = [
        box((-10, -10, 0), (10, 10, 1)),
        box((-10, -10, 0), (-9, 10, 9)),
        box((9, -10, 0), (10, 10, 9)),
        box((-10, 9, 0), (10, 10, 9)),
        box((-10, -10, 0), (10, -9, 9)),
    ]
    tray = seen(Model((np.concatenate(walls), "#CCCCCC")), azimuth_deg=0, elevation_deg=90)
    floor = tray[30:130, 30:130, :3].astype(int).sum(axis=2)
    assert floor[50, 50] > tray[80, 14:40, :3].astype(int).sum(axis=1).min() + 40


def test_the_plate_lies_below_to_scale_with_its_grid(tmp_path: Path) -> None:
    """How much room a thing takes is what a plate is drawn for."""
    picture = seen(
        Model((box((0, 0, 0), (100, 100, 2)), "#FF0000")),
        bed_mm=(120, 120),
        azimuth_deg=0,
        elevation_deg=90,
        width_px=240,
        height_px=240,
    )
    grey = np.ptp(picture[..., :3].astype(int), axis=2) < 25
    plate = (picture[..., 3] > 200) & grey
    thing = (picture[..., 3] > 200) & ~grey
    ratio = np.count_nonzero(thing) / np.count_nonzero(thing | plate)
    assert ratio == pytest.approx(100**2 / 120**2, abs=0.04)
    column = picture[20:220, 12, :3].astype(int).sum(axis=1)
    assert column.max() - column.min() > 40


def test_a_plate_is_not_seen_from_below() -> None:
    """It would hide what is looked at."""
    model = Model((box((0, 0, 0), (20, 20, 9)), "#FF0000"))
    picture = seen(model, bed_mm=(200, 200), elevation_deg=-40)
    assert (np.ptp(picture[picture[..., 3] > 128][:, :3].astype(int), axis=1) > 25).all()


def test_things_throw_a_shadow_on_the_plate() -> None:
    """Without it they seem to float."""
    model = Model((box((80, 80, 0), (120, 120, 40)), "#FF0000"), parts=2)
    picture = seen(model, bed_mm=(160, 160), azimuth_deg=0, elevation_deg=40)
    light = picture[..., :3].astype(int).sum(axis=2)
    thing = picture[..., 0].astype(int) - picture[..., 1] > 60
    columns = np.flatnonzero(thing.any(axis=0))
    last = int(np.flatnonzero(thing.any(axis=1))[-1])
    rows = slice(last - 16, last - 6)
    # The light comes from the left.
    shadow = np.median(light[rows, columns[-1] + 1 : columns[-1] + 7])
    other = np.median(light[rows, columns[0] - 7 : columns[0] - 1])
    assert shadow < other - 30


def test_things_stand_on_the_plate_where_their_file_puts_them() -> None:
    """A project tells where on the plate its parts are; a lone model does not."""
    corner = box((5, 5, 0), (45, 45, 10))
    middle = seen(Model((corner, "#FF0000")), bed_mm=(60, 60), azimuth_deg=0, elevation_deg=90)
    placed = seen(
        Model((corner, "#FF0000"), parts=3), bed_mm=(60, 60), azimuth_deg=0, elevation_deg=90
    )

    def centre(picture: Picture) -> tuple[float, float]:
        red = picture[..., 0].astype(int) - picture[..., 1] > 60
        plate = picture[..., 3] > 128
        rows, columns = np.nonzero(red)
        all_rows, all_columns = np.nonzero(plate)
        return (
            float(columns.mean() - (all_columns.min() + all_columns.max()) / 2),
            float(rows.mean() - (all_rows.min() + all_rows.max()) / 2),
        )

    assert np.allclose(centre(middle), 0, atol=1.5)
    right, down = centre(placed)
    assert right < -5
    assert down > 5
    outside = box((-500, 5, 0), (-460, 45, 10))
    assert centre(
        seen(
            Model((outside, "#FF0000"), parts=3),
            bed_mm=(60, 60),
            azimuth_deg=0,
            elevation_deg=90,
        )
    ) == pytest.approx((0, 0), abs=1.5)


@pytest.mark.parametrize("format_", [PictureFormat.WEBP, PictureFormat.GIF])
def test_a_turn_shows_all_sides_once(tmp_path: Path, format_: PictureFormat) -> None:
    """An animation whose end does not meet its beginning jerks."""
    path = stl(tmp_path / "a.stl", box((0, 0, 0), (20, 4, 9)))
    options = PictureOptions(width_px=96, height_px=64, format=format_, frames=8, bed_mm=(30, 30))
    made = draw(path, options)
    with Image.open(io.BytesIO(made)) as image:
        assert (image.format, image.size) == (format_.upper(), (96, 64))
        assert image.n_frames == 8
        frames = []
        for frame in range(8):
            image.seek(frame)
            frames.append(np.asarray(image.convert("RGBA")).astype(int))
    assert frames[0][0, 0, 3] == 0
    steps = [
        np.abs(one - other).mean()
        for one, other in zip(frames, [*frames[1:], frames[0]], strict=True)
    ]
    assert min(steps) > 1
    assert draw(path, options) == made


@pytest.mark.parametrize("format_", [PictureFormat.WEBP, PictureFormat.GIF])
def test_one_frame_is_a_still(tmp_path: Path, format_: PictureFormat) -> None:
    """Notices attach stills in the format that the messenger takes."""
    path = stl(tmp_path / "a.stl", ball(5, 12))
    made = draw(path, PictureOptions(width_px=64, height_px=64, format=format_))
    with Image.open(io.BytesIO(made)) as image:
        assert getattr(image, "n_frames", 1) == 1
        assert image.convert("RGBA").getpixel((0, 0))[3] == 0
        assert image.convert("RGBA").getpixel((32, 32))[3] == 255


@pytest.mark.parametrize(
    "options",
    [
        {"width_px": 15},
        {"height_px": 2049},
        {"frames": 0},
        {"frames": 61},
        {"colour": "red"},
        {"background": "#12345"},
    ],
)
def test_options_beyond_their_bounds_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    """A picture of a terabyte is somebody's mistake, or worse."""
    with pytest.raises(ValueError, match=str(next(iter(options.values())))):
        draw(tmp_path / "a.stl", PictureOptions(**options))


@pytest.mark.parametrize(
    "triangles",
    [
        np.zeros((0, 3, 3), np.float32),
        np.zeros((5, 3, 3), np.float32) + np.float32(np.nan),
        np.full((5, 3, 3), np.inf, np.float32),
    ],
)
def test_a_file_with_nothing_to_see_is_refused_by_name(
    tmp_path: Path, triangles: NDArray[np.float32]
) -> None:
    """A clear picture in a list would look like a fault of ours."""
    with pytest.raises(BadFile, match=r"a\.stl"):
        draw(stl(tmp_path / "a.stl", triangles), SMALL)


def test_points_are_drawn_as_points() -> None:
    """All its triangles are degenerate; it says so by looking like it."""
    picture = seen(Model((np.full((3, 3, 3), 4, np.float32), None)))
    assert 0 < covered_px(picture) < 30


@pytest.mark.parametrize(("azimuth", "elevation"), [(-35.0, 30.0), (0.0, 0.0), (11.0, 77.0)])
@pytest.mark.parametrize("steps", [37, 120])
def test_nothing_shines_through_a_closed_surface(
    steps: int, azimuth: float, elevation: float
) -> None:
    """A crack of one sample among a million is a bright dot on a dark model."""
    triangles = ball(10, steps)
    framing = Framing(500, 500, [axes(azimuth, elevation)])
    framing.add(triangles.reshape(-1, 3))
    view, canvas = framing.view(), Canvas(250, 250)
    Solid(Model((triangles, None))).draw(view, canvas)
    for row in canvas.covered:
        columns = np.flatnonzero(row)
        if len(columns):
            assert row[columns[0] : columns[-1] + 1].all()
    beyond = view.distance(canvas.samples().depth) > view.focal + 2
    assert not (beyond & canvas.covered).any()


class Endless:
    """The same ball, six times."""

    parts = 1

    def __init__(self) -> None:
        """Make one."""
        self._ball = ball(10, 60)

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield one after the other."""
        assert share.of == 1
        for _ in range(6):
            yield Patch(self._ball)


def test_memory_does_not_grow_with_the_model() -> None:
    """Home Assistant shares a small machine with us."""
    solid, options = Solid(Endless()), PictureOptions(width_px=256, height_px=256)
    drawn(solid, options)
    tracemalloc.start()
    try:
        drawn(solid, options)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 24e6


def test_a_canvas_without_anything_is_a_clear_picture() -> None:
    """Scenes may lie beside the canvas altogether."""
    framing = Framing(40, 30, [axes(0, 30)])
    easel = Easel(Crew(), 20, 15)
    develop(easel, easel.canvas(), framing.view(), Palette())
    assert easel.picture.shape == (15, 20, 4)
    assert not easel.picture.any()


def test_nothing_throws_no_shadow() -> None:
    """A plate may be all that is seen, from behind a thing's corner."""
    box_ = (np.zeros(3), np.full(3, 10.0))
    plate = Plate.below(box_, (20.0, 20.0), placed=True)
    shadow = Shadow(np.zeros((3, 0), np.float32), plate, np.array([0.0, 0.0, 1.0]))
    places = np.linspace(-30, 30, 7, dtype=np.float32)
    assert not shadow.dark(places, places).any()


@pytest.mark.parametrize("smooth", [False, True])
def test_a_model_without_triangles_is_refused(*, smooth: bool) -> None:
    """Readers refuse it first, but not of every kind of scene."""
    with pytest.raises(BadFile, match="seen"):
        seen(Model(), smooth=smooth)


def test_one_triangle_of_any_size_is_drawn_at_once() -> None:
    """Its row alone is longer than what is done in one go."""
    giant = np.array([[[-9e6, -9e6, 0], [9e6, -9e6, 1], [0, 9e6, 3]]], np.float32)
    assert covered_px(seen(Model((giant, None)), elevation_deg=90)) > 7000


def test_a_model_made_to_take_our_time_is_refused() -> None:
    """Four hundred sheets over each other fill a file of kilobytes and hours of a processor."""
    sheet = box((0, 0, 0), (40, 40, 0.001))
    sheets = np.concatenate([sheet + np.float32([0, 0, 0.01 * step]) for step in range(500)])
    with pytest.raises(BadFile, match="over itself"):
        seen(Model((sheets, None)), elevation_deg=90, width_px=40, height_px=40)
