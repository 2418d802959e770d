"""Two pictures become one."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from custom_components.printernizer.engine.errors import Garbled
from custom_components.printernizer.engine.preview import side_by_side
from custom_components.printernizer.engine.preview.side_by_side import HEIGHT_PX, WIDTH_PX, beside


def _picture(size: tuple[int, int], colour: tuple[int, ...], kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    mode = "RGBA" if len(colour) == 4 else "RGB"
    Image.new(mode, size, colour).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    ("photo", "preview"), [((1920, 1080), (512, 512)), ((480, 640), (1, 300)), ((9, 1), (32, 32))]
)
def test_both_are_shown_whole_whatever_their_shape(
    photo: tuple[int, int], preview: tuple[int, int]
) -> None:
    """A print that failed at the edge of the plate would be cut off."""
    made = beside(
        _picture(photo, (200, 0, 0), "JPEG"),
        _picture(preview, (0, 160, 0)),
    )
    with Image.open(io.BytesIO(made)) as opened:
        assert (opened.size, opened.format) == ((WIDTH_PX, HEIGHT_PX), "JPEG")
        plain = opened.convert("RGB")
    across = [plain.getpixel((x, HEIGHT_PX // 2)) for x in range(WIDTH_PX)]
    red = [x for x, (r, g, _) in enumerate(across) if r > 150 and g < 60]  # type: ignore[misc]
    green = [x for x, (r, g, _) in enumerate(across) if g > 120 and r < 60]  # type: ignore[misc]
    assert red
    assert green
    assert max(red) < min(green)
    assert min(red) >= 14
    assert max(green) <= WIDTH_PX - 14


def test_what_is_clear_shows_the_ground() -> None:
    """Previews are cut out; on black nobody would see a black part."""
    made = beside(_picture((4, 3), (0, 0, 0)), _picture((8, 8), (0, 0, 0, 0)))
    with Image.open(io.BytesIO(made)) as opened:
        seen = opened.convert("RGB").getpixel((WIDTH_PX - 100, HEIGHT_PX // 2))
    assert isinstance(seen, tuple)
    assert min(seen) > 200


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a", _picture((50, 50), (1, 2, 3))[:60]])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    """Printers send web pages and halves of pictures."""
    good = _picture((4, 4), (0, 0, 0))
    for pair in ((content, good), (good, content)):
        with pytest.raises(Garbled):
            beside(*pair)


def test_a_picture_made_to_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few bytes may claim to be a billion pixels."""
    monkeypatch.setattr(side_by_side, "MOST_PIXELS", 100)
    with pytest.raises(Garbled):
        beside(_picture((11, 10), (0, 0, 0)), _picture((4, 4), (0, 0, 0)))
