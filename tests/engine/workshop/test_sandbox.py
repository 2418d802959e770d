"""Work in a process of its own: it may hang, swell or fall over, and nobody else does."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.account import Role
from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.extrusion import Extrusion, ToolExtrusion
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.picture import Colouring, PictureFormat, PictureOptions
from custom_components.printernizer.engine.sandbox import wire, worker
from custom_components.printernizer.engine.workshop.sandbox import KEPT, WORKER, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT = """;LAYER_CHANGE
;TYPE:Perimeter
M83
G1 X1 E5
;LAYER_CHANGE
G1 X1 E2
; filament used [g] = 1.5
; filament_type = PLA
; estimated printing time (normal mode) = 1m 5s
"""


def sandbox(
    worker: Path = WORKER, *, longest_s: float = 60, largest_bytes: int = 1 << 20
) -> Sandbox:
    """Return one that runs a worker at a time, with the limits of a test."""
    return Sandbox(
        at_once=1,
        longest_s=longest_s,
        memory_bytes=256 << 20,
        largest_bytes=largest_bytes,
        worker=worker,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "part; rm -rf $(HOME).gcode"
    path.write_text(CONTENT)
    return path


@pytest.fixture
def acting(tmp_path: Path) -> Callable[[str], Path]:
    """Return a worker that does something else."""

    def make(script: str) -> Path:
        made = tmp_path / "worker.py"
        made.write_text(script)
        return made

    return make


async def test_the_worker_measures_what_we_would(path: Path) -> None:
    measured = await sandbox().measured(path, None)
    assert measured == read_extrusion(path)
    assert measured.print_time == timedelta(seconds=65)
    assert measured.tools[0].roles_mm == ((Role.MODEL, 7.0),)
    assert measured == await sandbox().measured(path, 1)


async def test_a_bad_file_is_named_as_if_it_were_read_here(tmp_path: Path, path: Path) -> None:
    with pytest.raises(BadFile, match=r"part.*: plate 7 of a file that has one"):
        await sandbox().measured(path, 7)
    with pytest.raises(BadFile) as refusal:
        await sandbox().measured(tmp_path / "none", None)
    assert refusal.value.key == "file_unreadable"


async def _gone(pid: int) -> None:
    while Path(f"/proc/{pid}/stat").exists():
        await asyncio.sleep(0.01)


async def test_cancelled_it_leaves_no_process_behind(
    path: Path, tmp_path: Path, acting: Callable[[str], Path]
) -> None:
    """A printer is removed while its 300 MB are measured."""
    note = tmp_path / "pid"
    os.mkfifo(note)
    script = f"import os, time\nopen({str(note)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)\n"
    task = asyncio.create_task(sandbox(acting(script)).measured(path, None))
    pid = int(await asyncio.to_thread(note.read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await _gone(pid)


@pytest.mark.parametrize(
    ("script", "cause"),
    [
        ("import time\ntime.sleep(60)", "takes too long"),
        ("import sys\nsys.exit(3)", "ended with 3"),
        ("pass", "ended with 0"),
        ("import os\nos.kill(os.getpid(), 9)", "ended with -9"),
        ("while True: print('x' * 9999)", "longer than any real one"),
        ("print('rubbish')", "cannot be read"),
        ("print('[]')", "cannot be read"),
        ("print('{}')", "cannot be read"),
    ],
)
async def test_a_worker_that_fails_is_a_file_that_cannot_be_measured(
    path: Path, acting: Callable[[str], Path], script: str, cause: str
) -> None:
    longest = 0.3 if "sleep" in script else 20
    strange = sandbox(acting(script), longest_s=longest)
    with pytest.raises(BadFile, match=cause):
        await strange.measured(path, None)
    if "cannot be read" in cause:
        with pytest.raises(BadFile, match=cause):
            await strange.picture(path, PictureOptions(), thumbnail=True)


async def test_a_worker_is_told_no_secret_of_the_house(
    path: Path, tmp_path: Path, acting: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant's environment holds tokens; a file that takes a reader over gets none."""
    monkeypatch.setenv("SUPERVISOR_TOKEN", "secret")
    monkeypatch.setenv("DATABASE_URL", "postgresql://me:secret@server/shop")
    monkeypatch.setenv("LC_TIME", "de_DE.UTF-8")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    note = tmp_path / "told"
    script = f"import json, os\njson.dump(dict(os.environ), open({str(note)!r}, 'w'))\n"
    with pytest.raises(BadFile):
        await sandbox(acting(script)).measured(path, None)
    told = json.loads(note.read_text())
    assert "secret" not in str(told)
    assert (told["LC_TIME"], told["TZ"]) == ("de_DE.UTF-8", "Europe/Berlin")
    # Python sets the last one itself where nobody said in which language it is to write.
    allowed = KEPT | {"LC_TIME", "LC_ALL", "LC_CTYPE"}
    assert told.keys() <= allowed


