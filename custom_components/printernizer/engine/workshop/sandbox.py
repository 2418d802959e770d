"""Runs workers: processes that each do one thing with one file, and may do nothing else."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..sandbox import wire

if TYPE_CHECKING:
    from ..extrusion import Extrusion
    from ..file import FileFacts
    from ..picture import PictureOptions

WORKER: Final = Path(wire.__file__).with_name("worker.py")
KEPT: Final = frozenset(
    {"PATH", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "MALLOC_CONF"}
)
"""What a worker is told of our environment, and `LC_…`: how Python is loaded here, and what time
and language it is. In the rest stand tokens and passwords, which are no business of a file's. No
PYTHON… is among them: a Python that is isolated does not look at those."""
_READ_BYTES: Final = 1 << 16
_MEASURED_S: Final = 600.0
"""The longest file that a printer is sent, on the slowest machine, takes about two minutes."""
_MEASURED_MEMORY: Final = 256 << 20
"""Measured: less than 20 MB."""
_MEASURED_BYTES: Final = 16 << 20
"""Of an answer: ten thousand layers of sixteen filaments are 3 MB."""


class Sandbox:
    """Asks workers, a few at a time. Nothing to open or close: one lives as long as its call."""

    def __init__(
        self,
        *,
        at_once: int,
        longest_s: float,
        memory_bytes: int,
        largest_bytes: int,
        worker: Path = WORKER,
    ) -> None:
        """Set limits.

        longest_s: of one call, from its turn on; as much processor time is given. memory_bytes:
        what a worker may add to what it takes when all is loaded. largest_bytes: of an answer.
        """
        self._turn = asyncio.Semaphore(at_once)
        self._longest_s = longest_s
        self._memory_bytes = memory_bytes
        self._largest_bytes = largest_bytes
        self._worker = worker

    async def measured(self, path: Path, plate: int | None = None) -> Extrusion:
        """Return what a plate of a file lays down. Raises BadFile."""
        request = wire.measuring(
            os.fspath(path), plate, memory_bytes=self._memory_bytes, processor_s=self._processor_s
        )
        answer = await self._ask(path, request)
        # An answer of some MB takes tens of milliseconds to read.
        return await asyncio.to_thread(wire.extrusion_in, answer)

    async def described(self, path: Path, name: str) -> FileFacts:
        """Return what a file says of itself, its surface measured. Raises BadFile.

        name: what people call it, where it lies under another one.
        """
        request = wire.describing(
            os.fspath(path), name, memory_bytes=self._memory_bytes, processor_s=self._processor_s
        )
        try:
            return await asyncio.to_thread(wire.facts_in, await self._ask(path, request))
        except BadFile as err:
            raise err.called(path.name, name) from err

    async def picture(
        self, path: Path, options: PictureOptions, *, thumbnail: bool
    ) -> tuple[bytes, str]:
        """Return a picture, and whether it is a "render" or the slicer's "thumbnail".

        Raises BadFile.
        """
        request = wire.drawing(
            os.fspath(path),
            options,
            thumbnail=thumbnail,
            memory_bytes=self._memory_bytes,
            processor_s=self._processor_s,
        )
        return await asyncio.to_thread(wire.picture_in, await self._ask(path, request))

    @property
    def _processor_s(self) -> int:
        return max(1, round(self._longest_s))

    async def _ask(self, path: Path, request: str) -> bytes:
        """Return the answer to a request. Waits for its turn; cancelled, it ends the process.

        Raises BadFile, also for what cannot be done in the time and memory there is.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._longest_s):
                    return await self._answer(path, request)
            except TimeoutError as err:
                raise BadFile(f"{path.name}: it takes too long") from err
            except OSError as err:
                # No memory for another process, or none may be started here.
                raise BadFile(f"{path.name}: no process can be started: {err.strerror}") from err

    async def _answer(self, path: Path, request: str) -> bytes:
        packages = await asyncio.to_thread(_packages)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(self._worker),
            packages,
            request,
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=_environment(),
        )
        try:
            answer = await self._read(process, path)
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if code != 0 or not answer:
            raise BadFile(f"{path.name}: its worker ended with {code}")
        return answer

    async def _read(self, process: asyncio.subprocess.Process, path: Path) -> bytes:
        assert process.stdout is not None
        answer = bytearray()
        while piece := await process.stdout.read(_READ_BYTES):
            answer += piece
            if len(answer) > self._largest_bytes:
                raise BadFile(f"{path.name}: the answer is longer than any real one")
        return bytes(answer)


def measuring() -> Sandbox:
    """Return who says what files lay down: one file after the other.

    A second worker would take the second core of the small machines that Home Assistant lives on.
    """
    return Sandbox(
        at_once=1,
        longest_s=_MEASURED_S,
        memory_bytes=_MEASURED_MEMORY,
        largest_bytes=_MEASURED_BYTES,
    )


def _environment() -> dict[str, str]:
    return {
        name: value for name, value in os.environ.items() if name in KEPT or name.startswith("LC_")
    }


def _packages() -> str:
    """Return the folder that numpy is in, which an isolated Python may not look at by itself."""
    spec = find_spec("numpy")
    return str(Path(spec.origin).parents[1]) if spec is not None and spec.origin else ""
