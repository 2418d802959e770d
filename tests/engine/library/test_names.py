"""Names of files: shown as they are, stored where they can do no harm, found however spelled."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.file_match import Known, Sighting, matches
from custom_components.printernizer.engine.library_file import (
    compared,
    search_terms,
    search_words,
    shown_name,
    stored_name,
    tag_of,
    text_of,
)

ANY_NAME = st.text(st.characters(), max_size=400)


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Würfel.gcode", "Würfel.gcode"),
        ("Wu\u0308rfel.gcode", "Wu\u0308rfel.gcode"),
        ("立方体 🧊.3mf", "立方体 🧊.3mf"),
        ("C:\\Users\\x\\a.stl", "a.stl"),
        ("../../etc/passwd", "passwd"),
        ("edocg.\u202eexe", "edocg.exe"),
        (" a\tb\x00.gcode\n", "ab.gcode"),
        ("x\ud800.gcode", "x?.gcode"),
        ("a" * 600, "a" * 500),
    ],
    ids=range(9),
)
def test_a_name_is_shown_as_it_was_given(given_name: str, shown: str) -> None:
    assert shown_name(given_name) == shown


@pytest.mark.parametrize("name", ["", "  ", ".", "..", "a/", "/", "\u202e\u2066"])
def test_nothing_is_no_name(name: str) -> None:
    with pytest.raises(NotAllowed) as refusal:
        shown_name(name)
    assert refusal.value.key == "bad_title"


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("Würfel.gcode.3mf", "Würfel.gcode.3mf"),
        ("Wu\u0308rfel.stl", "Würfel.stl"),
        ("con.gcode", "_con.gcode"),
        ("COM1.tar.gcode", "_COM1.tar.gcode"),
        ("nul", "_nul"),
        ("aux .txt", "_aux.txt"),
        ("a:b*c?.stl", "a_b_c_.stl"),
        ("..", "_"),
        ("", "_"),
        (" a. ", "a"),
        (".gcode", "gcode"),
        ("x." + "y" * 40, "x." + "y" * 40),
        ("ü" * 300 + ".gcode", "ü" * 87 + ".gcode"),
    ],
    ids=range(13),
)
def test_a_stored_name_does_no_harm(name: str, stored: str) -> None:
    assert stored_name(name) == stored


@settings(max_examples=150, deadline=None)
@given(ANY_NAME)
def test_every_stored_name_is_a_file_of_its_folder(name: str) -> None:
    stored = stored_name(name)
    assert stored
    assert stored == unicodedata.normalize("NFC", stored)
    assert len(stored.encode()) <= 181
    assert os.path.basename(stored) == stored
    assert stored not in {".", ".."}
    assert not any(unicodedata.category(char) == "Cc" for char in stored)
    assert stored_name(stored) == stored


@settings(max_examples=60, deadline=None)
@given(ANY_NAME)
def test_a_disk_takes_every_stored_name(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    folder: Path = tmp_path_factory.mktemp("n")
    (folder / stored_name(name)).write_bytes(b"x")
    assert [path.name for path in folder.iterdir()] == [stored_name(name)]


@settings(max_examples=150, deadline=None)
@given(ANY_NAME)
def test_a_file_is_found_by_every_word_of_its_own_name(name: str) -> None:
    words = search_words(name).split(" ")
    assert all(word.isalnum() for word in words if word)
    for spellings in search_terms(name):
        assert any(word.startswith(spelling) for word in words for spelling in spellings)


@settings(max_examples=100, deadline=None)
@given(ANY_NAME)
def test_comparing_does_not_care_for_case_and_composition(name: str) -> None:
    assert compared(unicodedata.normalize("NFD", name)) == compared(name)
    assert compared(compared(name)) == compared(name)


def test_words_of_machines_are_found_by_their_parts() -> None:
    assert search_words("CalibrationCube_v2", None, "ß") == "calibrationcube calibration cube v2 ss"
    assert search_words("Müller ½") == "muller mueller 1 2"
    assert search_terms("Ü '*\" OR") == (("u", "ue"), ("or",))
    assert search_terms("\u200d %") == ()
    assert len(search_terms("a " * 200)) == 12


def test_tags_and_notes_are_bounded() -> None:
    assert tag_of("  groß \n rot ") == "groß rot"
    for bad in ("", " ", "\u202e", "x" * 61):
        with pytest.raises(NotAllowed):
            tag_of(bad)
    assert text_of("a\x00\ud800" * 10, 6) == "a?a?"


# -- on printers -------------------------------------------------------------------------------


def same(brand: str | None, there: str, ours: str, *, size: int | None = 7) -> bool:
    seen = Sighting(path=there, name=there.rsplit("/", 1)[-1], size_bytes=size)
    return matches(brand, seen, Known(names=("other.gcode", ours), size_bytes=7))


@pytest.mark.parametrize(
    ("brand", "there", "ours", "is_it"),
    [
        (None, "/a.gcode", "A.gcode", True),
        (None, "/Wu\u0308rfel.gcode", "Würfel.gcode", True),
        (None, "/b.gcode", "a.gcode", False),
        ("bambu", "/cache/Vase.gcode.3mf", "Vase.3mf", True),
        ("bambu", "/cache/Vase_plate_2.gcode.3mf", "Vase.gcode.3mf", True),
        ("bambu", "/Vase (1).gcode.3mf", "Vase.gcode.3mf", True),
        ("bambu", "/cache/Eine_sehr_lange_Va.gcode.3mf", "Eine_sehr_lange_Vase.3mf", True),
        ("bambu", "/Eine_sehr_lange_Va.gcode.3mf", "Eine_sehr_lange_Vase.3mf", False),
        ("bambu", "/cache/Vas.gcode.3mf", "Vase.gcode.3mf", False),
        ("prusalink", "/usb/BENCHY~1.GCO", "Benchy 0.4n PLA.gcode", True),
        ("prusalink", "/usb/BENCHY~1.BGC", "Vase.bgcode", False),
        ("prusalink", "/usb/3dbenchy_with_lon.gcode", "3dbenchy_with_long_name.gcode", True),
        ("octoprint", "/Wurfel_gross.gcode", "Würfel groß.gcode", True),
        ("octoprint", "/Wurfel_grosz.gcode", "Würfel groß.gcode", False),
        ("octoprint", "/立.gcode", "立.gcode", True),
        ("moonraker", "/sub/a.gcode", "a.gcode", True),
        ("moonraker", "/a_1.gcode", "a.gcode", False),
        ("virtual", "/a.gcode", "b.gcode", False),
    ],
    ids=range(18),
)
def test_a_file_on_a_printer_is_known_by_the_rules_of_its_brand(
    brand: str | None, there: str, ours: str, is_it: bool
) -> None:
    """Two lines for one file, or one line for two: both end in the wrong print."""
    assert same(brand, there, ours) is is_it


def test_another_size_is_another_file_and_without_one_the_name_is_all() -> None:
    assert not same("bambu", "/cache/Vase.gcode.3mf", "Vase.gcode.3mf", size=8)
    assert same("prusalink", "/usb/Vase.gcode", "Vase.gcode", size=None)
    assert not same("prusalink", "/usb/VASE~1.GCO", "Vase 7.gcode", size=None)
    seen = Sighting(path="/Wurfel.gcode", name="Wurfel.gcode", size_bytes=5)
    assert not matches("octoprint", seen, Known(names=("Würfel.gcode",), size_bytes=None))


def test_a_listing_that_names_files_differently_than_paths_is_understood() -> None:
    """Printers show a long name for people beside the short one of the path."""
    seen = Sighting(path="/usb/LONGNA~1.GCO", name="Long name.gcode", size_bytes=7)
    assert matches("prusalink", seen, Known(names=("Long name.gcode",), size_bytes=7))
