"""The packings of binary G-code, against packers of our own that share nothing with them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.formats import bgcode, heatshrink, meatpack

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/files"
TABLE = "0123456789. \nGX"


def shrunk(data: bytes, window: int, lookahead: int) -> bytes:
    """Pack greedily: the slow and obvious way."""
    bits, at = "", 0
    while at < len(data):
        best, back = 0, 0
        for offset in range(1, min(at, 1 << window) + 1):
            length = 0
            while (
                length < 1 << lookahead
                and at + length < len(data)
                and data[at + length] == data[at + length - offset]
            ):
                length += 1
            if length > best:
                best, back = length, offset
        if best > 2:
            bits += f"0{back - 1:0{window}b}{best - 1:0{lookahead}b}"
            at += best
        else:
            bits += f"1{data[at]:08b}"
            at += 1
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([b"G1 X10.5 ", b"Y2 E.031\n", b"\x00", b";x", b"\xff"]), max_size=60),
    st.sampled_from([(11, 4), (12, 4), (4, 3)]),
)
def test_what_was_shrunk_comes_back(parts: list[bytes], sizes: tuple[int, int]) -> None:
    """A file of the farm's Prusas is unreadable otherwise."""
    data = b"".join(parts)
    packed = shrunk(data, *sizes)
    assert heatshrink.decode(packed, len(data), window=sizes[0], lookahead=sizes[1]) == data
    assert heatshrink.decode_fast(packed, len(data), window=sizes[0], lookahead=sizes[1]) == data


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400), st.sampled_from([11, 12]))
def test_what_is_fast_says_the_same_of_rubbish(data: bytes, size: int, window: int) -> None:
    """Two readers that differ would show another print than the one that is measured."""
    said = []
    for decode in (heatshrink.decode, heatshrink.decode_fast):
        try:
            said.append(decode(data, size, window=window, lookahead=4))
        except ValueError as err:
            said.append(str(err))
    assert said[0] == said[1]


