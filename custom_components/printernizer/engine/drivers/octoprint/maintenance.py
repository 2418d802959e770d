"""The serial line to the printer, and the server and its host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...errors import Refused, Unreachable
from ...printer import PrinterState
from .control import settled

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...workshop.clock import Clock
    from .client import Client
    from .facts import Facts
    from .line import Line
    from .view import View

_CONNECTION: Final = "/api/connection"
_CLOSED: Final = frozenset({PrinterState.OFFLINE, PrinterState.FAILED})
_CORE: Final = {
    "restart_server": "restart",
    "reboot_host": "reboot",
    "shut_down_host": "shutdown",
}


class OctoPrintMaintenance:
    """What the server offers to do with itself."""

    def __init__(self, client: Client, line: Line, clock: Clock, facts: Facts) -> None:
        self._client = client
        self._line = line
        self._clock = clock
        serial_line = ("connect", "disconnect") if facts.may("CONNECTION") else ()
        core = facts.core_commands if facts.may("SYSTEM") else ()
        self._tasks = (*serial_line, *(task for task in _CORE if task in core))

    @property
    def tasks(self) -> tuple[str, ...]:
        """What it can be asked for, of `MAINTENANCE`."""
        return self._tasks

    async def run(self, task: str) -> None:
        """Do one. Raises Refused(key="printer_busy") while a job is under way."""
        if task not in self._tasks:
            raise Refused(f"it cannot {task}", key="not_supported")
        view = await self._line.watch()
        if view.in_job or view.base is PrinterState.BUSY and task != "disconnect":  # noqa: RUF021
            raise Refused(f"the printer says {view.text}", key="printer_busy")
        match task:
            case "connect":
                await self._connect(view)
            case "disconnect":
                await self._disconnect()
            case _:
                await self._core(_CORE[task])

    async def _connect(self, view: View) -> None:
        if view.ready:
            return
        before = view.text, view.error
        await self._client.post(_CONNECTION, {"command": "connect"}, {400: "wrong_state"})
        tried = False

        def shows(now: View) -> bool:
            nonlocal tried
            tried = tried or (now.text, now.error) != before
            if tried and now.base in _CLOSED:
                raise Refused(now.error or f"the printer says {now.text}", key="refused")
            return now.base not in _CLOSED and now.base is not PrinterState.BUSY

        await self._settled(shows)

    async def _disconnect(self) -> None:
        await self._client.post(_CONNECTION, {"command": "disconnect"})
        await self._settled(lambda now: now.base in _CLOSED)

    async def _settled(self, shows: Callable[[View], bool]) -> None:
        pace = self._client.pace
        await settled(
            self._line,
            self._clock,
            shows,
            every_s=pace.settle_every_s,
            within_s=pace.connect_for_s,
        )

    async def _core(self, action: str) -> None:
        """Run a command of the host. A server that is gone before it answers has obeyed."""
        try:
            await self._client.post(
                f"/api/system/commands/core/{action}", {}, {500: "refused", 404: "not_supported"}
            )
        except Unreachable as err:
            if not str(err).startswith("the line broke"):
                raise
