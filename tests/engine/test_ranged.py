"""Files of which only pieces are fetched: on a slow printer the rest takes minutes."""

from __future__ import annotations

import io
import random
import zipfile

import pytest
from hypothesis import given, strategies as st

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.formats.facts import facts_in
from custom_components.printernizer.engine.formats.thumbnails import thumbnail_in
from custom_components.printernizer.engine.ranged import BLOCK, RangedFile
from tests.engine.formats.test_facts import SLICE_INFO
from tests.engine.formats.test_thumbnails import png

CONTENT = random.Random(5).randbytes(5 * BLOCK + 17)


def far(content: bytes, asked: list[tuple[int, int]] | None = None, **more: int) -> RangedFile:
    def read_at(offset: int, length: int) -> bytes:
        if asked is not None:
            asked.append((offset, length))
        return content[offset : offset + length]

    return RangedFile(read_at, len(content), "it", **more)


@given(
    reads=st.lists(
        st.tuples(st.integers(-20, len(CONTENT) + 20), st.integers(-1, 2 * BLOCK)), max_size=20
    )
)
def test_it_reads_like_a_file(reads: list[tuple[int, int]]) -> None:
    there, here = far(CONTENT), io.BytesIO(CONTENT)
    for offset, size in reads:
        whence = io.SEEK_END if offset < 0 else io.SEEK_SET
        assert there.seek(offset, whence) == here.seek(offset, whence)
        assert there.read(size) == here.read(size)
        assert there.tell() == here.tell()
    assert there.moved <= len(CONTENT)


def test_nothing_is_fetched_twice_and_neighbours_come_together() -> None:
    asked: list[tuple[int, int]] = []
    file = far(CONTENT, asked)
    file.read(10)
    file.seek(5)
    file.read(100)
    assert asked == [(0, BLOCK)]
    file.seek(0)
    file.read(3 * BLOCK)
    assert asked == [(0, BLOCK), (BLOCK, 2 * BLOCK)]
    assert file.readall() == CONTENT[3 * BLOCK :]
    assert asked[-1] == (3 * BLOCK, 2 * BLOCK + 17)
    assert file.moved == len(CONTENT)
    assert (file.readable(), file.seekable(), file.read(None)) == (True, True, b"")
    buffer = bytearray(4)
    file.seek(1)
    assert (file.readinto(buffer), bytes(buffer)) == (4, CONTENT[1:5])


def test_it_never_takes_more_than_it_may() -> None:
    file = far(CONTENT, most=2 * BLOCK)
    file.read(BLOCK + 1)
    with pytest.raises(BadFile, match="too much of it would be needed"):
        file.read(BLOCK)


def test_a_file_that_shrank_is_named_with_the_place() -> None:
    file = RangedFile(lambda offset, _: CONTENT[offset:100], len(CONTENT), "it")
    with pytest.raises(BadFile, match="it at byte 100: it ends too early"):
        file.read(10)
    with pytest.raises(OSError, match="before the beginning"):
        file.seek(-1)


def test_facts_and_picture_of_40_mb_take_less_than_one() -> None:
    """On a printer that sends 150 kB a second this is seconds instead of minutes."""
    picture = png(512, 512)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("Metadata/plate_2.png", picture)
        archive.writestr("Metadata/project_settings.config", b'{"layer_height":"0.2"}')
        archive.writestr(
            "Metadata/plate_2.gcode",
            b"; HEADER_BLOCK_START\n; total layer number: 90\n; HEADER_BLOCK_END\n"
            + random.Random(1).randbytes(40 << 20),
        )
        archive.writestr("Metadata/slice_info.config", SLICE_INFO)
        archive.writestr("3D/3dmodel.model", b"<model/>")
    content = out.getvalue()
    asked: list[tuple[int, int]] = []
    file = far(content, asked)
    facts = facts_in(file, len(content), "far.gcode.3mf")
    assert (facts.printer_model, facts.plates[0].layers) == ("N2S", 90)
    assert thumbnail_in(file, len(content), "far.gcode.3mf", plate=2) == picture
    assert file.moved < 500_000
    assert len(asked) <= 5
