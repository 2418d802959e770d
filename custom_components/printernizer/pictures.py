"""Which bytes are a picture that we show."""

from __future__ import annotations

from typing import Final

_KINDS: Final = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


def kind_of(picture: bytes) -> str | None:
    """Return the content type of a picture, or None when it is not one that we show."""
    return next((kind for start, kind in _KINDS.items() if picture.startswith(start)), None)
