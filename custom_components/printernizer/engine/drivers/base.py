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
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime
    from pathlib import Path

    from ..job import PastRun
    from ..printer import CurrentJob, PrinterIdentity, PrinterStatus

HOT_C: Final = 50.0
"""From here on a nozzle, bed or chamber keeps its power: filament bakes in and fans must run."""

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

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        """Print a file that lies on the printer.

        Reads a fresh status first and raises Refused(key="printer_busy") unless the printer is
        ready; returns once the printer has accepted the start.

        slots: where each filament of the plate comes from, in the slicer's order, as `Slot.key`;
        None for one that the plate does not use. Empty leaves the choice to the printer. Raises
        Refused(key="not_supported") where the printer cannot be told.
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

    @property
    def calm(self) -> bool:
        """Whether it may be listed and read by itself while a job prints.

        Not where that is work for the processor, or the program, that feeds the print.
        """

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder. Raises Refused(key="file_missing") or "storage_missing"."""

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Fetch a file, resuming when `to` holds its beginning and the printer can do ranges.

        Streams in constant memory. Raises Refused(key="file_missing"), Unreachable when the
        line breaks (what came stays in `to`), and Garbled when the length does not fit.
        """

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Return `length` bytes of a file from `offset`, fewer where it ends. Never moves it all.

        Raises Refused(key="file_missing"), Unreachable, and Refused(key="not_supported") where
        the printer hands out whole files only.
        """

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Store a file, prove it arrived whole, and return where: some printers rename.

        Streams in constant memory. Cancelling, or any error, leaves no half file under `path`
        where the printer lets us prevent it. Raises Refused: "file_exists" unless `replace`,
        "storage_full", "printer_busy" for a file that is being printed, "unsupported_file".
        """

    async def delete(self, path: str) -> None:
        """Remove a file. Raises Refused when missing or being printed."""

    async def thumbnail(self, reference: str) -> bytes | None:
        """Fetch the picture of a file (`RemoteFile.thumbnail`): PNG or JPEG, at most 2 MB."""


class Mover(Protocol):
    """Gives files on the printer another name or folder."""

    async def move(self, path: str, to: str, *, replace: bool = False) -> str:
        """Move a file, and return where it lies then.

        Raises Refused: "file_missing", "file_exists" unless `replace`, "printer_busy" for the file
        that is being printed, "not_supported" for a place it cannot be moved from or to.
        """


@dataclass(frozen=True, kw_only=True, slots=True)
class Orientation:
    """How a camera's pictures are to be turned before a person sees them: flips first."""

    flip_horizontal: bool = False
    flip_vertical: bool = False
    rotation: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""


UPRIGHT: Final = Orientation()
MAIN_CAMERA: Final = "camera"
"""What drivers call a camera that the printer gives no name."""


class Camera(Protocol):
    """Looks at the print. `stream_source` is for Home Assistant's stream; it holds a secret."""

    @property
    def orientation(self) -> Orientation:
        """How its pictures hang; `UPRIGHT` where the printer says nothing."""

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


