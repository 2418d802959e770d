"""A real server as a process of its own: started, killed, frozen, starved of disk, ended.

Everything here blocks: inside a running event loop go through `asyncio.to_thread`.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from .watcher import dismiss, watch

if TYPE_CHECKING:
    from collections.abc import Mapping

READY_S: Final = 60.0
"""Two cores that also run tests: far more than any of them takes alone."""


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody holds now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Server:
    """One process in a folder of its own, on one port of 127.0.0.1, for as long as its `with`.

    A restarted server has the port, the folder and the key that it had.
    """

    def __init__(self) -> None:
        # A short path: below it may lie a Unix socket, whose path has at most 107 bytes.
        self.folder = Path(tempfile.mkdtemp(prefix="prz-"))
        self.port = free_port()
        self.log = self.folder / "output.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None

    # -- what a kind of server says ----------------------------------------------------------

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """Return what it finds around itself, beside ours."""
        return {}

    def answers(self) -> bool:
        """Whether it is ready for a client."""
        raise NotImplementedError

    # -- life --------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, wait: bool = True) -> None:
        """Start it, and wait until it answers."""
        self._ended()  # by itself, perhaps: then its watcher must not outlive it
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=os.environ | self.environment() | {"HOME": str(self.folder)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._watcher = watch(self._process.pid)
        if wait:
            self.wait()

    def wait(self) -> None:
        """Wait until it answers. Raises TimeoutError with the end of what it said."""
        until = time.monotonic() + READY_S
        while time.monotonic() < until:
            assert self._process is not None
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                if self.answers():
                    return
            time.sleep(0.05)
        raise TimeoutError(f"no answer; it said {self.log.read_bytes()[-1500:]!r}")

    def kill(self) -> None:
        """End it as a power cut does."""
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)
            self._ended()

    def stop(self) -> None:
        """End it as its service manager does."""
        for end in (signal.SIGTERM, signal.SIGKILL):
            self._signal(signal.SIGCONT)
            self._signal(end)
            if self._process is None:
                return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(5)
                self._ended()

    def _ended(self) -> None:
        self._process = None
        if self._watcher is not None:
            dismiss(self._watcher)
            self._watcher = None

    def restart(self) -> None:
        """Kill it and start it again."""
        self.kill()
        self.start()

    def freeze(self) -> None:
        """Stop its clock: lines stay open, nobody answers."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on."""
        self._signal(signal.SIGCONT)

    def fill_disk(self, room: int = 1_000_000) -> None:
        """Let no file of its grow beyond `room` bytes, as a full disk would."""
        assert self._process is not None
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))

    def empty_disk(self) -> None:
        """Give it room again."""
        assert self._process is not None
        without = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self._process.pid, resource.RLIMIT_FSIZE, without)

    def _signal(self, number: int) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)

    # -- by hand -----------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Send one request; returns status and body."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            line.request(method, path, body, dict(headers or {}))
            answer = line.getresponse()
            return answer.status, answer.read()
        finally:
            line.close()
