"""Print what the parts of Home Assistant that we start need from PyPI.

Home Assistant installs these by itself at start; ours is started with --skip-pip, so they are
locked in pyproject.toml's groups instead. Run with that version's Python after a change:
    <cache>/env/bin/python scripts/lib/ha_requirements.py
"""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path

# What we use, and what Home Assistant's bootstrap.py sets up everywhere beside the platforms.
COMPONENTS = [
    "analytics", "api", "application_credentials", "auth", "automation", "backup", "blueprint",
    "brands", "config", "counter", "device_automation", "dhcp", "diagnostics", "energy",
    "file_upload", "frontend", "hardware", "history", "http", "image_upload", "input_boolean",
    "input_button", "input_datetime", "input_number", "input_select", "input_text", "isal",
    "labs", "logbook", "logger", "lovelace", "map_tiles", "marketplace", "media_source",
    "mjpeg", "mobile_app", "my", "network", "onboarding", "panel_custom", "person",
    "persistent_notification", "prusalink", "recorder", "repairs", "schedule", "script",
    "search", "ssdp", "statistics", "stream", "sun", "system_health", "system_log", "tag",
    "template", "timer", "trace", "usb", "webhook", "websocket_api", "zeroconf", "zone",
]  # fmt: skip

# No wheels for Python 3.14, and a compiler is not ours to demand: the voice pipeline stays unset,
# and with it mobile_app, which imports it; tests put a notify action in its place.
WITHOUT = {"pymicro-vad", "pyspeex-noise"}


def main() -> None:
    """Print one requirement per line, sorted, each once."""
    spec = importlib.util.find_spec("homeassistant")
    if spec is None or spec.origin is None:
        sys.exit("Home Assistant is not installed in this environment")
    from homeassistant.const import Platform

    components = Path(spec.origin).parent / "components"
    waiting, seen, requirements = [*COMPONENTS, *Platform], set[str](), set[str]()
    while waiting:
        name = waiting.pop()
        file = components / name / "manifest.json"
        if name in seen or not file.is_file():
            continue
        seen.add(name)
        manifest = json.loads(file.read_text(encoding="utf-8"))
        waiting += manifest.get("dependencies", [])
        requirements.update(manifest.get("requirements", []))
    requirements = {one for one in requirements if one.partition("==")[0] not in WITHOUT}
    print("\n".join(sorted(requirements, key=str.lower)))


if __name__ == "__main__":
    main()
