"""Real servers that die, choke and restart under a shop with a job running on them.

Whatever happens, the job ends with one outcome in the ledger, and files are whole or not there.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.errors import DriverError, PrinternizerError
from custom_components.printernizer.engine.job import Job, Outcome
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.memory import RECOVERY_GRACE
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.upload import UploadState
from custom_components.printernizer.engine.workshop.clock import SystemClock
from custom_components.printernizer.engine.workshop.workshop import Workshop

from .peers import stages
from .real_servers import MoonrakerPlay, OctoPrintPlay

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.peers.server import Server

    from .real_servers import Houses
    from .stage import Play

pytestmark = [pytest.mark.peer, pytest.mark.timeout(180)]

PRINTER = "P1"
BIG = b"G1 X1 E1\n" * 2_000_000
"""18 MB: far more than lies in the buffers of a line on loopback."""
PATIENCE_S = 20.0

every_server = pytest.mark.parametrize("name", ["octoprint-1.11.8", "moonraker-0.11.0"])


class LeapingClock(SystemClock):
    """The machine's own clock, which can be put forward."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.ahead

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead.total_seconds()


@dataclass
class Shop:
    """A workshop with one printer on a real server."""

    workshop: Workshop
    store: Store
    clock: LeapingClock
    play: Play
    server: Server

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to come true."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.05)

    @property
    def state(self) -> PrinterState | None:
        """What the shop believes."""
        status = self.workshop.fleet[PRINTER].status
        return status.state if status else None

    async def print(self) -> None:
        """Have the printable file be printed."""
        await self.workshop.start(PRINTER, "/part.gcode")
        await self.until(lambda: self.state is PrinterState.PRINTING)

    async def files(self) -> dict[str, int]:
        """Return sizes by name, as they lie on the disk of the server."""
        return {path.rsplit("/", 1)[-1]: size for path, size in (await self.play.files()).items()}

    async def jobs(self) -> tuple[Job, ...]:
        """Return what stands in the ledger, once its chain is proven."""
        chain = await self.store.run(jobs.verify_chain)
        assert chain.intact
        page = await self.store.run(jobs.page, JobFilter())
        return page.jobs

    async def ended(self) -> Job:
        """Wait until the one job is closed, and return it."""
        found: tuple[Job, ...] = ()
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while not (found := await self.jobs()) or any(job.open for job in found):
                    await asyncio.sleep(0.1)
        assert len(found) == 1, found
        assert not found[0].open, (found[0], self.workshop.fleet[PRINTER].status)
        return found[0]


@asynccontextmanager
async def shop_on(name: str, houses: Houses, folder: Path) -> AsyncIterator[Shop]:
    """Open a workshop with a ledger of its own on one of the servers."""
    stage = next(stage for stage in stages(lambda: houses) if stage.name == name)
    async with stage.play() as play, Store(f"sqlite:///{folder / 'ledger.db'}") as store:
        assert isinstance(play, OctoPrintPlay | MoonrakerPlay)
        clock = LeapingClock()
        async with Workshop(store, clock) as workshop:
            await workshop.open_line(PRINTER, play.driver)
            yield Shop(workshop, store, clock, play, play.server)


@every_server
async def test_a_server_killed_in_mid_upload_gets_the_whole_file_or_none(
    name: str, houses: Houses, tmp_path: Path
) -> None:
    source = tmp_path / "big.gcode"
    source.write_bytes(BIG)
    async with shop_on(name, houses, tmp_path) as shop:
        uploads = shop.workshop.uploads
        sending = asyncio.create_task(shop.workshop.upload(PRINTER, source))

        def under_way() -> bool:
            upload = uploads.current(PRINTER)
            return upload is not None and upload.moved_bytes > 0

        async with asyncio.timeout(PATIENCE_S):
            while not under_way() and not sending.done():
                await asyncio.sleep(0.001)
        await asyncio.to_thread(shop.server.restart)
        try:
            done = await asyncio.wait_for(sending, PATIENCE_S)
        except PrinternizerError as err:
            assert err.key  # noqa: PT017 - one of two fair outcomes
            assert (await shop.files()).get("big.gcode") in {None, len(BIG)}
        else:
            assert done.state is UploadState.DONE
            assert (await shop.files())["big.gcode"] == len(BIG)
        assert await shop.jobs() == ()


