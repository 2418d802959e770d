"""Two pictures in one, side by side: a notice on a phone shows a single one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from ..errors import Garbled
from .upright import MOST_PIXELS

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH_PX: Final = 1280
HEIGHT_PX: Final = 640
"""Twice as wide as high: what Android shows of a notice's picture without cutting it."""
_PREVIEW_PX: Final = 432
_MARGIN_PX: Final = 16
_GROUND: Final = (226, 229, 233)
"""Light, but not white: dark and white filament both stand out from it."""
_QUALITY: Final = 85


def beside(photo: bytes, preview: bytes) -> bytes:
    """Return a JPEG of 1280 x 640 pixels: a photo, and right of it what was to be printed.

    Both are PNG or JPEG, and are shown whole. Takes some ten milliseconds: not for the event
    loop. Raises Garbled when one of them is no picture.
    """
    # Loaded by those who look, not by every start.
    from PIL import Image

    made = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), _GROUND)
    right = WIDTH_PX - _MARGIN_PX - _PREVIEW_PX
    full_height = HEIGHT_PX - 2 * _MARGIN_PX
    _put(made, photo, (_MARGIN_PX, _MARGIN_PX, right - 2 * _MARGIN_PX, full_height))
    _put(made, preview, (right, _MARGIN_PX, _PREVIEW_PX, full_height))
    out = io.BytesIO()
    made.save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def _put(onto: Image, picture: bytes, field: tuple[int, int, int, int]) -> None:
    """Put a picture into the middle of a field: left, top, width, height, in pixels."""
    from PIL import Image, UnidentifiedImageError

    left, top, width, height = field
    try:
        with Image.open(io.BytesIO(picture), formats=("JPEG", "PNG")) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise Garbled(f"a picture of {opened.width} x {opened.height}")
            # A large JPEG is decoded at a fraction of its size, and so faster.
            opened.draft("RGB", (width, height))
            shown = opened.convert("RGBA")
        scale = min(width / shown.width, height / shown.height)
        size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
        shown = shown.resize(size, Image.Resampling.LANCZOS)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as err:
        raise Garbled("not a picture") from err
    onto.paste(shown, (left + (width - size[0]) // 2, top + (height - size[1]) // 2), shown)
