"""Turns a camera's picture the way a person expects it."""

from __future__ import annotations

import io
from typing import Final

from ..errors import Garbled

MOST_PIXELS: Final = 50_000_000
"""No camera on a printer gives more; a file that claims more is made to fill the memory."""
_QUALITY: Final = 85


def turned(
    jpeg: bytes, *, flip_horizontal: bool = False, flip_vertical: bool = False, rotation: int = 0
) -> bytes:
    """Return a JPEG flipped and then rotated clockwise by 0, 90, 180 or 270 degrees.

    Takes some milliseconds: not for the event loop. Raises Garbled when it is no picture.
    """
    # Loaded by those few whose camera hangs upside down, not by every start.
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise Garbled(f"a picture of {picture.width} x {picture.height}")
            made: Image.Image = picture
            if flip_horizontal:
                made = ImageOps.mirror(made)
            if flip_vertical:
                made = ImageOps.flip(made)
            if rotation:
                made = made.rotate(-rotation, expand=True)
            out = io.BytesIO()
            made.save(out, "JPEG", quality=_QUALITY)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as err:
        raise Garbled("not a picture") from err
    return out.getvalue()
