"""Watched folders that are told of their changes by the system's own inotify, and what if not."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.library import ears, watch
from custom_components.printernizer.engine.library.ears import Ears
from custom_components.printernizer.engine.watched_folder import Hearing, WatchedFolder
from custom_components.printernizer.engine.workshop import watching
from custom_components.printernizer.engine.workshop.listening import AGAIN_S
from custom_components.printernizer.engine.workshop.watching import CALM_S, EVERY_S, Watching
from tests.hand_clock import HandClock, settle

from .test_ledger import FaultyStore
from .test_watching import GCODE, Entering, Shop, store  # noqa: F401 - a fixture

asyncinotify = pytest.importorskip("asyncinotify", reason="it listens on Linux only")

SOON_S = 1.5
"""Within which a file is in the library that was closed: "a second or so"."""
OTHER = GCODE + b"G28 ; another\n"


class Listener(Shop):
    """A shop with ears. Its folder lies on a file system that tells, whatever the tests lie on."""

    def __init__(self, tmp_path: Path, store: FaultyStore, clock: HandClock) -> None:
        super().__init__(tmp_path, store, clock)
        self.outside: str | None = None
        """A file system that does not tell."""
        self.watching = Watching(
            store,
            clock,
            self.library,
            tmp_path / "shelf",
            ears=lambda: Ears(lambda _: self.outside),
        )

    async def step(self, until: float) -> None:
        """Turn the clock to the next thing that is to happen, or to `until`, and let it happen.

        Not further: what a thread does meanwhile would seem to take that long.
        """
        await settle()
        await self.idle()
        waiting = [due for due, _, sleep in self.clock._sleepers if not sleep.done()]
        then = min([until, *waiting])
        await self.clock.advance(max(0.0, then - self.clock.monotonic()) + 1e-9)
        await self.idle()

    async def until(self, is_so: Callable[[], Awaitable[bool]], at_most: float) -> float:
        """Let time pass until something is so. Returns how long it took, by the shop's clock."""
        begun = self.clock.monotonic()
        while not await is_so():
            assert self.clock.monotonic() - begun < at_most
            await self.step(begun + at_most)
        return self.clock.monotonic() - begun

    async def has(self, *names: str, within_s: float = SOON_S) -> float:
        """Wait until the library has these files and no others."""

        async def there() -> bool:
            return await self.names() == sorted(names)

        return await self.until(there, within_s)

    async def is_(self, hearing: Hearing, within_s: float = SOON_S) -> float:
        async def so() -> bool:
            return self.watching.hearing == (hearing,)

        return await self.until(so, within_s)

    async def waits(self, seconds: float) -> None:
        """Let time pass, look by look."""
        end = self.clock.monotonic() + seconds
        while self.clock.monotonic() < end:
            await self.step(end)


@pytest.fixture
async def shop(tmp_path: Path, store: FaultyStore) -> AsyncIterator[Listener]:
    async with Listener(tmp_path, store, HandClock()).open() as shop:
        yield shop


