"""3MF: the surface of what would be built, out of an archive of parts.

Core and production extension: objects of several parts put together by references, each with a
transform. What a slicer says beside it chooses the plate and the colours.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import numpy as np

from ..errors import BadFile
from .archive import Archive
from .arrangement import Project
from .mesh import PATCH, WHOLE, Patch, cuts, patch, something
from .model_part import IDENTITY, read_part
from .package import relations
from .paint import Paint
from .painting import MOST_FILAMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .arrangement import Plate, Thing, Volume
    from .mesh import Share
    from .model_part import Part, Reference, Shape

    type Transform = NDArray[np.float64]

_BLOCK_BYTES: Final = 256 << 10
_LARGEST: Final = 512 << 20
"""Bytes of all parts together, inflated: some nine million triangles."""
_MOST_PARTS: Final = 1000
_MOST_INSTANCES: Final = 100_000
_MOST_TRIANGLES: Final = 200_000_000
"""Of all instances together: they cost no memory, but time."""
_DEEPEST: Final = 16
_TRICK: Final = re.compile(r"\\|\x00|(?:^|/)\.{1,2}(?:/|$)|^[A-Za-z]:")
_NOT_PRINTED: Final = {"support", "solidsupport", "other"}
_NOWHERE: Final = -2
"""Instead of a colour: what is not printed."""
_NONE: Final = np.empty((0, 3, 3), np.float32)


type Runs = tuple[tuple[str | None, NDArray[np.int32]], ...]
"""Triangles of a shape by their colour."""


@dataclass(frozen=True, slots=True)
class _Instance:
    """A mesh, where it stands."""

    vertices: NDArray[np.float32]
    runs: Runs
    transform: Transform
    """Of vertices in the unit of their part, to mm."""


class Model3mf:
    """A surface out of a 3MF file, or of one plate in it."""

    def __init__(self, path: Path, plate: int | None = None) -> None:
        """Read what is wanted of it into memory: 24 bytes a triangle. Raises BadFile."""
        self._name = path.name
        with path.open("rb") as file:
            build = _Build(Archive(file, path.name), plate)
            self._instances = build.instances()
        self.parts = build.parts
        if sum(_count(one.runs) for one in self._instances) > _MOST_TRIANGLES:
            raise BadFile(f"{path.name}: its copies have more triangles than can be looked at")

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield all of it, or a share, by object and colour. Raises BadFile."""
        numbers = itertools.count()
        found = (one for each in self._instances for one in _patches(each, share, numbers))
        return something(self._name, found, share)