class Motion(Protocol):
    """Moves the head by hand. Raises Refused(key="printer_busy") while a job is under way."""

    @property
    def axes(self) -> tuple[str, ...]:
        """What can be moved and homed: "x", "y", "z"."""

    async def home(self, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any."""

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        """Move by millimetres, by axis, from where the head is. None: the printer's own speed."""


class Loader(Protocol):
    """Loads and unloads filament. Raises Refused(key="printer_busy") while one is printed."""

    async def load(self, slot: str | None = None) -> None:
        """Bring filament of a slot (`Slot.key`), or what a person feeds in, to the nozzle."""

    async def unload(self) -> None:
        """Take the filament out of the nozzle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrintObject:
    """One of several things that a job prints on its plate."""

    id: str
    """What to give `Objects.skip`."""
    name: str
    skipped: bool = False


class Objects(Protocol):
    """Leaves single objects out of the running job, for good."""

    async def list(self) -> tuple[PrintObject, ...]:
        """Return the objects of the running job; none where the file does not name them."""

    async def skip(self, ids: Sequence[str]) -> None:
        """Leave objects out.

        Raises Refused: "no_job", "object_missing", or "last_object" when none would be left, for
        that is a cancel.
        """


class Emergency(Protocol):
    """Stops everything at once, heaters too; the printer needs a restart afterwards."""

    async def stop(self) -> None:
        """Stop now. Never waits behind another command."""


class Macros(Protocol):
    """Procedures that the owner has written into the printer's configuration."""

    @property
    def names(self) -> tuple[str, ...]:
        """As the printer spells them."""

    async def run(self, name: str, parameters: Mapping[str, str]) -> None:
        """Run one and wait for its end. Raises Refused("macro_missing"), or why it failed."""


class Maintenance(Protocol):
    """Looks after the machine's own computers and lines."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """What it can be asked for, of `MAINTENANCE`."""

    async def run(self, task: str) -> None:
        """Do one.

        Raises Refused(key="printer_busy") while a job is under way; what mends a machine that
        has stopped already is always possible.
        """


MAINTENANCE: Final = (
    "connect",
    "disconnect",
    "firmware_restart",
    "restart_firmware_host",
    "restart_server",
    "reboot_host",
    "shut_down_host",
)
"""Connect or drop the serial line to the printer; restart its firmware, the program that drives
it (Klipper), the server we speak to; reboot or shut down the computer they run on."""


class History(Protocol):
    """What the printer remembers of its jobs."""

    async def recent(self, limit: int = 20) -> tuple[PastRun, ...]:
        """Return ended jobs, newest first, at most `limit` (up to 100)."""


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
    def mover(self) -> Mover | None: ...

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """By the name the printer gives them; the main one first. Empty where it has none."""

    @property
    def job_picture(self) -> JobPicture | None: ...

    @property
    def motion(self) -> Motion | None: ...

    @property
    def loader(self) -> Loader | None: ...

    @property
    def objects(self) -> Objects | None: ...

    @property
    def emergency(self) -> Emergency | None: ...

    @property
    def macros(self) -> Macros | None: ...

    @property
    def maintenance(self) -> Maintenance | None: ...

    @property
    def outlets(self) -> Switches | None:
        """Sockets that the printer's host switches, as in `PrinterStatus.outlets`.

        Setting one raises Refused(key="printer_busy") rather than cut the power while printing,
        heating or hot (above `HOT_C`).
        """

    @property
    def history(self) -> History | None: ...

    def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change. One consumer at a time.

        Raises Unreachable when the line drops, AccessDenied, WrongPrinter or Garbled.
        """

    async def refresh(self) -> None:
        """Ask the printer for a fresh status; it comes out of `statuses`."""

    def transcript(self) -> Mapping[str, object]:
        """Return the last raw facts for diagnostics; the ring redacts them."""


class NoParts:
    """What a session starts from: no part at all. A driver sets those that its printer has."""

    control: JobControl | None = None
    prompt: Prompt | None = None
    heaters: Heaters | None = None
    fans: Fans | None = None
    speed: Speed | None = None
    lights: Switches | None = None
    options: Switches | None = None
    console: Console | None = None
    storage: Storage | None = None
    mover: Mover | None = None
    cameras: Mapping[str, Camera] = MappingProxyType({})
    job_picture: JobPicture | None = None
    motion: Motion | None = None
    loader: Loader | None = None
    objects: Objects | None = None
    emergency: Emergency | None = None
    macros: Macros | None = None
    maintenance: Maintenance | None = None
    outlets: Switches | None = None
    history: History | None = None


class Driver(Protocol):
    """How to reach one printer: an address and a key, no sockets."""

    def connect(self) -> AbstractAsyncContextManager[Session]:
        """Open a line. Raises Unreachable, AccessDenied, WrongPrinter or Garbled.

        When it yields, identity and parts are known.
        """