async def test_memory_without_end_is_not_given(path: Path, acting: Callable[[str], Path]) -> None:
    """The limit is the worker's own: here it swells, and says what it says of a file then."""
    script = f"""
from importlib.util import module_from_spec, spec_from_file_location
spec = spec_from_file_location("worker", {worker.__file__!r})
worker = module_from_spec(spec)
spec.loader.exec_module(worker)
worker._limit(1 << 20, 60)
try:
    bytearray(2 << 20)
except MemoryError:
    print('{{"bad_file": "it takes too much memory", "key": "bad_file"}}')
"""
    with pytest.raises(BadFile, match="too much memory"):
        await sandbox(acting(script)).measured(path, None)


async def test_one_is_measured_after_the_other(
    path: Path, tmp_path: Path, acting: Callable[[str], Path]
) -> None:
    """A folder of fifty files must not take all of the house's memory at once."""
    there = str(tmp_path / "there")
    script = (
        "import os, sys\n"
        f"os.close(os.open({there!r}, os.O_CREAT | os.O_EXCL))\n"
        f"os.unlink({there!r})\n"
    )
    one = sandbox(acting(script))
    results = await asyncio.gather(
        *(one.measured(path, None) for _ in range(4)), return_exceptions=True
    )
    assert {str(result) for result in results} == {f"{path.name}: its worker ended with 0"}


EXTRUSION = Extrusion(
    plate=2,
    layers=1,
    tools=(
        ToolExtrusion(
            tool=3,
            layers_mm=(0.5, 1.25),
            roles_mm=((Role.MODEL, 1.0), (Role.TOWER, 0.25)),
            diameter_mm=1.75,
            density_g_cm3=1.24,
            material="PLA",
            estimate_mm=1.3,
            estimate_g=0.1,
        ),
    ),
    print_time=timedelta(seconds=9.5),
    ends=(0.25, 1.0),
    objects=4,
)


def test_what_is_written_is_read_again() -> None:
    for extrusion in (EXTRUSION, Extrusion()):
        assert wire.extrusion_in(wire.measured(extrusion)) == extrusion
    for options in (
        PictureOptions(),
        PictureOptions(
            bed_mm=(250.0, 210.0), colouring=Colouring.TOOL, format=PictureFormat.GIF, frames=9
        ),
    ):
        request = wire.drawing("x", options, thumbnail=True, memory_bytes=1, processor_s=1)
        assert wire.options_of(json.loads(request)["options"]) == options
    assert wire.picture_in(wire.drawn(b"\x89\n\n{", "render")) == (b"\x89\n\n{", "render")


@pytest.mark.parametrize(
    "answer", [b'{"picture": 4, "by": "render"}\n123', b'{"picture": 3, "by": "me"}\n123', b"7\n"]
)
def test_a_picture_that_is_not_all_there_is_refused(answer: bytes) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        wire.picture_in(answer)


def test_only_what_is_known_is_written() -> None:
    with pytest.raises(TypeError, match="object"):
        wire.measured(Extrusion(objects=object()))  # type: ignore[arg-type]


@pytest.mark.parametrize("number", ["NaN", "Infinity"])
def test_numbers_that_are_none_are_refused(number: str) -> None:
    """They would be in the database, and in every sum, for ever."""
    answer = wire.measured(EXTRUSION).replace(b"1.25]", f"{number}]".encode())
    with pytest.raises(BadFile, match="not finite"):
        wire.extrusion_in(answer)


def _request(path: Path, plate: int | None = None) -> str:
    return wire.measuring(str(path), plate, memory_bytes=64 << 20, processor_s=7)


