"""Heatshrink: the small-memory compression of binary G-code's blocks.

Source: libbgcode's specification; bits run from the highest. 1 and eight bits are a byte, 0 and an
offset and a length are a piece of what was written before.
"""

from __future__ import annotations

from typing import Final

_REFILL: Final = 12
"""Bytes taken at a time: a token has at most 17 bits."""


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
