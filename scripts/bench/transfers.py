"""Files up and down, and commands, of every brand: the drivers beside curl in the same run.

    python -m scripts.bench.transfers [--brands bambu,prusalink,octoprint,moonraker]
        [--vsftpd PROGRAM] [--megabytes 200] [--large 500] [--rounds 3] [--latency]

Every server is a process of its own on the loopback: a real vsftpd that insists on session reuse
(Debian's program, unpacked anywhere; as root, which it needs), the PrusaLink simulator, and the
real OctoPrint and Moonraker of `scripts/setup peers`. Ours and curl take turns at the same file;
what counts is the ratio of the medians. Memory is the peak of this process while it moves one
large file, less what it held before. `--latency`: from a call to the machine behind the printer's
socket, against every simulator of the contract suite.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import multiprocessing
import os
import platform
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import psutil

from custom_components.printernizer.engine.drivers.bambu import storage as bambu_storage
from custom_components.printernizer.engine.drivers.bambu.certificate import Pin
from custom_components.printernizer.engine.drivers.moonraker.driver import MoonrakerDriver
from custom_components.printernizer.engine.drivers.octoprint.driver import OctoPrintDriver
from custom_components.printernizer.engine.drivers.prusalink.driver import PrusaLinkDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.engine.drivers.peers import PEERS
from tests.peers.klippy import Klippy
from tests.peers.moonraker_server import MoonrakerServer
from tests.peers.octoprint_server import OctoPrintServer
from tests.peers.server import free_port
from tests.simulators.certificates import issue
from tests.simulators.klipper import Klipper
from tests.simulators.prusalink import PrusaLinkSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from custom_components.printernizer.engine.drivers.base import Storage

CACHE: Final = Path(os.environ.get("PRINTERNIZER_CACHE", Path.home() / ".cache" / "printernizer"))
_SAMPLE_S: Final = 0.005
_COMMANDS: Final = 40
_PASSWORD: Final = "12345678"  # noqa: S105 - of a simulator
_FTP_USER: Final = "ftp"
_OWNER: Final = "daemon"
"""An account of every Debian with a home that is there: vsftpd wants one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """One server: our storage on it, and what curl is told to move the same file."""

    storage: Storage
    path: str
    up: Callable[[Path], list[str]]
    """Arguments of curl for an upload of this file."""
    down: list[str]
    """The same for a download."""


# -- servers -------------------------------------------------------------------------------------


