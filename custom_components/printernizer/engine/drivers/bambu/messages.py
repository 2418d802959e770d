"""Payloads of a printer into values: the pure heart of the driver.

`Messages.take(payload, now)` is the hot path; `scripts/bench` calls it as it stands.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from . import models, trays
from .bounds import trim
from .merge import Report, is_full
from .payload import decode, mapping, text
from .report import StatusBuilder, firmware_of, serial_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...printer import PrinterStatus
    from .state import StateReader

_LOGGER = logging.getLogger(__name__)

_PUSH: Final = "push_status"
_VERIFY_FAILED: Final = "verify failed"
_KEPT_REPLIES: Final = 20
_DOMAINS: Final = ("print", "system", "xcam", "camera", "pushing", "upgrade", "info")


class Reply:
    """The printer's answer to one command."""

    __slots__ = ("command", "ok", "reason", "sequence")

    def __init__(self, sequence: str, body: dict[str, Any]) -> None:
        self.sequence = sequence
        self.command = text(body.get("command")) or ""
        result = (text(body.get("result")) or "").casefold()
        self.ok = not result.startswith("fail")
        self.reason = text(body.get("reason")) or text(body.get("err_code")) or result

    @property
    def unsigned(self) -> bool:
        """Whether it was refused for want of a signature: Developer Mode is off."""
        return not self.ok and _VERIFY_FAILED in self.reason.casefold()


class Messages:
    """Everything one line has said so far."""

    def __init__(
        self,
        states: StateReader | None = None,
        on_reply: Callable[[Reply], None] | None = None,
    ) -> None:
        self.report = Report()
        self.builder = StatusBuilder(states)
        self.modules: list[Any] = []
        self.garbled = 0
        """How many payloads could not be read."""
        self.overfull = False
        """Whether the printer ever said more than is kept."""
        self.fulls = 0
        self.replies: deque[dict[str, Any]] = deque(maxlen=_KEPT_REPLIES)
        self.online_version: object = None
        self.on_reply = on_reply

    @property
    def status(self) -> PrinterStatus | None:
        """The status last built; None before the first full report."""
        return self.builder.last

    def take(self, payload: bytes, now: float) -> PrinterStatus | None:
        """Take one message in. Returns the status when it changed, else None.

        `now` is monotonic seconds. Never raises: what cannot be read is counted and dropped.
        """
        message = decode(payload)
        if message is None:
            self.garbled += 1
            return None
        body = message.get("print")
        if body.__class__ is dict:
            if body.get("command") == _PUSH:
                return self._push(body, now, len(payload))
        elif (info := message.get("info")).__class__ is dict:
            if info.get("command") == "get_version" and isinstance(info.get("module"), list):
                return self._versions(info["module"], now)
            return None
        self._reply(message)
        return None

    def _push(self, body: dict[str, Any], now: float, size: int) -> PrinterStatus | None:
        first = not self.report.complete
        full = is_full(body)
        changed: set[str] | None = self.report.merge(body, now)
        if self.report.grow(size, full=full):
            self._overfull()
            changed = None
        if first and not full:
            return None
        self.fulls += full
        return self.builder.build(self.report.values, None if first else changed, now)

    def _overfull(self) -> None:
        """Count and log that the printer says more than is kept: once, it will do so again."""
        if not self.overfull:
            self.overfull = True
            self.garbled += 1
            _LOGGER.warning("Garbled: a report grows beyond all measure and was cut")

    def _versions(self, modules: list[Any], now: float) -> PrinterStatus | None:
        held = {"module": modules}
        if trim(held):
            self._overfull()
        self.modules = modules = held["module"]
        self.builder.model = models.by_modules(modules)
        self.builder.boards = trays.boards(modules)
        self.builder.firmware = firmware_of(modules)
        return self.rebuild(now)

    def rebuild(self, now: float) -> PrinterStatus | None:
        """Make the whole status anew."""
        if not self.report.complete:
            return None
        return self.builder.build(self.report.values, None, now)

    def settle(self, now: float) -> PrinterStatus | None:
        """Let time pass: shields end, a FAILED held back is told."""
        changed = self.report.release(now) if self.report.held else set()
        if not self.report.complete:
            return None
        return self.builder.build(self.report.values, changed, now)

    def _reply(self, message: dict[str, Any]) -> None:
        for domain in _DOMAINS:
            body = message.get(domain)
            if not isinstance(body, dict):
                continue
            sequence = text(body.get("sequence_id", body.get("sequenceId")))
            if sequence is None:
                continue
            reply = Reply(sequence, body)
            self.replies.append(
                {key: text(body.get(key)) for key in ("command", "result", "reason")}
            )
            if reply.unsigned:
                self.builder.refuses_commands = True
            if self.on_reply is not None:
                self.on_reply(reply)

    @property
    def serial(self) -> str | None:
        """The serial of the version report."""
        return serial_of(self.modules)

    @property
    def announced_version(self) -> object:
        """Changes when modules came or went: ask for everything again."""
        return mapping(self.report.values.get("online")).get("version")