@every_server
async def test_a_download_whose_line_is_cut_is_finished_later(
    name: str, houses: Houses, tmp_path: Path
) -> None:
    source, target = tmp_path / "big.gcode", tmp_path / "got.gcode"
    source.write_bytes(BIG)
    async with shop_on(name, houses, tmp_path) as shop:
        path = (await shop.workshop.upload(PRINTER, source)).path
        assert path is not None
        moved: list[int] = []
        fetching = asyncio.create_task(
            shop.workshop.download(
                PRINTER, path, target, progress=lambda done, _: moved.append(done)
            )
        )
        async with asyncio.timeout(PATIENCE_S):
            while not moved and not fetching.done():
                await asyncio.sleep(0)
        await asyncio.to_thread(shop.server.restart)
        (outcome,) = await asyncio.gather(fetching, return_exceptions=True)
        assert outcome is None or isinstance(outcome, DriverError)
        assert BIG.startswith(target.read_bytes())
        async with asyncio.timeout(PATIENCE_S):
            while True:
                try:
                    await shop.workshop.download(PRINTER, path, target)
                except DriverError:
                    await asyncio.sleep(0.2)
                else:
                    break
        assert target.read_bytes() == BIG


@every_server
async def test_a_disk_that_is_full_keeps_no_half_file_and_no_print(
    name: str, houses: Houses, tmp_path: Path
) -> None:
    source = tmp_path / "big.gcode"
    source.write_bytes(BIG)
    async with shop_on(name, houses, tmp_path) as shop:
        shop.server.fill_disk(4_000_000)
        try:
            with pytest.raises(PrinternizerError) as refusal:
                await shop.workshop.upload(PRINTER, source)
            assert refusal.value.key
        finally:
            shop.server.empty_disk()
        assert (await shop.files()).get("big.gcode") is None
        await shop.until(lambda: shop.state is not None)
        assert await shop.jobs() == ()
        done = await shop.workshop.upload(PRINTER, source)
        assert done.state is UploadState.DONE
        assert (await shop.files())["big.gcode"] == len(BIG)


@every_server
async def test_a_restart_under_a_running_job_closes_it_once_and_not_as_done(
    name: str, houses: Houses, tmp_path: Path
) -> None:
    """A job closed as done pays for a part that lies half made on the bed."""
    async with shop_on(name, houses, tmp_path) as shop:
        await shop.print()
        listing = [shop.workshop.list_files(PRINTER) for _ in range(20)]
        load = asyncio.gather(*listing, return_exceptions=True)
        if isinstance(shop.play, MoonrakerPlay):
            shop.play.klippy.restart()
        else:
            await asyncio.to_thread(shop.server.restart)
        for one in await load:
            if isinstance(one, BaseException) and not isinstance(one, PrinternizerError):
                raise one
        await shop.until(lambda: shop.state is PrinterState.IDLE)
        # Some printers go on after a power cut: the ledger waits so long before it gives a job up.
        for _ in range(2):
            shop.clock.ahead += RECOVERY_GRACE
            await shop.workshop.fleet[PRINTER].refresh()
        job = await shop.ended()
        assert job.outcome in {Outcome.FAILED, Outcome.UNKNOWN, Outcome.CANCELLED}


@every_server
async def test_a_server_that_freezes_in_mid_print_is_missed_and_the_job_goes_on(
    name: str, houses: Houses, tmp_path: Path
) -> None:
    async with shop_on(name, houses, tmp_path) as shop:
        await shop.print()
        shop.server.freeze()
        await asyncio.sleep(1)
        shop.server.thaw()
        job = await shop.ended()
        assert job.outcome is Outcome.COMPLETED
