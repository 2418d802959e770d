"""Names and single lines: what is shown as it is, and what plays tricks."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.names import has_tricks, without_tricks

FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL}.stl"


@pytest.mark.parametrize(
    "name",
    [
        "Würfel 2.gcode",
        FAMILY,
        "日本\N{IDEOGRAPHIC SPACE}全角.3mf",
        "at 3.15\N{NARROW NO-BREAK SPACE}PM.gcode",
        "\N{ARABIC LETTER MEEM}\N{ZERO WIDTH NON-JOINER}\N{ARABIC LETTER KEHEH}.gcode",
        "younger than this Python \U0001faef.stl",
    ],
    ids=range(6),
)
def test_what_people_write_is_kept(name: str) -> None:
    """A name that came back changed would open another file, or none."""
    assert not has_tricks(name)
    assert without_tricks(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("evil\u202egpj.gcode", "evilgpj.gcode"),
        ("a\r\nb.gcode", "ab.gcode"),
        ("a\u2028b.gcode", "ab.gcode"),
        ("\ufeffa\u200bb\u2060.gcode", "ab.gcode"),
        ("a\ud800.gcode", "a.gcode"),
        ("\x1b[2J.gcode", "[2J.gcode"),
    ],
    ids=range(6),
)
def test_what_plays_tricks_is_taken_out(name: str, shown: str) -> None:
    """People must see what they open, and a log its lines."""
    assert has_tricks(name)
    assert without_tricks(name) == shown
    assert without_tricks(name, "_").count("_") == len(name) - len(shown)
