"""One `.model` part of a 3MF: its objects, what they are made of, and what is to be built.

The parser is the careful one throughout; only the middle of a mesh, between the tags around its
vertices and triangles, is read past it where it is written as everybody writes it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from . import mesh_text
from .careful_xml import CarefulXml
from .digits import decimal, number, spelled, whole
from .paint import Paint
from .painting import MOST_FILAMENTS, filament

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    type Transform = NDArray[np.float64]

_3MF: Final = "http://schemas.microsoft.com/3dmanufacturing/"
CORE: Final = f"{_3MF}core/2015/02"
PRODUCTION: Final = f"{_3MF}production/2015/06"
MATERIAL: Final = f"{_3MF}material/2015/02"
_UNDERSTOOD: Final = {CORE, PRODUCTION, MATERIAL, f"{_3MF}trianglesets/2021/07"}
_PRUSA_PAINT: Final = "http://schemas.slic3r.org/3mf/2017/06 mmu_segmentation"
UNITS_MM: Final = {
    "micron": 0.001,
    "millimeter": 1.0,
    "centimeter": 10.0,
    "inch": 25.4,
    "foot": 304.8,
    "meter": 1000.0,
}
_TAG: Final = re.compile(rb"<(?:vertices|triangles)[\s>]")
_TAIL: Final = 16
"""Bytes at the end of a text that may be half of such a tag."""
_MOST_OBJECTS: Final = 100_000
_ROWS: Final = {"vertices": "vertex", "triangles": "triangle"}
_CORNERS: Final = 3
_MOST_WORDS: Final = 30_000
"""Numbers that are kept as text."""
_LONGEST_ELEMENT: Final = 1 << 20
"""Bytes of one element that are waited for before the careful reader gets it."""
IDENTITY: Final = np.vstack([np.eye(3), np.zeros(3)])


@dataclass(frozen=True, slots=True)
class Reference:
    """An object that is to be built, or is a component of another one."""

    object_id: str
    path: str | None
    """Of its part; None: the same one."""
    transform: Transform
    """(4, 3), mm: rows for x, y, z and where the origin goes."""
    printable: bool = True


@dataclass(slots=True)
class Shape:
    """An object: a mesh, or components."""

    kind: str = "model"
    vertices: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 3), np.float32))
    """(n, 3), in the part's unit."""
    triangles: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 3), np.int32))
    """(n, 3), each within the vertices."""
    colours: NDArray[np.int16] | None = None
    """Of each triangle, as `Paint` numbers them; None: none has one."""
    filaments: NDArray[np.int8] | None = None
    """Of each triangle that a slicer painted, from 1, else 0; None: none is."""
    components: list[Reference] = field(default_factory=list)


@dataclass(slots=True)
class Part:
    """What a part holds."""

    unit_mm: float = 1.0
    shapes: dict[str, Shape] = field(default_factory=dict)
    items: list[Reference] = field(default_factory=list)


def read_part(pieces: Iterable[bytes], name: str, paint: Paint) -> Part:
    """Read a part from its text. Raises BadFile."""
    return _Reader(name, paint).read(pieces)


