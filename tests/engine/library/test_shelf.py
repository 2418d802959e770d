"""Files on disk: whole or not at all, once, and never under a name that leads elsewhere."""

from __future__ import annotations

import errno
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from uuid import UUID

import pytest

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.library import shelf as shelf_module
from custom_components.printernizer.engine.library.shelf import Item, Shelf

PACKAGE = Path(__file__).parents[3] / "custom_components/printernizer"
CONTENT = b"G28\nG1 X10 Y10 E1\n" * 500
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path / "library")
    assert shelf.open() == 0
    return shelf


def put(shelf: Shelf, content: bytes = CONTENT) -> str:
    with shelf.receive() as incoming:
        for begin in range(0, len(content), 1000):
            incoming.write(content[begin : begin + 1000])
        return incoming.keep().sha256


def left(shelf: Shelf) -> list[str]:
    """Whatever lies in the folder, but for folders."""
    return sorted(
        str(path.relative_to(shelf.folder)) for path in shelf.folder.rglob("*") if path.is_file()
    )


def test_a_content_lies_once_under_its_hash_and_cannot_be_written(shelf: Shelf) -> None:
    with shelf.receive() as incoming:
        incoming.write(CONTENT)
        stored = incoming.keep()
    assert (stored.sha256, stored.size_bytes, stored.fresh) == (SHA256, len(CONTENT), True)
    with shelf.receive() as incoming:
        incoming.write(CONTENT)
        assert not incoming.keep().fresh
    assert left(shelf) == [f"objects/{SHA256[:2]}/{SHA256}"]
    assert shelf.path(SHA256).read_bytes() == CONTENT
    assert shelf.path(SHA256).stat().st_mode & 0o777 == 0o444
    assert shelf.has(SHA256)


def test_what_is_not_kept_leaves_nothing(shelf: Shelf) -> None:
    with shelf.receive() as incoming:
        incoming.write(CONTENT)
    with pytest.raises(ZeroDivisionError), shelf.receive() as incoming:  # noqa: PT012
        incoming.write(CONTENT)
        raise ZeroDivisionError
    assert left(shelf) == []


@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_the_same_file_once_more_mends_a_damaged_one(shelf: Shelf, damage: str) -> None:
    """Whoever still has the file has a backup, and need not know how to use it."""
    path = shelf.path(put(shelf))
    path.chmod(0o644)
    path.write_bytes(b"X" + CONTENT[1:] if damage == "flipped" else CONTENT[:-1])
    with shelf.receive() as incoming:
        incoming.write(CONTENT)
        assert incoming.keep().fresh
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("number", "key"),
    [(errno.ENOSPC, "disk_full"), (errno.EDQUOT, "disk_full"), (errno.EIO, "disk_failed")],
    ids=["full", "quota", "broken"],
)
@pytest.mark.parametrize("where", ["fsync", "rename", "mkdir", "open"])
def test_a_disk_that_refuses_leaves_nothing_half(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, where: str, number: int, key: str
) -> None:
    """Half a G-code prints half a part, and looks like a whole one until then."""

    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    if where == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        method = {"rename": "replace"}.get(where, where)
        monkeypatch.setattr(shelf_module.Path, method, fail)
    with pytest.raises(NotAllowed) as refusal:
        put(shelf)
    assert refusal.value.key == key
    monkeypatch.undo()
    assert left(shelf) == []


