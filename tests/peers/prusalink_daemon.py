"""Starts the real PrusaLink daemon against a printer on a pseudo-terminal.

    with prusalink_daemon(printer.path) as daemon:
        daemon.port, daemon.username, daemon.password, daemon.api_key

Where it comes from: `scripts/setup peers`. Its boot wait of 8 s (for a printer that resets when
the port opens) is shortened, and so is that of 25 s for an answer of the printer that it missed; it
announces nothing on the network, and it takes a folder below /tmp for its local storage, which it
would silently leave out.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cache_folder import PEERS

from .watcher import watched

if TYPE_CHECKING:
    from collections.abc import Iterator

PEER = PEERS / "prusalink"

LAUNCH = """
import sys, time
from prusa.link import const
const.SERIAL_QUEUE_TIMEOUT = 5
from prusa.link import service_discovery
from prusa.link.serial import serial_adapter
serial_adapter.sleep = lambda seconds: time.sleep(min(seconds, 0.2))
const.BLACKLISTED_PATHS.remove("/tmp")
service_discovery.ServiceDiscovery.__init__ = lambda self, port: None
service_discovery.ServiceDiscovery.unregister = lambda self: None
from prusa.link.__main__ import main
sys.exit(main())
"""


@dataclass(frozen=True, kw_only=True)
class Daemon:
    """A running daemon on 127.0.0.1."""

    port: int
    username: str
    password: str
    api_key: str
    log: Path


def missing() -> str | None:
    """Return why there is no daemon here, or None when there is one."""
    with contextlib.suppress(OSError):
        return (PEER / "missing").read_text().strip()
    if not (PEER / "env").exists():
        return "no PrusaLink daemon here: run scripts/setup peers"
    return None


@contextmanager
def prusalink_daemon(serial: str) -> Iterator[Daemon]:
    """Run it until the block ends. It may take seconds to answer: connecting is the caller's."""
    environment = dict(
        line.split("=", 1) for line in (PEER / "env").read_text().splitlines() if "=" in line
    )
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=PEER))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    daemon = Daemon(
        port=port,
        username="maker",
        password="Peer-pass-1",
        api_key="peer-api-key",
        log=folder / "log",
    )
    _settings(folder, daemon)
    command = [
        environment["PRUSALINK_PYTHON"], "-c", LAUNCH, "-f", "-c", str(folder / "prusalink.ini"),
        "-s", serial, "-a", "127.0.0.1", "-t", str(port), "start",
    ]  # fmt: skip
    with daemon.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | environment | {"HOME": str(folder)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            with watched(process):
                yield daemon
        finally:
            _end(process)
            shutil.rmtree(folder, ignore_errors=True)


def _settings(folder: Path, daemon: Daemon) -> None:
    realm = f"{daemon.username}:Administrator:{daemon.password}"
    (folder / "prusalink.ini").write_text(
        f"[daemon]\ndata_dir = {folder}\npid_file = {folder}/pid\n"
        f"power_panic_file = {folder}/power_panic\nthreshold_file = {folder}/threshold\n"
        f"[printer]\nsettings = {folder}/settings.ini\ndirectory = {folder}/PrusaLink gcodes\n"
        "[cameras]\nauto_detect = False\n"
    )
    (folder / "settings.ini").write_text(
        "[printer]\ntype = MK3S\nname = peer\nlocation = bench\n"
        "[service::connect]\nhostname = 127.0.0.1\nport = 9\ntls = False\n"
        f"[service::local]\nenable = 1\nusername = {daemon.username}\n"
        f"digest = {hashlib.md5(realm.encode()).hexdigest()}\napi_key = {daemon.api_key}\n"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    for end in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, end)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return