def test_nothing_fast_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine for which there is no package reads binary G-code all the same."""
    monkeypatch.setitem(sys.modules, "heatshrink2", None)
    heatshrink._in_c.cache_clear()
    try:
        packed = shrunk(b"G1 X1 Y1\n" * 9, 11, 4)
        assert heatshrink.decode_fast(packed, 81, window=11, lookahead=4) == b"G1 X1 Y1\n" * 9
        assert heatshrink._in_c() is None
    finally:
        heatshrink._in_c.cache_clear()


@pytest.mark.parametrize("packed", [b"", b"\xff", shrunk(b"G1 X1 Y1\n" * 9, 11, 4)[:-2]])
def test_shrunk_data_that_end_early_are_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match="too early"):
        heatshrink.decode(packed, 81, window=11, lookahead=4)


def test_a_piece_of_before_the_beginning_is_zeros() -> None:
    """As the specification has it: the window starts empty."""
    bits = f"1{65:08b}" + f"0{3:011b}{5:04b}"
    bits += "0" * (-len(bits) % 8)
    packed = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits), 8))
    assert heatshrink.decode(packed, 7, window=11, lookahead=4) == b"A\0\0\0A\0\0"


def packed(text: str, *, spaces: bool) -> bytes:
    """Pack a text whole, two characters to a byte."""
    table = TABLE if spaces else TABLE.replace(" ", "E")
    out = b"\xff\xff\xfb" + (b"" if spaces else b"\xff\xff\xf7")
    if not spaces:
        text = re.sub(r"(?m)^G.*", lambda line: line[0].replace(" ", ""), text)
    at = 0
    while at < len(text):
        pair = text[at : at + 2]
        if pair[0] == "\n" or len(pair) == 1:
            pair = pair[0] + "\n"
            at += 1 if text[at] == "\n" else 2
        else:
            at += 2
        halves = [table.index(one) if one in table else 15 for one in pair]
        if halves[0] == 12:
            halves[1] = 0
        out += bytes([halves[0] | halves[1] << 4])
        if pair[0] != "\n":
            out += "".join(one for one in pair if one not in table).encode()
        elif halves[0] == 15:
            out += pair[0].encode()
    return out


LINES = st.lists(
    st.sampled_from(
        ["G1 X1.5 Y20 E.0312", "G92 E0", "M104 S215", "G1 F7200", "M117 o/?_O", "G28", "", "T1"]
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(LINES, st.booleans())
def test_what_was_packed_comes_back(lines: list[str], spaces: bool) -> None:
    """Blanks of G-commands too, which the packer leaves out."""
    text = "".join(f"{line}\n" for line in lines)
    assert meatpack.decode(packed(text, spaces=spaces)).decode() == text


def test_comments_stand_unpacked_between_packed_lines() -> None:
    data = (
        packed("G1 X1\n", spaces=False)
        + b"\xff\xff\xfa;TYPE:External perimeter\n\xff\xff\xfb"
        + packed("G1 X1 E2\n", spaces=False)[6:]
        + b"\xff\xff\xf6"
        + packed("G1 X3\n", spaces=True)[3:]
        + b"\xff\xff\xf9;end\n"
    )
    assert meatpack.decode(data) == b"G1 X1\n;TYPE:External perimeter\nG1 X1 E2\nG1 X3\n;end\n"


def unpacked(data: bytes, table: str) -> str:
    """Unpack pair by pair, as printers do; all of it is packed."""
    codes = iter(data)
    text = ""
    for code in codes:
        halves = code & 15, code >> 4
        for half in halves[:1] if halves[0] == 12 else halves:
            text += table[half] if half < 15 else chr(next(codes, 0))
    if "E" in table:
        text = re.sub(r"(?m)^G[^\n; ]*", lambda line: re.sub(r"\B[A-Z]", r" \g<0>", line[0]), text)
    return text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(["G1X1", "\n", "F", "M8 ", "E.5", ";o", "Gy", "0", "X Y"]), max_size=12
    ),
    st.sampled_from([TABLE, TABLE.replace(" ", "E")]),
)
def test_pairs_of_any_kind_are_unpacked_as_printers_do(parts: list[str], table: str) -> None:
    """Slicers pack so much; others may pack a comment, or a character that looks like a pair."""
    text = "".join(parts)
    data, at = b"", 0
    while at < len(text):
        pair = (text[at : at + 2] + "0")[:2]
        halves = [table.index(one) if one in table else 15 for one in pair]
        data += bytes([halves[0] | halves[1] << 4])
        if pair[0] == "\n":
            at += 1
            continue
        data += "".join(one for one in pair if one not in table).encode()
        at += 2
    switches = b"\xff\xff\xfb" + (b"\xff\xff\xf7" if "E" in table else b"")
    assert meatpack.decode(switches + data).decode() == unpacked(data, table)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300))
def test_rubbish_is_unpacked_to_something(data: bytes) -> None:
    """A block whose checksum is right may still hold anything."""
    assert len(meatpack.decode(b"\xff\xff\xfb\xff\xff\xf7" + data)) <= 6 * len(data) + 6


def _commands(text: bytes) -> list[bytes]:
    lines = (line.partition(b";")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


@pytest.mark.parametrize(
    ("binary", "plain"),
    [
        ("buddy_test_binary_heatshrink", "buddy_test_plain"),
        ("mini_cube_ps2.8.1", "prusaslicer_2.8.1_mini_cube"),
        ("buddy_test_binary_no_compression", "buddy_test_plain"),
    ],
)
def test_recorded_binaries_hold_the_commands_of_their_twins(binary: str, plain: str) -> None:
    """Written by Prusa's own tools, in every packing they have."""
    if not FIXTURES.is_dir():
        pytest.skip("the recorded files are not on this machine")
    path = FIXTURES / "bgcode" / f"{binary}.bgcode"
    with path.open("rb") as file:
        text = b"".join(piece for piece, _, _ in bgcode.moves(file, path.stat().st_size, "it"))
    assert _commands(text) == _commands((FIXTURES / "gcode" / f"{plain}.gcode").read_bytes())
