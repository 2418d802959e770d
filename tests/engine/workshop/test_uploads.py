"""Files on their way to printers: one clear end each, whatever the line does."""

from __future__ import annotations

import asyncio
import os
import threading
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.base import RemoteFile
from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from custom_components.printernizer.engine.drivers.virtual.machine import Fault, VirtualMachine
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    BadFile,
    NotAllowed,
    PrinternizerError,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.upload import LARGEST_BYTES, Upload, UploadState
from custom_components.printernizer.engine.workshop import uploads
from custom_components.printernizer.engine.workshop.uploads import AT_ONCE, TRIES
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from custom_components.printernizer.engine.drivers.base import Progress

SIZE = 1000


@dataclass
class Shelf:
    """A storage whose line a test holds in its hand: it moves bytes when it is told to."""

    files: dict[str, int | None] = field(default_factory=dict)
    free_bytes: int | None = None
    sends: list[tuple[str, bool]] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    script: list[Callable[[Sending], None]] = field(default_factory=list)
    """What each upload does at once; the one after the last waits for the test."""
    under_way: Sending | None = None
    most_at_once: int = 0
    _at_once: int = 0

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """One folder only, the root."""
        if path != "/":
            raise Refused("no such folder", key="file_missing")
        return tuple(
            RemoteFile(path=name, name=name.removeprefix("/"), size=size)
            for name, size in self.files.items()
        )

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Do as the script says."""
        assert progress is not None
        self.sends.append((path, replace))
        if path in self.files and not replace:
            raise Refused("it is there", key="file_exists")
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        self.under_way = sending = Sending(self, path, source.stat().st_size, progress)
        try:
            if self.script:
                self.script.pop(0)(sending)
            await sending.end
        except asyncio.CancelledError:
            self.files.pop(path, None)
            raise
        finally:
            self._at_once -= 1
            self.under_way = None
        self.files[path] = sending.size
        return path

    async def delete(self, path: str) -> None:
        """Remove a file."""
        self.deleted.append(path)
        self.files.pop(path, None)


class Sending:
    """One upload as the printer sees it."""

    def __init__(self, shelf: Shelf, path: str, size: int, progress: Progress) -> None:
        self.shelf, self.path, self.size, self.progress = shelf, path, size, progress
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def succeeds(self) -> None:
        """All of it arrives."""
        self.progress(self.size, self.size)
        self.end.set_result(None)

    def breaks(self, *, leaving: int | None = -1) -> None:
        """The line breaks; `leaving` bytes lie there (None: the printer does not say how many)."""
        if leaving != -1:
            self.shelf.files[self.path] = leaving
        self.end.set_exception(Unreachable("the line broke"))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def machine(clock: HandClock) -> VirtualMachine:
    return VirtualMachine(now=clock.monotonic, serial="V1")


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
async def workshop(
    tmp_path: Path, clock: HandClock, machine: VirtualMachine
) -> AsyncIterator[Workshop]:
    async with (
        Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store,
        Workshop(store, clock) as workshop,
    ):
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        yield workshop


@pytest.fixture
def shelved(workshop: Workshop, shelf: Shelf) -> Workshop:
    """The workshop, with the printer's storage in the test's hand."""
    workshop.fleet["V1"].require().storage = shelf  # type: ignore[misc,assignment]
    return workshop


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return written(tmp_path / "part.gcode")


def written(path: Path, size: int = SIZE) -> Path:
    path.write_bytes(b"x" * size)
    return path


async def until(condition: Callable[[], object]) -> None:
    """Wait for threads and tasks, without turning the clock."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


def breaking(leaving: int | None = -1) -> Callable[[Sending], None]:
    return lambda sending: sending.breaks(leaving=leaving)


async def test_a_file_reaches_the_printer(
    workshop: Workshop, machine: VirtualMachine, source: Path
) -> None:
    told: list[Upload] = []
    stop = workshop.uploads.subscribe(told.append)
    upload = await workshop.upload("V1", source)
    assert machine.files["/part.gcode"].content == b"x" * SIZE
    assert (upload.state, upload.path, upload.name) == (
        UploadState.DONE,
        "/part.gcode",
        "part.gcode",
    )
    assert (upload.percent, upload.attempt, upload.error_key) == (100, 1, None)
    assert upload.ended
    assert upload.ended_at is not None
    states = [one.state for one in told]
    assert states == [
        UploadState.WAITING,
        UploadState.RUNNING,
        UploadState.VERIFYING,
        UploadState.DONE,
    ]
    assert workshop.uploads.current("V1") == upload == told[-1]
    stop()
    stop()
    await workshop.upload("V1", source, "/other/", replace=True)
    assert "/other/part.gcode" in machine.files
    assert len(told) == 4


