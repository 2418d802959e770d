"""Which parts of a long file are read for its picture: too few lie, too many take too long."""

from __future__ import annotations

import numpy as np
import pytest

from custom_components.printernizer.engine.formats.feature import Feature
from custom_components.printernizer.engine.formats.mesh import Share
from custom_components.printernizer.engine.formats.outline import Outline
from custom_components.printernizer.engine.preview.visible import choose, part

WALL, INNER, INFILL, SOLID, TOP = (
    Feature.OUTER_WALL,
    Feature.INNER_WALL,
    Feature.INFILL,
    Feature.SOLID,
    Feature.TOP,
)
MUCH = 1 << 30


def outlined(*layers: list[Feature], z: list[float] | None = None, size: int = 1000) -> Outline:
    """Return the outline of layers of these features, each section of some bytes."""
    rows = [(-1, Feature.CUSTOM)]
    rows += [(number, feature) for number, layer in enumerate(layers) for feature in layer]
    begins = np.arange(len(rows)) * size
    heights = [0.2 * (number + 1) for number in range(len(layers))] if z is None else z
    return Outline(
        begins=begins,
        ends=begins + size,
        features=np.array([feature for _, feature in rows], np.uint8),
        layers=np.array([number for number, _ in rows]),
        tools=np.zeros(len(rows), np.uint8),
        z_mm=np.array(heights),
    )


def drawn(found: Outline, *features: Feature) -> list[int]:
    """Return the layers of which such features are drawn: a pixel is 1 mm, there is much room."""
    return layers_of(found, *features, gap=1.0)


def layers_of(
    found: Outline, *features: Feature, gap: float, most: int = MUCH, beneath: bool = False
) -> list[int]:
    chosen = choose(found, gap, most, beneath=beneath)
    some = chosen.sections & np.isin(found.features, features)
    return sorted(set(found.layers[some].tolist()))


def test_where_a_layer_is_thinner_than_a_pixel_one_in_several_is_drawn() -> None:
    found = outlined(*[[WALL, INNER, INFILL]] * 50, [WALL, TOP])
    layers = drawn(found, WALL)
    assert layers[0] == 0
    assert layers[-1] == 50
    assert 10 <= len(layers) <= 13
    assert max(np.diff(layers)) <= 5


def test_every_layer_is_drawn_where_it_can_be_seen() -> None:
    found = outlined(*[[WALL, INNER, INFILL]] * 50, [WALL, TOP])
    assert layers_of(found, WALL, gap=0.1) == list(range(51))


def test_upper_surfaces_are_drawn_with_their_walls_wherever_they_are() -> None:
    """A step in an object that is missing is a hole into it."""
    layers = [[WALL, INNER, INFILL] for _ in range(50)]
    layers[17] = [WALL, INNER, TOP]
    found = outlined(*layers, [WALL, TOP])
    assert 17 in drawn(found, TOP)
    assert 17 in drawn(found, WALL)
    assert 17 in drawn(found, INNER)


def test_infill_is_drawn_only_where_nothing_covers_it() -> None:
    covered = outlined(*[[WALL, INFILL]] * 30, [WALL, TOP])
    assert drawn(covered, INFILL) == [0]
    open_ = outlined(*[[WALL, INFILL]] * 10, [WALL, TOP], *[[WALL, INFILL]] * 5)
    assert layers_of(open_, INFILL, gap=0.1, beneath=True) == [0, 11, 12, 13, 14, 15]
    assert layers_of(open_, INFILL, gap=0.1) == [0, 15]


def test_inner_walls_are_drawn_where_single_beads_are_seen() -> None:
    found = outlined(*[[WALL, INNER]] * 30, [WALL, TOP])
    assert layers_of(found, INNER, gap=0.1, beneath=True) == list(range(30))
    assert layers_of(found, INNER, gap=0.1) == [0]


def test_each_of_several_objects_keeps_its_top() -> None:
    """Printed one after the other, the second begins at the bottom again."""
    heights = [0.2 * (number + 1) for number in range(20)]
    found = outlined(*[[WALL]] * 40, z=heights * 2)
    layers = drawn(found, WALL)
    assert {19, 39} <= set(layers)
    assert any(20 <= layer <= 24 for layer in layers)


@pytest.mark.parametrize("most", [200_000, 60_000, 30_000])
def test_of_too_much_text_fewer_layers_are_drawn(most: int) -> None:
    found = outlined(*[[WALL, INNER, TOP]] * 200)
    chosen = choose(found, 0.1, most, beneath=True)
    assert (found.ends - found.begins)[chosen.sections].sum() <= most
    layers = layers_of(found, WALL, gap=0.1, most=most, beneath=True)
    assert layers[-1] == 199
    assert max(np.diff(layers)) <= 3 * 200 * 3000 // most


def test_no_room_at_all_ends_as_well() -> None:
    found = outlined(*[[WALL]] * 10, size=10**7)
    assert choose(found, 0.1, 1000, beneath=True).sections[0]


def test_layers_of_unknown_height_lie_as_high_as_those_before() -> None:
    heights = [0.2, float("nan"), 0.6, float("nan"), 1.0]
    found = outlined(*[[WALL]] * 5, z=heights)
    assert layers_of(found, WALL, gap=0.1)[-1] == 4
    nothing = outlined(*[[WALL]] * 5, z=[float("nan")] * 5)
    assert layers_of(nothing, WALL, gap=0.1)[-1] == 4


@pytest.mark.parametrize("of", [1, 2, 3])
def test_shares_are_layers_in_a_row_and_all_of_them(of: int) -> None:
    found = outlined(*[[WALL, INFILL]] * 9, [WALL, TOP])
    chosen = choose(found, 0.1, MUCH, beneath=True).sections
    chosen[found.layers == 4] = False
    parts = [part(found, chosen, Share(index, of)) for index in range(of)]
    assert (sum(each.drawn.astype(int) for each in parts) == chosen).all()
    ends = [-1]
    for each in parts:
        layers = found.layers[each.drawn]
        assert ends[-1] <= layers.min() <= layers.max()
        # One that begins within a layer would not know how it is to be read.
        assert not each.before.any() or layers.min() > ends[-1]
        ends.append(int(layers.max()))
        assert abs(each.drawn.sum() - chosen.sum() / of) <= 2
    for each, end in zip(parts[1:], ends[1:], strict=False):
        assert set(found.layers[each.before].tolist()) == {-1, end}
        assert (each.before <= chosen).all()
    assert not parts[0].before.any()


def test_of_a_single_layer_one_gets_all_and_another_nothing() -> None:
    found = outlined([WALL] * 20)
    both = [part(found, np.ones(21, np.bool_), Share(index, 2)) for index in range(2)]
    assert sorted(each.drawn.sum() for each in both) == [0, 21]
    assert not any(each.before.any() for each in both if not each.drawn.any())