def test_a_write_that_the_disk_refuses_in_the_middle_leaves_nothing(shelf: Shelf) -> None:
    """The limit on the size of files fails as a full disk does, in a real write."""
    code = f"""
import resource, signal, sys, types
package = types.ModuleType("shop")
package.__path__ = [{str(PACKAGE)!r}]
sys.modules["shop"] = package
from pathlib import Path
from shop.engine.errors import NotAllowed
from shop.engine.library.shelf import Shelf
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
shelf = Shelf(Path(sys.argv[1]))
try:
    with shelf.receive() as incoming:
        for _ in range(10):
            incoming.write(bytes(999))
except NotAllowed as err:
    print(err.key)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(shelf.folder)], capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "disk_failed"
    assert left(shelf) == []


def test_room_is_left_on_the_disk(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger lies on the same disk: a library must not be what stops it."""
    free = [10_000]
    monkeypatch.setattr(
        shelf_module.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free[0]})
    )
    shelf.spare_bytes = 4000
    shelf.room_for(6000)
    with pytest.raises(NotAllowed) as refusal:
        shelf.room_for(6001)
    assert refusal.value.key == "disk_full"
    monkeypatch.setattr(shelf_module, "_LOOK_EVERY", 1000)
    with pytest.raises(NotAllowed) as refusal, shelf.receive() as incoming:  # noqa: PT012
        for _ in range(10):
            incoming.write(bytes(1000))
            free[0] -= 1000
    assert refusal.value.key == "disk_full"
    assert left(shelf) == []


def test_a_disk_that_does_not_say_how_full_it_is_failed(shelf: Shelf) -> None:
    shelf.folder.rename(shelf.folder.with_name("gone"))
    with pytest.raises(NotAllowed) as refusal:
        shelf.room_for(1)
    assert refusal.value.key == "disk_failed"
    with pytest.raises(NotAllowed):
        list(shelf.walk())
    Path(shelf.folder).write_text("not a folder")
    with pytest.raises(NotAllowed):
        shelf.open()


@pytest.mark.parametrize(
    "name", ["", "..", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 64 + "\n"]
)
def test_only_a_hash_leads_to_a_file(shelf: Shelf, name: str) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        shelf.path(name)


def test_a_sidecar_stands_beside_its_content_and_goes_first(shelf: Shelf) -> None:
    sha256 = put(shelf)
    assert shelf.read_sidecar(sha256) is None
    shelf.write_sidecar(sha256, '{"name": "Würfel 🧊"}')
    shelf.write_sidecar(sha256, '{"name": "Würfel 🧊 2"}')
    assert shelf.read_sidecar(sha256) == '{"name": "Würfel 🧊 2"}'
    shelf.drop_sidecar(sha256)
    shelf.drop_sidecar(sha256)
    assert shelf.read_sidecar(sha256) is None
    shelf.write_sidecar(sha256, "{}")
    shelf.drop(sha256)
    shelf.drop(sha256)
    assert left(shelf) == []
    assert not shelf.path(sha256).parent.exists()


