"""What a fleet costs: a hundred printing Bambu printers at one report a second, in a real home.

    python -m scripts.bench.load [--count 100] [--seconds 60] [--no-rival]

The printers run in one process (`farm.py`, real TLS and MQTT), Home Assistant with the recorder
in another; each run has a fresh folder. Measured: the share of one core that Home Assistant's
process takes (all its threads), memory per printer between one printer and all of them, the time
from a report being sent to its state being written (same machine, same monotonic clock), and
what the recorder keeps. The rival in `bench_rival` gets the same reports in a run of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import socket
import sqlite3
import statistics
import sys
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil

from scripts.demo_parts.config_folder import DOMAIN, Entry, House
from scripts.demo_parts.home_assistant import HomeAssistant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

ROOT: Final = Path(__file__).resolve().parents[2]
SETTLE_S: Final = 20.0
"""After the last printer is online: first reports, registries and restored states are written."""
_ONLINE_S: Final = 120.0
_LONGEST_BURST_S: Final = 60


class Farm:
    """The process with the printers."""

    def __init__(self, process: asyncio.subprocess.Process, printers: list[dict[str, Any]]) -> None:
        self.process = process
        self.printers = printers

    async def sent(self, path: Path) -> dict[str, dict[int, float]]:
        """When each probe sent which layer number."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{path}\n".encode())
        await self.process.stdout.readline()
        told = json.loads(await asyncio.to_thread(path.read_text))
        return {serial: {int(n): at for n, at in times.items()} for serial, times in told.items()}


@asynccontextmanager
async def farm(count: int) -> AsyncIterator[Farm]:
    """Run so many printers."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "scripts.bench.farm", "--count", str(count)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 20,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Farm(process, json.loads(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


@dataclass
class Cost:
    """What one run cost."""

    printers: int
    entities: int
    cpu_percent: float
    """Of one core."""
    farm_cpu_percent: float
    rss_kib: float
    threads: int
    rows_per_hour: float
    bytes_per_hour: float
    delays_ms: list[float]


@asynccontextmanager
async def _home(
    entries: Sequence[Entry], rival: list[dict[str, Any]]
) -> AsyncIterator[HomeAssistant]:
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "config")
        config.mkdir()  # noqa: ASYNC240 - nothing else runs yet
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
        extra = "recorder:\nbench_ear:\n"
        if rival:
            Path(folder, "printers.json").write_text(json.dumps(rival))  # noqa: ASYNC240
            extra += f"bench_rival:\n  printers: {folder}/printers.json\n"
        house = House(
            folder=config,
            integration=ROOT / "custom_components" / DOMAIN,
            port=port,
            entries=entries,
            full=False,
            extra_yaml=extra,
        )
        token = house.build()
        for helper in ("bench_ear", "bench_rival"):
            (config / "custom_components" / helper).symlink_to(ROOT / "scripts" / "bench" / helper)
        async with HomeAssistant(config, port, token) as home:
            yield home


async def measure(count: int, seconds: float, *, rival: bool = False) -> Cost:
    """Run so many printers against one Home Assistant, and look."""
    async with farm(count) as printers:
        entries = [Entry(**one) for one in printers.printers]
        wired = [one["data"] for one in printers.printers]
        async with _home([] if rival else entries, wired if rival else []) as home:
            entities = await _all_online(home, count, rival=rival)
            await asyncio.sleep(SETTLE_S)
            await _recorder_has_caught_up(home.folder / "home-assistant_v2.db")
            process, feeder = psutil.Process(home.pid), psutil.Process(printers.process.pid)
            database = home.folder / "home-assistant_v2.db"
            rows, size = _recorded(database)
            spent, fed = _cpu(process), _cpu(feeder)
            await asyncio.sleep(seconds)
            spent, fed = _cpu(process) - spent, _cpu(feeder) - fed
            more_rows, more_size = _recorded(database)
            hours = seconds / 3600
            return Cost(
                printers=count,
                entities=entities,
                cpu_percent=100 * spent / seconds,
                farm_cpu_percent=100 * fed / seconds,
                rss_kib=process.memory_info().rss / 1024,
                threads=process.num_threads(),
                rows_per_hour=(more_rows - rows) / hours,
                bytes_per_hour=(more_size - size) / hours,
                delays_ms=[] if rival else await _delays(home, printers, seconds),
            )


async def _all_online(home: HomeAssistant, count: int, *, rival: bool) -> int:
    """Wait until every printer shows that it prints; returns the number of states of printers."""
    mark = "_9" if rival else "_state"
    async with asyncio.timeout(_ONLINE_S):
        while True:
            rows = await home.ask("config/entity_registry/list")
            ours = {
                row["entity_id"]: row["unique_id"]
                for row in rows
                if row["platform"] == ("bench_rival" if rival else DOMAIN)
            }
            states = await home.states()
            printing = sum(
                unique.endswith(mark) and states[entity]["state"] in {"printing", "RUNNING"}
                for entity, unique in ours.items()
                if entity in states
            )
            if printing >= count:
                return sum(entity in states for entity in ours)
            await asyncio.sleep(1)


async def _delays(home: HomeAssistant, printers: Farm, seconds: float) -> list[float]:
    """Milliseconds from a probe's report being sent to its layer being a state."""
    serials = (await printers.sent(home.folder / "sent.json")).keys()
    wanted = {f"{serial}_layer": serial for serial in serials}
    rows = await home.ask("config/entity_registry/list")
    layers = {
        row["entity_id"]: wanted[row["unique_id"]] for row in rows if row["unique_id"] in wanted
    }
    await home.call("bench_ear.listen", entities=list(layers))
    await asyncio.sleep(seconds / 2)
    await home.call("bench_ear.write", path=str(home.folder / "heard.json"))
    sent = await printers.sent(home.folder / "sent.json")
    heard = json.loads(home.folder.joinpath("heard.json").read_text())
    return [
        1000 * (at - sent[layers[entity]][int(layer)])
        for entity, times in heard.items()
        for layer, at in times.items()
        if layer.isdigit() and int(layer) in sent[layers[entity]]
    ]


