"""Opens files that nobody should have to open, and tells what became of it.

    python -m scripts.torture [--only "made of itself"]     writes docs/developer/torture.md

Each case is opened in every way there is, each way in a process of its own: what the file says of
itself, its surface, what its moves lay down and its picture (both in the sandbox, with the limits
of previews), and the library's door. Seconds are the wall's, memory is what the process added.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.errors import PrinternizerError
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.formats.facts import read_facts
from custom_components.printernizer.engine.formats.surface import mesh_facts, open_mesh
from custom_components.printernizer.engine.library.intake import receive
from custom_components.printernizer.engine.library.shelf import Shelf
from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.workshop import previews
from custom_components.printernizer.engine.workshop.sandbox import Sandbox
from scripts.lib import torture_cases

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT: Final = Path(__file__).parents[1]
TARGET: Final = ROOT / "docs/developer/torture.md"
READ: Final = "read"
_HEAD: Final = """# Torture

Files that nobody should have to open, and what is said of each. Written by
`python -m scripts.torture`; the cases are in `scripts/lib/torture_cases.py`, and a test opens those
that are quick and holds them to what stands here. *As facts* is the same answer as in the second
column. Tool path and picture are made in the sandbox with the limits of previews, 10 s and 512 MB.
*Longest* is of all ways, *Most* the memory that facts, surface or library added.

"""


def _sandbox() -> Sandbox:
    return Sandbox(
        at_once=1,
        longest_s=previews.LONGEST_S,
        memory_bytes=previews.MEMORY_BYTES,
        largest_bytes=previews.LARGEST_BYTES,
    )


def facts(path: Path) -> object:
    """Read what it says of itself."""
    return read_facts(path)


def surface(path: Path) -> object:
    """Measure it as a model."""
    return mesh_facts(open_mesh(path))


def moves(path: Path) -> object:
    """Measure it as a print."""
    return read_extrusion(path)


def tool_path(path: Path) -> object:
    """Do so in the sandbox."""
    return asyncio.run(_sandbox().measured(path))


def picture(path: Path) -> object:
    """Draw it in the sandbox."""
    return asyncio.run(_sandbox().picture(path, PictureOptions(), thumbnail=True))


def intake(path: Path) -> object:
    """Take it into a library."""
    with tempfile.TemporaryDirectory() as folder:
        shelf = Shelf(Path(folder))
        shelf.open()
        return asyncio.run(receive(shelf, path, path.name))


WAYS: Final[dict[str, Callable[[Path], object]]] = {
    "Facts": facts,
    "Surface": surface,
    "Tool path": tool_path,
    "Picture": picture,
    "Library": intake,
}


SANDBOXED: Final = {"Tool path", "Picture"}


def told(way: Callable[[Path], object], path: Path) -> str:
    """Return what becomes of it: that it was read, or key and cause."""
    try:
        way(path)
    except PrinternizerError as err:
        cause = err.reason.replace(f"{path.name}: ", "").replace(path.name, "it")
        shown = "".join(char if char.isprintable() and char not in "|`" else "?" for char in cause)
        return shown[:160] if err.key == "bad_file" else f"{err.key}: {shown[:160]}"
    return READ


UNLIMITED: Final = "HUNG"
ENDS_S: Final = {surface: 10}
"""Seconds after which the sandbox ends it, where the product does it in the sandbox alone."""


def measured(way: Callable[[Path], object], path: Path) -> tuple[str, float, float]:
    """Return what becomes of it in a process of its own, seconds, and MB added."""
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        # What hangs is ended, and that is told.
        signal.alarm(ENDS_S.get(way, 60))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        try:
            said = told(way, path)
        except Exception as err:  # noqa: BLE001 - that is what is looked for
            said = f"CRASHED: {err!r}"
        took = time.monotonic() - began
        added = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        os.write(theirs, json.dumps([said, took, added / 1024]).encode())
        os._exit(0)
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    if not answer:
        ends = ENDS_S.get(way)
        return ("it takes too long", float(ends), 0.0) if ends else (UNLIMITED, 60.0, 0.0)
    said, took, added = json.loads(answer)
    return said, took, added


def row(name: str, folder: Path) -> list[str]:
    """Open one case in every way; return its row."""
    path = torture_cases.write(name, folder)
    found = [measured(way, path) for way in WAYS.values()]
    said = [one[0] for one in found]
    cells = [said[0], *("as facts" if one == said[0] else one for one in said[1:])]
    longest = max(one[1] for one in found)
    most = max(one[2] for one, way in zip(found, WAYS, strict=True) if way not in SANDBOXED)
    return [name, *cells, f"{longest:.1f} s", f"{max(most, 0):.0f} MB"]


def written() -> dict[str, str]:
    """Return the rows of the table as they stand there, by their cases."""
    rows = (line for line in TARGET.read_text("utf-8").splitlines() if line.startswith("| "))
    return {row.split(" | ")[0].removeprefix("| "): row for row in rows}


def main() -> None:
    """Write the table, or a row of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=torture_cases.ALL)
    chosen = parser.parse_args().only or torture_cases.ALL
    rows = written() if TARGET.exists() else {}
    for name in chosen:
        with tempfile.TemporaryDirectory() as folder:
            rows[name] = f"| {' | '.join(row(name, Path(folder)))} |"
        print(rows[name], flush=True)
    head = f"| {' | '.join(('Case', *WAYS, 'Longest', 'Most'))} |\n{'|---' * 8}|\n"
    body = "\n".join(rows[name] for name in torture_cases.ALL if name in rows)
    system = f"CPython {platform.python_version()}, 2 cores shared with other work.\n"
    TARGET.write_text(f"{_HEAD}{head}{body}\n\n{system}", "utf-8")
    failed = [name for name in chosen if "CRASHED" in rows[name] or UNLIMITED in rows[name]]
    sys.exit(f"did not end well: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
