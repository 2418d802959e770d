"""Where parcels lie until they are whole: parts that grow, each with a note that says how far.

```text
parcels/<id>.part      the bytes so far
parcels/<id>.json      the note: whose it is, how long, how many bytes are here for certain
```

The bytes are brought onto the disk before the note counts them. So after a crash or a power cut a
part may be longer than its note says, and never shorter: what is beyond is cut off and sent again.
Nothing here runs on the event loop.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ..errors import PrinternizerError
from ..parcel import LONGEST_MEMO, Parcel, label_of
from .shelf import PIECE_BYTES, disk_error

if TYPE_CHECKING:
    from typing import BinaryIO

    from .shelf import Shelf

LOOK_EVERY: Final = 16 << 20
"""Bytes written between two looks at how much room the disk has."""
_LONGEST_NOTE: Final = 256 << 10
_OURS: Final = re.compile(r"([0-9a-f]{32})\.(part|json|json\.new)")


class ParcelRoom:
    """A folder of parcels, on the disk of the shelf. Methods raise NotAllowed as the shelf's do."""

    def __init__(self, folder: Path, shelf: Shelf) -> None:
        self.folder = folder
        self.shelf = shelf

    def open(self) -> list[Parcel]:
        """Make the folder, return what lies there, and sweep what belongs to no parcel."""
        found = []
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            ours = {m[1] for each in self.folder.iterdir() if (m := _OURS.fullmatch(each.name))}
            for name in sorted(ours):
                parcel = self._read(UUID(name))
                if parcel is None:
                    self.remove(UUID(name))
                else:
                    found.append(parcel)
        except OSError as err:
            raise disk_error(err) from err
        return found

    def _read(self, parcel_id: UUID) -> Parcel | None:
        """Return a parcel whose note and part fit each other; None for any other."""
        try:
            with self._note(parcel_id).open("rb") as file:
                parcel = _parcel(file.read(_LONGEST_NOTE), parcel_id)
            part = self.part(parcel_id)
            if parcel is not None and parcel.file_id is None:
                size = part.stat().st_size
                if size < parcel.held_bytes:
                    return None
                if size > parcel.held_bytes:
                    # Never one that is whole: the shelf may hold the same bytes by now.
                    os.truncate(part, parcel.held_bytes)
        except FileNotFoundError:
            return None
        return parcel

    def part(self, parcel_id: UUID) -> Path:
        """Return where the bytes of a parcel lie."""
        return self.folder / f"{parcel_id.hex}.part"

    def _note(self, parcel_id: UUID) -> Path:
        return self.folder / f"{parcel_id.hex}.json"

    def begin(self, parcel: Parcel) -> None:
        """Make room for a new parcel."""
        try:
            self.part(parcel.id).open("xb").close()
        except OSError as err:
            raise disk_error(err) from err
        self.write(parcel)

    def write(self, parcel: Parcel) -> None:
        """Write the note of a parcel, whole or not at all."""
        target = self._note(parcel.id)
        fresh = target.with_name(f"{target.name}.new")
        try:
            with fresh.open("wb") as file:
                file.write(json.dumps(_told(parcel)).encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
        except OSError as err:
            raise disk_error(err) from err

    def empty(self, parcel_id: UUID) -> None:
        """Remove the bytes of a parcel, and keep its note."""
        with suppress(OSError):
            self.part(parcel_id).unlink(missing_ok=True)

    def remove(self, parcel_id: UUID) -> None:
        """Remove a parcel. What cannot be removed is swept later."""
        note = self._note(parcel_id)
        for each in (note, note.with_name(f"{note.name}.new"), self.part(parcel_id)):
            with suppress(OSError):
                each.unlink(missing_ok=True)


class Part:
    """The bytes of one parcel while they grow. One thread at a time."""

    def __init__(self, room: ParcelRoom, parcel: Parcel) -> None:
        self._room = room
        self.path = room.part(parcel.id)
        self.size = parcel.held_bytes
        """Bytes written."""
        # Not known of what was written before we were started: read again at the end.
        self._digest = None if self.size else hashlib.sha256()
        self._mark = self.size, self._digest
        self._looked_at = self.size - LOOK_EVERY
        self._file: BinaryIO | None = None

    def begin(self, held: int) -> None:
        """Open it for the pieces of one go, behind the bytes that are here for certain."""
        if self.size != held:
            # The last go could not be counted: the disk was full.
            self.size, self._digest = held, None if held else hashlib.sha256()
        try:
            self._file = self.path.open("r+b", buffering=0)
            self._file.truncate(held)
            self._file.seek(held)
        except OSError as err:
            raise disk_error(err) from err
        self._mark = self.size, self._digest and self._digest.copy()

    def write(self, piece: bytes | bytearray) -> None:
        """Take the next bytes."""
        assert self._file is not None
        if self.size - self._looked_at >= LOOK_EVERY:
            self._room.shelf.room_for(len(piece))
            self._looked_at = self.size
        try:
            left = memoryview(piece)
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as err:
            self._cut(self.size)
            raise disk_error(err) from err
        if self._digest is not None:
            self._digest.update(piece)
        self.size += len(piece)

    def settle(self) -> None:
        """Bring onto the disk what was written."""
        assert self._file is not None
        try:
            os.fsync(self._file.fileno())
        except OSError as err:
            raise disk_error(err) from err

    def take_back(self) -> None:
        """Forget what came since `begin`."""
        self.size, self._digest = self._mark
        self._cut(self.size)

    def _cut(self, size: int) -> None:
        assert self._file is not None
        with suppress(OSError):
            self._file.truncate(size)
            self._file.seek(size)

    def close(self) -> None:
        """End a go."""
        with suppress(OSError):
            if self._file is not None:
                self._file.close()
        self._file = None

    def sha256(self) -> str:
        """Return the hash of all of it, as hex."""
        if self._digest is None:
            self._digest = hashlib.sha256()
            try:
                with self.path.open("rb") as file:
                    while piece := file.read(PIECE_BYTES * 4):
                        self._digest.update(piece)
            except OSError as err:
                self._digest = None
                raise disk_error(err) from err
        return self._digest.hexdigest()


def _told(parcel: Parcel) -> dict[str, Any]:
    label = parcel.label
    return {
        "owner": parcel.owner,
        "name": label.name,
        "tags": label.tags,
        "collection": label.collection,
        "note": label.note,
        "size": parcel.size_bytes,
        "held": parcel.held_bytes,
        "memo": parcel.memo,
        "expires": parcel.expires_at.isoformat(),
        "file": str(parcel.file_id) if parcel.file_id else None,
    }


def _parcel(note: bytes, parcel_id: UUID) -> Parcel | None:
    """Read a note; None for what is none of ours."""
    try:
        told = json.loads(note)
        parcel = Parcel(
            id=parcel_id,
            owner=str(told["owner"]),
            label=label_of(told["name"], told["tags"], told["collection"], told["note"]),
            size_bytes=int(told["size"]),
            held_bytes=int(told["held"]),
            memo=str(told["memo"])[:LONGEST_MEMO],
            expires_at=datetime.fromisoformat(told["expires"]).astimezone(UTC),
            file_id=UUID(told["file"]) if told["file"] else None,
        )
    except ValueError, TypeError, KeyError, AttributeError, RecursionError, PrinternizerError:
        return None
    return parcel if 0 <= parcel.held_bytes <= parcel.size_bytes else None
