"""How fast a file's extrusion is measured, beside a plain Python loop and OctoPrint's analysis.

    python -m scripts.bench.extrusion [--megabytes 20,100,300] [--rounds 3]

The files are our own sliced knob, its moves repeated until they are long enough. Every run is a
process of its own. Seconds are those of the processor, since others may be at work; memory is the
peak less what was held when everything was loaded. OctoPrint is that of `scripts/setup peers`, and
measures only the shortest file: it takes a second for 5 MB.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
SAMPLE: Final = ROOT / "tests/fixtures/files/knurled knob.gcode"
CACHE: Final = Path(os.environ.get("PRINTERNIZER_CACHE", Path.home() / ".cache" / "printernizer"))

_MEASURE: Final = """
import json, resource, sys, time
from pathlib import Path
{load}
path = Path(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
began = time.process_time()
total = measure(path)
took = time.process_time() - began
added = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([took, added, total]))
"""
OURS: Final = """
from custom_components.printernizer.engine.formats.extrusion import read_extrusion

def measure(path):
    return sum(tool.total_mm for tool in read_extrusion(path).tools)

measure(Path(sys.argv[2]))
"""
LOOP: Final = """
def measure(path):
    # The least that can be right: one tool, no roles, no layers, no dialects.
    relative, stands, behind, total = False, 0.0, 0.0, 0.0
    with path.open() as file:
        for line in file:
            words = line.split(";", 1)[0].split()
            if not words:
                continue
            if words[0] in ("G0", "G1", "G2", "G3", "G92"):
                for word in words[1:]:
                    if word[0] == "E":
                        value = float(word[1:])
                        if words[0] == "G92":
                            stands = value
                            break
                        fed = value if relative else value - stands
                        stands = stands + fed
                        behind -= fed
                        if behind < 0:
                            total -= behind
                            behind = 0.0
                        break
            elif words[0] == "M83":
                relative = True
            elif words[0] == "M82":
                relative = False
    return total
"""
OCTOPRINT: Final = """
from octoprint.util.gcodeInterpreter import gcode

def measure(path):
    reader = gcode()
    reader.load(str(path))
    return sum(reader.extrusionAmount)
"""


def long_file(folder: Path, megabytes: int) -> Path:
    """Write the sample's moves again and again between its head and its settings."""
    text = SAMPLE.read_bytes()
    begin = text.index(b";LAYER_CHANGE")
    end = text.rindex(b"; filament used [mm]")
    target = folder / f"{megabytes}.gcode"
    with target.open("wb") as file:
        file.write(text[:begin])
        while file.tell() < megabytes * 1_000_000:
            file.write(text[begin:end])
            file.write(b"G92 E0\n")
        file.write(text[end:])
    return target


def run(python: str, load: str, path: Path) -> tuple[float, float, float]:
    """Measure once: seconds, MB added, mm found."""
    done = subprocess.run(
        [python, "-c", _MEASURE.format(load=load), str(path), str(SAMPLE)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    took, added, total = json.loads(done.stdout.splitlines()[-1])
    return took, added, total


def octoprint() -> str | None:
    """Return the Python of the peer, where there is one."""
    env = CACHE / "peers/octoprint/env"
    if not env.is_file():
        return None
    said = dict(line.split("=", 1) for line in env.read_text().splitlines() if "=" in line)
    return said.get("OCTOPRINT_PYTHON")


def main() -> None:
    """Measure, and say it as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", default="20,100,300")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.megabytes.split(",")]
    rivals = [("ours", sys.executable, OURS), ("a Python loop", sys.executable, LOOP)]
    if python := octoprint():
        rivals.append(("OctoPrint", python, OCTOPRINT))
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            path = long_file(Path(folder), size)
            length = path.stat().st_size / 1e6
            for name, python, load in rivals:
                if name == "OctoPrint" and size > min(sizes):
                    continue
                runs = [run(python, load, path) for _ in range(chosen.rounds)]
                took = statistics.median(one[0] for one in runs)
                added = max(one[1] for one in runs)
                print(
                    f"{size:4} MB  {name:14} {took:7.2f} s  {length / took:6.1f} MB/s"
                    f"  {added:6.1f} MB added  {runs[0][2]:.1f} mm"
                )
            path.unlink()


if __name__ == "__main__":
    main()
