"""The simulated fleet in a process of its own: it must not make Home Assistant look slow."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from .config_folder import Entry

if TYPE_CHECKING:
    from types import TracebackType

_READY_S: Final = 60.0
_STOP_S: Final = 10.0


class FleetDidNotStart(Exception):
    """The simulators ended, or were not ready in time."""


class FleetProcess:
    """`python -m tests.simulators`: prints where its printers are, ends when its input ends."""

    def __init__(self, root: Path, *, speed: float) -> None:
        self.entries: tuple[Entry, ...] = ()
        self._root = root
        self._speed = speed
        self._process: asyncio.subprocess.Process | None = None
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __aexit__

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.simulators",
            "--speed",
            str(self._speed),
            cwd=self._root,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(_READY_S):
                line = await self._process.stdout.readline()
            self.entries = tuple(Entry(**entry) for entry in json.loads(line))
        except TimeoutError, ValueError:
            tail = self.log_tail()
            await self._end()
            raise FleetDidNotStart(f"the simulated printers did not start:\n{tail}") from None
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._end()

    async def wait(self) -> int:
        """Wait until it ends by itself; returns its exit code."""
        assert self._process is not None
        return await self._process.wait()

    def log_tail(self, lines: int = 15) -> str:
        """The end of what it complained of."""
        self._log.seek(0)
        return "\n".join(self._log.read().decode(errors="replace").splitlines()[-lines:])

    async def _end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            assert process.stdin is not None
            process.stdin.close()
            try:
                async with asyncio.timeout(_STOP_S):
                    await process.wait()
            except TimeoutError:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        self._log.close()
