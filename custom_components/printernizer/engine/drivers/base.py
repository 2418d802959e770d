"""The contract that every driver keeps, and the contract suite proves.

A `Driver` is an address and a key, no sockets. `connect` opens a `Session`, good for as long as
its `async with` lasts. What a printer can do beyond saying how it is are parts: objects a
session holds, or `None`. They are settled when `connect` yields and do not change on that line.

Commands return nothing or raise: `Refused` (with the printer's reason), `Unreachable`,
`AccessDenied`. They return when the printer has confirmed the command, or when its own status
shows it; a command that is neither confirmed nor refused in time raises
`Refused(key="not_confirmed")`. Drivers do not retry commands, reconnect, or log outages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from ..printer import CurrentJob, PrinterIdentity, PrinterStatus

type Progress = Callable[[int, int | None], None]
"""Called with (bytes moved so far, bytes in all or None), on the event loop, cheaply."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file or folder on a printer."""

    path: str
    """From the root of the storage, with a leading slash, never with `..`."""
    name: str
    """For people."""
    size: int | None = None
    """Bytes; None where a listing does not say (PrusaLink on Buddy)."""
    modified: datetime | None = None
    folder: bool = False
    printable: bool = False
    thumbnail: str | None = None
    """What to give `Storage.thumbnail`, where the printer has a picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Range:
    """What a heater may be set to, degrees Celsius; 0 always means off."""

    minimum: float
    maximum: float


class JobControl(Protocol):
    """Holds, ends and starts jobs."""

    async def pause(self) -> None:
        """Hold the running job. Raises Refused when none is printing."""

    async def resume(self) -> None:
        """Go on with a paused job. Raises Refused when none is paused."""

    async def cancel(self) -> None:
        """End the job for good. Raises Refused when there is none."""

    async def start(self, path: str, *, plate: int | None = None) -> None:
        """Print a file that lies on the printer.

        Reads a fresh status first and raises Refused(key="printer_busy") unless the printer is
        ready; returns once the printer has accepted the start.
        """


class Prompt(Protocol):
    """The question a printer asks when it needs attention."""

    async def acknowledge(self) -> None:
        """Answer it with "go on". Raises Refused when it asks nothing."""


class Heaters(Protocol):
    """Temperatures that may be set."""

    @property
    def ranges(self) -> Mapping[str, Range]:
        """By heater key: "tool_0", "tool_1", "bed", "chamber"."""

    async def set_target(self, heater: str, celsius: float) -> None:
        """Set a target. Raises Refused(key="out_of_range") beyond `ranges`."""


class Fans(Protocol):
    """Fans that may be set."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `Fan.key`."""

    async def set_speed(self, fan: str, percent: int) -> None:
        """Set a fan to 0 to 100 per cent."""


class Speed(Protocol):
    """Print speed, by name or by per cent, whichever the printer has."""

    @property
    def profiles(self) -> tuple[str, ...]:
        """Named speeds; empty where it knows only per cent."""

    @property
    def percent_range(self) -> tuple[int, int] | None:
        """Lowest and highest per cent; None where it knows only names."""

    async def set_profile(self, profile: str) -> None:
        """Choose a named speed."""

    async def set_percent(self, percent: int) -> None:
        """Set the feed rate factor."""


class Switches(Protocol):
    """Lamps or options that are on or off."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `PrinterStatus.lights` or `PrinterStatus.options`."""

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch one."""


class Console(Protocol):
    """Takes G-code from a person."""

    async def send(self, gcode: str) -> None:
        """Run lines of G-code. Raises Refused where the printer does not take them."""


class Storage(Protocol):
    """Files on the printer."""

    @property
    def free_bytes(self) -> int | None:
        """Room left, where the printer says."""

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder. Raises Refused(key="file_missing") or "storage_missing"."""

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Fetch a file, resuming when `to` holds its beginning and the printer can do ranges.

        Streams in constant memory. Raises Refused(key="file_missing"), Unreachable when the
        line breaks (what came stays in `to`), and Garbled when the length does not fit.
        """

    async def upload(self, source: Path, path: str, *, progress: Progress | None = None) -> None:
        """Store a file and prove it arrived whole. Raises Refused("file_exists"/"storage_full")."""

    async def delete(self, path: str) -> None:
        """Remove a file. Raises Refused when missing or being printed."""

    async def thumbnail(self, reference: str) -> bytes | None:
        """Fetch the picture of a file (`RemoteFile.thumbnail`): PNG or JPEG, at most 2 MB."""


class Camera(Protocol):
    """Looks at the print. `stream_source` is for Home Assistant's stream; it holds a secret."""

    @property
    def stream_source(self) -> str | None:
        """An RTSP(S) URL, or None where frames come as JPEG only."""

    async def snapshot(self) -> bytes | None:
        """One JPEG now, or None when the camera has none yet."""

    def frames(self) -> AsyncIterator[bytes]:
        """JPEG frames as they come, for as long as somebody iterates."""


class JobPicture(Protocol):
    """A picture of what will be printed."""

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Fetch PNG or JPEG of this job's plate, or None when the printer has none."""


class Session(Protocol):
    """A live line to one printer, good for as long as its `async with` lasts."""

    @property
    def identity(self) -> PrinterIdentity: ...

    @property
    def control(self) -> JobControl | None: ...

    @property
    def prompt(self) -> Prompt | None: ...

    @property
    def heaters(self) -> Heaters | None: ...

    @property
    def fans(self) -> Fans | None: ...

    @property
    def speed(self) -> Speed | None: ...

    @property
    def lights(self) -> Switches | None: ...

    @property
    def options(self) -> Switches | None: ...

    @property
    def console(self) -> Console | None: ...

    @property
    def storage(self) -> Storage | None: ...

    @property
    def camera(self) -> Camera | None: ...

    @property
    def job_picture(self) -> JobPicture | None: ...

    def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change. One consumer at a time.

        Raises Unreachable when the line drops, AccessDenied, WrongPrinter or Garbled.
        """

    async def refresh(self) -> None:
        """Ask the printer for a fresh status; it comes out of `statuses`."""

    def transcript(self) -> Mapping[str, object]:
        """Return the last raw facts for diagnostics; the ring redacts them."""


class Driver(Protocol):
    """How to reach one printer: an address and a key, no sockets."""

    def connect(self) -> AbstractAsyncContextManager[Session]:
        """Open a line. Raises Unreachable, AccessDenied, WrongPrinter or Garbled.

        When it yields, identity and parts are known.
        """
