"""Starts a real Moonraker; a `Klippy` of ours may come to its socket and go again.

    with MoonrakerServer(programs) as server:       # programs: see tests/conftest.py, `peer`
        async with Klippy(Klipper(machine, gcodes=str(server.gcodes)), server.socket):
            server.url, server.api_key

Where it comes from: `scripts/setup peers`. It trusts nobody, so that every client needs the key;
it knows one webcam and one socket that is switched through Klipper.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .server import Server

if TYPE_CHECKING:
    from collections.abc import Mapping

OUTLET: Final = "psu"
CAMERA: Final = "chamber"


class MoonrakerServer(Server):
    """Moonraker on 127.0.0.1 in a throw-away folder."""

    def __init__(
        self, programs: Mapping[str, str], *, snapshot: str = "http://127.0.0.1:9/"
    ) -> None:
        """snapshot: where its webcam has its pictures; the stream is the same with /stream."""
        super().__init__()
        self._programs = programs
        self.socket = self.folder / "klippy.sock"
        self.gcodes = self.folder / "gcodes"
        for name in ("config", "gcodes", "logs"):
            (self.folder / name).mkdir()
        (self.folder / "config" / "moonraker.conf").write_text(
            f"[server]\nhost: 127.0.0.1\nport: {self.port}\nklippy_uds_address: {self.socket}\n"
            "[machine]\nprovider: none\nvalidate_service: False\nvalidate_config: False\n"
            "[file_manager]\ncheck_klipper_config_path: False\n"
            "[authorization]\ntrusted_clients:\n  127.0.0.9\n"
            "[history]\n[job_queue]\n"
            f"[webcam {CAMERA}]\nservice: mjpegstreamer\nflip_horizontal: True\nrotation: 90\n"
            f"stream_url: {snapshot}stream\nsnapshot_url: {snapshot}\n"
            f"[power {OUTLET}]\ntype: klipper_device\nobject_name: output_pin caselight\n"
        )

    def command(self) -> list[str]:
        """Start it on its folder."""
        return [self._programs["MOONRAKER_PYTHON"], "-m", "moonraker", "-d", str(self.folder)]

    def environment(self) -> dict[str, str]:
        """Let it find libsodium where the machine has none."""
        libraries = self._programs.get("LD_LIBRARY_PATH")
        return {"LD_LIBRARY_PATH": libraries} if libraries else {}

    def answers(self) -> bool:
        """Whether it says who may enter."""
        return self.ask("GET", "/access/info")[0] == 200

    @property
    def api_key(self) -> str:
        """The key it made for itself at its first start."""
        place = f"file:{self.folder / 'database' / 'moonraker-sql.db'}?mode=ro"
        with sqlite3.connect(place, uri=True) as database:
            (key,) = database.execute(
                "SELECT password FROM authorized_users WHERE username = '_API_KEY_USER_'"
            ).fetchone()
        database.close()
        return str(key)

    # -- by hand, past every driver ----------------------------------------------------------

    def get(self, path: str) -> Any:
        """Return its answer's result."""
        status, said = self.ask("GET", path, headers={"X-Api-Key": self.api_key})
        assert status == 200, (status, said[:200])
        return json.loads(said)["result"]

    def post(self, path: str, **body: object) -> int:
        """Send a command; returns the status."""
        headers = {"X-Api-Key": self.api_key, "Content-Type": "application/json"}
        return self.ask("POST", path, json.dumps(body).encode(), headers)[0]

    @property
    def klippy_state(self) -> str:
        """How it believes Klippy to be: disconnected, startup, ready, error, shutdown."""
        return str(self.get("/server/info")["klippy_state"])

    def files(self) -> dict[str, int]:
        """Return every G-code file: path with a leading slash, size in bytes."""
        return {
            f"/{item.relative_to(self.gcodes)}": item.stat().st_size
            for item in self.gcodes.rglob("*")
            if item.is_file() and not item.relative_to(self.gcodes).parts[0].startswith(".")
        }

    def tidy(self) -> None:
        """Empty its folder of G-code."""
        shutil.rmtree(self.gcodes / ".thumbs", ignore_errors=True)
        for path in self.files():
            Path(f"{self.gcodes}{path}").unlink()