def _listening() -> set[str]:
    """Return the numbers of the descriptors of this process that listen to folders."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        # The one through which this folder is read is gone by now.
        with suppress(FileNotFoundError):
            if os.readlink(f"/proc/self/fd/{number}") == "anon_inode:inotify":
                found.add(number)
    return found


_OTHERS: set[str] = set()


@pytest.fixture(autouse=True)
def others() -> None:
    """Leave out what listens to other things in this process."""
    _OTHERS.clear()
    _OTHERS.update(_listening())


def listeners() -> set[str]:
    """Return what this test has opened to listen to folders."""
    return _listening() - _OTHERS


def folders_heard() -> int:
    """Return to how many folders this process listens, as the system has it."""
    return sum(
        Path(f"/proc/self/fdinfo/{number}").read_text().count("inotify wd:")
        for number in listeners()
    )


# -- what is told ----------------------------------------------------------------------------------


async def test_a_file_is_in_the_library_a_second_after_it_was_closed(shop: Listener) -> None:
    """Whoever exports from a slicer turns to the library next."""
    assert shop.watching.hearing == (Hearing.TOLD,)
    await shop.waits(EVERY_S)
    shop.put("a.gcode")
    assert await shop.has("a.gcode") > watch.CLOSED_S
    await shop.waits(3)
    shop.put("a.gcode", OTHER)
    await shop.has("a.gcode", "a.gcode")


@pytest.mark.parametrize("before", ["share/b.gcode.part", "share/.b.gcode", "elsewhere.gcode"])
async def test_a_file_that_is_renamed_into_place_is_whole(
    shop: Listener, tmp_path: Path, before: str
) -> None:
    """So write slicers, browsers and rsync."""
    path = tmp_path.resolve() / before
    path.write_bytes(GCODE)
    await shop.waits(EVERY_S * 2)
    assert await shop.names() == []
    path.rename(shop.root / "b.gcode")
    await shop.has("b.gcode")


async def test_a_file_that_is_written_slowly_is_taken_when_it_is_closed(shop: Listener) -> None:
    """Half a G-code prints half a part."""
    with (shop.root / "slow.gcode").open("wb", buffering=0) as file:
        for _ in range(5):
            file.write(GCODE)
            await shop.waits(5)
            assert await shop.names() == []
    await shop.has("slow.gcode")
    assert [each.size_bytes for each in await shop.files()] == [5 * len(GCODE)]


async def test_a_file_that_is_opened_again_at_once_is_left_until_it_is_closed(
    shop: Listener,
) -> None:
    """Some programs complete the beginning of theirs when they know the end."""
    path = shop.put("twice.gcode")
    await shop.waits(0.5)
    with path.open("ab", buffering=0) as file:
        file.write(GCODE)
        await shop.waits(3)
        assert await shop.names() == []
        file.write(GCODE)
    await shop.has("twice.gcode")
    assert [each.size_bytes for each in await shop.files()] == [3 * len(GCODE)]


async def test_a_file_that_is_put_there_without_being_closed_stands_still_first(
    shop: Listener, tmp_path: Path
) -> None:
    """A link to it tells nothing of who writes it."""
    (tmp_path / "source").write_bytes(GCODE)
    os.link(tmp_path / "source", shop.root / "linked.gcode")
    took = await shop.has("linked.gcode", within_s=watch.SETTLED_S + SOON_S)
    assert took >= watch.SETTLED_S


async def test_what_is_deleted_there_stands_still_first_however_it_came(shop: Listener) -> None:
    """Whoever opened it once more would go on writing into a file that is gone."""
    shop.watching.watch([shop.folder(remove=True)])
    await shop.waits(1)
    path = shop.put("a.gcode")
    assert await shop.has("a.gcode", within_s=watch.SETTLED_S + SOON_S) >= watch.SETTLED_S
    await shop.waits(1)
    assert not path.exists()


async def test_a_file_that_was_replaced_at_once_by_one_like_it_is_taken_again(
    shop: Listener,
) -> None:
    """As it was when every folder was looked through every ten seconds."""
    shop.put("stays.gcode", OTHER)
    path = shop.put("a.gcode")
    about = path.stat()
    await shop.has("a.gcode", "stays.gcode")
    (file,) = [file for file in await shop.files() if file.name == "a.gcode"]
    await shop.library.recycle([file.id])
    path.unlink()
    await shop.waits(1)
    shop.put("a.gcode")
    os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))
    await shop.has("a.gcode", "stays.gcode")


async def test_folders_that_come_move_and_go_are_listened_to_where_they_are(
    shop: Listener, tmp_path: Path
) -> None:
    """A folder per customer is made, renamed and put away all the time."""
    (shop.root / "Müller").mkdir()
    shop.put("Müller/sub/a.gcode")
    # It may have been written before its folder was listened to.
    await shop.has("a.gcode", within_s=watch.SETTLED_S + SOON_S)
    await shop.waits(1)
    shop.put("Müller/sub/b.gcode", OTHER)
    await shop.has("a.gcode", "b.gcode")
    assert folders_heard() == 3
    (shop.root / "Müller").rename(shop.root / "Meier")
    await shop.waits(1)
    path = shop.put("Meier/sub/c.gcode", OTHER + b"G28\n")
    # The two others are new under their new names, and the same contents.
    await shop.has("a.gcode", "b.gcode", "c.gcode")
    (shop.root / "Meier").rename(tmp_path / "away")
    await shop.waits(1)
    assert folders_heard() == 1
    assert not path.exists()


async def test_a_queue_that_overflowed_loses_no_file(shop: Listener) -> None:
    """Somebody unpacks an archive while Home Assistant is busy."""
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for number in range(most + 10):
        # Opened and closed again: the same event twice in a row would be one.
        os.close(os.open(shop.root / f"{number % 2}.gcode", os.O_CREAT | os.O_WRONLY))
    shop.put("lost.gcode")
    took = await shop.has("lost.gcode", within_s=watch.SETTLED_S + SOON_S)
    assert took >= watch.SETTLED_S, "nobody told that it was closed"


async def test_what_nobody_tells_of_is_found_by_the_next_look(
    shop: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is mounted over the folder is told to nobody."""

    async def silent(_: Ears) -> AsyncIterator[str | None]:
        await asyncio.Event().wait()
        yield None

    monkeypatch.setattr(Ears, "changes", silent)
    shop.watching.watch([shop.folder(tag="silent")])
    await shop.waits(1)
    shop.put("a.gcode")
    took = await shop.has("a.gcode", within_s=CALM_S + watch.SETTLED_S + SOON_S)
    assert took > CALM_S - SOON_S


