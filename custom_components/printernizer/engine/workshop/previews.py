"""Pictures of files: drawn when somebody wants one, the most wanted first, and kept for a while.

A picture is found by what the file holds and how it is to be drawn, so that it is never an old
one, and the same file in two places is drawn once. The cache may be deleted at any time.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, Self
from uuid import uuid4

from ..errors import BadFile, PrinternizerError
from .sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path
    from types import TracebackType

    from ..picture import PictureOptions

_LOGGER = logging.getLogger(__name__)

DRAWING: Final = 1
"""Version of how things are drawn: pictures of before it was improved are drawn anew."""
AT_ONCE: Final = 1
LONGEST_S: Final = 10.0
MEMORY_BYTES: Final = 512 << 20
LARGEST_BYTES: Final = 32 << 20
"""Of a picture; a turn of sixty frames is some MB."""
KEPT_BYTES: Final = 512 << 20
KEPT: Final = timedelta(days=30)
"""How long a picture is kept that nobody looks at."""
REFUSED_S: Final = 3600.0
"""How long a file that could not be drawn is not tried again."""
MOST_REFUSED: Final = 1000
SWEEP_S: Final = 6 * 3600.0
_TOUCH_S: Final = 86400.0

_MAGIC: Final = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"RIFF": "image/webp",
    b"GIF8": "image/gif",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture that lies in the cache."""

    content: bytes
    content_type: str
    path: Path
    """Where it lies until it is swept away."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewFigures:
    """What happened since the shop was opened, and what is kept."""

    found: int
    """Pictures that were there already."""
    drawn: int
    refused: int
    """Files of which there is none."""
    drawing_s: float
    """Seconds of all that were drawn together."""
    waiting: int
    kept: int
    kept_bytes: int


@dataclass(slots=True)
class _Wish:
    """A picture that somebody waits for."""

    source: Path
    options: PictureOptions
    thumbnail: bool
    wanted: int
    """When it was wanted last: the later the more urgent."""
    waiters: int = 0
    done: asyncio.Future[Picture] = field(default_factory=asyncio.Future)

    @property
    def urgency(self) -> tuple[int, int]:
        return self.waiters, self.wanted


class Previews:
    """The cache of pictures, and those who draw them."""

    def __init__(
        self, folder: Path, sandbox: Sandbox | None = None, *, kept_bytes: int = KEPT_BYTES
    ) -> None:
        self._folder = folder
        self._sandbox = sandbox or Sandbox(
            at_once=AT_ONCE,
            longest_s=LONGEST_S,
            memory_bytes=MEMORY_BYTES,
            largest_bytes=LARGEST_BYTES,
        )
        self._kept_bytes = kept_bytes
        self._wishes: dict[str, _Wish] = {}
        self._begun: set[str] = set()
        self._getting: dict[str, asyncio.Task[Picture]] = {}
        self._refused: OrderedDict[str, tuple[float, BadFile]] = OrderedDict()
        self._wake = asyncio.Event()
        self._count = 0
        self._found = self._drawn = self._failed = 0
        self._drawing_s = 0.0
        self._kept = self._size = 0
        self._open = False
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(_sweep_parts, self._folder)
        self._open = True
        self._tasks = [
            asyncio.create_task(self._draw_forever(), name=f"printernizer previews {number}")
            for number in range(AT_ONCE)
        ]
        self._tasks.append(asyncio.create_task(self._sweep_forever(), name="printernizer sweep"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        for wish in self._wishes.values():
            # Not cancelled: whoever waits is not, and would take it for their own end.
            if not wish.done.done():
                wish.done.set_exception(_closed(wish.source))
        ending = (*self._tasks, *self._getting.values())
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        self._wishes.clear()

    async def picture(
        self, source: Path, content: str, options: PictureOptions, *, thumbnail: bool = True
    ) -> Picture:
        """Return a picture of a file, drawn now if there is none yet.

        content: what the file holds, as its hash, or its path, size and time. thumbnail: the
        slicer's own will do, where it is large enough. Cancelled, nobody draws it for nothing.
        Raises BadFile for a file of which there is no picture.
        """
        name = _name(content, options, thumbnail=thumbnail)
        path = self._folder / name[:2] / name
        kept = await asyncio.to_thread(_kept, path)
        if kept is not None:
            self._found += 1
            return kept
        if not self._open:
            raise _closed(source)
        self._remind(name)
        wish = self._wishes.get(name)
        if wish is None:
            wish = self._wishes[name] = _Wish(source, options, thumbnail, self._count)
            # Nobody may be left to hear of a refusal.
            wish.done.add_done_callback(_heard)
        self._count += 1
        wish.wanted, wish.waiters = self._count, wish.waiters + 1
        self._wake.set()
        try:
            # Not `shield`: it tells the log of what is refused behind somebody who left.
            await asyncio.wait([wish.done])
            return wish.done.result()
        finally:
            wish.waiters -= 1
            if not wish.waiters and name not in self._begun:
                self._wishes.pop(name, None)

    async def given(
        self,
        content: str,
        options: PictureOptions,
        get: Callable[[], Awaitable[bytes | None]],
    ) -> Picture:
        """Return a picture that lies elsewhere, fetched with `get` once for all who want it.

        Cancelled, it is fetched all the same, and there when somebody asks again. Raises BadFile
        where there is none, and what `get` raises.
        """
        name = _name(content, options, thumbnail=True)
        path = self._folder / name[:2] / name
        kept = await asyncio.to_thread(_kept, path)
        if kept is not None:
            self._found += 1
            return kept
        if not self._open:
            raise BadFile("nobody fetches pictures now")
        self._remind(name)
        getting = self._getting.get(name)
        if getting is None:
            getting = asyncio.create_task(self._get(name, path, get), name="printernizer picture")
            self._getting[name] = getting
            getting.add_done_callback(partial(self._got, name))
        await asyncio.wait([getting])
        if getting.cancelled():
            # Not by whoever waits, who would take it for their own end.
            raise BadFile("nobody fetches pictures now")
        return getting.result()

    async def _get(
        self, name: str, path: Path, get: Callable[[], Awaitable[bytes | None]]
    ) -> Picture:
        try:
            content = await get()
            picture = None if content is None else _picture(content, path)
            if content is None or picture is None:
                raise BadFile("there is no picture of it")
        except BadFile as err:
            self._remember(name, err)
            raise
        await self._put(path, content)
        return picture

    def _got(self, name: str, getting: asyncio.Task[Picture]) -> None:
        del self._getting[name]
        # Nobody may be left to hear of a refusal.
        _heard(getting)

    def _remind(self, name: str) -> None:
        """Refuse what was refused a while ago. Raises BadFile."""
        known = self._refused.get(name)
        if known is None:
            return
        if time.monotonic() - known[0] < REFUSED_S:
            raise BadFile(known[1].reason, key=known[1].key)
        del self._refused[name]

    @property
    def figures(self) -> PreviewFigures:
        """What happened so far."""
        return PreviewFigures(
            found=self._found,
            drawn=self._drawn,
            refused=self._failed,
            drawing_s=self._drawing_s,
            waiting=len(self._wishes),
            kept=self._kept,
            kept_bytes=self._size,
        )

    async def clear(self) -> None:
        """Let all pictures go."""
        self._refused.clear()
        self._kept, self._size = await asyncio.to_thread(_sweep, self._folder, 0.0, 0)

    # -- drawing -----------------------------------------------------------------------------

    async def _draw_forever(self) -> None:
        while True:
            waiting = [name for name in self._wishes if name not in self._begun]
            if not waiting:
                self._wake.clear()
                await self._wake.wait()
                continue
            name = max(waiting, key=lambda each: self._wishes[each].urgency)
            self._begun.add(name)
            try:
                await self._draw(name, self._wishes[name])
            except Exception:
                # Of this picture, and no reason to draw no other until the next restart.
                _LOGGER.exception("The picture of %s cannot be drawn", self._wishes[name].source)
                refusal = BadFile(f"{self._wishes[name].source.name}: it cannot be drawn")
                self._refuse(name, self._wishes[name], refusal)
            finally:
                self._begun.discard(name)
                self._wishes.pop(name, None)

    async def _draw(self, name: str, wish: _Wish) -> None:
        begun = time.monotonic()
        try:
            content, _ = await self._sandbox.picture(
                wish.source, wish.options, thumbnail=wish.thumbnail
            )
            path = self._folder / name[:2] / name
            picture = _picture(content, path)
            if picture is None:
                raise BadFile(f"{wish.source.name}: what was drawn is no picture")
        except PrinternizerError as err:
            refusal = err if isinstance(err, BadFile) else BadFile(err.reason, key=err.key)
            self._refuse(name, wish, refusal)
            return
        self._drawing_s += time.monotonic() - begun
        self._drawn += 1
        await self._put(path, content)
        if not wish.done.done():
            wish.done.set_result(picture)

    def _refuse(self, name: str, wish: _Wish, refusal: BadFile) -> None:
        self._remember(name, refusal)
        if not wish.done.done():
            wish.done.set_exception(refusal)

    def _remember(self, name: str, refusal: BadFile) -> None:
        self._failed += 1
        self._refused[name] = (time.monotonic(), refusal)
        if len(self._refused) > MOST_REFUSED:
            self._refused.popitem(last=False)

    # -- keeping -----------------------------------------------------------------------------

    async def _put(self, path: Path, content: bytes) -> None:
        if await asyncio.to_thread(_keep, path, content):
            self._kept, self._size = self._kept + 1, self._size + len(content)
            if self._size > self._kept_bytes:
                await self._sweep()

    async def _sweep_forever(self) -> None:
        while True:
            await self._sweep()
            await asyncio.sleep(SWEEP_S)

    async def _sweep(self) -> None:
        oldest = time.time() - KEPT.total_seconds()
        # A fifth is let go at once, so that not every picture afterwards sweeps.
        most = self._kept_bytes if self._size <= self._kept_bytes else self._kept_bytes * 4 // 5
        try:
            self._kept, self._size = await asyncio.to_thread(_sweep, self._folder, oldest, most)
        except OSError as err:
            _LOGGER.debug("The pictures cannot be looked through: %s", err)


def _closed(source: Path) -> BadFile:
    return BadFile(f"{source.name}: nobody draws now")


def _heard(done: asyncio.Future[Picture]) -> None:
    if not done.cancelled():
        done.exception()


def _name(content: str, options: PictureOptions, *, thumbnail: bool) -> str:
    said = json.dumps([DRAWING, content, asdict(options), thumbnail], sort_keys=True)
    return hashlib.sha256(said.encode()).hexdigest()


def _picture(content: bytes, path: Path) -> Picture | None:
    kind = next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)
    return None if kind is None else Picture(content=content, content_type=kind, path=path)


# -- on disk, in threads -----------------------------------------------------------------------


def _kept(path: Path) -> Picture | None:
    """Read a picture; None when there is none, or rubbish."""
    try:
        content = path.read_bytes()
        if time.time() - path.stat().st_mtime > _TOUCH_S:
            os.utime(path)
    except OSError:
        return None
    return _picture(content, path)


def _keep(path: Path, content: bytes) -> bool:
    """Write a picture whole or not at all. Without room for it, it is drawn again next time."""
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(content)
        part.replace(path)
    except OSError as err:
        _LOGGER.debug("A picture cannot be kept: %s", err)
        with suppress(OSError):
            part.unlink(missing_ok=True)
        return False
    return True


def _sweep_parts(folder: Path) -> None:
    """Remove what a killed process left half written."""
    with suppress(OSError):
        for part in folder.glob("??/.*.part"):
            part.unlink(missing_ok=True)


def _sweep(folder: Path, oldest: float, most_bytes: int) -> tuple[int, int]:
    """Remove what nobody looked at, and what is too much; return what is left, and its bytes."""
    found: list[tuple[float, int, Path]] = []
    for path in folder.glob("??/[!.]*") if folder.is_dir() else ():
        with suppress(OSError):
            about = path.stat()
            found.append((about.st_mtime, about.st_size, path))
    found.sort(reverse=True, key=lambda each: each[0])
    left = size = 0
    for moment, length, path in found:
        if moment >= oldest and size + length <= most_bytes:
            left, size = left + 1, size + length
            continue
        with suppress(OSError):
            path.unlink()
    return left, size
