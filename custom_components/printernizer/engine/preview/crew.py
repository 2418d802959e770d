"""Processes that make one picture together, on as many cores: all do the same, each a share of it.

Threads would wait for each other: what numpy does on a few thousand numbers is over before another
one gets the interpreter. Where anything goes wrong in one of them, all end, and whoever asked does
it alone and finds out why.
"""

from __future__ import annotations

import mmap
import os
import signal
import socket
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..formats.mesh import Share
from ..leash import end_with

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import DTypeLike, NDArray

_NUMBERS: Final = 1 << 10
"""Said at once, at most."""


class Crew:
    """Some processes; one alone as long as it is not at work."""

    def __init__(self, count: int = 1) -> None:
        """Make room for so many."""
        self.share = Share(0, count)
        self._lines: list[socket.socket] = []
        self._said = self.memory((count, _NUMBERS), np.float64)

    def memory(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return zeros that all of them see, and what any of them writes there.

        Call it before `work`.
        """
        count = int(np.prod(shape))
        if self.share.of == 1:
            return np.zeros(shape, dtype)
        common = mmap.mmap(-1, count * np.dtype(dtype).itemsize)
        return np.frombuffer(common, dtype).reshape(shape)

    def work[S, T](self, deed: Callable[[], S], finish: Callable[[S], T]) -> T:
        """Do the same in all of them, and in the first one what finishes it; return that.

        Meanwhile `share` says which one this is. Not where other threads run. Raises OSError when
        another process cannot be had or has ended, and what the deeds raise.
        """
        children: list[int] = []
        parent = os.getpid()
        with _room_for(self.share.of):
            try:
                for index in range(1, self.share.of):
                    here, there = socket.socketpair()
                    child = os.fork()
                    if not child:
                        here.close()
                        self._help(index, parent, there, deed)
                    there.close()
                    self._lines.append(here)
                    children.append(child)
                return finish(deed())
            except BaseException:
                # They may be in the middle of something long.
                for child in children:
                    os.kill(child, signal.SIGKILL)
                raise
            finally:
                for line in self._lines:
                    line.close()
                self._lines.clear()
                for child in children:
                    os.waitpid(child, 0)

    def _help(
        self, index: int, parent: int, line: socket.socket, deed: Callable[[], object]
    ) -> None:
        """Be another one. Does not return."""
        with suppress(BaseException):
            end_with(parent)
            self.share = Share(index, self.share.of)
            self._lines[:] = [line]
            deed()
        # Whatever the first one has begun to write or to tidy up is not ours.
        os._exit(0)

    def meet(self) -> None:
        """Wait until all have come as far as this. Raises OSError when one will not come."""
        if not self.share.index:
            for line in self._lines:
                _listen(line)
        for line in self._lines:
            line.sendall(b".")
        if self.share.index:
            _listen(*self._lines)

    def each(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Say some numbers, and return (all of them, ...): what each one has said. As `meet`."""
        self._said[self.share.index, : values.size] = values.ravel()
        self.meet()
        said = self._said[:, : values.size].reshape(-1, *values.shape).copy()
        self.meet()
        return said


def _listen(line: socket.socket) -> None:
    if not line.recv(1):
        raise ConnectionResetError("another process has ended")


@contextmanager
def _room_for(count: int) -> Iterator[None]:
    """Let so many processes have no more memory together than this one may have."""
    if count == 1:
        yield
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        yield
        return
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    held = pages * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + max(soft - held, 0) // count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