class _Build:
    """Puts together what is to be built."""

    def __init__(self, archive: Archive, plate: int | None) -> None:
        self.parts = 0
        self._name = archive.name
        self._paint = Paint()
        self._package = _Package(archive, self._paint)
        self._project = Project(archive)
        self._plate = self._chosen(plate)
        self._visits = 0
        self._runs: dict[tuple[object, ...], Runs] = {}

    def instances(self) -> list[_Instance]:
        """Return all meshes of all items. Raises BadFile."""
        outer = IDENTITY.copy()
        if self._plate is not None:
            outer[3, :2] -= self._project.origin_mm(self._plate)
        found: list[_Instance] = []
        for item in self._items():
            before = len(found)
            thing = self._project.things.get(item.object_id)
            found.extend(self._expand(item, self._package.root, outer, (), thing, None))
            self.parts += len(found) > before
        return found

    def _chosen(self, number: int | None) -> Plate | None:
        """Return the plate that is meant; None for all that the file has. Raises BadFile."""
        plates = self._project.plates
        if number is None:
            return next((plate for plate in plates if plate.instances), None)
        if (plate := self._project.plate(number)) is not None:
            return plate if any(one.instances for one in plates) else None
        if not plates and number == 1:
            return None
        there = ", ".join(str(plate.number) for plate in plates) or "no plates at all"
        raise BadFile(f"{self._name}: plate {number} is not in it, but {there}")

    def _items(self) -> Iterator[Reference]:
        """Yield the items that are on the plate and are printed."""
        placed = None if self._plate is None else self._plate.placed
        copies: dict[str, int] = {}
        for item in self._package.part(self._package.root).items:
            copy = copies.get(item.object_id, 0)
            copies[item.object_id] = copy + 1
            if item.printable and (placed is None or (item.object_id, copy) in placed):
                yield item

    def _expand(
        self,
        reference: Reference,
        part_name: str,
        outer: Transform,
        trail: tuple[tuple[str, str], ...],
        thing: Thing | None,
        volume: Volume | None,
    ) -> Iterator[_Instance]:
        """Yield the meshes below a reference. Raises BadFile."""
        part_name, key = self._follow(reference, part_name, trail)
        part = self._package.part(part_name)
        shape = part.shapes.get(reference.object_id)
        if shape is None:
            raise BadFile(f"{self._name}/{part_name}: object {key[1][:50]!r} is not in it")
        if shape.kind in _NOT_PRINTED:
            return
        transform = _composed(reference.transform, outer)
        if len(shape.triangles):
            scaled = transform.copy()
            scaled[:3] *= part.unit_mm
            yield _Instance(shape.vertices, self._colour(key, shape, thing, volume), scaled)
        for component in shape.components:
            inner = volume if trail else _volume(thing, component.object_id)
            if inner is None or inner.printed:
                yield from self._expand(
                    component, part_name, transform, (*trail, key), thing, inner
                )

    def _follow(
        self, reference: Reference, part_name: str, trail: tuple[tuple[str, str], ...]
    ) -> tuple[str, tuple[str, str]]:
        """Return the part of what is referred to, and its key. Raises BadFile for a trap."""
        if reference.path is not None:
            if part_name != self._package.root:
                raise BadFile(f"{self._name}/{part_name}: it refers to yet another part")
            part_name = self._package.resolve(reference.path)
        key = (part_name, reference.object_id)
        if key in trail:
            raise BadFile(f"{self._name}/{part_name}: object {key[1][:50]!r} is made of itself")
        if len(trail) >= _DEEPEST:
            raise BadFile(f"{self._name}/{part_name}: components are deeper than {_DEEPEST}")
        self._visits += 1
        if self._visits > _MOST_INSTANCES:
            raise BadFile(f"{self._name}: it is built of more than {_MOST_INSTANCES} pieces")
        return part_name, key

    def _colour(
        self, key: tuple[str, str], shape: Shape, thing: Thing | None, volume: Volume | None
    ) -> Runs:
        """Return the triangles of a shape by colour: their own, else that of their filament."""
        whole = self._paint.colour(self._paint.number(self._project.colour(thing, volume)))
        ranges = _ranges(thing, volume)
        known = (key, whole, tuple(id(one) for one in ranges))
        if known not in self._runs:
            if shape.colours is None and shape.filaments is None and not ranges:
                self._runs[known] = ((whole, shape.triangles),)
            else:
                self._runs[known] = self._sorted(shape, thing, whole, ranges)
        return self._runs[known]

    def _sorted(
        self, shape: Shape, thing: Thing | None, whole: str | None, ranges: list[Volume]
    ) -> Runs:
        count = len(shape.triangles)
        base = np.full(count, self._paint.number(whole), np.int16)
        for volume in ranges:
            first, last = volume.first or 0, volume.last or 0
            colour = self._paint.number(self._project.colour(thing, volume))
            base[first : last + 1] = colour if volume.printed else _NOWHERE
        for own in (shape.colours, self._painted(shape)):
            if own is not None:
                chosen = (own >= 0) & (base != _NOWHERE)
                base[chosen] = own[chosen]
        order = np.argsort(base, kind="stable")
        numbers, begins = np.unique(base[order], return_index=True)
        ends = [*begins[1:].tolist(), count]
        return tuple(
            (self._paint.colour(number), shape.triangles[order[begin:end]])
            for number, begin, end in zip(numbers.tolist(), begins.tolist(), ends, strict=True)
            if number != _NOWHERE
        )

    def _painted(self, shape: Shape) -> NDArray[np.int16] | None:
        """Return the colours of the filaments that triangles were painted with."""
        if shape.filaments is None:
            return None
        colours = [
            self._paint.number(self._project.filament(number))
            for number in range(MOST_FILAMENTS + 1)
        ]
        return np.array(colours, np.int16)[shape.filaments]


