"""How long it takes to read what a file says of itself, beside Moonraker's `metadata.py`.

    python -m scripts.bench.metadata [--megabytes 1,20,300] [--calls 30] [--rounds 3]

The files are our own sliced knob, its moves repeated until they are long enough, without its
picture: Moonraker's would store that beside the file as well. Both run in process, each in one of
its own that has imported everything; milliseconds of the clock per call, the file in the page
cache. Ours and Moonraker's take turns, and the median of rounds is told. Moonraker is that of
`scripts/setup peers`. The other kinds are read by ours alone: nothing else reads them here.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from custom_components.printernizer.engine.formats.facts import facts_in
from custom_components.printernizer.engine.formats.thumbnails import thumbnail_in
from custom_components.printernizer.engine.ranged import RangedFile

from .extrusion import CACHE, ROOT, long_file

_MEASURE: Final = """
import json, statistics, sys, time
{load}
path = sys.argv[1]
read(path)
took = []
for _ in range(int(sys.argv[2])):
    began = time.perf_counter()
    read(path)
    took.append(time.perf_counter() - began)
print(json.dumps(statistics.median(took) * 1000))
"""
OURS: Final = """
from pathlib import Path
from custom_components.printernizer.engine.formats.facts import read_facts

def read(path):
    return read_facts(Path(path))
"""
MOONRAKER: Final = """
from moonraker.components.file_manager.metadata import extract_metadata

def read(path):
    return extract_metadata(path, [])
"""
_PICTURE: Final = re.compile(rb"; thumbnail begin.*?; thumbnail end\n", re.DOTALL)
_SLICE_INFO: Final = (
    '<config><plate><metadata key="index" value="1"/><metadata key="prediction" value="599"/>'
    '<metadata key="weight" value="2.33"/>'
    '<filament id="1" type="PETG" used_m="0.78" used_g="2.33"/></plate></config>'
)


def moonraker() -> tuple[str, dict[str, str]] | None:
    """Return the Python of the peer and what it needs around it, where there is one."""
    env = CACHE / "peers/moonraker/env"
    if not env.is_file():
        return None
    said = dict(line.split("=", 1) for line in env.read_text().splitlines() if "=" in line)
    python = said.pop("MOONRAKER_PYTHON")
    return python, os.environ | said


def without_picture(path: Path) -> Path:
    """Take the picture out of the head of a file."""
    plain = path.with_suffix(".plain.gcode")
    with path.open("rb") as source, plain.open("wb") as target:
        target.write(_PICTURE.sub(b"", source.read(1 << 20)))
        while piece := source.read(1 << 20):
            target.write(piece)
    path.unlink()
    return plain


def archived(folder: Path, moves: Path, times: int) -> Path:
    """Make a sliced archive of a plate's moves, so many times over."""
    target = folder / "it.gcode.3mf"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("3D/3dmodel.model", "<model/>")
        archive.writestr("Metadata/plate_1.png", os.urandom(100_000), zipfile.ZIP_STORED)
        with archive.open("Metadata/plate_1.gcode", "w", force_zip64=True) as plate:
            for _ in range(times):
                with moves.open("rb") as source:
                    while piece := source.read(1 << 20):
                        plate.write(piece)
        archive.writestr("Metadata/slice_info.config", _SLICE_INFO)
    return target


def run(python: str, load: str, path: Path, calls: int, env: dict[str, str] | None) -> float:
    """Return milliseconds per call."""
    done = subprocess.run(
        [python, "-c", _MEASURE.format(load=load), str(path), str(calls)],
        cwd=ROOT,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def far(path: Path) -> int:
    """Return the bytes that facts and a picture of a file on a printer would move."""
    content = path.read_bytes()
    file = RangedFile(
        lambda offset, length: content[offset : offset + length], len(content), path.name
    )
    facts_in(file, len(content), path.name)
    thumbnail_in(file, len(content), path.name)
    return file.moved


def main() -> None:
    """Measure, and say it as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", default="1,20,300")
    parser.add_argument("--calls", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    sizes = [int(size) for size in chosen.megabytes.split(",")]
    rival = moonraker()
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for size in sizes:
            path = without_picture(long_file(folder, size))
            ours, theirs = [], []
            for _ in range(chosen.rounds):
                ours.append(run(sys.executable, OURS, path, chosen.calls, None))
                if rival is not None:
                    theirs.append(run(rival[0], MOONRAKER, path, chosen.calls, rival[1]))
            line = f"{size:4} MB  ours {statistics.median(ours):6.3f} ms"
            if theirs:
                ratio = statistics.median(theirs) / statistics.median(ours)
                line += f"  Moonraker {statistics.median(theirs):6.2f} ms  {ratio:5.1f} times ours"
            print(line)
            if size == max(sizes):
                archive = archived(folder, path, -(-500 // size))
                took = run(sys.executable, OURS, archive, chosen.calls, None)
                inside = zipfile.ZipFile(archive).getinfo("Metadata/plate_1.gcode").file_size
                print(f"archive of {inside / 1e6:.0f} MB  ours {took:6.3f} ms")
                print(f"the same on a printer: {far(archive) / 1e3:.0f} kB moved")
            path.unlink()


if __name__ == "__main__":
    main()