def test_a_sidecar_that_is_none_of_ours_is_none(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put(shelf)
    side = shelf.path(sha256).with_name(f"{sha256}.json")
    side.write_bytes(b"\xff\xfe")
    assert shelf.read_sidecar(sha256) is None
    side.write_bytes(b" " * 200)
    monkeypatch.setattr(shelf_module, "LARGEST_SIDECAR", 100)
    assert shelf.read_sidecar(sha256) is None
    side.unlink()
    side.mkdir()
    assert shelf.read_sidecar(sha256) is None
    with pytest.raises(NotAllowed):
        shelf.drop_sidecar(sha256)
    with pytest.raises(NotAllowed):
        shelf.drop(sha256)
    with pytest.raises(NotAllowed):
        shelf.write_sidecar(sha256, "{}")
    assert [name for name in left(shelf) if "incoming" in name] == []
    monkeypatch.setattr(shelf_module.Path, "open", _denied)
    with pytest.raises(NotAllowed):
        shelf.read_sidecar(sha256)
    with pytest.raises(NotAllowed):
        list(shelf.rehash(sha256))


def _denied(*_: object, **__: object) -> None:
    raise PermissionError(errno.EACCES, "Permission denied")


def test_people_find_files_by_name_and_the_disk_holds_them_once(shelf: Shelf) -> None:
    sha256, other = put(shelf), put(shelf, b"G28\n")
    shown = shelf.show(sha256, "A1 mini", "2026-11-21", "Würfel.gcode")
    assert shown == shelf.folder / "by-name/A1 mini/2026-11-21/Würfel.gcode"
    assert shown.samefile(shelf.path(sha256))
    assert shelf.show(sha256, "A1 mini", "2026-11-21", "Würfel.gcode") == shown
    second = shelf.show(other, "A1 mini", "2026-11-21", "Würfel.gcode")
    assert second is not None
    assert second.name == "Würfel (2).gcode"
    assert shelf.show(sha256, "x", "y", "noending").name == "noending"  # type: ignore[union-attr]
    assert shelf.show(other, "x", "y", "noending").name == "noending (2)"  # type: ignore[union-attr]
    shelf.hide(sha256, "2026-11-21")
    assert (shown.exists(), second.exists()) == (False, True)
    shelf.hide(other, "2026-11-21")
    assert not (shelf.folder / "by-name/A1 mini").exists()
    shelf.hide(other, "there")


def test_where_the_disk_has_no_hard_links_they_are_symbolic_and_move_along(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module.Path, "hardlink_to", _denied)
    shown = shelf.show(put(shelf), "PrusaLink", "2026-11-21", "a.gcode")
    assert shown is not None
    assert shown.is_symlink()
    moved = shelf.folder.rename(shelf.folder.with_name("moved"))
    assert (moved / shown.relative_to(shelf.folder)).read_bytes() == CONTENT


def test_where_it_has_none_at_all_there_are_none(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    sha256 = put(shelf)
    monkeypatch.setattr(shelf_module.Path, "hardlink_to", _denied)
    monkeypatch.setattr(shelf_module.Path, "symlink_to", _denied)
    assert shelf.show(sha256, "P", "2026-11-21", "a.gcode") is None
    monkeypatch.setattr(shelf_module.Path, "mkdir", _denied)
    assert shelf.show(sha256, "Q", "2026-11-21", "a.gcode") is None


def test_a_name_that_everybody_uses_is_not_tried_forever(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelf_module, "_MOST_OF_A_NAME", 2)
    shelf.show(put(shelf), "P", "2026-11-21", "a.gcode")
    assert shelf.show(put(shelf, b"G28\n"), "P", "2026-11-21", "a.gcode") is None


@pytest.mark.parametrize("evil", ["../../../x", "..", "/etc/x", "C:\\x", "a\x00b", "CON", "\u202e"])
def test_no_name_leads_out_of_the_folder(shelf: Shelf, evil: str) -> None:
    shown = shelf.show(put(shelf), evil, evil, evil)
    assert shown is not None
    assert shown.parent.parent.parent == shelf.folder / "by-name"
    assert shown.resolve().is_relative_to(shelf.folder.resolve())


def test_a_walk_meets_everything_and_knows_its_own(shelf: Shelf) -> None:
    sha256 = put(shelf)
    shelf.write_sidecar(sha256, "{}")
    alone = "ab" + "0" * 62
    (shelf.folder / "objects/ab").mkdir(exist_ok=True)
    shelf.write_sidecar(alone, "{}")
    (shelf.folder / "objects/ab/holiday.jpg").write_bytes(b"x")
    (shelf.folder / f"objects/ab/{'cd' + '0' * 62}").write_bytes(b"x")
    (shelf.folder / "objects/ab/folder").mkdir()
    (shelf.folder / "objects/notes.txt").write_text("x")
    found = list(shelf.walk())
    assert {item.sha256: item for item in found if item.sha256} == {
        sha256: Item(name=f"{sha256[:2]}/{sha256}", sha256=sha256, object=True, sidecar=True),
        alone: Item(name=f"ab/{alone}", sha256=alone, object=False, sidecar=True),
    }
    assert {item.name for item in found if item.sha256 is None} == {
        "ab/holiday.jpg",
        f"ab/{'cd' + '0' * 62}",
        "ab/folder",
        "notes.txt",
    }


def test_a_flipped_bit_is_found(shelf: Shelf) -> None:
    sha256 = put(shelf)
    assert list(shelf.rehash(sha256)) == [len(CONTENT), True]
    path = shelf.path(sha256)
    path.chmod(0o644)
    flipped = bytearray(CONTENT)
    flipped[4000] ^= 1
    path.write_bytes(flipped)
    assert list(shelf.rehash(sha256))[-1] is False
    path.unlink()
    assert list(shelf.rehash(sha256)) == [False]


def test_when_it_was_looked_through_is_remembered(shelf: Shelf) -> None:
    assert shelf.scrubbed_at() is None
    shelf.mark_scrubbed("2026-11-21T12:00:00+00:00")
    assert Shelf(shelf.folder).scrubbed_at() == "2026-11-21T12:00:00+00:00"


def test_opening_sweeps_halves_and_touches_nothing_else(shelf: Shelf) -> None:
    (shelf.folder / "incoming" / f"{'a' * 32}.part").write_bytes(b"half")
    (shelf.folder / "incoming/mine.txt").write_bytes(b"a stranger's")
    assert shelf.open() == 1
    assert left(shelf) == ["incoming/mine.txt"]


def test_a_part_that_somebody_writes_is_not_swept(shelf: Shelf) -> None:
    """The shop is opened again while an upload to the one before still comes in."""
    with shelf.receive() as incoming:
        incoming.write(CONTENT)
        assert Shelf(shelf.folder).open() == 0
        assert incoming.keep().sha256 == SHA256


def test_a_shelf_keeps_the_name_that_it_was_given_first(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shelf.called(UUID(int=1)) == UUID(int=1)
    assert Shelf(shelf.folder).called(UUID(int=2)) == UUID(int=1)
    (shelf.folder / "shelf-id").write_text("rubbish")
    assert shelf.called(UUID(int=3)) == UUID(int=3)
    (shelf.folder / "shelf-id").unlink()
    monkeypatch.setattr(shelf_module.Path, "write_text", _denied)
    with pytest.raises(NotAllowed):
        shelf.called(UUID(int=4))


WRITER = """
import hashlib, sys, types
package = types.ModuleType("shop")
package.__path__ = [{package!r}]
sys.modules["shop"] = package
from pathlib import Path
from shop.engine.library.shelf import Shelf
shelf = Shelf(Path(sys.argv[1]))
shelf.open()
number = int(sys.argv[2])
while True:
    number += 1
    with shelf.receive() as incoming:
        for piece in range(40):
            incoming.write(b"%d %d " % (number, piece) * 500)
        stored = incoming.keep()
    shelf.write_sidecar(stored.sha256, "x" * 5000 + "!")
    print(stored.sha256, flush=True)
    if number % 3 == 0:
        shelf.drop(stored.sha256)
        print("-", flush=True)
"""


@pytest.mark.parametrize("attempt", range(2))
def test_a_kill_at_any_moment_leaves_nothing_half(shelf: Shelf, attempt: int) -> None:
    """Power cuts choose their moment themselves."""
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            WRITER.format(package=str(PACKAGE)),
            str(shelf.folder),
            str(attempt * 10_000),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    assert writer.stdout.readline()
    time.sleep(random.Random(attempt).uniform(0.01, 0.12))
    writer.send_signal(signal.SIGKILL)
    told, _ = writer.communicate()
    shelf.open()
    assert list((shelf.folder / "incoming").iterdir()) == []
    items = list(shelf.walk())
    assert items
    for item in items:
        assert item.sha256 is not None
        assert item.object, "a sidecar without its content"
        assert list(shelf.rehash(item.sha256))[-1] is True
        assert not item.sidecar or (shelf.read_sidecar(item.sha256) or "").endswith("x!")
    lines = told.split()
    promised = {line for line, after in pairwise([*lines, "?"]) if after != "-"}
    # The last one may have been on its way out.
    gone = promised - {"-", *lines[-1:]} - {item.sha256 for item in items}
    assert not gone
