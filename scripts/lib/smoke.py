"""Start a real Home Assistant with the integration linked in; say whether all went well.

Run with the Python of the environment to try. Every module is imported first, so that a name that
moved between versions is found where no test goes. Then Home Assistant starts on a folder of its
own with one virtual printer and has to be running within a minute, without an error of ours.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import pkgutil
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

ROOT = Path(__file__).parents[2]
HOME = ROOT / "custom_components" / "printernizer"
SECONDS = 60
RUNNING = "smoke test: running with"
SETTINGS = """\
homeassistant:
frontend:
history:
logbook:
http:
  server_host: 127.0.0.1
  server_port: {port}
automation:
  - triggers:
      - trigger: homeassistant
        event: start
    actions:
      - delay: 2
      - action: system_log.write
        data:
          level: warning
          message: "{running} {{{{ integration_entities('printernizer') | count }}}} entities"
"""


def unimportable() -> list[str]:
    """Return a line per module of the integration that cannot be imported."""
    sys.path.insert(0, str(ROOT))
    faults = []
    import homeassistant.core  # noqa: F401 - before voluptuous, which it provides

    package = "custom_components.printernizer"
    modules = [package, *(one.name for one in pkgutil.walk_packages([str(HOME)], f"{package}."))]
    logging.disable()  # a library's regret about a missing system library is not news here
    for name in modules:
        if name.endswith(("__main__", ".env")):
            continue
        try:
            importlib.import_module(name)
        except Exception as err:  # noqa: BLE001 - whatever it is, it is what we look for
            faults.append(f"{name}: {type(err).__name__}: {err}")
    print(f"{len(modules) - len(faults)} of {len(modules)} modules can be imported")
    return faults


def furnish(folder: Path) -> None:
    """Write a configuration folder with the integration and one virtual printer."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "configuration.yaml").write_text(SETTINGS.format(port=port, running=RUNNING))
    (folder / "custom_components").mkdir()
    (folder / "custom_components" / "printernizer").symlink_to(HOME)
    if not (HOME / "config_flow.py").is_file():
        return
    printer = {
        "created_at": "2026-01-01T00:00:00+00:00", "modified_at": "2026-01-01T00:00:00+00:00",
        "data": {"kind": "virtual", "serial": "SMOKE0001", "name": "Smoke"}, "disabled_by": None,
        "discovery_keys": {}, "domain": "printernizer",
        "entry_id": "5m0ke0000000000000000000000000a1",
        "minor_version": 1, "options": {}, "pref_disable_new_entities": False,
        "pref_disable_polling": False, "source": "user", "subentries": [], "title": "Smoke",
        "unique_id": "SMOKE0001", "version": 1,
    }  # fmt: skip
    stored = {"version": 1, "minor_version": 5, "key": "core.config_entries"}
    (folder / ".storage").mkdir()
    (folder / ".storage" / "core.config_entries").write_text(
        json.dumps({**stored, "data": {"entries": [printer]}})
    )


def run(folder: Path) -> list[str]:
    """Start Home Assistant, wait until it runs, end it. Returns what went wrong."""
    command = [sys.executable, "-m", "homeassistant", "--skip-pip", "-c", str(folder)]
    begun = time.monotonic()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        lines: Queue[str] = Queue()
        assert process.stdout is not None
        Thread(target=lambda out: [lines.put(one) for one in out], args=(process.stdout,)).start()
        seen: list[str] = []
        while process.poll() is None and time.monotonic() - begun < SECONDS:
            try:
                seen.append(lines.get(timeout=0.5))
            except Empty:
                continue
            if RUNNING in seen[-1]:
                break
        took = time.monotonic() - begun
        running = any(RUNNING in line for line in seen)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=45)
        except subprocess.TimeoutExpired:
            process.kill()
            seen.append("ERROR printernizer smoke test: Home Assistant did not end within 45 s\n")
    while not lines.empty():
        seen.append(lines.get())
    faults = [
        line.strip()
        for line in seen
        if re.search(r"\b(ERROR|CRITICAL)\b", line) and "printernizer" in line
    ]
    if not running:
        faults += [
            "Home Assistant was not running in time; its last lines:",
            *map(str.strip, seen[-15:]),
        ]
    else:
        entities = next(
            re.findall(rf"{RUNNING} (\d+)", line)[0] for line in seen if RUNNING in line
        )
        print(f"Home Assistant was running after {took:.1f} s with {entities} entities of ours")
        if entities == "0" and (HOME / "config_flow.py").is_file():
            faults.append("the virtual printer has no entities")
    return faults


def main() -> None:
    """Do both; end with 1 when something is wrong."""
    from homeassistant.const import __version__

    print(f"Home Assistant {__version__}")
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    faults = unimportable()
    with tempfile.TemporaryDirectory(prefix="printernizer-smoke-") as folder:
        furnish(Path(folder))
        faults += run(Path(folder))
    print(*faults, sep="\n", end="\n" if faults else "")
    sys.exit(bool(faults))


if __name__ == "__main__":
    main()
