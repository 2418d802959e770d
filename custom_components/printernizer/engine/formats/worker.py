"""Measures one file in a process of its own: `python -I worker.py PACKAGES PATH [PLATE]`.

Started by its path, with a stand-in for the package above the engine: importing that would start
Home Assistant's own imports, 1.4 s and 79 MB. Writes one line of JSON. What a hostile file makes
it do ends here, at a limit of memory and one of processor time.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Final

MEMORY_BYTES: Final = 256 << 20
"""What may be added to what is taken when everything is loaded. Measured: less than 20 MB."""
PROCESSOR_S: Final = 600
_NICE: Final = 10
"""The printers' lines and the house come first."""
_ABOVE: Final = "printernizer_files"


def main(arguments: list[str]) -> int:
    """Measure what the arguments name; 0 when a line was written."""
    packages, path, *plate = arguments
    if packages not in sys.path:
        # Behind all others. Where Home Assistant keeps what integrations need is up to it.
        sys.path.append(packages)
    above = ModuleType(_ABOVE)
    above.__path__ = [str(Path(__file__).parents[2])]
    sys.modules[_ABOVE] = above
    # One thread: more would each take memory for matrices that we do not have.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    return _measure(Path(path), int(plate[0]) if plate else None)


def _measure(path: Path, plate: int | None) -> int:
    from importlib import import_module

    errors = import_module(f"{_ABOVE}.engine.errors")
    extrusion = import_module(f"{_ABOVE}.engine.formats.extrusion")
    wire = import_module(f"{_ABOVE}.engine.formats.wire")
    _limit()
    try:
        line = wire.to_json(extrusion.read_extrusion(path, plate))
    except errors.BadFile as err:
        line = wire.refusal_to_json(err)
    except MemoryError:
        line = wire.refusal_to_json(errors.BadFile(f"{path.name}: it takes too much memory"))
    sys.stdout.write(line + "\n")
    return 0


def _limit() -> None:
    """Give up before the machine does."""
    import resource

    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_S, PROCESSOR_S))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return  # not Linux: a development machine
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
