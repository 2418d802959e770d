"""All that a line has told of its printer, folded one message at a time: pure, and frozen.

OctoPrint has no finished state: a job's end is an event, or the edge from "printing" to
"operational" where no event was heard. So a view holds the last result until the next job
begins, another file is selected, or the printer is connected anew.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ...printer import ACTIVE, CurrentJob, PrinterState, Temperature
from .reading import LONGEST_PATH, number, obj, objects, text, whole as whole_of
from .states import STATE_EVENTS, flags_of, state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .reading import Json

_HEATING_MARGIN_C: Final = 5.0
"""So far below its target a heater counts as still on its way."""
_HEATING_SHARE: Final = 10.0
"""Per cent of the file, up to which a job that was not seen printing may still be heating up:
pictures and comments at its head count as done."""
_HEADSTART_S: Final = 5.0
"""A job that young, with no heater told its target yet, has not begun to print."""
_MOST_HEATERS: Final = 40
SHOWS_RESULT: Final = frozenset({PrinterState.IDLE, PrinterState.OFFLINE, PrinterState.FAILED})
"""States of the line in which the last job's end is shown."""
_DOUBTS: Final = 2
"""So often a message that contradicts the events is not believed."""
_CHANGE: Final = ("FILAMENT_CHANGE", "The print asks for another filament")
_WAIT: Final = ("WAITING", "The print waits for somebody to go on")


