"""Heatshrink: the small-memory compression of binary G-code's blocks.

Source: libbgcode's specification; bits run from the highest. 1 and eight bits are a byte, 0 and an
offset and a length are a piece of what was written before.

`decode` is Python, whatever comes. Where the package heatshrink2 is installed, `decode_fast` is C
and several times as fast: for the sandbox, where it may fall over what a stranger wrote.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_REFILL: Final = 12
"""Bytes taken at a time: a token has at most 17 bits."""


def decode_fast(data: bytes, size: int, *, window: int, lookahead: int) -> bytes:
    """Do as `decode` does, as fast as it can be done here."""
    in_c = _in_c()
    if in_c is None:
        return decode(data, size, window=window, lookahead=lookahead)
    # It has no limit of its own, but 17 bits become 16 bytes at most.
    out = in_c(data, window_sz2=window, lookahead_sz2=lookahead)
    if len(out) < size:
        raise ValueError("its data end too early")
    return out[:size]


@cache
def _in_c() -> Callable[..., bytes] | None:
    try:
        from heatshrink2 import decode as in_c
    except ImportError:
        return None
    decoder: Callable[..., bytes] = in_c
    return decoder


def decode(data: bytes, size: int, *, window: int, lookahead: int) -> bytes:
    """Return `size` bytes. Bits behind them are padding.

    `window` and `lookahead` are bits: 11 or 12, and 4. Raises ValueError when the data end first.
    """
    out = bytearray()
    bits = held = at = 0
    long = 1 + window + lookahead
    need = max(long, 9)
    offsets, lengths = (1 << window) - 1, (1 << lookahead) - 1
    data += bytes(_REFILL)  # the last token may be read with bits that are not there
    end = len(data)
    while len(out) < size:
        while bits < need:
            if at >= end:
                raise ValueError("its data end too early")
            more = data[at : at + _REFILL]
            at += len(more)
            held = (held & ((1 << bits) - 1)) << 8 * len(more) | int.from_bytes(more)
            bits += 8 * len(more)
        if held >> (bits - 1) & 1:
            bits -= 9
            out.append(held >> bits & 255)
            continue
        bits -= long
        token = held >> bits
        length = (token & lengths) + 1
        back = (token >> lookahead & offsets) + 1
        start = len(out) - back
        if start < 0:
            # Before the beginning there are zeros.
            out += ((bytes(-start) + out) * (length // back + 1))[:length]
        elif back >= length:
            out += out[start : start + length]
        else:
            out += (out[start:] * (length // back + 1))[:length]
    if at * 8 - bits > (end - _REFILL) * 8:
        raise ValueError("its data end too early")
    return bytes(out[:size])
