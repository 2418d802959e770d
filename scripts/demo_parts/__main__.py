"""The demo: a simulated fleet, ninety days of history, and a Home Assistant that shows both."""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import secrets
import shutil
import signal
import socket
import sys
import time
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.sender import Reach, key_hash

from .back_office import SHOP_OPTIONS
from .check import check
from .config_folder import Entry, House, Owner
from .dashboard import furnish
from .fleet_process import FleetDidNotStart, FleetProcess
from .history import PastPrinter, write_history
from .home_assistant import DidNotStart, HomeAssistant
from .library_card import AUTOMATION, SENSOR, YAML
from .shelf import SLICED, write_library

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT: Final = Path(__file__).resolve().parent.parent.parent
INTEGRATION: Final = ROOT / "custom_components" / "printernizer"
VIRTUAL: Final = "VIRTUALDEMO01"


class Complaint(Exception):
    """Something the person at the keyboard can mend; the lines say how."""


def main() -> int:
    """Run the demo, or check it."""
    arguments = _arguments()
    folder = arguments.cache / ("demo-check" if arguments.check else "demo")
    try:
        with _alone(folder, arguments):
            return asyncio.run(_demo(arguments, folder / "config"))
    except (Complaint, DidNotStart, FleetDidNotStart) as err:
        print(f"error: {err}", file=sys.stderr)
        return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--speed", type=float, default=1.0, help="times faster than real time")
    parser.add_argument("--port", type=int, default=8123, help="of Home Assistant")
    parser.add_argument("--language", choices=("en", "de"), default="en")
    parser.add_argument("--check", action="store_true", help="prove that it works, and end")
    parser.add_argument("--cache", type=Path, required=True, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not 1 <= arguments.speed <= 500:
        parser.error("--speed takes 1 to 500")
    if arguments.check:
        arguments.speed = max(arguments.speed, 60.0)
        arguments.port = _free_port()
    return arguments


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def _alone(folder: Path, arguments: argparse.Namespace) -> Iterator[None]:
    """Hold the demo's folder. Raises Complaint when another demo does, or the port is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    with folder.joinpath("lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Complaint(
                f"the demo is running already: {lock.read().strip()}\n"
                "       End it with Ctrl-C where it was started, or use that one."
            ) from None
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", arguments.port))
            except OSError as err:
                raise Complaint(
                    f"port {arguments.port} cannot be used ({err.strerror}).\n"
                    "       Choose another: scripts/demo --port 8124"
                ) from None
        lock.truncate(0)
        lock.write(f"http://127.0.0.1:{arguments.port}\n")
        lock.flush()
        yield


async def _demo(arguments: argparse.Namespace, config: Path) -> int:
    begun = time.monotonic()
    told_to_end = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, told_to_end.set)
    work = asyncio.create_task(_run(arguments, config, begun))
    ending = asyncio.create_task(told_to_end.wait())
    await asyncio.wait({work, ending}, return_when=asyncio.FIRST_COMPLETED)
    if not work.done():
        print("ending ...", flush=True)
        work.cancel()
        await asyncio.wait({work})
    ending.cancel()
    return 0 if work.cancelled() else work.result()


async def _run(arguments: argparse.Namespace, config: Path, begun: float) -> int:
    shutil.rmtree(config, ignore_errors=True)
    config.mkdir()  # noqa: ASYNC240 - nothing else runs yet
    async with AsyncExitStack() as stack:
        print("starting the printers ...", flush=True)
        fleet = await stack.enter_async_context(FleetProcess(ROOT, speed=arguments.speed))
        entries = (*fleet.entries, _virtual_printer(arguments.speed))
        print("writing ninety days of history ...", flush=True)
        ledger = config / "printernizer" / "ledger.db"
        jobs = await write_history(ledger, _pasts(entries))
        await write_library(ledger.with_name("library"), ledger, arguments.language)
        key = secrets.token_hex(16).upper()
        house = House(
            folder=config,
            integration=INTEGRATION,
            port=arguments.port,
            entries=(*entries, _shop(config, key)),
            language=arguments.language,
            automations=(AUTOMATION,),
            unrecorded=(SENSOR,),
            extra_yaml=YAML,
        )
        print(f"starting Home Assistant ({jobs} jobs in its ledger) ...", flush=True)
        home = HomeAssistant(config, arguments.port, house.build())
        _watched(config).mkdir()
        await stack.enter_async_context(home)
        await furnish(home, entries, arguments.language)
        if arguments.check:
            return await check(home, entries, key, since=begun)
        _welcome(home, house.owner, key, _watched(config), time.monotonic() - begun)
        return await _watch(home, fleet)


def _virtual_printer(speed: float) -> Entry:
    data = {"kind": "virtual", "serial": VIRTUAL, "name": "Virtual One", "speed": speed}
    return Entry(title="Virtual One", unique_id=VIRTUAL, data=data)


def _shop(config: Path, key: str) -> Entry:
    slicer = {
        "id": secrets.token_hex(16),
        "name": "PrusaSlicer",
        "key_sha256": key_hash(key),
        "reach": Reach.PRINT.value,
    }
    watched = {"path": str(_watched(config))}
    return Entry(
        title="Printernizer",
        unique_id="shop",
        data={"kind": "shop"},
        options={**SHOP_OPTIONS, "senders": [slicer], "watched": {"folders": [watched]}},
    )


def _watched(config: Path) -> Path:
    """Return the folder whose files go into the library; below one that Home Assistant may read."""
    return config.resolve() / "media" / "slicer"


def _pasts(entries: Sequence[Entry]) -> list[PastPrinter]:
    return [PastPrinter.of(entry.unique_id, entry.data["kind"]) for entry in entries]


def _welcome(home: HomeAssistant, owner: Owner, key: str, watched: Path, seconds: float) -> None:
    sliced = SLICED.relative_to(ROOT) / "knurled knob.gcode"
    print(
        f"\n  {home.url}\n  user {owner.username}, password {owner.password}\n\n"
        f"  Slicers send to {home.url}/printernizer-slicer\n  with the API key {key}, or:\n"
        f"  curl -H 'X-Api-Key: {key}' -F 'file=@{sliced}' \\\n"
        f"    {home.url}/printernizer-slicer/api/files/local\n"
        f"  What is put into this folder goes into the library, too:\n  {watched}\n\n"
        f"ready after {seconds:.0f} s; Ctrl-C ends it and all its printers.",
        flush=True,
    )


async def _watch(home: HomeAssistant, fleet: FleetProcess) -> int:
    """Wait until one of the two ends by itself, which neither should."""
    ends = {asyncio.create_task(home.wait()): home, asyncio.create_task(fleet.wait()): fleet}
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in ends:
            task.cancel()
    for task in done:
        who = ends[task]
        name = "Home Assistant" if who is home else "the simulated fleet"
        print(f"error: {name} ended by itself:\n{who.log_tail()}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