class _Package:
    """The parts of an archive, each read once."""

    def __init__(self, archive: Archive, paint: Paint) -> None:
        """Find the root. Raises BadFile."""
        self._archive = archive
        self._paint = paint
        self._parts: dict[str, Part] = {}
        self._left = _LARGEST
        root = relations(archive).model
        if root is None:
            raise BadFile(f"{archive.name}: it has no 3D model")
        self.root = root

    def part(self, name: str) -> Part:
        """Return a part. Raises BadFile."""
        if name not in self._parts:
            if len(self._parts) >= _MOST_PARTS:
                raise BadFile(f"{self._archive.name}: it is made of too many parts")
            where = f"{self._archive.name}/{name}"
            self._parts[name] = read_part(self._pieces(name), where, self._paint)
        return self._parts[name]

    def resolve(self, path: str) -> str:
        """Return the member that a part's name stands for. Raises BadFile."""
        name = unquote(path).removeprefix("/")
        if _TRICK.search(name):
            raise BadFile(f"{self._archive.name}: it refers to a part outside: {path[:100]!r}")
        found = self._archive.named(name)
        if found is None:
            raise BadFile(f"{self._archive.name}: a part is not in it: {path[:100]!r}")
        return found

    def _pieces(self, name: str) -> Iterator[bytes]:
        for piece, _, _ in self._archive.pieces(name, _BLOCK_BYTES, _LARGEST):
            self._left -= len(piece)
            if self._left < 0:
                raise BadFile(f"{self._archive.name}: its parts inflate beyond {_LARGEST} bytes")
            yield piece


def _volume(thing: Thing | None, part_id: str) -> Volume | None:
    """Return what is known of a component of an object."""
    volumes = thing.volumes if thing is not None else []
    return next((volume for volume in volumes if volume.part_id == part_id), None)


def _ranges(thing: Thing | None, volume: Volume | None) -> list[Volume]:
    """Return the pieces of an object that are ranges of its triangles."""
    if thing is None or volume is not None:
        return []
    return [one for one in thing.volumes if one.first is not None and one.last is not None]


def _composed(inner: Transform, outer: Transform) -> Transform:
    transform = inner @ outer[:3]
    transform[3] += outer[3]
    return transform


def _count(runs: Runs) -> int:
    return sum(len(triangles) for _, triangles in runs)


def _patches(instance: _Instance, share: Share, numbers: Iterator[int]) -> Iterator[Patch]:
    """Yield what a share takes, and of the rest the colours."""
    vertices: NDArray[np.float32] | None = None
    mirrored = np.linalg.det(instance.transform[:3]) < 0
    for colour, triangles in instance.runs:
        for cut in cuts(len(triangles)):
            if not share.takes(next(numbers)):
                yield Patch(_NONE, colour)
                continue
            if vertices is None:
                vertices = _moved(instance.vertices, instance.transform)
            corners = np.take(vertices, triangles[cut], axis=0)
            # What is mirrored would be seen from inside.
            yield patch(np.ascontiguousarray(corners[:, ::-1]) if mirrored else corners, colour)


def _moved(vertices: NDArray[np.float32], transform: Transform) -> NDArray[np.float32]:
    """Return vertices where they stand; equal ones stay equal to the last bit."""
    moved = np.empty_like(vertices)
    with np.errstate(over="ignore", invalid="ignore"):
        for begin in range(0, len(vertices), PATCH):
            x, y, z = vertices[begin : begin + PATCH].T.astype(np.float64)
            for axis in range(3):
                # Not as a product of matrices, which rounds each row in its own way.
                a, b, c, d = transform[:, axis].tolist()
                moved[begin : begin + PATCH, axis] = x * a + y * b + z * c + d
    return moved