def test_memory_and_time_have_a_limit(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """In the process itself, as the worker sets it; here without the limit, and its answer."""
    limits: dict[int, tuple[int, int]] = {}
    monkeypatch.setattr("resource.setrlimit", lambda kind, limit: limits.update({kind: limit}))
    monkeypatch.setattr("os.nice", lambda _: 0)
    assert worker.main(["/nowhere", _request(path)]) == 0
    assert wire.extrusion_in(capfdbinary.readouterr().out) == read_extrusion(path)
    assert limits[resource.RLIMIT_AS][0] > 64 << 20
    assert limits[resource.RLIMIT_CPU] == (7, 7)
    assert worker.main(["/nowhere", _request(path, 2)]) == 0
    assert json.loads(capfdbinary.readouterr().out)["key"] == "bad_file"


def test_too_much_memory_is_the_files_fault(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda _: 0)
    worker.main(["/nowhere", _request(path)])
    capfdbinary.readouterr()

    def full(*_: object) -> None:
        raise MemoryError

    module = sys.modules["printernizer_files.engine.formats.extrusion"]
    monkeypatch.setattr(module, "read_extrusion", full)
    monkeypatch.setattr(Path, "read_text", _no_proc)
    assert worker.main(["/nowhere", _request(path)]) == 0
    assert "too much memory" in json.loads(capfdbinary.readouterr().out)["bad_file"]


def _no_proc(*_: object, **__: object) -> str:
    raise OSError(2, "No such file or directory")


async def test_a_machine_without_room_for_a_process_says_so(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory: a person who asks for a price gets an answer and no traceback."""

    async def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(asyncio, "create_subprocess_exec", refuse)
    with pytest.raises(BadFile, match="Resource temporarily unavailable"):
        await sandbox().measured(path, None)


async def test_the_slicers_own_picture_is_taken_first(
    path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """It shows what will be printed, and takes a thousandth of the time."""
    monkeypatch.setattr("resource.setrlimit", lambda *_: None)
    monkeypatch.setattr("os.nice", lambda _: 0)
    there: list[bytes | None] = [b"slicer's", None]
    asked: list[int] = []

    def thumbnail(_: Path, *, plate: int | None, at_least_px: int) -> bytes | None:
        asked.append(at_least_px)
        return there.pop(0)

    stand_in = "printernizer_files.engine."
    for name, made in {
        "formats.thumbnails": SimpleNamespace(thumbnail=thumbnail),
        "preview.picture": SimpleNamespace(draw=lambda *_, **__: b"ours"),
    }.items():
        monkeypatch.setitem(sys.modules, stand_in + name, made)
    options = PictureOptions(width_px=300, height_px=200)
    for wanted, expected in (
        (True, (b"slicer's", "thumbnail")),
        (True, (b"ours", "render")),
        (False, (b"ours", "render")),
    ):
        request = wire.drawing(
            str(path), options, thumbnail=wanted, memory_bytes=1 << 20, processor_s=1
        )
        assert worker.main(["/nowhere", request]) == 0
        assert wire.picture_in(capfdbinary.readouterr().out) == expected
    assert asked == [200, 200]


async def test_a_model_is_measured_where_it_can_do_no_harm(tmp_path: Path) -> None:
    """A shelf calls it by its hash; what people call it says that it is an OBJ."""
    path = tmp_path / "ab12"
    path.write_text("v 0 0 0\nv 10 0 0\nv 0 20 0\nv 0 0 30\nf 1 3 2\nf 1 2 4\nf 2 3 4\nf 1 4 3\n")
    facts = await sandbox().described(path, "tent.obj")
    assert facts.mesh is not None
    assert facts.mesh.size_mm == (10, 20, 30)
    assert facts.mesh.volume_mm3 == pytest.approx(1000)
    assert facts.mesh.watertight
    path.write_text("v 0 0 0\nf 1 2 3\n")
    with pytest.raises(BadFile, match=r"^tent\.obj: a face names"):
        await sandbox().described(path, "tent.obj")


@pytest.mark.parametrize("answer", [b'{"facts": 7}\n', b'{"facts": {"plates": [1]}}\n', b"{}\n"])
def test_facts_that_are_none_are_refused(answer: bytes) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        wire.facts_in(answer)
