"""Measures files in processes of their own, a few at a time."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..formats import wire

if TYPE_CHECKING:
    from ..extrusion import Extrusion

WORKER: Final = Path(wire.__file__).with_name("worker.py")
AT_ONCE: Final = 1
"""A second one would take the second core of the small machines that Home Assistant lives on."""
LONGEST_S: Final = 600.0
"""The longest file that a printer is sent, on the slowest machine, takes about two minutes."""
LARGEST_BYTES: Final = 16 << 20
"""Of an answer: ten thousand layers of sixteen filaments are 3 MB."""
_READ_BYTES: Final = 1 << 16


class Measuring:
    """Says what files lay down. Nothing to open or close: a process lives as long as its call."""

    def __init__(
        self,
        *,
        at_once: int = AT_ONCE,
        longest_s: float = LONGEST_S,
        largest_bytes: int = LARGEST_BYTES,
        worker: Path = WORKER,
    ) -> None:
        self._turn = asyncio.Semaphore(at_once)
        self._longest_s = longest_s
        self._largest_bytes = largest_bytes
        self._worker = worker

    async def extrusion(self, path: Path, plate: int | None = None) -> Extrusion:
        """Return what a plate of a file lays down; without a number, its first one.

        Waits for its turn. Cancelled, it ends the process and goes. Raises BadFile, also for a
        file that cannot be measured in the time and memory there is.
        """
        async with self._turn:
            try:
                async with asyncio.timeout(self._longest_s):
                    answer = await self._answer(path, plate)
            except TimeoutError as err:
                raise BadFile(f"{path.name}: it takes too long to measure") from err
            except OSError as err:
                # No memory for another process, or none may be started here.
                raise BadFile(f"{path.name}: it cannot be measured: {err.strerror}") from err
        # An answer of some MB takes tens of milliseconds to read.
        return await asyncio.to_thread(wire.from_json, answer)

    async def _answer(self, path: Path, plate: int | None) -> bytes:
        """Run a worker to its end and return its line. Raises BadFile."""
        packages = await asyncio.to_thread(_packages)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            str(self._worker),
            packages,
            os.fspath(path),
            *([] if plate is None else [str(plate)]),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
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
            raise BadFile(f"{path.name}: measuring it ended with {code}")
        return answer

    async def _read(self, process: asyncio.subprocess.Process, path: Path) -> bytes:
        assert process.stdout is not None
        answer = bytearray()
        while piece := await process.stdout.read(_READ_BYTES):
            answer += piece
            if len(answer) > self._largest_bytes:
                raise BadFile(f"{path.name}: its measurement is longer than any real one")
        return bytes(answer)


def _packages() -> str:
    """Return the folder that numpy is in, which an isolated Python may not look at by itself."""
    spec = find_spec("numpy")
    return str(Path(spec.origin).parents[1]) if spec is not None and spec.origin else ""
