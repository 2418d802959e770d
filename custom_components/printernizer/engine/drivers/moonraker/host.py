"""What the computers around the machine can do: macros, restarts, sockets, the past."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ...printer import ACTIVE, PrinterState
from .control import without_answer
from .job import jobs_in, past_run
from .messages import obj, text
from .objects import macros_in, plain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...job import PastRun
    from .control import Scripts
    from .watch import Watch

_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")
_MOST_PARAMETERS: Final = 32
_MOST_RUNS: Final = 100
_MENDING: Final = frozenset({"firmware_restart", "restart_firmware_host"})
_CALLS: Final = {
    "firmware_restart": "printer.firmware_restart",
    "restart_firmware_host": "printer.restart",
    "restart_server": "server.restart",
    "reboot_host": "machine.reboot",
    "shut_down_host": "machine.shutdown",
}


class MoonrakerEmergency:
    """Stops everything at once."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def stop(self) -> None:
        """Stop now, past every queue. Raises Refused when Klipper is not there to hear it."""
        await self._watch.line.call("printer.emergency_stop")


class MoonrakerMacros:
    """Procedures of the owner's configuration."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._scripts = scripts
        self.names = macros_in(watch.there)

    async def run(self, name: str, parameters: Mapping[str, str]) -> None:
        """Run one and wait for its end, however long."""
        if name not in self.names:
            raise Refused(f"it has no macro {name}", key="macro_missing", name=name)
        if len(parameters) > _MOST_PARAMETERS:
            raise Refused("so many parameters are none of a macro's", key="out_of_range")
        words = [plain(name)]
        for key, value in parameters.items():
            if not _KEY.fullmatch(key):
                raise Refused(f"{key!r} cannot be a parameter", key="out_of_range")
            words.append(f"{key.upper()}={plain(value)}")
        await self._scripts.run(" ".join(words))


class MoonrakerMaintenance:
    """Restarts of Klipper, of Moonraker, of the computer they run on."""

    def __init__(self, watch: Watch, tasks: tuple[str, ...]) -> None:
        self._watch = watch
        self.tasks = tasks

    async def run(self, task: str) -> None:
        """Do one; returns when it was taken. What mends a stopped machine is always possible."""
        if task not in self.tasks:
            raise Refused(f"it cannot do {task}", key="not_supported")
        watch = self._watch
        state = (await watch.fresh()).state
        mending = watch.halted and task in _MENDING
        if not mending and state in ACTIVE:
            raise Refused(f"the printer says {state}", key="printer_busy")
        if task == "restart_server":
            await without_answer(watch.line.call(_CALLS[task]))
            return
        if task not in _MENDING:
            if watch.hot:
                raise Refused("it is still hot, and its fans would stop", key="printer_busy")
            await without_answer(watch.line.call(_CALLS[task]))
            return
        await self._restart_klipper(task)

    async def _restart_klipper(self, task: str) -> None:
        """Restart Klipper; its own going away may swallow the answer."""
        watch = self._watch
        try:
            await watch.line.call(_CALLS[task])
        except Refused as err:
            if watch.state is not PrinterState.OFFLINE or watch.halted:
                raise
            # "Klippy Disconnected": that it went is what was asked for.
            if "disconnect" not in err.reason.lower() and "not connected" not in err.reason.lower():
                raise


async def tasks_of(watch: Watch) -> tuple[str, ...]:
    """Return what this server can be asked for: a container has no computer to restart."""
    tasks = ["firmware_restart", "restart_firmware_host", "restart_server"]
    info = obj(await watch.ask("machine.system_info"), "system_info")
    provider = text(info, "provider")
    boxed = text(obj(info, "virtualization"), "virt_type") == "container"
    if provider not in {None, "none"} and not boxed:
        tasks += ["reboot_host", "shut_down_host"]
    return tuple(tasks)


class MoonrakerOutlets:
    """Sockets that the server switches."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self.keys = tuple(watch.house.outlets)

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch one.

        Raises Refused(key="printer_busy") rather than cut the power while printing, heating or
        hot. Klipper that is gone is taken for hot for a while when it was so last.
        """
        if key not in self.keys:
            raise Refused(f"it has no socket {key}", key="not_supported")
        watch = self._watch
        if not on:
            state = (await watch.fresh()).state
            if state in ACTIVE or state is PrinterState.BUSY or watch.hot:
                raise Refused(f"not now: it is {state}, or still hot", key="printer_busy")
        word = "on" if on else "off"
        answer = await watch.line.call(
            "machine.device_power.post_device", {"device": key, "action": word}
        )
        told = text(answer, key)
        if told != word:
            raise Refused(f"the socket says {told}", key="not_confirmed")
        watch.house.outlets[key] = on
        watch.stir()


class MoonrakerHistory:
    """What the server remembers of its jobs."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    async def recent(self, limit: int = 20) -> tuple[PastRun, ...]:
        """Return ended jobs, newest first."""
        most = max(0, min(limit, _MOST_RUNS))
        answer = await self._watch.line.call(
            "server.history.list", {"limit": most + 1, "order": "desc"}
        )
        layout = self._watch.house.layout
        runs = (past_run(job, layout) for job in jobs_in(answer)[: most + 1])
        return tuple(run for run in runs if run is not None)[:most]
