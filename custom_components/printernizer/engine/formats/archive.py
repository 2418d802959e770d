"""Zip archives from strangers: members by their exact names, through counted streams.

Nothing is ever extracted, so a name is only ever a name. What an archive says of its sizes is not
believed: bytes are counted as they come.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ..errors import BadFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

LARGEST_MEMBER: Final = 8 << 20
"""Bytes of a member of settings, inflated; the largest seen are some 300 kB."""
_MOST_MEMBERS: Final = 2000
_LARGEST_READ: Final = 8 << 20
"""Bytes of one read of the archive: its directory is read in one piece, however long it says it
is. 2000 members take a few hundred kB."""
_HEADER_BYTES: Final = 30
"""Of a member, in front of its name."""
_ANY_SIZE: Final = 16 << 20
"""Bytes that any member may have, however small it is stored."""
_STEEPEST: Final = 200
"""Inflated bytes for one that is stored; moves shrink to a fifth, and to a fiftieth at most."""
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
    OSError,
)
"""What the standard library raises on archives that are none, or not any more."""


class Archive:
    """One archive, its directory checked. Nothing to close: the file stays its owner's."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read the directory. Raises BadFile."""
        self.name = name
        try:
            self._archive = zipfile.ZipFile(_Careful(file, name))
        except _BROKEN as err:
            raise BadFile(f"{name}: its archive is broken: {err}") from err
        members = self._archive.infolist()
        if len(members) > _MOST_MEMBERS:
            raise BadFile(f"{name}: its archive has {len(members)} members")
        self.members: Mapping[str, zipfile.ZipInfo] = {
            member.filename: member for member in members
        }
        self._in_any_case = {name.casefold(): name for name in reversed(self.members)}
        if len(self.members) != len(members):
            # Two readers would see two different files.
            raise BadFile(f"{name}: a name occurs twice in its archive")
        self._refuse_overlaps(members)

    def named(self, name: str) -> str | None:
        """Return the member of a name, in any case where none is spelled like that."""
        return name if name in self.members else self._in_any_case.get(name.casefold())

    def read(self, member: str, most: int = LARGEST_MEMBER) -> bytes:
        """Read a member; empty when there is none. Raises BadFile past `most` bytes."""
        content = self.head(member, most + 1)
        if len(content) > most:
            at = self.members[member].header_offset
            raise BadFile(f"{self.name}/{member} at byte {at}: inflates beyond {most} bytes")
        return content

    def head(self, member: str, most: int) -> bytes:
        """Read the beginning of a member; empty when there is none. Raises BadFile."""
        if member not in self.members:
            return b""
        self._refuse_encrypted(member)
        try:
            with self._archive.open(member) as stream:
                return stream.read(most)
        except _BROKEN as err:
            raise BadFile(f"{self.name}/{member}: its archive is broken: {err}") from err

    def pieces(self, member: str, block: int, most: int) -> Iterator[tuple[bytes, int, int]]:
        """Yield a member that is there in pieces of `block` bytes, with begin and end of each.

        Raises BadFile, also past `most` bytes and past what so little can honestly hold.
        """
        self._refuse_encrypted(member)
        most = min(most, max(_STEEPEST * self.members[member].compress_size, _ANY_SIZE))
        at = 0
        try:
            with self._archive.open(member) as stream:
                while piece := stream.read(block):
                    at += len(piece)
                    if at > most:
                        raise BadFile(f"{self.name}/{member}: inflates beyond {most} bytes")
                    yield piece, at - len(piece), at
        except _BROKEN as err:
            raise BadFile(f"{self.name}/{member} at byte {at}: it is broken: {err}") from err

    def _refuse_overlaps(self, members: list[zipfile.ZipInfo]) -> None:
        """Refuse members that share their bytes: so a bomb gets by every limit of ratio."""
        placed = sorted(members, key=lambda member: member.header_offset)
        for one, other in pairwise(placed):
            if one.header_offset + _HEADER_BYTES + one.compress_size > other.header_offset:
                at = other.header_offset
                raise BadFile(f"{self.name} at byte {at}: members of its archive overlap")

    def _refuse_encrypted(self, member: str) -> None:
        if self.members[member].flag_bits & 1:
            raise BadFile(f"{self.name}/{member}: it is encrypted")


class _Careful(io.RawIOBase):
    """A file of which nobody reads too much at once."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__()
        self._file = file
        self._name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LARGEST_READ:
            at = self._file.tell()
            raise BadFile(f"{self._name} at byte {at}: its directory has {size} bytes")
        return self._file.read(size)