class _Reader:
    """Reads one part."""

    def __init__(self, name: str, paint: Paint) -> None:
        self._xml = CarefulXml(name, self._start, self._end)
        self._paint = paint
        self._groups: dict[str, list[int]] = {}
        """Colours of property groups by their id, as `Paint` numbers them."""
        self._group: list[int] = []
        self._part = Part()
        self._core = ""
        self._open: list[str] = []
        self._id = ""
        self._shape = Shape()
        self._default: tuple[str, str] = ("", "")
        self._usual = -1
        """The colour of triangles that have none of their own."""
        self._mesh = _Collected()
        self._trusting = True
        """Nothing unusual was seen between vertices or triangles so far."""
        self._inside: str | None = None
        """Which of the two has just begun."""
        self._inside_at = -1
        self._row = ""
        """What its elements are called."""

    def read(self, pieces: Iterable[bytes]) -> Part:
        """Return the part. Raises BadFile."""
        rest = b""
        for piece in pieces:
            rest = self._take(rest + piece)
        self._inside = None
        self._xml.feed(rest, last=True)
        return self._part

    def _take(self, text: bytes) -> bytes:
        """Read a text; return the rest that is to come again with more behind it."""
        while self._trusting:
            if self._inside is not None:
                text, waits = self._skim(text)
                if waits:
                    return text
                continue
            tag = _TAG.search(text)
            close = text.find(b">", tag.end() - 1) if tag else -1
            if tag is None or close < 0:
                begin = tag.start() if tag else max(len(text) - _TAIL, 0)
                if len(text) - begin > _LONGEST_ELEMENT:
                    break
                self._xml.feed(text[:begin])
                self._inside = None
                return text[begin:]
            begin = self._xml.taken + tag.start()
            self._xml.feed(text[: close + 1])
            text = text[close + 1 :]
            if self._inside_at != begin:
                # In a comment, or where no mesh is.
                self._inside = None
        self._xml.feed(text)
        self._inside = None
        return b""

    def _skim(self, text: bytes) -> tuple[bytes, bool]:
        """Read the whole elements of a mesh; return the rest, and whether it waits for more.

        It does when it is the beginning of another one. Else it ends them, or the careful reader
        has to read on.
        """
        last = text.rfind(b"<")
        if last >= 0 and not text.startswith(b"</", last) and self._keep_all(text[:last]):
            text = text[last:]
            self._trusting = len(text) <= _LONGEST_ELEMENT
            return text, self._trusting
        end = text.find(b"</")
        if end >= 0 and self._keep_all(text[:end]):
            self._inside = None
            return text[end:], False
        self._trusting = last < 0 and len(text) <= _LONGEST_ELEMENT
        return text, self._trusting

    def _keep_all(self, text: bytes) -> bool:
        """Keep whole elements of a mesh; False where the careful reader has to read them."""
        if self._inside == "vertices":
            vertices = mesh_text.vertices(text)
            if vertices is None:
                return False
            self._mesh.vertices.append(vertices)
        else:
            triangles = mesh_text.triangles(text)
            if triangles is None:
                return False
            count = len(triangles.corners)
            painted = triangles.filaments
            self._mesh.triangles.append(triangles.corners)
            self._mesh.colours.append(self._colours(triangles))
            self._mesh.filaments.append(
                np.broadcast_to(np.int8(0), (count,)) if painted is None else painted
            )
        self._xml.skip(len(text))
        return True

    # -- the careful way -----------------------------------------------------------------------

    def _start(self, tag: str, said: Mapping[str, str]) -> None:
        uri, _, name = tag.rpartition(" ")
        if not self._open:
            self._begin(uri, name, said)
        if uri not in {self._core, MATERIAL}:
            name = ""
        above = self._open[-1] if self._open else ""
        if name in {"basematerials", "colorgroup"}:
            self._group = self._groups.setdefault(said.get("id", "").strip(), [])
        elif above in {"basematerials", "colorgroup"}:
            said_so = said.get("displaycolor" if name == "base" else "color")
            self._group.append(self._paint.number(said_so))
        elif uri == self._core:
            self._structure(name, above, said)
        self._open.append(name)

    def _vertex(self, tag: str, said: Mapping[str, str]) -> None:
        if tag != self._row:
            return
        words = self._mesh.vertex_words
        words += (said.get("x", ""), said.get("y", ""), said.get("z", ""))
        if len(words) >= _MOST_WORDS:
            self._mesh.settle()

    def _structure(self, name: str, above: str, said: Mapping[str, str]) -> None:
        match above, name:
            case "mesh", "vertices" | "triangles":
                self._inside, self._inside_at = name, self._xml.at
                self._usual = self._member(*self._default)
                self._row = f"{self._core} {_ROWS[name]}".lstrip()
                self._xml.rows(self._vertex if name == "vertices" else self._triangle)
            case "resources", "object":
                self._id = said.get("id", "").strip()
                self._shape = Shape(kind=said.get("type", "model"))
                self._default = (said.get("pid", ""), said.get("pindex", ""))
                self._mesh = _Collected()
            case "components", "component":
                self._shape.components.append(self._reference(said))
            case "build", "item":
                if len(self._part.items) >= _MOST_OBJECTS:
                    raise self._xml.bad("it has too many items")
                self._part.items.append(self._reference(said))

    def _end(self, tag: str) -> None:
        name = self._open.pop()
        if name in {"vertices", "triangles"}:
            self._mesh.settle()
            self._inside = None
        elif name == "object" and self._open[-1] == "resources":
            self._keep()

    def _begin(self, uri: str, name: str, said: Mapping[str, str]) -> None:
        if name != "model" or uri not in {CORE, ""}:
            raise self._xml.bad(f"it is no 3MF model, but {name[:50]!r}")
        self._core = uri
        unit = said.get("unit", "millimeter")
        if unit not in UNITS_MM:
            raise self._xml.bad(f"its unit is {unit[:50]!r}")
        self._part.unit_mm = UNITS_MM[unit]
        for prefix in said.get("requiredextensions", "").split():
            if self._xml.prefixes.get(prefix) not in _UNDERSTOOD:
                raise self._xml.bad(f"it requires an extension that is not read: {prefix[:50]!r}")

    def _triangle(self, tag: str, said: Mapping[str, str]) -> None:
        if tag != self._row:
            return
        mesh = self._mesh
        mesh.triangle_words += (said.get("v1", ""), said.get("v2", ""), said.get("v3", ""))
        colour, painted = self._usual, 0
        if len(said) > _CORNERS:
            pid, member = said.get("pid"), said.get("p1")
            if pid is not None or member is not None:
                colour = self._member(
                    self._default[0] if pid is None else pid,
                    self._default[1] if member is None else member,
                )
            if code := said.get("paint_color") or said.get(_PRUSA_PAINT):
                painted = min(filament(code), MOST_FILAMENTS)
        mesh.colour_rows.append(colour)
        mesh.filament_rows.append(painted)
        if len(mesh.triangle_words) >= _MOST_WORDS:
            mesh.settle()

    def _member(self, group: str, member: str) -> int:
        colours = self._groups.get(group.strip(), ())
        place = _index(member)
        return colours[place] if 0 <= place < len(colours) else -1

    def _colours(self, triangles: mesh_text.Triangles) -> NDArray[np.int16]:
        """Return the colours of triangles that were skimmed."""
        count = len(triangles.corners)
        groups, members = triangles.groups, triangles.members
        if groups is None and members is None:
            return np.broadcast_to(np.int16(self._usual), (count,))
        nothing = np.full(count, -1, np.int32)
        both = (nothing if groups is None else groups).astype(np.int64) << 32
        both |= (nothing if members is None else members).astype(np.uint32)
        kinds, which = np.unique(both, return_inverse=True)
        found = [
            self._member(
                self._default[0] if kind >> 32 < 0 else str(kind >> 32),
                self._default[1] if kind & 0xFFFFFFFF == 0xFFFFFFFF else str(kind & 0xFFFFFFFF),
            )
            for kind in kinds.tolist()
        ]
        return np.array(found, np.int16)[which]

    def _reference(self, said: Mapping[str, str]) -> Reference:
        words = said.get("transform", "").split()
        transform = IDENTITY
        if words:
            values = [_float(word) for word in words]
            if len(values) != 12 or not all(map(math.isfinite, values)):
                raise self._xml.bad("a transform is not twelve finite numbers")
            transform = np.array(values).reshape(4, 3)
        transform = transform.copy()
        transform[3] *= self._part.unit_mm
        return Reference(
            object_id=said.get("objectid", "").strip(),
            path=said.get(f"{PRODUCTION} path"),
            transform=transform,
            printable=said.get("printable", "1").strip().lower() not in {"0", "false"},
        )

    def _keep(self) -> None:
        """Take an object whose end has come."""
        if len(self._part.shapes) >= _MOST_OBJECTS:
            raise self._xml.bad("it has too many objects")
        if self._id in self._part.shapes:
            raise self._xml.bad(f"object {self._id[:50]!r} occurs twice")
        shape = self._shape
        shape.vertices, shape.triangles, colours, filaments = self._mesh.joined()
        if shape.triangles.size:
            lowest, highest = int(shape.triangles.min()), int(shape.triangles.max())
            if lowest < 0 or highest >= len(shape.vertices):
                raise self._xml.bad(
                    f"a triangle of object {self._id[:50]!r} names a vertex that is not there"
                )
        if (colours >= 0).any():
            shape.colours = colours
        if filaments.any():
            shape.filaments = filaments
        self._part.shapes[self._id] = shape
        self._mesh = _Collected()