@dataclass(frozen=True, kw_only=True, slots=True)
class View:
    """What a line has told so far. Every `heard_…` returns the view after it."""

    text: str = ""
    flags: frozenset[str] | None = None
    """The flags that are set; None where only a text was told."""
    error: str | None = None
    error_code: str | None = None
    job: Json = MappingProxyType({})
    progress: Json = MappingProxyType({})
    heaters: Mapping[str, Temperature] = MappingProxyType({})
    """By OctoPrint's names: tool0, bed, chamber."""
    z_mm: float | None = None
    tool: int | None = None
    """The active tool, which 2.0 tells."""
    result: PrinterState | None = None
    """How the last job ended, while it still counts."""
    asks: tuple[str, str] | None = None
    """What a paused job waits for: a code and a text."""
    cancelling_error: str | None = None
    """Why OctoPrint itself is ending the job."""
    begun: bool = False
    """The job was seen printing: it does not go back to preparing."""
    acquainted: bool = False
    """Something was heard before: an edge is an edge."""
    running: CurrentJob | None = None
    """The job as last seen under way."""
    ends: int = 0
    """Grows with every end of a job that was heard or seen."""
    doubted: int = 0
    """How many messages in a row were not believed."""
    changes: int = 0
    """Grows with every change of state, so that an older answer is known as such."""

    @property
    def base(self) -> PrinterState:
        """The state as the server's own word has it, without results."""
        return state_of(self.text, self.flags)

    @property
    def in_job(self) -> bool:
        """Whether a job is under way."""
        return self.base in ACTIVE

    @property
    def ready(self) -> bool:
        """Whether it is connected and does nothing."""
        return self.base is PrinterState.IDLE

    @property
    def path(self) -> str | None:
        """The selected file, as in our storage's listing."""
        return job_path(self.job)

    # -- what comes --------------------------------------------------------------------------

    def heard_current(self, raw: Json, *, whole: bool = False) -> View:
        """Take a `current` message, or `history` (`whole`).

        It is put together up to a second before it is sent, and so may be older than an event
        (seen on 1.11.8: "Printing" after the job's end). Begin and end of a job are events: a
        message that knows better is believed when it says so again and again.
        """
        view = self
        if temps := objects(raw, "temps", 10_000):
            view = replace(view, heaters=merged(view.heaters, temps[-1]))
        if "currentZ" in raw:
            view = replace(view, z_mm=number(raw, "currentZ"))
        if (tool := whole_of(raw, "currentTool")) is not None and 0 <= tool < _MOST_HEATERS:
            view = replace(view, tool=tool)
        state = obj(raw, "state")
        word = text(state, "text")
        if word is None:
            return view
        flags = flags_of(state)
        if not whole and self._contradicts(state_of(word, flags)) and self.doubted < _DOUBTS:
            return replace(view, doubted=self.doubted + 1)
        return view.moved(
            word,
            flags,
            error=text(state, "error"),
            job=obj(raw, "job"),
            progress=obj(raw, "progress"),
        )

    def _contradicts(self, said: PrinterState) -> bool:
        """Whether a state begins, holds or ends something of which no event told."""
        if not self.acquainted:
            return False
        if self.in_job and said in ACTIVE:
            return (said is PrinterState.PAUSED) != (self.base is PrinterState.PAUSED)
        begins = said in ACTIVE or said is PrinterState.BUSY
        return (self.in_job and said is PrinterState.IDLE) or (self.ready and begins)

    def heard_rest(self, printer: Json | None, job: Json, error: Json | None = None) -> View:
        """Take fresh answers.

        printer: `/api/printer`, None when it is not operational; job: `/api/job`; error:
        `/api/printer/error`, where it was asked.
        """
        state = obj(printer or {}, "state")
        word = text(state, "text") or text(job, "state") or ""
        said = text(error or {}, "error") or text(job, "error") or text(state, "error")
        heaters = merged({}, obj(printer, "temperature")) if printer is not None else {}
        view = replace(self, heaters=heaters)
        return view.moved(
            word,
            flags_of(state) if printer is not None else None,
            error=said,
            job=obj(job, "job"),
            progress=obj(job, "progress"),
        )

    def heard_event(self, kind: str, payload: Json) -> View:
        """Take an event. One that is not known changes nothing."""
        told = _TOLD.get(kind)
        return self if told is None else told(self, payload)

    # -- what follows ------------------------------------------------------------------------

    def named(self, payload: Json) -> View:
        """Go to a state at once, where its name says all of it."""
        state_id = text(payload, "state_id") or ""
        known = STATE_EVENTS.get(state_id)
        if known is None:
            return self
        if state_id == "OPERATIONAL" and self.in_job and self.result is None:
            # How it ended is not told by this: what comes next has the progress.
            return self
        word, flags = known
        return self.moved(word, frozenset(flags), error=None, job=self.job, progress=self.progress)

    def moved(
        self, word: str, flags: frozenset[str] | None, *, error: str | None, job: Json,
        progress: Json,
    ) -> View:  # fmt: skip
        """Go to another state, or stay; an end that no event told of is read off the edge."""
        before = self.base if self.acquainted else None
        view = replace(
            self,
            text=word,
            flags=flags,
            job=job,
            progress=progress,
            acquainted=True,
            doubted=0,
        )
        after = view.base
        if (word, flags) != (self.text, self.flags):
            view = replace(view, changes=self.changes + 1)
        if after in SHOWS_RESULT:
            closed = after is not PrinterState.IDLE
            view = replace(
                view,
                asks=None,
                error=(error or self.error) if closed else None,
                error_code=self.error_code if closed else None,
            )
            return view.read_end(before)
        view = replace(view, error=None, error_code=None)
        if after not in ACTIVE:
            return view
        if before not in ACTIVE:
            view = replace(view, result=None, begun=False, running=None, cancelling_error=None)
        begun = view.begun or shown(view) is PrinterState.PRINTING
        return replace(view, begun=begun, running=job_of(view) or view.running)

    def read_end(self, before: PrinterState | None) -> View:
        """Return the view at rest: with the result an event told, or one that is plain to see."""
        if self.result is not None:
            return self
        at_end = (number(self.progress, "completion") or 0.0) >= 100.0
        result: PrinterState | None = None
        if before is None:
            # Met at rest: a file that is selected and done was printed to its end.
            if at_end and self.base is PrinterState.IDLE and self.path is not None:
                result = PrinterState.FINISHED
        elif before in ACTIVE and self.base is not PrinterState.IDLE:
            if self.error is not None or self.base is PrinterState.FAILED:
                result = PrinterState.FAILED
        elif before in ACTIVE and self.path is not None:
            # A server that was restarted has no file either: how that job ended nobody knows.
            result = PrinterState.FINISHED if at_end else PrinterState.CANCELLED
        return self if result is None else replace(self, result=result, ends=self.ends + 1)

    def ended(self, result: PrinterState, payload: Json) -> View:
        """Hold how the job ended, and its time where it is told."""
        running = self.running or job_of(self)
        spent = number(payload, "time")
        if running is not None and spent is not None and spent >= 0:
            running = replace(running, elapsed=timedelta(seconds=round(spent)))
        return replace(self, result=result, running=running, asks=None, ends=self.ends + 1)

    def cancelled(self, payload: Json) -> View:
        """Take a cancel; one that OctoPrint made for an error of the firmware is a failure."""
        if self.cancelling_error is None:
            return self.ended(PrinterState.CANCELLED, payload)
        view = self.ended(PrinterState.FAILED, payload)
        return replace(view, error=self.cancelling_error, error_code="FIRMWARE")

    def failed(self, payload: Json) -> View:
        """Take a failure. A cancel is told as one too, with its reason or after its own event."""
        if text(payload, "reason") == "cancelled" or (
            self.result is PrinterState.CANCELLED and text(payload, "reason") is None
        ):
            return self if self.result is not None else self.cancelled(payload)
        view = self.ended(PrinterState.FAILED, payload)
        said = text(payload, "error")
        return view if said in {None, "unknown"} else replace(view, error=view.error or said)

    def selected(self, payload: Json) -> View:
        """Take another file, or the same anew: what was known of the last job is over."""
        file = {key: payload.get(key) for key in ("name", "display", "path", "origin", "size")}
        return replace(
            self.fresh(),
            job={"file": file} if text(file, "path") else self.job,
            progress={},
            cancelling_error=None,
        )

    def fresh(self) -> View:
        """Return the view of a printer that nothing lies on."""
        return replace(
            self, result=None, running=None, begun=False, asks=None, error=None, error_code=None
        )