async def test_a_folder_where_nothing_happens_is_looked_at_once_a_minute(shop: Listener) -> None:
    """That is what being told saves."""
    looks: list[float] = []

    def counted(folder: WatchedFolder, entering: Entering, /) -> tuple[watch.Found, ...]:
        looks.append(shop.clock.monotonic())
        return watch.look(folder, entering)

    shop.watching._look = counted
    await shop.waits(5 * CALM_S)
    assert len(looks) in {4, 5}


async def test_a_program_that_writes_there_all_day_does_not_keep_a_core_busy(
    shop: Listener,
) -> None:
    """A camera saves a picture into it every second."""
    looks: list[float] = []

    def slow(folder: WatchedFolder, entering: Entering, /) -> tuple[watch.Found, ...]:
        looks.append(shop.clock.monotonic())
        shop.clock._seconds += 0.1
        return watch.look(folder, entering)

    shop.watching._look = slow
    for number in range(60):
        shop.put("log.gcode", GCODE + b"%d" % number)
        await shop.waits(1)
    assert 3 <= len(looks) <= 7


# -- where nothing is told -------------------------------------------------------------------------


async def test_a_network_share_is_looked_through_as_ever(shop: Listener) -> None:
    """It does not tell of what others change."""
    shop.outside = "cifs"
    await shop.is_(Hearing.REMOTE, CALM_S + 1)
    assert listeners() == set()
    shop.put("a.gcode")
    took = await shop.has("a.gcode", within_s=2 * EVERY_S + SOON_S)
    assert took >= watch.SETTLED_S
    shop.outside = None
    await shop.is_(Hearing.TOLD, EVERY_S + 1)
    shop.put("b.gcode", OTHER)
    await shop.has("a.gcode", "b.gcode")


@pytest.mark.parametrize(
    ("where", "reason"),
    [("add_watch", errno.ENOSPC), ("add_watch", errno.ENOMEM), ("__init__", errno.EMFILE)],
    ids=["no_watches", "no_memory", "no_instances"],
)
async def test_a_system_that_has_no_watches_left_costs_seconds_and_no_file(
    shop: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    where: str,
    reason: int,
) -> None:
    """Other programs have them all; the folder must not look as though nothing came."""
    tries: list[str] = []

    def refuse(*_: object, **__: object) -> None:
        tries.append(where)
        raise OSError(reason, os.strerror(reason))

    shop.watching.watch([])
    await shop.waits(1)
    monkeypatch.setattr(asyncinotify.Inotify, where, refuse)
    shop.watching.watch([shop.folder()])
    await shop.is_(Hearing.NO_WATCHES)
    shop.put("a.gcode")
    await shop.has("a.gcode", within_s=2 * EVERY_S + SOON_S)
    await shop.waits(EVERY_S * 3)
    assert listeners() == set()
    assert caplog.text.count("looked through, and not listened to") == len(tries) == 1
    monkeypatch.undo()
    await shop.is_(Hearing.TOLD, AGAIN_S)
    shop.put("b.gcode", OTHER)
    await shop.has("a.gcode", "b.gcode")


