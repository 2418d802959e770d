"""Starts a real OctoPrint with its own virtual printer.

    with OctoPrintServer(programs) as server:      # programs: see tests/conftest.py, `peer`
        server.url, server.api_key

Where it comes from: `scripts/setup peers`. No wizard, one administrator with a key, the printer
connected. Plugins that go to the internet or only cost time at start are switched off; discovery
stays, for its uuid, and announces on the loopback alone.
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote
from uuid import uuid4

from .server import READY_S, Server

if TYPE_CHECKING:
    from collections.abc import Mapping

USER: Final = "maker"
_NEEDLESS: Final = (
    "achievements", "announcements", "backup", "customcontrolmanager", "errortracking",
    "eventmanager", "file_check", "firmware_check", "gcodeviewer", "health_check", "logging",
    "pi_support", "pluginmanager", "softwareupdate", "tracking", "uploadmanager",
)  # fmt: skip


class OctoPrintServer(Server):
    """OctoPrint on 127.0.0.1 in a throw-away folder."""

    def __init__(
        self, programs: Mapping[str, str], *, snapshot: str = "http://127.0.0.1:9/"
    ) -> None:
        """snapshot: where its one webcam has its pictures; the stream is the same with /stream."""
        super().__init__()
        self._program = programs["OCTOPRINT"]
        self.api_key = uuid4().hex.upper()
        self.serial = str(uuid4())
        self._settings(snapshot)

    def _settings(self, snapshot: str) -> None:
        port = {"port": "VIRTUAL", "baudrate": 0}
        settings: dict[str, Any] = {
            "server": {
                "firstRun": False,
                "onlineCheck": {"enabled": False},
                "pluginBlacklist": {"enabled": False},
                "seenWizards": {"classicwebcam": 1, "corewizard": 4, "softwareupdate": 1},
            },
            "plugins": {
                "virtual_printer": {"enabled": True, "throttle": 0.001},
                "classicwebcam": {
                    "_config_version": 1,  # without it 2.0 drops both
                    "stream": f"{snapshot}stream",
                    "snapshot": snapshot,
                },
                "discovery": {"upnpUuid": self.serial, "addresses": ["127.0.0.1"]},
                "_disabled": list(_NEEDLESS),
            },
            "webcam": {"webcamEnabled": True},
            "serial": {**port, "autoconnect": True},
            "printerConnection": {
                "autoconnect": True,
                "preferred": {"connector": "serial", "parameters": port},
            },
        }
        people = {
            "_version": 2,
            USER: {
                "active": True,
                "apikey": self.api_key,
                "groups": ["users", "admins"],
                "password": "none",
                "permissions": [],
                "roles": ["user", "admin"],
                "settings": {},
            },
        }
        # JSON is YAML.
        (self.folder / "config.yaml").write_text(json.dumps(settings))
        (self.folder / "users.yaml").write_text(json.dumps(people))

    def command(self) -> list[str]:
        """Start it as root, too: that option asks nobody else anything."""
        place = ["--basedir", str(self.folder), "--host", "127.0.0.1", "--port", str(self.port)]
        return [self._program, "serve", "--iknowwhatimdoing", *place]

    def answers(self) -> bool:
        """Whether its printer is connected: before that it answers with an intermediary page."""
        status, said = self.ask("GET", "/api/connection", headers=self._login)
        return status == 200 and json.loads(said)["current"]["state"] == "Operational"

    @property
    def _login(self) -> dict[str, str]:
        return {"X-Api-Key": self.api_key}

    # -- by hand, past every driver ----------------------------------------------------------

    def get(self, path: str) -> Any:
        """Return what it answers, or None when there is no such thing."""
        status, said = self.ask("GET", path, headers=self._login)
        if status == 404:
            return None
        assert status == 200, (status, said[:200])
        return json.loads(said)

    def post(self, path: str, **body: object) -> int:
        """Send a command; returns the status."""
        headers = self._login | {"Content-Type": "application/json"}
        return self.ask("POST", path, json.dumps(body).encode(), headers)[0]

    def gcode(self, *lines: str) -> None:
        """Send lines to the printer. `!!DEBUG:…` are orders to the virtual printer itself."""
        assert self.post("/api/printer/command", commands=list(lines)) == 204

    def upload(self, name: str, content: bytes) -> None:
        """Put a file into its root."""
        edge = uuid4().hex
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
        headers = self._login | {"Content-Type": f"multipart/form-data; boundary={edge}"}
        status, said = self.ask("POST", "/api/files/local", body, headers)
        assert status == 201, (status, said[:200])

    def files(self) -> dict[str, int]:
        """Return every file in its local storage: path with a leading slash, size in bytes."""
        root = self.folder / "uploads"
        return {
            f"/{item.relative_to(root)}": item.stat().st_size
            for item in root.rglob("*")
            if item.is_file() and not item.name.startswith(".")
        }

    @property
    def state(self) -> dict[str, bool]:
        """The printer's flags; without any when it is not connected."""
        status, said = self.ask("GET", "/api/printer?exclude=temperature,sd", headers=self._login)
        return json.loads(said)["state"]["flags"] if status == 200 else {}

    def until(self, flag: str) -> None:
        """Wait until the printer has a flag: operational, printing, paused, ready."""
        until = time.monotonic() + READY_S
        while not self.state.get(flag):
            assert time.monotonic() < until, (flag, self.state)
            time.sleep(0.05)

    def tidy(self) -> None:
        """Bring it back to how it began: connected, idle, cold targets, no file."""
        if not self.state.get("operational"):
            self.post("/api/connection", command="disconnect")
            self.post("/api/connection", command="connect", port="VIRTUAL", baudrate=0)
            self.until("operational")
        if not self.state.get("ready"):
            self.post("/api/job", command="cancel")
            self.until("ready")
        self.gcode("M104 S0", "M140 S0", "M220 S100", "M221 S100", "M107")
        for path in self.files():
            self.ask("DELETE", f"/api/files/local{quote(path)}", headers=self._login)
