"""Numbers of up to eight bytes, where they end, and what holds from one place to the next."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from custom_components.printernizer.engine.formats.short_numbers import short, words_at
from custom_components.printernizer.engine.formats.spans import spread

WRITTEN = st.one_of(
    st.decimals(-999, 9999, places=3).map(str),
    st.decimals(-9, 9, places=5).map(lambda one: str(one).replace("0.", ".", 1)),
    st.integers(-(10**7) + 1, 10**8 - 1).map(str),
    st.integers(-99, 99).map("{}.".format),
).filter(lambda word: len(word) <= 8 and word.count(".") < 2)
BEHIND = " \n\r\t;*XYE(-+/:\x00\xff"


def read(words: list[str], behind: str) -> tuple[list[float], list[int], list[bool]]:
    text = "".join(word + behind for word in words).encode("latin-1") + b"\n" * 32
    lengths = np.array([len(word) for word in words])
    starts = np.cumsum(lengths + len(behind)) - lengths - len(behind)
    values, ends, bad = short(
        words_at(np.frombuffer(text, np.uint64, len(text) // 8), starts.astype(np.int64))
    )
    return values.tolist(), ends.tolist(), bad.tolist()


@given(st.lists(WRITTEN, min_size=1, max_size=20), st.sampled_from(BEHIND))
@example(["1", "-1", "-.5", ".5", "5.", "-5.", "00000000", "99999999", "-9999999"], "\n")
@example(["1234.567", "-123.456", ".1234567", "1234567.", "-.123456"], " ")
@settings(max_examples=150, deadline=None)
def test_numbers_are_exactly_what_python_reads(words: list[str], behind: str) -> None:
    """A coordinate that is read wrongly is a spike across the picture."""
    values, lengths, bad = read(words, behind)
    assert not any(bad)
    assert values == [float(word) for word in words]
    assert lengths == [len(word) for word in words]


@pytest.mark.parametrize("word", ["", "-", ".", "-.", "+5", "X", "--5", "-X", "/", ":"], ids=repr)
def test_what_is_no_number_is_told(word: str) -> None:
    """The line is read with care then; taken for 0 it would draw a line to the origin."""
    assert read(["5", word, "7"], " ")[2] == [False, True, False]


@given(st.binary(min_size=1, max_size=60), st.data())
@settings(max_examples=100, deadline=None)
def test_a_word_is_the_eight_bytes_at_its_place(text: bytes, data: st.DataObject) -> None:
    places = data.draw(st.lists(st.integers(0, len(text) - 1), min_size=1))
    padded = text + b"\n" * 32
    found = words_at(np.frombuffer(padded, np.uint64, len(padded) // 8), np.array(places, np.int64))
    assert [one.tobytes() for one in found] == [padded[place : place + 8] for place in places]


@given(
    st.lists(st.integers(0, 30), max_size=6).map(sorted),
    st.lists(st.integers(0, 30), max_size=20).map(sorted),
)
@settings(max_examples=100, deadline=None)
def test_what_was_said_last_holds(marks: list[int], places: list[int]) -> None:
    """A width, a feature or a layer that begins a line too late is drawn on the wrong bead."""
    found = spread(np.arange(len(marks) + 1), marks, np.array(places, np.int64))
    assert found.tolist() == [sum(mark <= place for mark in marks) for place in places]
