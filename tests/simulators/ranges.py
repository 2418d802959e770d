"""What a `Range` header asks for, as servers read it. Pieces counted from the end are not known."""

from __future__ import annotations


def asked_range(header: str, size: int) -> tuple[int, int] | None:
    """Return begin and end (exclusive) of a piece of `size` bytes; None when all is wanted.

    Raises IndexError for one that begins behind the end.
    """
    if not header.startswith("bytes="):
        return None
    first, _, last = header.removeprefix("bytes=").partition("-")
    begin = int(first)
    end = min(int(last) + 1, size) if last else size
    if begin >= size:
        raise IndexError(begin)
    return begin, end


def content_range(begin: int, end: int, size: int) -> dict[str, str]:
    """Return the header that says which piece an answer is."""
    return {"Content-Range": f"bytes {begin}-{end - 1}/{size}"}
