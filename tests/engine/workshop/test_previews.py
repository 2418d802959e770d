"""The cache of pictures: drawn once, kept for a while, the most wanted first."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import patch

import pytest

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.picture import PictureFormat, PictureOptions
from custom_components.printernizer.engine.workshop import previews as module
from custom_components.printernizer.engine.workshop.previews import Previews
from custom_components.printernizer.engine.workshop.sandbox import Sandbox

PNG = b"\x89PNG\r\n\x1a\n"
SMALL = PictureOptions(width_px=64, height_px=64)


class Easel(Sandbox):
    """Draws at once, or when it is told to; what it was asked for stands in `asked`."""

    def __init__(self) -> None:
        super().__init__(at_once=1, longest_s=1, memory_bytes=1, largest_bytes=1)
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.go.set()
        self.begun = asyncio.Event()
        self.trouble: Exception | None = None
        self.content = PNG + bytes(92)

    async def picture(
        self, path: Path, options: PictureOptions, *, thumbnail: bool
    ) -> tuple[bytes, str]:
        self.asked.append(path.name)
        self.begun.set()
        await self.go.wait()
        if self.trouble is not None:
            raise self.trouble
        return self.content, "render"


@pytest.fixture
def easel() -> Easel:
    return Easel()


@pytest.fixture
async def previews(tmp_path: Path, easel: Easel) -> AsyncIterator[Previews]:
    async with Previews(tmp_path / "pictures", easel, kept_bytes=1000) as previews:
        yield previews


async def test_a_picture_is_drawn_once(previews: Previews, easel: Easel) -> None:
    """A list of a hundred files is opened every morning."""
    first = await previews.picture(Path("a.stl"), "hash", SMALL)
    again = await previews.picture(Path("b.stl"), "hash", SMALL)
    assert first.content == again.content == first.path.read_bytes()
    assert first.content_type == "image/png"
    assert easel.asked == ["a.stl"]
    await previews.picture(Path("a.stl"), "hash", PictureOptions(width_px=65))
    await previews.picture(Path("a.stl"), "other", SMALL)
    await previews.picture(Path("a.stl"), "hash", SMALL, thumbnail=False)
    assert len(easel.asked) == 4
    figures = previews.figures
    assert (figures.drawn, figures.found, figures.kept, figures.waiting) == (4, 1, 4, 0)
    assert figures.kept_bytes == 400


async def test_who_asks_meanwhile_waits_for_the_same(previews: Previews, easel: Easel) -> None:
    """Three browsers open the same page."""
    easel.go.clear()
    asked = [asyncio.ensure_future(previews.picture(Path("a"), "a", SMALL)) for _ in range(3)]
    await easel.begun.wait()
    # Each looks into the cache first, in a thread.
    async with asyncio.timeout(10):
        while sum(wish.waiters for wish in previews._wishes.values()) < len(asked):
            await asyncio.sleep(0.001)
    asked[0].cancel()
    await asyncio.sleep(0)
    easel.go.set()
    with pytest.raises(asyncio.CancelledError):
        await asked[0]
    assert (await asked[1]) == (await asked[2])
    assert easel.asked == ["a"]


async def test_the_most_wanted_is_drawn_first_and_the_unwanted_never(
    previews: Previews, easel: Easel
) -> None:
    """Somebody scrolls through a thousand files and stops at the last ones."""
    easel.go.clear()

    async def ask(name: str, waiting: int) -> asyncio.Task[object]:
        task = asyncio.ensure_future(previews.picture(Path(name), name, SMALL))
        async with asyncio.timeout(10):
            while sum(wish.waiters for wish in previews._wishes.values()) < waiting:
                await asyncio.sleep(0.001)
        return task

    tasks = [await ask(name, number) for number, name in enumerate(("first", "old"), 1)]
    left = await ask("left", 3)
    tasks += [await ask("older", 4), await ask("new", 5), await ask("old", 6)]
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    easel.go.set()
    await asyncio.gather(*tasks)
    assert easel.asked == ["first", "old", "new", "older"]


@pytest.mark.parametrize(
    ("trouble", "content", "cause"),
    [
        (BadFile("part.stl at byte 84: it ends here", key="bad_file"), PNG, "at byte 84"),
        (ValueError("a fault of ours"), PNG, "cannot be drawn"),
        (None, b"rubbish", "no picture"),
    ],
    ids=["bad", "fault", "rubbish"],
)
async def test_a_file_without_a_picture_is_not_tried_at_every_look(
    previews: Previews, easel: Easel, trouble: Exception | None, content: bytes, cause: str
) -> None:
    """Ten seconds of a core, each time a list is shown that has one hostile file in it."""
    easel.trouble, easel.content = trouble, content
    for _ in range(2):
        with pytest.raises(BadFile, match=cause):
            await previews.picture(Path("part.stl"), "hash", SMALL)
    assert len(easel.asked) == 1
    assert previews.figures.refused == 1
    with patch.object(module, "REFUSED_S", 0.0), pytest.raises(BadFile):
        await previews.picture(Path("part.stl"), "hash", SMALL)
    assert len(easel.asked) == 2
    easel.trouble, easel.content = None, PNG
    await previews.clear()
    assert await previews.picture(Path("part.stl"), "hash", SMALL)


async def test_no_more_refusals_are_kept_than_fit(previews: Previews, easel: Easel) -> None:
    easel.trouble = BadFile("no")
    with patch.object(module, "MOST_REFUSED", 2):
        for name in ("a", "b", "c"):
            with pytest.raises(BadFile):
                await previews.picture(Path(name), name, SMALL)
    with pytest.raises(BadFile):
        await previews.picture(Path("a"), "a", SMALL)
    assert easel.asked == ["a", "b", "c", "a"]


async def test_what_is_too_much_goes_the_oldest_first(
    previews: Previews, easel: Easel, tmp_path: Path
) -> None:
    """A card of 8 GB is full one day, and nothing works any more."""
    easel.content = PNG + bytes(192)
    paths = []
    for number in range(5):
        paths.append((await previews.picture(Path("a"), str(number), SMALL)).path)
        os.utime(paths[-1], (0, time.time() - 100 + number))
    assert all(path.exists() for path in paths)
    await previews.picture(Path("a"), "last", SMALL)
    assert [path.exists() for path in paths] == [False, False, True, True, True]
    assert previews.figures.kept_bytes == 800


async def test_what_nobody_looked_at_for_a_month_goes(tmp_path: Path, easel: Easel) -> None:
    folder = tmp_path / "pictures"
    async with Previews(folder, easel) as previews:
        looked_at = (await previews.picture(Path("a"), "a", SMALL)).path
        forgotten = (await previews.picture(Path("b"), "b", SMALL)).path
        month = time.time() - 31 * 86400
        for path in (looked_at, forgotten):
            os.utime(path, (month, month))
        await previews.picture(Path("a"), "a", SMALL)
        await previews._sweep()
        assert looked_at.exists()
        assert not forgotten.exists()


async def test_a_folder_that_cannot_be_written_costs_time_and_nothing_else(
    tmp_path: Path, easel: Easel
) -> None:
    """A full disk must not take the pictures away."""
    (tmp_path / "pictures").write_text("in the way")
    async with Previews(tmp_path / "pictures", easel) as previews:
        assert (await previews.picture(Path("a"), "a", SMALL)).content == easel.content
        assert (await previews.picture(Path("a"), "a", SMALL)).content == easel.content
        assert previews.figures.kept == 0
    assert len(easel.asked) == 2


async def test_what_fails_beside_a_picture_keeps_no_other_from_being_drawn(
    previews: Previews, easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One bug would leave a whole page waiting until the next restart."""
    with monkeypatch.context() as patched:
        patched.setattr(module, "_keep", lambda *_: 1 / 0)
        with pytest.raises(BadFile, match="cannot be drawn"):
            async with asyncio.timeout(10):
                await previews.picture(Path("a"), "a", SMALL)
    assert (await previews.picture(Path("b"), "b", SMALL)).content == easel.content


