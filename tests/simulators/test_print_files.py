"""The print files are real, and say what simulated machines need to know."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from .print_files import FOLDER, boxed_files, plain_files, plate_of


def test_every_print_file_says_what_printing_it_takes() -> None:
    """A demo whose jobs take no time shows nothing."""
    files = (*plain_files(), *boxed_files("/cache/"))
    assert len(files) == len(list(FOLDER.glob("*.gcode*")))
    for file in files:
        (plate,) = file.plates
        assert 300 < plate.seconds < 3600, file.path
        assert plate.layers > 10, file.path
        assert 0.1 < plate.layer_height_mm < 0.5, file.path
        assert sum(plate.mass_g) > 1, file.path
        assert plate.tool_c > 180, file.path


def test_print_files_stay_small() -> None:
    """They are in the history of the project for good."""
    assert all(path.stat().st_size < 300_000 for path in FOLDER.iterdir() if path.is_file())


def test_a_bambu_box_has_a_picture_and_a_checksum_that_fits() -> None:
    """A driver that checks them must be given something true."""
    for file in boxed_files():
        with zipfile.ZipFile(io.BytesIO(file.content)) as archive:
            plate = archive.read("Metadata/plate_1.gcode")
            told = archive.read("Metadata/plate_1.gcode.md5").decode()
            assert hashlib.md5(plate).hexdigest().upper() == told
            assert archive.read("Metadata/plate_1.png").startswith(b"\x89PNG")
            assert b"prediction" in archive.read("Metadata/slice_info.config")


def test_a_file_that_does_not_say_its_time_is_refused_by_name_of_what_is_missing() -> None:
    """Whoever adds a file of another slicer must learn why it does not work."""
    with pytest.raises(ValueError, match="estimated printing time"):
        plate_of("G28\n")
