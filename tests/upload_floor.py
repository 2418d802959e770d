"""Uploads as tests see them: a file of Home Assistant, a printer that takes it bit by bit."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import Context

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.local_files import MEDIA
from tests.hand_clock import HandClock, settle
from tests.rich_printer import RichPrinter, RichStorage, SetUp, Stand

__all__ = ["Bay", "DockUp", "dock_up"]

SIZE = 1_000_000
SOURCE = f"{MEDIA}local/bracket.gcode"
PATIENCE_S = 10.0


@dataclass
class Bay:
    """A rich printer whose uploads move when the test says so, on a clock turned by hand."""

    stand: Stand
    clock: HandClock

    @property
    def storage(self) -> RichStorage:
        storage = self.stand.printer.storage
        assert storage is not None
        return storage

    async def call(
        self, action: str, *others: Bay, context: Context | None = None, **data: Any
    ) -> list[dict[str, Any]]:
        """Call an action; return the result of each printer."""
        bays = (self, *others)
        response = await self.stand.hass.services.async_call(
            DOMAIN,
            action,
            {"device_id": [bay.stand.coordinator.device_id for bay in bays], **data},
            blocking=True,
            return_response=True,
            context=context,
        )
        assert response is not None
        results: list[dict[str, Any]] = response["printers"]  # type: ignore[assignment]
        return results

    async def begin(self, **data: Any) -> asyncio.Task[list[dict[str, Any]]]:
        """Begin an upload and wait until the printer is about to take the first byte."""
        self.storage.go_on.clear()
        self.storage.sending.clear()
        task = asyncio.create_task(self.call("upload_file", **{"source": SOURCE} | data))
        async with asyncio.timeout(PATIENCE_S):
            await self.storage.sending.wait()
        await settle()
        return task

    async def move(self, moved: int, seconds: float = 1.0) -> None:
        """Let some time pass and so many bytes in all be out."""
        await self.clock.advance(seconds)
        assert self.storage.progress is not None
        self.storage.progress(moved, SIZE)
        await settle()

    def shows(self, key: str) -> str:
        """Return the state of one of the upload's sensors."""
        return self.stand.state("sensor", key).state


type DockUp = Callable[..., Awaitable[Bay]]


@pytest.fixture
def dock_up(set_up: SetUp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DockUp:
    """Give a function that sets up a rich printer for uploads."""
    clock = HandClock()
    monkeypatch.setattr("custom_components.printernizer.runtime.SystemClock", lambda: clock)
    (tmp_path / "bracket.gcode").write_bytes(b"G1 X1 Y1 E1\n".ljust(SIZE, b";"))

    async def dock(serial: str = "RICH0001", **parts: Any) -> Bay:
        printer = RichPrinter(serial=serial)
        for name, part in parts.items():
            setattr(printer, name, part)
        stand = await set_up(printer)
        stand.hass.config.media_dirs = {"local": str(tmp_path)}
        return Bay(stand, clock)

    return dock