async def test_uploads_of_one_printer_go_one_after_the_other(
    shelved: Workshop, shelf: Shelf, tmp_path: Path
) -> None:
    """Boards with one small buffer lose both when they get two."""
    sources = [written(tmp_path / f"{number}.gcode") for number in range(3)]
    sending = [asyncio.ensure_future(shelved.upload("V1", source)) for source in sources]
    for number in range(3):
        await until(lambda number=number: len(shelf.sends) == number + 1)
        current = shelved.uploads.current("V1")
        assert shelf.under_way is not None
        assert current is not None
        assert (current.name, current.state) == (f"{number}.gcode", UploadState.RUNNING)
        assert not any(work.done() for work in sending[number:])
        shelf.under_way.succeeds()
        await sending[number]
    assert shelf.most_at_once == 1
    assert [path for path, _ in shelf.sends] == ["/0.gcode", "/1.gcode", "/2.gcode"]


async def test_progress_is_told_twice_a_second_with_rate_and_time_left(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    told: list[Upload] = []
    shelved.uploads.subscribe(told.append)
    sending = asyncio.ensure_future(shelved.upload("V1", source))
    await until(lambda: shelf.under_way)
    assert shelf.under_way is not None
    before = len(told)
    shelf.under_way.progress(10, SIZE)
    for moved in range(20, 520, 10):
        await clock.advance(0.1)
        shelf.under_way.progress(moved, SIZE)
    assert len(told) - before == 10, "50 pieces in 5 s"
    assert told[-1].bytes_per_s == pytest.approx(100)
    assert told[-1].left == timedelta(seconds=5)
    assert told[-1].percent == 51
    await clock.advance(1000)
    shelf.under_way.progress(520, SIZE)
    assert told[-1].bytes_per_s == pytest.approx(0.01), "a stall shows"
    assert told[-1].left == timedelta(seconds=48_000)
    shelf.under_way.progress(SIZE, SIZE)
    assert told[-1].state is UploadState.VERIFYING
    assert (await shelved.uploads.cancel("V1")).state is UploadState.CANCELLED
    with pytest.raises(NotAllowed):
        await sending


async def test_a_hundred_printers_do_not_take_all_threads_of_the_house(
    shelved: Workshop,
    shelf: Shelf,
    source: Path,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Home Assistant stands still when every thread it has carries a file."""
    monkeypatch.setattr(shelved.uploads, "_room", asyncio.Semaphore(1))
    other = Shelf()
    machine = VirtualMachine(now=clock.monotonic, serial="V2")
    await shelved.open_line("V2", VirtualDriver(machine, clock))
    shelved.fleet["V2"].require().storage = other  # type: ignore[misc,assignment]
    first = asyncio.ensure_future(shelved.upload("V1", source))
    await until(lambda: shelf.under_way)
    second = asyncio.ensure_future(shelved.upload("V2", source))
    await until(lambda: shelved.uploads.current("V2"))
    await asyncio.sleep(0.05)
    waiting = shelved.uploads.current("V2")
    assert waiting is not None
    assert (waiting.state, other.sends) == (UploadState.WAITING, [])
    assert shelf.under_way is not None
    shelf.under_way.succeeds()
    await first
    await until(lambda: other.under_way)
    assert other.under_way is not None
    other.under_way.succeeds()
    assert (await second).state is UploadState.DONE
    assert 1 < AT_ONCE < 32


async def test_the_first_estimate_is_as_good_as_any(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    """A login that takes seconds is no reason to tell an hour for what takes ten seconds."""
    told: list[Upload] = []
    shelved.uploads.subscribe(told.append)
    sending = asyncio.ensure_future(shelved.upload("V1", source))
    await until(lambda: shelf.under_way)
    assert shelf.under_way is not None
    shelf.under_way.progress(0, SIZE)
    await clock.advance(5)
    for moved in (100, 150, 200, 250):
        shelf.under_way.progress(moved, SIZE)
        await clock.advance(0.5)
    rates = [one.bytes_per_s for one in told if one.bytes_per_s is not None]
    assert rates == [pytest.approx(100)] * 3
    assert told[-1].left == timedelta(seconds=8)
    shelf.under_way.succeeds()
    await sending


async def test_a_listener_that_fails_keeps_nobody_from_the_news(
    workshop: Workshop, source: Path, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Upload] = []

    def broken(_: Upload) -> None:
        raise ZeroDivisionError

    workshop.uploads.subscribe(broken)
    workshop.uploads.subscribe(told.append)
    await workshop.upload("V1", source)
    assert told[-1].state is UploadState.DONE
    assert "A listener to uploads failed" in caplog.text


async def test_a_cancelled_upload_leaves_nothing_and_lets_the_next_one_pass(
    shelved: Workshop, shelf: Shelf, tmp_path: Path
) -> None:
    first = asyncio.ensure_future(shelved.upload("V1", written(tmp_path / "a.gcode")))
    await until(lambda: shelf.under_way)
    second = asyncio.ensure_future(shelved.upload("V1", written(tmp_path / "b.gcode")))
    held = shelf.under_way
    assert held is not None
    ended = await shelved.uploads.cancel("V1")
    assert (ended.state, ended.error_key) == (UploadState.CANCELLED, "upload_cancelled")
    with pytest.raises(NotAllowed) as refusal:
        await first
    assert refusal.value.key == "upload_cancelled"
    await until(lambda: shelf.under_way and shelf.under_way is not held)
    held.progress(SIZE, SIZE)
    current = shelved.uploads.current("V1")
    assert current is not None
    assert (current.name, current.moved_bytes) == ("b.gcode", 0)
    assert shelf.under_way is not None
    shelf.under_way.succeeds()
    await second
    assert shelf.files == {"/b.gcode": SIZE}
    with pytest.raises(NotAllowed) as refusal:
        await shelved.uploads.cancel("V1")
    assert refusal.value.key == "no_upload"


async def test_cancelling_where_nothing_was_ever_sent_says_so(workshop: Workshop) -> None:
    assert workshop.uploads.current("V1") is None
    with pytest.raises(NotAllowed) as refusal:
        await workshop.uploads.cancel("V1")
    assert refusal.value.key == "no_upload"


async def test_an_upload_called_off_before_it_began_ends_too(
    shelved: Workshop, tmp_path: Path
) -> None:
    """A queue that keeps a dead entry would hold everybody behind it."""
    told: list[Upload] = []
    calls: list[asyncio.Task[Upload]] = []

    def at_once(upload: Upload) -> None:
        told.append(upload)
        if upload.state is UploadState.WAITING:
            calls.append(asyncio.ensure_future(shelved.uploads.cancel("V1")))

    shelved.uploads.subscribe(at_once)
    with pytest.raises(NotAllowed):
        await shelved.upload("V1", written(tmp_path / "a.gcode"))
    assert (await calls[0]).state is UploadState.CANCELLED
    assert told[-1].state is UploadState.CANCELLED


async def test_whoever_asked_and_goes_away_ends_the_upload(
    shelved: Workshop, shelf: Shelf, source: Path
) -> None:
    """A cancelled action must not go on in secret."""
    sending = asyncio.ensure_future(shelved.upload("V1", source))
    await until(lambda: shelf.under_way)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    current = shelved.uploads.current("V1")
    assert current is not None
    assert current.state is UploadState.CANCELLED
    assert shelf.files == {}


async def test_a_printer_that_is_removed_takes_its_uploads_with_it(
    shelved: Workshop, shelf: Shelf, tmp_path: Path
) -> None:
    told: list[Upload] = []
    shelved.uploads.subscribe(told.append)
    sending = [
        asyncio.ensure_future(shelved.upload("V1", written(tmp_path / f"{number}.gcode")))
        for number in range(3)
    ]
    await until(lambda: shelf.under_way and len({one.id for one in told}) == 3)
    await shelved.close_line("V1")
    results = await asyncio.gather(*sending, return_exceptions=True)
    assert [getattr(result, "key", None) for result in results] == ["upload_cancelled"] * 3
    assert len(shelf.sends) == 1
    with pytest.raises(NotAllowed):
        await shelved.upload("V1", tmp_path / "0.gcode")


async def test_a_broken_line_is_tried_again_and_half_a_file_of_ours_replaced(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    shelf.script = [breaking(leaving=300), Sending.succeeds]
    told: list[Upload] = []
    shelved.uploads.subscribe(told.append)
    sending = asyncio.ensure_future(shelved.upload("V1", source))
    await until(lambda: told and told[-1].state is UploadState.WAITING and told[-1].attempt)
    await until(lambda: clock.sleeping >= 2)
    await clock.advance(10)
    upload = await sending
    assert (upload.state, upload.attempt) == (UploadState.DONE, 2)
    assert shelf.sends == [("/part.gcode", False), ("/part.gcode", True)]
    assert shelf.files == {"/part.gcode": SIZE}


async def advancing[T](work: asyncio.Future[T], clock: HandClock, seconds: float = 1) -> T:
    """Turn the clock until it is done."""
    async with asyncio.timeout(20):
        while not work.done():
            await clock.advance(seconds)
            await asyncio.sleep(0.001)
    return await work


async def test_a_file_that_lies_there_whole_after_a_broken_try_is_not_sent_again(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    """The line may break after the last byte and before the answer."""
    shelf.script = [breaking(leaving=SIZE)]
    upload = await advancing(asyncio.ensure_future(shelved.upload("V1", source)), clock)
    assert upload.state is UploadState.DONE
    assert len(shelf.sends) == 1


async def test_a_line_that_broke_before_the_first_look_changes_nothing(
    shelved: Workshop,
    shelf: Shelf,
    source: Path,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Half a file of ours was taken for somebody's, when even the listing had to be repeated."""
    listed, look = [], shelf.list

    async def stumbles(path: str = "/") -> tuple[RemoteFile, ...]:
        listed.append(path)
        if len(listed) == 1:
            raise Unreachable("the line broke")
        return await look(path)

    monkeypatch.setattr(shelf, "list", stumbles)
    shelf.script = [breaking(leaving=300), Sending.succeeds]
    upload = await advancing(asyncio.ensure_future(shelved.upload("V1", source)), clock)
    assert upload.attempt == 3
    assert shelf.sends == [("/part.gcode", False), ("/part.gcode", True)]


async def test_a_printer_that_goes_while_a_file_is_looked_at_is_sent_nothing(
    shelved: Workshop, shelf: Shelf, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an upload would belong to nobody: no unloading would ever end it."""
    looking, seen, look = threading.Event(), threading.Event(), uploads.inspect

    def slowly(path: Path, name: str) -> uploads.Stamp:
        looking.set()
        seen.wait(10)
        return look(path, name)

    monkeypatch.setattr(uploads, "inspect", slowly)
    sending = asyncio.ensure_future(shelved.uploads.send("V1", source))
    await until(looking.is_set)
    await shelved.uploads.drop("V1")
    seen.set()
    with pytest.raises(NotAllowed) as refusal:
        await sending
    assert refusal.value.key == "upload_cancelled"
    assert shelf.sends == []


@pytest.mark.parametrize("size", [SIZE, 77, None])
async def test_what_somebody_else_put_there_is_never_overwritten(
    shelved: Workshop, shelf: Shelf, source: Path, size: int | None
) -> None:
    shelf.files["/part.gcode"] = size
    with pytest.raises(Refused) as refusal:
        await shelved.upload("V1", source)
    assert refusal.value.key == "file_exists"
    assert shelf.sends == []
    assert shelf.files == {"/part.gcode": size}


async def test_a_file_of_the_same_size_that_was_to_be_replaced_is_sent_again(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    """After a broken try, nobody can tell the old one from the new one by its size."""
    shelf.files["/part.gcode"] = SIZE
    shelf.script = [breaking(), Sending.succeeds]
    work = asyncio.ensure_future(shelved.upload("V1", source, replace=True))
    assert (await advancing(work, clock)).attempt == 2
    assert shelf.sends == [("/part.gcode", True)] * 2


async def test_a_printer_that_does_not_tell_sizes_gets_it_again(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    shelf.script = [breaking(leaving=None), Sending.succeeds]
    upload = await advancing(asyncio.ensure_future(shelved.upload("V1", source)), clock)
    assert upload.attempt == 2
    assert shelf.sends[-1] == ("/part.gcode", True)


async def test_tries_are_bounded(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    shelf.script = [breaking()] * (TRIES + 5)
    with pytest.raises(Unreachable):
        await advancing(asyncio.ensure_future(shelved.upload("V1", source)), clock)
    assert len(shelf.sends) == TRIES
    current = shelved.uploads.current("V1")
    assert current is not None
    assert (current.state, current.error_key, current.reason) == (
        UploadState.FAILED,
        "unreachable",
        "the line broke",
    )


@pytest.mark.parametrize(
    "error", [Refused("no", key="unsupported_file"), AccessDenied("key"), ZeroDivisionError()]
)
async def test_what_retrying_cannot_mend_is_final(
    shelved: Workshop, shelf: Shelf, source: Path, error: Exception
) -> None:
    shelf.script = [lambda sending: sending.end.set_exception(error)]
    with pytest.raises(type(error)):
        await shelved.upload("V1", source)
    assert len(shelf.sends) == 1
    current = shelved.uploads.current("V1")
    assert current is not None
    assert current.state is UploadState.FAILED
    assert current.error_key == getattr(error, "key", "unexpected")


async def test_a_disk_of_ours_that_fails_in_the_middle_is_named(
    shelved: Workshop, shelf: Shelf, source: Path
) -> None:
    shelf.script = [lambda sending: sending.end.set_exception(OSError(5, "Input/output error"))]
    with pytest.raises(BadFile, match="Input/output error") as refusal:
        await shelved.upload("V1", source)
    assert refusal.value.key == "file_unreadable"


async def test_an_upload_waits_for_a_line_that_comes_back(
    workshop: Workshop, machine: VirtualMachine, source: Path, clock: HandClock
) -> None:
    """Printers restart their network in the middle of things."""
    await workshop.upload("V1", source)
    machine.inject(Fault.NETWORK, seconds=30)
    sending = asyncio.ensure_future(workshop.upload("V1", source, replace=True))
    upload = await advancing(sending, clock)
    assert upload.state is UploadState.DONE
    assert upload.attempt <= 2, "the line may be known to be down before the first try"
    assert clock.monotonic() > 1030


async def test_an_upload_gives_up_on_a_line_that_stays_away(
    workshop: Workshop, machine: VirtualMachine, source: Path, clock: HandClock
) -> None:
    machine.inject(Fault.NETWORK, seconds=10_000)
    with pytest.raises(Unreachable):
        await advancing(asyncio.ensure_future(workshop.upload("V1", source)), clock, 10)
    current = workshop.uploads.current("V1")
    assert current is not None
    assert current.state is UploadState.FAILED
    with pytest.raises(Unreachable):
        await workshop.upload("V1", source)
    assert current == workshop.uploads.current("V1"), "a line that is down is refused at once"


async def test_a_source_that_changes_on_the_way_is_not_left_on_the_printer(
    shelved: Workshop, shelf: Shelf, source: Path
) -> None:
    """A slicer that writes anew while we read would have the printer print two halves."""
    sending = asyncio.ensure_future(shelved.upload("V1", source))
    await until(lambda: shelf.under_way)
    source.write_bytes(b"y" * SIZE)
    os.utime(source, ns=(1, 1))
    assert shelf.under_way is not None
    shelf.under_way.succeeds()
    with pytest.raises(BadFile) as refusal:
        await sending
    assert refusal.value.key == "file_changed"
    assert shelf.deleted == ["/part.gcode"]
    assert shelf.files == {}


async def test_a_source_that_changes_between_two_tries_is_not_sent(
    shelved: Workshop, shelf: Shelf, source: Path, clock: HandClock
) -> None:
    def breaks(sending: Sending) -> None:
        source.unlink()
        sending.breaks()

    shelf.script = [breaks]
    with pytest.raises(BadFile):
        await advancing(asyncio.ensure_future(shelved.upload("V1", source)), clock)
    assert len(shelf.sends) == 1


@pytest.mark.parametrize(
    ("make", "key"),
    [
        pytest.param(lambda path: None, "file_unreadable", id="missing"),
        pytest.param(lambda path: path.mkdir(), "file_unreadable", id="a folder"),
        pytest.param(os.mkfifo, "file_unreadable", id="a pipe"),
        pytest.param(lambda path: path.touch(), "file_empty", id="empty"),
        pytest.param(
            lambda path: os.truncate(written(path, 1), LARGEST_BYTES + 1),
            "file_too_large",
            id="larger than FAT32 holds",
        ),
    ],
)
async def test_what_cannot_be_sent_is_refused_before_the_first_byte(
    shelved: Workshop, shelf: Shelf, tmp_path: Path, make: Callable[[Path], object], key: str
) -> None:
    path = tmp_path / "it.gcode"
    make(path)
    with pytest.raises(BadFile) as refusal:
        await shelved.upload("V1", path)
    assert refusal.value.key == key
    assert shelf.sends == []
    assert shelved.uploads.current("V1") is None


@pytest.mark.parametrize(
    "path",
    [
        "/../part.gcode",
        "/a//part.gcode",
        "/a/./part.gcode",
        "/a\\part.gcode",
        "/c:part.gcode",
        "/part\u202egcode",
        "/part\x00.gcode",
        "/part\ud800.gcode",
        "/con.gcode",
        "/LPT1",
        "/ part.gcode",
        "/part.gcode ",
        "/part.",
        "/" + "x" * 201,
        "/ü" * 300,
        "",
    ],
    ids=ascii,
)
async def test_names_that_storages_choke_on_are_refused(
    shelved: Workshop, shelf: Shelf, source: Path, path: str
) -> None:
    with pytest.raises(NotAllowed) as refusal:
        await shelved.upload("V1", source, path)
    assert refusal.value.key == "bad_name"
    assert shelf.sends == []


async def test_a_name_in_any_language_is_fine(
    shelved: Workshop, shelf: Shelf, source: Path
) -> None:
    shelf.script = [Sending.succeeds]
    upload = await shelved.upload("V1", source, "Würfel (2) ☃ #1.gcode")
    assert upload.path == "/Würfel (2) ☃ #1.gcode"


@pytest.mark.parametrize(
    ("free", "lies", "fits"),
    [(SIZE, None, True), (SIZE - 1, None, False), (SIZE - 1, 1, True), (0, None, False)],
)
async def test_room_is_looked_at_before_the_first_byte(
    shelved: Workshop, shelf: Shelf, source: Path, free: int, lies: int | None, fits: bool
) -> None:
    shelf.free_bytes = free
    shelf.script = [Sending.succeeds]
    if lies is not None:
        shelf.files["/part.gcode"] = lies
    sending = shelved.upload("V1", source, replace=lies is not None)
    if fits:
        await sending
        return
    with pytest.raises(Refused) as refusal:
        await sending
    assert refusal.value.key == "storage_full"
    assert shelf.sends == []


async def test_a_printer_without_a_storage_says_so(workshop: Workshop, source: Path) -> None:
    workshop.fleet["V1"].require().storage = None  # type: ignore[misc]
    with pytest.raises(Refused) as refusal:
        await workshop.upload("V1", source)
    assert refusal.value.key == "not_supported"


async def test_a_listing_that_is_refused_ends_the_upload(
    shelved: Workshop, shelf: Shelf, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it nobody knows what would be overwritten."""

    async def refuses(path: str = "/") -> tuple[RemoteFile, ...]:
        raise Refused("no card", key="storage_missing")

    monkeypatch.setattr(shelf, "list", refuses)
    with pytest.raises(PrinternizerError) as refusal:
        await shelved.upload("V1", source)
    assert refusal.value.key == "storage_missing"
    assert shelf.sends == []


async def test_a_workshop_that_closes_ends_its_uploads(
    tmp_path: Path, clock: HandClock, machine: VirtualMachine, shelf: Shelf, source: Path
) -> None:
    async with (
        Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store,
        Workshop(store, clock) as workshop,
    ):
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        workshop.fleet["V1"].require().storage = shelf  # type: ignore[misc,assignment]
        sending = asyncio.ensure_future(workshop.upload("V1", source))
        await until(lambda: shelf.under_way)
    await settle()
    with pytest.raises(NotAllowed):
        await sending
    assert shelf.files == {}