async def _recorder_has_caught_up(database: Path) -> None:
    """Wait until the burst of first states is written: it is no part of the running cost.

    Not for ever: a house that records everything never comes to rest.
    """
    before, rows = -1, 0
    for _ in range(_LONGEST_BURST_S // 6):
        if rows and rows // 200 == before // 200:
            return
        await asyncio.sleep(6)
        before, rows = rows, _recorded(database)[0]


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _recorded(database: Path) -> tuple[int, int]:
    """Rows of states, and bytes of the database."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM states").fetchone()
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    return rows, pages * size


def _print(name: str, cost: Cost) -> None:
    print(f"{name}: {cost.printers} printers, {cost.entities} entities, {cost.threads} threads")
    print(f"  Home Assistant {cost.cpu_percent:.1f} % of a core, {cost.rss_kib / 1024:.0f} MiB")
    print(f"  (the printers' own process: {cost.farm_cpu_percent:.1f} % of a core)")
    hourly = cost.bytes_per_hour / 1e6
    print(f"  recorder, per hour: {cost.rows_per_hour:,.0f} rows, {hourly:.1f} MB", end="")
    print(f"; per printer {hourly / cost.printers:.2f} MB")
    if len(cost.delays_ms) > 1:
        cuts = statistics.quantiles(cost.delays_ms, n=100)
        print(f"  report to state, {len(cost.delays_ms)} samples:", end="")
        print(f" p50 {cuts[49]:.1f}, p95 {cuts[94]:.1f}, p99 {cuts[98]:.1f} ms", flush=True)


async def _main(arguments: argparse.Namespace) -> None:
    load = os.getloadavg()[0]
    print(f"CPython {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
    single = await measure(1, min(10.0, arguments.seconds))
    _print("one printer", single)
    fleet = await measure(arguments.count, arguments.seconds)
    _print("fleet", fleet)
    each = (fleet.rss_kib - single.rss_kib) / (arguments.count - 1)
    print(f"  memory per printer: {each:.0f} KiB")
    added = fleet.cpu_percent - single.cpu_percent
    print(f"  processor per printer: {added / (arguments.count - 1):.3f} % of a core")
    if arguments.rival:
        rival = await measure(arguments.count, arguments.seconds, rival=True)
        _print("rival", rival)
        print(f"  ours / rival: {fleet.cpu_percent / rival.cpu_percent:.2f} of the processor time")


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--count", type=int, default=100)
    _parser.add_argument("--seconds", type=float, default=60.0)
    _parser.add_argument("--no-rival", dest="rival", action="store_false")
    asyncio.run(_main(_parser.parse_args()))