async def test_ears_that_fall_deaf_are_put_away(
    shop: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is believed to tell would be looked at once a minute, and nobody would know."""

    async def fail(_: object) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    await shop.is_(Hearing.TOLD)
    monkeypatch.setattr(asyncinotify.Inotify, "get", fail)
    shop.watching.watch([shop.folder(tag="deaf")])
    await shop.is_(Hearing.NO_WATCHES)
    assert listeners() == set()
    shop.put("a.gcode")
    await shop.has("a.gcode", within_s=2 * EVERY_S + SOON_S)


async def test_a_folder_with_too_many_subfolders_is_only_looked_through(
    shop: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It would take the watches from everything else on the machine."""
    monkeypatch.setattr(ears, "MOST_FOLDERS", 3)
    for number in range(3):
        shop.put(f"{number}/a.gcode", GCODE + b"G28\n" * number)
    await shop.is_(Hearing.TOO_LARGE)
    assert listeners() == set()
    assert "too many subfolders" in caplog.text
    await shop.has("a.gcode", "a.gcode", "a.gcode", within_s=2 * EVERY_S + SOON_S)


async def test_only_so_many_folders_are_listened_to(
    shop: Listener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs want to listen as well."""
    monkeypatch.setattr(watching, "MOST_TOLD", 1)
    other = tmp_path.resolve() / "other"
    other.mkdir()
    shop.watching.watch([shop.folder(), WatchedFolder(path=other)])
    await shop.waits(1)
    assert shop.watching.hearing == (Hearing.TOLD, Hearing.NO_WATCHES)
    (other / "a.gcode").write_bytes(GCODE)
    await shop.has("a.gcode", within_s=2 * EVERY_S + SOON_S)


@pytest.mark.parametrize("how", ["missing", "nothing_to_work_with"])
async def test_without_the_package_that_listens_folders_are_looked_through(
    shop: Listener, monkeypatch: pytest.MonkeyPatch, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It is found at run time, or done without."""

    def without(*_: object, **__: object) -> None:
        raise AttributeError("libc")

    shop.watching.watch([])
    await shop.waits(1)
    if how == "missing":
        monkeypatch.setitem(sys.modules, "asyncinotify", None)
    else:
        monkeypatch.setattr(asyncinotify.Inotify, "__init__", without)
    shop.watching.watch([shop.folder()])
    await shop.is_(Hearing.NO_LIBRARY)
    shop.put("a.gcode")
    await shop.has("a.gcode", within_s=2 * EVERY_S + SOON_S)
    assert "not listened to" not in caplog.text, "the system health says so"


async def test_a_folder_that_is_deleted_and_made_again_is_listened_to_again(
    shop: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody tidies up."""
    shop.put("sub/a.gcode")
    await shop.has("a.gcode", within_s=watch.SETTLED_S + SOON_S)
    shutil.rmtree(shop.root)
    await shop.is_(Hearing.GONE)
    assert (list(shop.watching.gone), folders_heard()) == ([str(shop.root)], 0)
    shop.root.mkdir()
    await shop.is_(Hearing.TOLD, EVERY_S + SOON_S)
    assert folders_heard() == 1
    shop.put("b.gcode", OTHER)
    await shop.has("a.gcode", "b.gcode")
    assert caplog.text.count("is gone") == 1


async def test_a_folder_that_is_replaced_is_listened_to_in_its_new_place(
    shop: Listener, tmp_path: Path
) -> None:
    """The one that was moved away is listened to no more."""
    old = shop.root.rename(tmp_path / "old")
    shop.root.mkdir()
    await shop.waits(1)
    assert folders_heard() == 1
    (old / "a.gcode").write_bytes(GCODE)
    shop.put("b.gcode", OTHER)
    await shop.has("b.gcode")


async def test_a_locked_subfolder_keeps_the_others_from_nothing(
    shop: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One folder of root's in a share of everybody's."""
    add = asyncinotify.Inotify.add_watch

    def locked(self: Any, path: str, mask: Any) -> Any:
        if path.endswith("locked"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return add(self, path, mask)

    monkeypatch.setattr(asyncinotify.Inotify, "add_watch", locked)
    (shop.root / "locked").mkdir()
    await shop.waits(1)
    assert (shop.watching.hearing, folders_heard()) == ((Hearing.TOLD,), 1)
    shop.put("a.gcode")
    await shop.has("a.gcode")


async def test_links_are_not_listened_to(shop: Listener, tmp_path: Path) -> None:
    """They may lead to where nobody may read."""
    (tmp_path / "secret").mkdir()
    (shop.root / "link").symlink_to(tmp_path / "secret")
    await shop.waits(1)
    with Ears(lambda _: None).listening(shop.root) as listen:
        listen(str(shop.root / "link"))
        assert folders_heard() == 1, "the shop's own"


# -- giving back -----------------------------------------------------------------------------------


async def test_nothing_stays_open_once_the_shop_is_closed(
    tmp_path: Path, store: FaultyStore
) -> None:
    """Each reload would leave one of the 128 that the system has."""
    before = sorted(os.listdir("/proc/self/fd"))
    shop = Listener(tmp_path, store, HandClock())
    shop.watching.watch([shop.folder()])
    async with shop.watching:
        await shop.idle()
        assert (len(listeners()), folders_heard()) == (1, 1)
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert not [task for task in asyncio.all_tasks() if "printernizer" in task.get_name()]


async def test_a_folder_that_is_not_watched_any_more_is_not_listened_to(shop: Listener) -> None:
    shop.watching.watch([])
    async with asyncio.timeout(10):
        while shop.watching._tasks:
            await asyncio.sleep(0.001)
    assert listeners() == set()


async def test_a_shop_that_closes_during_a_look_leaves_nothing_open(
    tmp_path: Path, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread that looks goes on, and must not listen through what is another's by then."""
    shop = Listener(tmp_path, store, HandClock())
    inside, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def hangs(folder: WatchedFolder, entering: Entering, /) -> tuple[watch.Found, ...]:
        entering(str(folder.path))
        inside.set()
        go_on.wait(20)
        try:
            return watch.look(folder, entering)
        finally:
            ended.set()

    monkeypatch.setattr(ears, "PATIENCE_S", 0.01)
    shop.watching._look = hangs
    shop.watching.watch([shop.folder()])
    async with shop.watching:
        await asyncio.to_thread(inside.wait, 20)
    go_on.set()
    await asyncio.to_thread(ended.wait, 20)
    async with asyncio.timeout(10):
        while listeners():
            await asyncio.sleep(0.001)


async def test_a_share_that_hangs_does_not_keep_the_shop_from_closing(
    tmp_path: Path, store: FaultyStore
) -> None:
    """Home Assistant would wait for it whenever it ends."""
    shop = Listener(tmp_path, store, HandClock())
    shop.outside = "nfs4"
    inside, go_on = threading.Event(), threading.Event()

    def hangs(folder: WatchedFolder, entering: Entering, /) -> tuple[watch.Found, ...]:
        inside.set()
        go_on.wait(20)
        return ()

    shop.watching._look = hangs
    shop.watching.watch([shop.folder()])
    try:
        async with asyncio.timeout(ears.PATIENCE_S - 2), shop.watching:
            await asyncio.to_thread(inside.wait, 5)
    finally:
        go_on.set()


def test_ears_that_are_closed_stay_closed(tmp_path: Path) -> None:
    """A look that begins late would open what nobody closes."""
    deaf = Ears(lambda _: None)
    deaf.close()
    with deaf.listening(tmp_path) as listen:
        listen(str(tmp_path))
    assert (deaf.hearing, listeners()) == (Hearing.NOT_YET, set())


async def test_the_loop_never_waits_for_the_system(
    tmp_path: Path, store: FaultyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk would hold all of Home Assistant."""
    here = threading.get_ident()
    on_loop: list[str] = []
    called: set[str] = set()

    def noting(name: str) -> Callable[..., Any]:
        real = getattr(asyncinotify.Inotify, name)

        def noted(*args: Any) -> Any:
            called.add(name)
            if threading.get_ident() == here:
                on_loop.append(name)
            return real(*args)

        return noted

    for name in ("__init__", "add_watch", "rm_watch", "close"):
        monkeypatch.setattr(asyncinotify.Inotify, name, noting(name))
    shop = Listener(tmp_path, store, HandClock())
    shop.put("sub/a.gcode")
    shop.watching.watch([shop.folder()])
    async with shop.library, shop.watching:
        await shop.idle()
        (shop.root / "sub").rename(tmp_path / "away")
        await shop.waits(1)
    assert called == {"__init__", "add_watch", "rm_watch", "close"}
    assert on_loop == []


async def test_a_file_that_changes_while_it_is_taken_is_looked_at_again_at_once(
    shop: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would otherwise wait for the next look, a minute later."""
    add = shop.library.add

    async def changing(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(shop.library, "add", add)
        raise BadFile("it changed", key="file_changed")

    monkeypatch.setattr(shop.library, "add", changing)
    shop.put("a.gcode")
    await shop.has("a.gcode", within_s=2 * SOON_S)


async def test_a_library_that_took_nothing_is_asked_again_although_nothing_happens(
    shop: Listener,
) -> None:
    """The folder tells nothing of a disk that has room again."""
    shop.store.broken = True
    shop.put("a.gcode")
    await shop.waits(EVERY_S)
    shop.store.broken = False
    await shop.has("a.gcode", within_s=EVERY_S + SOON_S)
