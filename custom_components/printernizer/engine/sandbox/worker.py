"""Does one thing with one file in a process of its own.

    python -I worker.py PACKAGES REQUEST PARENT

Started by its path, with a stand-in for the package above the engine: importing that would start
Home Assistant's own imports, 1.4 s and 79 MB. REQUEST and the first line of the answer are JSON
(`wire.py`); behind that line may stand a picture. What a hostile file makes it do ends here, at a
limit of memory and one of processor time.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

_NICE: Final = 10
"""The printers' lines and the house come first."""
_CORES: Final = 2
"""That draw one picture, at most: a larger machine has others for the house."""
_ABOVE: Final = "printernizer_files"


def main(arguments: list[str]) -> int:
    """Do what the request says; 0 when an answer was written."""
    packages, text = arguments
    _find(packages)
    # One thread: more would each take memory for matrices that we do not have.
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    request = json.loads(text)
    errors, wire = _ours("errors"), _ours("sandbox.wire")
    do = {"measure": _measure, "describe": _describe, "picture": _picture}[request["deed"]]
    prepared = do(request)
    _limit(request["memory_bytes"], request["processor_s"])
    try:
        answer = prepared()
    except errors.BadFile as err:
        answer = wire.refused(err)
    except MemoryError:
        name = Path(request["path"]).name
        answer = wire.refused(errors.BadFile(f"{name}: it takes too much memory"))
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    return 0


def _find(packages: str) -> None:
    """Let our own modules be found, and those that they need."""
    if packages not in sys.path:
        # Behind all others. Where Home Assistant keeps what integrations need is up to it.
        sys.path.append(packages)
    above = ModuleType(_ABOVE)
    above.__path__ = [str(Path(__file__).parents[2])]
    sys.modules[_ABOVE] = above


def _ours(name: str) -> Any:
    return import_module(f"{_ABOVE}.engine.{name}")


# What each deed needs is loaded before the limit is set: modules are no stranger's doing.


def _measure(request: dict[str, Any]) -> Any:
    extrusion, wire = _ours("formats.extrusion"), _ours("sandbox.wire")
    path, plate = Path(request["path"]), request["plate"]
    return lambda: wire.measured(extrusion.read_extrusion(path, plate))


def _describe(request: dict[str, Any]) -> Any:
    facts, wire = _ours("formats.facts"), _ours("sandbox.wire")
    _ours("formats.surface")
    path, name = Path(request["path"]), request["name"]
    return lambda: wire.described(facts.read_facts(path, measured=True, name=name))


def _picture(request: dict[str, Any]) -> Any:
    thumbnails, picture = _ours("formats.thumbnails"), _ours("preview.picture")
    wire = _ours("sandbox.wire")
    path, options = Path(request["path"]), wire.options_of(request["options"])
    cores = min(os.process_cpu_count() or 1, _CORES)

    def draw() -> bytes:
        if request["thumbnail"]:
            size = min(options.width_px, options.height_px)
            found = thumbnails.thumbnail(path, plate=options.plate, at_least_px=size)
            if found is not None:
                return bytes(wire.drawn(found, "thumbnail"))
        drawn = picture.draw(path, options, processes=cores)
        return bytes(wire.drawn(drawn, "render"))

    return draw


def _limit(memory_bytes: int, processor_s: int) -> None:
    """Give up before the machine does."""
    import resource

    os.nice(_NICE)
    resource.setrlimit(resource.RLIMIT_CPU, (processor_s, processor_s))
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return  # not Linux: a development machine
    limit = pages * resource.getpagesize() + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


if __name__ == "__main__":
    _find(sys.argv[1])
    _ours("leash").end_with(int(sys.argv[3]))
    sys.exit(main(sys.argv[1:3]))