class _Collected:
    """The mesh of an object, as it comes."""

    def __init__(self) -> None:
        self.vertices: list[NDArray[np.float32]] = []
        self.triangles: list[NDArray[np.int32]] = []
        self.colours: list[NDArray[np.int16]] = []
        self.filaments: list[NDArray[np.int8]] = []
        self.vertex_words: list[str] = []
        self.triangle_words: list[str] = []
        self.colour_rows: list[int] = []
        self.filament_rows: list[int] = []

    def settle(self) -> None:
        """Put what came one by one behind what came at once."""
        if self.vertex_words:
            values = decimal(*spelled(self.vertex_words))
            with np.errstate(over="ignore"):
                self.vertices.append(values.astype(np.float32).reshape(-1, 3))
            self.vertex_words = []
        if self.triangle_words:
            places, _ = whole(*spelled(self.triangle_words))
            self.triangles.append(places.astype(np.int32).reshape(-1, 3))
            self.colours.append(np.array(self.colour_rows, np.int16))
            self.filaments.append(np.array(self.filament_rows, np.int8))
            self.triangle_words, self.colour_rows, self.filament_rows = [], [], []

    def joined(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int16], NDArray[np.int8]]:
        """Return all of it, and let it go."""
        return (
            _joined(self.vertices, np.empty((0, 3), np.float32)),
            _joined(self.triangles, np.empty((0, 3), np.int32)),
            _joined(self.colours, np.empty(0, np.int16)),
            _joined(self.filaments, np.empty(0, np.int8)),
        )


def _joined[Kind: np.generic](pieces: list[NDArray[Kind]], nothing: NDArray[Kind]) -> NDArray[Kind]:
    """Return pieces as one, which are let go: not all of a mesh is there twice."""
    joined: NDArray[Kind] = np.concatenate([nothing, *pieces])
    pieces.clear()
    return joined


def _float(text: str) -> float:
    return number(text.strip().encode())


def _index(text: str) -> int:
    """Return a whole number of an index, -1 for what is none."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 8 else -1