@asynccontextmanager
async def bambu(folder: Path, vsftpd: str | None) -> AsyncIterator[Place]:
    """A vsftpd with implicit TLS that takes only data lines of a resumed session."""
    if vsftpd is None or os.geteuid() != 0:
        raise LookupError("needs --vsftpd and root")
    root, port = folder / "ftp", free_port()
    (root / "cache").mkdir(parents=True)
    (folder / "empty").mkdir()
    for place, mode in ((folder, 0o755), (root, 0o755), (root / "cache", 0o777)):
        place.chmod(mode)
    certificate = issue("03900A000000001")
    (folder / "cert.pem").write_bytes(certificate.pem)
    settings = {
        "listen": "YES", "listen_address": "127.0.0.1", "listen_port": port, "background": "NO",
        "anonymous_enable": "YES", "local_enable": "NO", "no_anon_password": "YES",
        "write_enable": "YES", "anon_upload_enable": "YES", "anon_other_write_enable": "YES",
        "anon_world_readable_only": "NO", "anon_umask": "022", "ftp_username": _OWNER,
        "anon_root": root, "secure_chroot_dir": folder / "empty", "seccomp_sandbox": "NO",
        "isolate": "NO", "isolate_network": "NO", "xferlog_enable": "NO",
        "ssl_enable": "YES", "implicit_ssl": "YES", "allow_anon_ssl": "YES",
        "force_anon_data_ssl": "YES", "force_anon_logins_ssl": "YES", "require_ssl_reuse": "YES",
        "ssl_ciphers": "HIGH", "rsa_cert_file": folder / "cert.pem",
        "rsa_private_key_file": folder / "cert.pem",
    }  # fmt: skip
    config = folder / "vsftpd.conf"
    config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
    server = await asyncio.create_subprocess_exec(
        vsftpd, str(config), stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        await listening(port)
        bambu_storage.USER = _FTP_USER  # type: ignore[misc] # vsftpd knows no "bblp" without PAM
        storage = bambu_storage.BambuStorage("127.0.0.1", port, Pin(None, None), "x", SystemClock())
        # TLS 1.2: with the tickets of 1.3 session reuse fails, for curl as well.
        base = ["-k", "--tls-max", "1.2", "--ftp-pasv", "-u", f"{_FTP_USER}:x"]
        url = f"ftps://127.0.0.1:{port}/cache/bench.gcode"
        yield Place(
            storage=storage,
            path="/cache/bench.gcode",
            up=lambda file: [*base, "-T", str(file), url],
            down=[*base, url],
        )
    finally:
        server.terminate()
        await server.wait()


def _serve_prusalink(port: int, room: int) -> None:
    async def serve() -> None:
        machine = VirtualMachine(now=time.monotonic, storage_bytes=room)
        async with PrusaLinkSimulator(machine, dialect="pi", password=_PASSWORD, port=port):
            await asyncio.Event().wait()

    with suppress(KeyboardInterrupt):
        asyncio.run(serve())


@asynccontextmanager
async def prusalink(_folder: Path, _vsftpd: str | None) -> AsyncIterator[Place]:
    """The simulated daemon in a process of its own."""
    port = free_port()
    context = multiprocessing.get_context("spawn")
    server = context.Process(target=_serve_prusalink, args=(port, 8 << 30), daemon=True)
    server.start()
    try:
        await listening(port)
        async with aiohttp.ClientSession() as http:
            driver = PrusaLinkDriver(
                "127.0.0.1", port=port, password=_PASSWORD, session=http, clock=SystemClock()
            )
            async with driver.connect() as session:
                url = f"http://127.0.0.1:{port}"
                login = ["--digest", "-u", f"maker:{_PASSWORD}"]
                sent = ["-H", "Content-Type: text/x.gcode", "-H", "Overwrite: ?1", "-H", "Expect:"]
                yield Place(
                    storage=session.storage,
                    path="/bench.gcode",
                    up=lambda file: [
                        *login, *sent, "-T", str(file), f"{url}/api/v1/files/local/bench.gcode",
                    ],
                    down=[*login, f"{url}/api/files/local/PrusaLink%20gcodes/bench.gcode/raw"],
                )  # fmt: skip
    finally:
        server.terminate()
        server.join()


@asynccontextmanager
async def octoprint(_folder: Path, _vsftpd: str | None) -> AsyncIterator[Place]:
    """A real OctoPrint."""
    with await asyncio.to_thread(OctoPrintServer(programs("octoprint")).__enter__) as server:
        async with aiohttp.ClientSession() as http:
            driver = OctoPrintDriver(
                server.url, api_key=server.api_key, session=http, clock=SystemClock()
            )
            async with driver.connect() as session:
                key = ["-H", f"X-Api-Key: {server.api_key}", "-H", "Expect:"]
                files = f"{server.url}/api/files/local"
                yield Place(
                    storage=session.storage,
                    path="/local/bench.gcode",
                    up=lambda file: [*key, "-F", f"file=@{file};filename=bench.gcode", files],
                    down=[*key, f"{server.url}/downloads/files/local/bench.gcode"],
                )


@asynccontextmanager
async def moonraker(_folder: Path, _vsftpd: str | None) -> AsyncIterator[Place]:
    """A real Moonraker, with a Klipper of ours behind it."""
    with await asyncio.to_thread(MoonrakerServer(programs("moonraker")).__enter__) as server:
        machine = VirtualMachine(now=time.monotonic)
        klipper = Klipper(machine, gcodes=str(server.gcodes))
        async with Klippy(klipper, server.socket), aiohttp.ClientSession() as http:
            await asyncio.to_thread(ready, server)
            driver = MoonrakerDriver(
                server.url, api_key=server.api_key, session=http, clock=SystemClock()
            )
            async with driver.connect() as session:
                key = ["-H", f"X-Api-Key: {server.api_key}", "-H", "Expect:"]
                yield Place(
                    storage=session.storage,
                    path="/bench.gcode",
                    up=lambda file: [
                        *key, "-F", "root=gcodes", "-F", f"file=@{file};filename=bench.gcode",
                        f"{server.url}/server/files/upload",
                    ],
                    down=[*key, f"{server.url}/server/files/gcodes/bench.gcode"],
                )  # fmt: skip


def ready(server: MoonrakerServer) -> None:
    """Wait until Moonraker has found its Klipper."""
    while server.klippy_state != "ready":
        time.sleep(0.2)


BRANDS: Final = {
    "bambu": bambu,
    "prusalink": prusalink,
    "octoprint": octoprint,
    "moonraker": moonraker,
}


def programs(name: str) -> dict[str, str]:
    """Return the programs of a peer. Raises LookupError when it is not set up."""
    found = CACHE / "peers" / name / "env"
    if not found.exists():
        raise LookupError(f"run scripts/setup peers for {name}")
    return dict(line.split("=", 1) for line in found.read_text().splitlines() if "=" in line)


async def listening(port: int) -> None:
    """Wait until somebody listens at a port."""
    async with asyncio.timeout(30):
        while True:
            with suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


# -- measuring -----------------------------------------------------------------------------------


async def timed(work: Callable[[], Any]) -> float:
    """Return the seconds that something takes."""
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


async def curl(arguments: list[str]) -> None:
    """Run curl. Raises RuntimeError with what it says."""
    running = await asyncio.create_subprocess_exec(
        "curl", "-sS", "--fail", *arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    _, said = await running.communicate()
    if running.returncode:
        raise RuntimeError(said.decode(errors="replace")[:200])


@contextmanager
def peak_memory() -> Iterator[list[int]]:
    """Yield a list that holds, in the end, by how many bytes this process grew at most."""
    process, grown, done = psutil.Process(), [0], threading.Event()
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(_SAMPLE_S):
            grown[0] = max(grown[0], process.memory_info().rss - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield grown
    finally:
        done.set()
        watcher.join()


async def compare(name: str, options: argparse.Namespace, folder: Path) -> None:
    """Move files to and from one server, ours and curl in turns, and print a row."""
    source, back = folder / "source.gcode", folder / "back"
    async with BRANDS[name](folder, options.vsftpd) as place:
        storage = place.storage
        fill(source, 10)
        small = await timed(lambda: storage.upload(source, place.path, replace=True))
        fill(source, options.large)
        with peak_memory() as up:
            await storage.upload(source, place.path, replace=True)
        with peak_memory() as down:
            await storage.download(place.path, back)
        back.unlink()
        fill(source, options.megabytes)
        ours: dict[str, list[float]] = {"up": [], "down": []}
        theirs: dict[str, list[float]] = {"up": [], "down": []}
        for _ in range(options.rounds):
            theirs["up"].append(await timed(lambda: curl(place.up(source))))
            ours["up"].append(await timed(lambda: storage.upload(source, place.path, replace=True)))
            theirs["down"].append(await timed(lambda: curl([*place.down, "-o", str(back)])))
            back.unlink()
            ours["down"].append(await timed(lambda: storage.download(place.path, back)))
            assert back.stat().st_size == source.stat().st_size
            back.unlink()
    cells = [name, f"{small:.2f} s"]
    for way in ("up", "down"):
        mine, other = statistics.median(ours[way]), statistics.median(theirs[way])
        cells.append(f"{mine:.2f} / {other:.2f} s = {mine / other:.2f}")
    cells.append(f"{up[0] / 1e6:.0f} / {down[0] / 1e6:.0f} MB")
    print("| " + " | ".join(cells) + " |", flush=True)


def fill(path: Path, megabytes: int) -> None:
    """Write a file of G-code lines that do not repeat."""
    block = b"".join(
        b"G1 X%d.%03d Y%d E0.02\n" % (n % 250, n % 997, n % 211) for n in range(50_000)
    )
    with path.open("wb") as file:
        left = megabytes * 1_000_000
        while left > 0:
            left -= file.write(block[: min(left, len(block))])


async def latency(protocol: str) -> list[float]:
    """Return the seconds from pausing and resuming to the machine behind the socket."""
    began = time.monotonic()
    machine = VirtualMachine(now=lambda: (time.monotonic() - began) * 20)
    plate = PlateFacts(seconds=1e7, tool_c=40, bed_c=30)
    content = b"; generated by PrusaSlicer 2.8.1 on 2026-01-01 at 10:00:00 UTC\nG28\n"
    machine.store(VirtualFile(path="/part.gcode", content=content, plates=(plate,)))
    taken: list[float] = []
    async with PEERS[protocol](machine, SystemClock()) as driver, driver.connect() as session:
        state, news = PrinterState.UNKNOWN, asyncio.Event()

        async def listen() -> None:
            nonlocal state
            async for status in session.statuses():
                state = status.state
                news.set()

        async def until(wanted: PrinterState) -> None:
            async with asyncio.timeout(30):
                while state is not wanted:
                    news.clear()
                    await news.wait()

        listener = asyncio.ensure_future(listen())
        try:
            assert session.control is not None
            await session.control.start("/part.gcode")
            await until(PrinterState.PRINTING)
            for _ in range(_COMMANDS):
                for command, name, after in (
                    (session.control.pause, "pause", PrinterState.PAUSED),
                    (session.control.resume, "resume", PrinterState.PRINTING),
                ):
                    obeyed: list[float] = []
                    real = getattr(VirtualMachine, name)

                    def stamped(one: VirtualMachine, real: Any = real, at: Any = obeyed) -> None:
                        at.append(time.perf_counter())
                        real(one)

                    setattr(VirtualMachine, name, stamped)
                    called = time.perf_counter()
                    try:
                        await command()
                    finally:
                        setattr(VirtualMachine, name, real)
                    taken.append(obeyed[0] - called)
                    await until(after)
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)
    return sorted(taken)


async def main(options: argparse.Namespace) -> None:
    """Measure and print."""
    rival = await asyncio.create_subprocess_exec("curl", "-V", stdout=subprocess.PIPE)
    version = (await rival.communicate())[0].decode().split()[1]
    print(
        f"Python {platform.python_version()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f}, curl {version}\n"
    )
    if options.latency:
        print("| Brand | Command to the machine, p50 | p95 |\n|---|---|---|")
        for protocol in PEERS:
            times = await latency(protocol)
            p95 = times[int(len(times) * 0.95)]
            print(f"| {protocol} | {statistics.median(times) * 1e3:.1f} ms | {p95 * 1e3:.1f} ms |")
        return
    print(
        f"| Server | 10 MB up | {options.megabytes} MB up, ours / curl | down | "
        f"memory for {options.large} MB, up / down |\n|---|---|---|---|---|"
    )
    for name in options.brands.split(","):
        folder = Path(tempfile.mkdtemp(prefix="printernizer-bench-"))
        try:
            await compare(name, options, folder)
        except LookupError as err:
            print(f"| {name} | left out: {err} |", flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brands", default=",".join(BRANDS))
    parser.add_argument("--vsftpd")
    parser.add_argument("--megabytes", type=int, default=200)
    parser.add_argument("--large", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--latency", action="store_true")
    asyncio.run(main(parser.parse_args()))