def shown(view: View) -> PrinterState:
    """Return the state for people: with heating up told from printing, results, and questions."""
    base = view.base
    if base is PrinterState.PRINTING and _heating_up(view):
        return PrinterState.PREPARING
    if base is PrinterState.PREPARING and view.begun:
        return PrinterState.PRINTING
    if base is PrinterState.PAUSED and view.asks is not None:
        return PrinterState.ATTENTION
    if view.result is PrinterState.FAILED and base in SHOWS_RESULT:
        return view.result
    if view.result is not None and base is PrinterState.IDLE:
        return view.result
    return base


def _heating_up(view: View) -> bool:
    """Guess whether a printing job only heats up: OctoPrint calls that printing as well."""
    if view.begun or {"finishing", "cancelling", "resuming"} & (view.flags or frozenset()):
        return False
    if (number(view.progress, "completion") or 0.0) >= _HEATING_SHARE:
        return False
    targets = [heater for heater in view.heaters.values() if heater.target_c]
    for heater in targets:
        if (heater.actual_c or 0.0) < (heater.target_c or 0.0) - _HEATING_MARGIN_C:
            return True
    return not targets and (number(view.progress, "printTime") or 0.0) < _HEADSTART_S


def merged(known: Mapping[str, Temperature], said: Json) -> Mapping[str, Temperature]:
    """Return the temperatures after a report, which may leave out or empty what it knew."""
    heaters = dict(known)
    for name in list(said)[:_MOST_HEATERS]:
        entry = said[name]
        if not isinstance(entry, dict):
            continue
        actual, target = number(entry, "actual"), number(entry, "target")
        if actual is not None or target is not None:
            heaters[name[:32]] = Temperature(actual_c=actual, target_c=target)
    return heaters


def job_path(job: Json) -> str | None:
    """Return where a job's file lies: "/local/folder/x.gcode", its storage first."""
    file = obj(job, "file")
    path = text(file, "path", LONGEST_PATH)
    if path is None:
        return None
    origin = text(file, "origin", 64) or "local"
    return f"/{ORIGINS.get(origin, origin)}/{path.lstrip('/')}"


ORIGINS: Final[Mapping[str, str]] = {"printer": "sdcard"}
"""2.0 calls the printer's own storage by another name."""


def job_of(view: View) -> CurrentJob | None:
    """Return the selected file as a job, or None when there is none.

    OctoPrint numbers no jobs: one is known by its file.
    """
    path = view.path
    if path is None:
        return None
    file = obj(view.job, "file")
    return CurrentJob(
        name=text(file, "display") or text(file, "name") or path.rsplit("/", 1)[-1],
        path=path,
        progress=share_of(view.progress),
        remaining=_seconds(view.progress, "printTimeLeft"),
        elapsed=_seconds(view.progress, "printTime"),
        origin="local",
    )


def share_of(progress: Json) -> float | None:
    """Return the share done, 0.0 to 1.0, from a percentage."""
    value = number(progress, "completion")
    return None if value is None else min(1.0, max(0.0, value / 100))


def _seconds(source: Json, key: str) -> timedelta | None:
    value = number(source, key)
    return None if value is None or not 0 <= value < 1e9 else timedelta(seconds=int(value))


def _erred(view: View, payload: Json) -> View:
    code = (text(payload, "reason", 64) or "error").upper()
    return replace(view, error=text(payload, "error") or view.error, error_code=code)


_TOLD: Final[Mapping[str, Callable[[View, Json], View]]] = {
    "PrinterStateChanged": View.named,
    "Connecting": lambda view, _: view.fresh(),
    "Connected": lambda view, _: view.fresh(),
    "Error": _erred,
    "PrintStarted": View.selected,
    "PrintDone": lambda view, payload: view.ended(PrinterState.FINISHED, payload),
    "PrintFailed": View.failed,
    "PrintCancelling": lambda view, payload: replace(
        view, cancelling_error=text(payload, "firmwareError")
    ),
    "PrintCancelled": View.cancelled,
    "PrintResumed": lambda view, _: replace(view, asks=None),
    "FilamentChange": lambda view, _: replace(view, asks=_CHANGE),
    "Waiting": lambda view, _: replace(view, asks=_WAIT),
    "FileSelected": lambda view, payload: view if view.in_job else view.selected(payload),
}
EVENTS: Final = tuple(_TOLD)
"""What we ask to be told of."""
