"""Pictures of cameras that hang the wrong way."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from custom_components.printernizer.engine.errors import Garbled
from custom_components.printernizer.engine.preview import upright
from custom_components.printernizer.engine.preview.upright import turned

RED, BLUE = (255, 0, 0), (0, 0, 255)


def picture() -> bytes:
    """A wide picture, its upper left corner red, the rest blue."""
    made = Image.new("RGB", (64, 32), BLUE)
    made.paste(RED, (0, 0, 16, 16))
    out = io.BytesIO()
    made.save(out, "JPEG", quality=95)
    return out.getvalue()


def red_corner(jpeg: bytes) -> tuple[int, int, str]:
    """Width, height, and which corner is red."""
    with Image.open(io.BytesIO(jpeg)) as made:
        wide, high = made.size
        corners = {
            "upper left": (4, 4),
            "upper right": (wide - 5, 4),
            "lower left": (4, high - 5),
            "lower right": (wide - 5, high - 5),
        }
        pixels = {name: made.convert("RGB").getpixel(at) for name, at in corners.items()}
    found = [name for name, pixel in pixels.items() if isinstance(pixel, tuple) and pixel[0] > 180]
    assert len(found) == 1
    return wide, high, found[0]


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, (64, 32, "upper left")),
        ({"flip_horizontal": True}, (64, 32, "upper right")),
        ({"flip_vertical": True}, (64, 32, "lower left")),
        ({"rotation": 90}, (32, 64, "upper right")),
        ({"rotation": 180}, (64, 32, "lower right")),
        ({"rotation": 270}, (32, 64, "lower left")),
        ({"flip_horizontal": True, "rotation": 90}, (32, 64, "lower right")),
    ],
    ids=["as it is", "mirrored", "upside down", "90", "180", "270", "mirrored and 90"],
)
def test_a_picture_is_flipped_first_and_then_turned_clockwise(
    how: dict[str, int], expected: tuple[int, int, str]
) -> None:
    assert red_corner(turned(picture(), **how)) == expected  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "rubbish", [b"", b"\xff\xd8\xff", b"<html>", b"GIF89a" + bytes(40), picture()[:300]]
)
def test_what_is_no_picture_is_told_as_such(rubbish: bytes) -> None:
    with pytest.raises(Garbled):
        turned(rubbish, rotation=90)


def test_a_picture_that_claims_to_be_huge_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upright, "MOST_PIXELS", 1000)
    with pytest.raises(Garbled, match="64 x 32"):
        turned(picture())
