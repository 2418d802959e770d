"""How fast the text comes out of binary G-code, in every packing.

    python -m scripts.bench.binary [--megabytes 20] [--rounds 3]

The text is our own sliced knob, its moves repeated, in blocks of 64 kB as slicers write them.
MeatPack is packed here, heatshrink by the package heatshrink2, which has to be installed; "without"
it is kept from being imported where files are read. Every run is a process of its own; seconds are
those of the processor, since others may be at work; MB are those of text.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path
from typing import Final

from heatshrink2 import encode

from scripts.lib import odd_files

from .extrusion import ROOT, long_file

_MEASURE: Final = """
import sys, time
from pathlib import Path
if sys.argv[3] == "without":
    sys.modules["heatshrink2"] = None
from custom_components.printernizer.engine.formats import bgcode

def read(path):
    with path.open("rb") as file:
        return sum(len(text) for text, _, _ in bgcode.moves(file, path.stat().st_size, "it"))

read(Path(sys.argv[2]))
began = time.process_time()
found = read(Path(sys.argv[1]))
print(found / (time.process_time() - began) / 1e6)
"""
_TABLE: Final = b"0123456789.E\nGX"
_DISTINCT_MB: Final = 3
_BLOCK: Final = 1 << 16


def meatpacked(text: bytes) -> bytes:
    """Pack whole lines, without blanks in commands, comments as they are."""
    out = bytearray(b"\xff\xff\xfb\xff\xff\xf7")
    for line in text.splitlines(keepends=True):
        if line.startswith(b";"):
            out += b"\xff\xff\xfa" + line + b"\xff\xff\xfb"
            continue
        bare = line.replace(b" ", b"") if line.startswith(b"G") else line
        # A line of odd length ends in a pair of which the second half does not count.
        bare += b"\n" * (len(bare) % 2)
        for first, second in zip(bare[::2], bare[1::2], strict=True):
            halves = [_TABLE.find(one) if one in _TABLE else 15 for one in (first, second)]
            out.append(halves[0] | halves[1] << 4)
            out += bytes(one for one in (first, second) if one not in _TABLE)
    return bytes(out)


def written(folder: Path, megabytes: int, *, compression: int, packed: bool) -> Path:
    """Write binary G-code with so much text in it."""
    text = long_file(folder, _DISTINCT_MB).read_bytes()
    parameters = b"\2\0" if packed else b"\0\0"
    blocks, lengths, at = [], [], 0
    while at < len(text):
        piece = text[at : text.rfind(b"\n", at, at + _BLOCK) + 1]
        at += len(piece)
        content = meatpacked(piece) if packed else piece
        stored = {
            odd_files.PLAIN: lambda content: content,
            odd_files.DEFLATE: zlib.compress,
            odd_files.SHRUNK_11: lambda content: encode(content, window_sz2=11, lookahead_sz2=4),
            odd_files.SHRUNK_12: lambda content: encode(content, window_sz2=12, lookahead_sz2=4),
        }[compression](content)
        blocks.append(
            odd_files.block(
                odd_files.MOVES,
                content,
                compression=compression,
                parameters=parameters,
                stored=stored,
            )
        )
        lengths.append(len(piece))
    path = folder / f"{megabytes}-{compression}-{packed}.bgcode"
    times = max(1, round(megabytes * 1_000_000 / sum(lengths)))
    path.write_bytes(odd_files.bgcode(*blocks * times))
    return path


def run(path: Path, warm: Path, how: str) -> float:
    """Measure once: MB of text in a second."""
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(path), str(warm), how],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return float(done.stdout)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(f"CPython {platform.python_version()}, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for name, compression, packed in (
            ("plain", odd_files.PLAIN, False),
            ("MeatPack", odd_files.PLAIN, True),
            ("deflate and MeatPack", odd_files.DEFLATE, True),
            ("heatshrink 11,4 and MeatPack", odd_files.SHRUNK_11, True),
            ("heatshrink 12,4 and MeatPack", odd_files.SHRUNK_12, True),
            ("heatshrink 12,4", odd_files.SHRUNK_12, False),
        ):
            path = written(folder, chosen.megabytes, compression=compression, packed=packed)
            warm = written(folder, 1, compression=compression, packed=packed)
            share = path.stat().st_size / (chosen.megabytes * 1_000_000)
            shrunk = compression in {odd_files.SHRUNK_11, odd_files.SHRUNK_12}
            for how in ("with", "without") if shrunk else ("with",):
                rates = [run(path, warm, how) for _ in range(chosen.rounds)]
                rate = statistics.median(rates)
                print(f"{name:30} {how:8} {rate:6.1f} MB/s, {share:.0%} of the text's size")


if __name__ == "__main__":
    main()