async def test_a_cache_that_cannot_be_swept_is_filled_all_the_same(
    previews: Previews, easel: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    easel.content = PNG + bytes(900)

    def refuses(*_: object) -> tuple[int, int]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(module, "_sweep", refuses)
    for name in "abc":
        assert (await previews.picture(Path(name), name, SMALL)).content == easel.content


async def test_rubbish_in_the_cache_is_drawn_anew(previews: Previews, easel: Easel) -> None:
    picture = await previews.picture(Path("a"), "a", SMALL)
    picture.path.write_bytes(b"")
    assert (await previews.picture(Path("a"), "a", SMALL)).content == easel.content
    assert len(easel.asked) == 2


async def test_what_is_refused_behind_somebody_who_left_is_no_error(
    previews: Previews, easel: Easel
) -> None:
    """Every page that is closed too early would leave a traceback in the log."""
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    easel.go.clear()
    easel.trouble = BadFile("it is none")
    waiting = asyncio.create_task(previews.picture(Path("a.stl"), "hash", SMALL))
    await easel.begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    easel.go.set()
    with pytest.raises(BadFile, match="it is none"):
        await previews.picture(Path("a.stl"), "hash", SMALL)
    assert told == []


async def test_closing_leaves_nobody_waiting(tmp_path: Path, easel: Easel) -> None:
    easel.go.clear()
    async with Previews(tmp_path / "pictures", easel) as previews:
        waiting = [
            asyncio.ensure_future(previews.picture(Path(name), name, SMALL)) for name in "ab"
        ]
        elsewhere = asyncio.ensure_future(previews.given("c", SMALL, asyncio.Event().wait))  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            while previews.figures.waiting < 2 or not previews._getting:
                await asyncio.sleep(0.001)
    for task in waiting:
        with pytest.raises(BadFile, match="nobody draws"):
            await task
    with pytest.raises(BadFile, match="nobody fetches"):
        await elsewhere
    with pytest.raises(BadFile, match="nobody draws"):
        await previews.picture(Path("c"), "c", SMALL)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF....WEBP", "image/webp"),
        (b"GIF89a", "image/gif"),
    ],
    ids=["jpeg", "webp", "gif"],
)
async def test_other_pictures_are_named_as_what_they_are(
    previews: Previews, easel: Easel, content: bytes, kind: str
) -> None:
    easel.content = content
    turn = PictureOptions(format=PictureFormat.WEBP, frames=12)
    assert (await previews.picture(Path("a"), "a", turn)).content_type == kind
