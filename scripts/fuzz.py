"""Throws at the readers of models what nobody would write.

    python -m scripts.fuzz [--seconds 60] [--only stl,obj,model,project,archive,other]

Steered by coverage where atheris is installed (it is not among the locked packages: its wheels come
late for a new Python), else blindly from seeds. Only BadFile may come out, within ten seconds and
512 MB. What else does is written to the folder that is told, and belongs into the tests.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import random
import resource
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, Final

ROOT: Final = Path(__file__).parents[1]
_ABOVE: Final = "printernizer_fuzzed"
_CORE: Final = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_OTHERS: Final = (
    'xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06"'
    ' xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02"'
)
_LONGEST_S: Final = 10.0
_MEMORY_BYTES: Final = 4 << 30
_LONGEST: Final = 20_000

_MODEL: Final = f"""<?xml version="1.0" encoding="UTF-8"?>
<model unit="millimeter" xmlns="{_CORE}" {_OTHERS}>
 <resources>
  <basematerials id="5"><base name="PLA" displaycolor="#FF0000"/></basematerials>
  <m:colorgroup id="6"><m:color color="#0000FF80"/></m:colorgroup>
  <object id="1" type="model" pid="5" pindex="0"><mesh><vertices>
   <vertex x="0" y="0" z="0"/>
   <vertex x="1.5" y="-0.25" z="1e-3"/>
   <vertex x="0.123456789" y="10" z="1.0E+01"/>
  </vertices><triangles>
   <triangle v1="0" v2="1" v3="2"/>
   <triangle v1="2" v2="1" v3="0" pid="6" p1="0" paint_color="4C"/>
  </triangles></mesh></object>
  <object id="2"><components>
   <component objectid="1" transform="1 0 0 0 1 0 0 0 1 5 5 5"/>
   <component objectid="1" p:path="/3D/a.model"/>
  </components></object>
 </resources>
 <build><item objectid="2" transform="-1 0 0 0 1 0 0 0 1 9 9 0"/><item objectid="1"/></build>
