"""Turns what a line has told into our values, and refusals into words: pure, no sockets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ...printer import (
    ACTIVE,
    PrinterState,
    PrinterStatus,
    Problem,
    Severity,
    Temperature,
    Tool,
    Transfer,
)
from .reading import LONGEST_TEXT, obj, text
from .view import SHOWS_RESULT, job_of, share_of, shown

if TYPE_CHECKING:
    from ...printer import CurrentJob
    from .facts import Profile
    from .view import View

_MOST_TOOLS: Final = 32
SENDING: Final = ("Transfer", "Sending", "Starting to send")
"""How the text begins while a file goes to the printer's card."""


def status_of(view: View, profile: Profile, firmware: str | None) -> PrinterStatus:
    """Return the printer at this moment."""
    state = shown(view)
    job: CurrentJob | None = None
    if state in ACTIVE:
        job = job_of(view)
    elif view.result is not None and state is view.result:
        job = _result_of(view, state)
    return PrinterStatus(
        state=state,
        job=job,
        tools=_tools_of(view, profile),
        active_tool=0 if profile.tools == 1 else view.tool,
        bed=_heater(view, "bed") if profile.bed else None,
        chamber=_heater(view, "chamber") if profile.chamber else None,
        problems=_problems_of(view, state),
        transfer=_transfer_of(view) if view.base is PrinterState.BUSY else None,
        firmware=firmware,
        z_mm=view.z_mm,
    )


def _tools_of(view: View, profile: Profile) -> tuple[Tool, ...]:
    named = [int(key[4:]) for key in view.heaters if key[:4] == "tool" and key[4:].isdigit()]
    count = min(_MOST_TOOLS, max([profile.heated_tools, *(index + 1 for index in named)]))
    return tuple(
        Tool(
            index=index,
            temperature=_heater(view, f"tool{index}"),
            nozzle_diameter_mm=profile.nozzle_mm,
        )
        for index in range(count)
    )


def _heater(view: View, name: str) -> Temperature:
    return view.heaters.get(name, Temperature())


def _problems_of(view: View, state: PrinterState) -> tuple[Problem, ...]:
    if state is PrinterState.ATTENTION and view.asks is not None:
        code, said = view.asks
        return (Problem(code=code, text=said, severity=Severity.COMMON),)
    if view.error is not None and view.base in SHOWS_RESULT:
        severe = view.base is not PrinterState.IDLE
        return (
            Problem(
                code=view.error_code or "ERROR",
                text=view.error,
                severity=Severity.FATAL if severe else Severity.SERIOUS,
            ),
        )
    return ()


def _transfer_of(view: View) -> Transfer | None:
    if not view.text.startswith(SENDING):
        return None
    return Transfer(name=text(obj(view.job, "file"), "name"), progress=share_of(view.progress))


def _result_of(view: View, state: PrinterState) -> CurrentJob | None:
    job = view.running or job_of(view)
    if job is None:
        return None
    if state is PrinterState.FINISHED:
        return replace(job, progress=1.0, remaining=timedelta(0))
    return replace(job, remaining=None)


def reason_of(status: int, content_type: str, body: bytes) -> str:
    """Return the server's own words for a refusal, one line; "HTTP 409" when it has none."""
    said: str | None = None
    if "json" in content_type:
        try:
            value = json.loads(body[:65_536])
        except ValueError, RecursionError:
            value = None
        if isinstance(value, dict):
            said = text(value, "error") or text(value, "message")
    elif "html" not in content_type:
        said = text({"it": body[:LONGEST_TEXT].decode("utf-8", "replace")}, "it")
    return said or f"HTTP {status}"
