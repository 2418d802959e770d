"""Numbers out of text, many at once: the same values as one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.formats import digits


def places(words: list[bytes]) -> tuple[bytes, np.ndarray, np.ndarray]:
    lengths = np.array([len(word) for word in words], np.int64)
    ends = 8 + np.cumsum(lengths + 1) - 1
    return b" " * 8 + b" ".join(words) + digits.PADDING, ends - lengths, ends


def decimals(words: list[bytes]) -> list[float]:
    return digits.decimal(*places(words)).tolist()


WRITTEN = st.one_of(
    st.floats(-1e7, 1e7).map("{:.6f}".format),
    st.floats(-1e7, 1e7).map("{:.5e}".format),
    st.floats(-1e7, 1e7).map("{:.7E}".format),
    st.floats(-1e7, 1e7).map("{:.6g}".format),
    st.integers(-(10**12), 10**12).map(str),
)


@given(st.lists(WRITTEN, min_size=1))
@settings(max_examples=60, deadline=None)
def test_usual_numbers_are_exactly_what_python_reads(words: list[str]) -> None:
    """Two corners that are the same in a file must stay the same."""
    assert decimals([word.encode() for word in words]) == [float(word) for word in words]


@given(st.lists(st.floats(allow_nan=False).map(repr), min_size=1))
@settings(max_examples=60, deadline=None)
def test_long_numbers_are_right_to_the_last_bits(words: list[str]) -> None:
    for read, word in zip(decimals([word.encode() for word in words]), words, strict=True):
        assert read == float(word) or abs(read - float(word)) <= 4 * math.ulp(float(word))


ODD = {
    b"1e+05": 1e5,
    b"1.5E-003": 0.0015,
    b"1e5": 1e5,
    b"1e400": math.inf,
    b"-inf": -math.inf,
    b"5.": 5,
    b".5": 0.5,
    b"-.5": -0.5,
    b"+7": 7,
    b"123456789": 123456789,
    b"12345678.5": 12345678.5,
    b"1234567.12345678901234567890": 1234567.1234567890,
    b"0.00000000000000000001": 1e-20,
}
NONE = (
    b"",
    b"-",
    b".",
    b"1..2",
    b"1.2.3",
    b"0x10",
    b"1_0",
    b"--5",
    b"1e",
    b"e5",
    b"e+01",
    b"-e+01",
    b"1,5",
    b"\xff",
    b"1" * 65,
    "٣".encode(),
    b"nan",
)


@pytest.mark.parametrize("word", ODD, ids=repr)
def test_odd_numbers_are_read(word: bytes) -> None:
    assert decimals([b"1", word, b"2"]) == [1, ODD[word], 2]


@pytest.mark.parametrize("word", NONE, ids=repr)
def test_what_is_no_number_is_none(word: bytes) -> None:
    before, read, after = decimals([b"1", word, b"2"])
    assert (before, after) == (1, 2)
    assert math.isnan(read)


@given(st.lists(st.one_of(st.integers(0, 10**9).map(str), st.text("0123456789-+. x", max_size=9))))
@settings(max_examples=60, deadline=None)
def test_whole_numbers_are_digits_alone(words: list[str]) -> None:
    """An index that is read wrongly is a spike across the picture."""
    values, bad = digits.whole(*places([word.encode() for word in words]))
    for value, none, word in zip(values.tolist(), bad.tolist(), words, strict=True):
        usual = word.isdigit() and len(word) <= 8
        assert none is not usual
        assert value == (int(word) if usual else -1)