</model>""".encode()
_PROJECT: Final = b"""<config><object id="2"><metadata key="extruder" value="1"/>
<part id="1" subtype="normal_part"><metadata key="extruder" value="2"/></part>
<volume firstid="0" lastid="0"><metadata key="volume_type" value="SupportBlocker"/></volume>
</object><plate><metadata key="plater_id" value="1"/><model_instance>
<metadata key="object_id" value="2"/><metadata key="instance_id" value="0"/></model_instance>
</plate></config>"""
_SETTINGS: Final = (
    b'{"filament_colour": ["#00AE42", "#FFFFFF"], "printable_area": ["0x0", "200x0", "200x200"]}'
)
_FACET: Final = (
    b" facet normal 0 0 1\n  outer loop\n   vertex 0 0 0\n   vertex 1.5e+00 0 0\n"
    b"   vertex 0 1 -.5\n  endloop\n endfacet\n"
)
_PLY: Final = (
    b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
    b"property float z\nelement face 1\nproperty list uchar int vertex_index\nend_header\n"
    b"0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n"
)
_RELATIONS: Final = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Target="/3D/3dmodel.model"'
    b' Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)


def _archive(model: bytes, project: bytes = b"", relations: bytes = _RELATIONS) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as written:
        written.writestr("_rels/.rels", relations)
        written.writestr("3D/3dmodel.model", model)
        written.writestr("3D/a.model", _MODEL)
        if project:
            written.writestr("Metadata/model_settings.config", project)
            written.writestr("Metadata/project_settings.config", _SETTINGS)
    return out.getvalue()


SEEDS: Final[dict[str, list[bytes]]] = {
    "stl": [
        b"solid".ljust(80) + (2).to_bytes(4, "little") + bytes(range(100)),
        b"solid thing\n" + _FACET * 2 + b"endsolid thing\n",
    ],
    "obj": [b"# x\nv 0 0 0\nv 1.5 0 1e-3\nv -.5 1 0 0.1 0.2 0.3\nf 1/1/1 2//1 -1\nf 1 2 \\\n3\n"],
    "model": [_MODEL],
    "project": [_PROJECT],
    "archive": [_archive(_MODEL, _PROJECT)],
    "other": [
        _PLY,
        b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n",
    ],
}
DRESS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "model": _archive,
    "project": lambda text: _archive(_MODEL, text),
}
"""What is put around the bytes, so that they are read at all."""
ENDINGS: Final = {"stl": "stl", "obj": "obj", "other": "ply"}


class Thrower:
    """Reads one file after the other, and keeps what should not have happened."""

    def __init__(self, kind: str, folder: Path) -> None:
        above = ModuleType(_ABOVE)
        above.__path__ = [str(ROOT / "custom_components/printernizer")]
        sys.modules[_ABOVE] = above
        with _instrumented():
            self._surface = importlib.import_module(f"{_ABOVE}.engine.formats.surface")
        self._refusal = importlib.import_module(f"{_ABOVE}.engine.errors").BadFile
        self._dress = DRESS.get(kind, bytes)
        self._kept = folder / "kept"
        self._kept.mkdir(exist_ok=True)
        self._path = folder / f"thrown.{ENDINGS.get(kind, '3mf')}"
        self.kind = kind
        self.thrown = 0
        self.refused = 0

    def __call__(self, content: bytes) -> None:
        """Read one. Raises what should not come out."""
        self._path.write_bytes(self._dress(content))
        self.thrown += 1
        began = time.monotonic()
        try:
            self._surface.mesh_facts(self._surface.open_mesh(self._path))
        except self._refusal:
            self.refused += 1
        except Exception:
            self._keep(content, "crash")
            raise
        if time.monotonic() - began > _LONGEST_S:
            self._keep(content, "slow")

    def _keep(self, content: bytes, why: str) -> None:
        target = self._kept / f"{self.kind}-{why}-{self.thrown}"
        target.write_bytes(content)
        print(f"kept {target}")


@contextlib.contextmanager
def _instrumented() -> Iterator[None]:
    try:
        import atheris
    except ImportError:
        yield
        return
    with atheris.instrument_imports(include=[_ABOVE]):
        yield


def steered(thrower: Thrower, seconds: int, folder: Path) -> None:
    """Let coverage choose. Ends the process."""
    import atheris

    corpus = folder / "corpus"
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(SEEDS[thrower.kind]):
        (corpus / f"seed-{number}").write_bytes(seed)
    said = [f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-rss_limit_mb=4096"]
    atheris.Setup([sys.argv[0], *said, "-print_final_stats=1", str(corpus)], thrower)
    atheris.Fuzz()


def blind(thrower: Thrower, seconds: int) -> None:
    """Change seeds here and there."""
    chance = random.Random(thrower.kind)  # noqa: S311 - the same ones every time
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        thrower(mutated(chance, chance.choice(SEEDS[thrower.kind])))


def mutated(chance: random.Random, content: bytes) -> bytes:
    """Return a file that differs in some places: bytes, pieces lost, doubled or moved."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(changed) + 1)
        piece = changed[at : at + chance.choice((1, 2, 4, 16, 64))]
        match chance.randrange(6):
            case 0:
                changed[at : at + 1] = chance.randbytes(1)
            case 1:
                changed[at : at + len(piece)] = b""
            case 2:
                changed[at:at] = piece * chance.choice((1, 2, 50))
            case 3:
                changed[at : at + 4] = chance.choice((b"\xff\xff\xff\xff", b"nan", b"1e99", b"-1"))
            case 4:
                there = chance.randrange(len(changed) + 1)
                changed[there:there] = piece
            case 5:
                del changed[at + chance.randrange(40) :]
    return bytes(changed[:_LONGEST])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--only", default=",".join(SEEDS))
    chosen = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    failed = False
    for kind in chosen.only.split(","):
        # A process of its own for each: steered, it does not come back.
        child = os.fork()
        if not child:
            throw(kind, chosen.seconds, folder)
        failed |= os.waitpid(child, 0)[1] != 0
    sys.exit(failed)


def throw(kind: str, seconds: int, folder: Path) -> Any:
    """Throw at one reader, say how it went, and end the process."""
    mine = folder / kind
    mine.mkdir()
    thrower = Thrower(kind, mine)
    try:
        importlib.import_module("atheris")
    except ImportError:
        blind(thrower, seconds)
        print(f"{kind}: {thrower.thrown} thrown blindly, {thrower.refused} refused", flush=True)
        os._exit(0)
    steered(thrower, seconds, mine)
    os._exit(0)


if __name__ == "__main__":
    main()
