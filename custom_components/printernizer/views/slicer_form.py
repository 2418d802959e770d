"""The form in which a slicer sends a file: read as it comes, bounded in every direction.

PrusaSlicer and its kin name their wishes before the file, Cura some of them after it. So the file
is handed on as it arrives, and counts as arrived only when the rest of the form did, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import BodyPartReader
from aiohttp.http_exceptions import HttpProcessingError

from ..engine.errors import BadFile, NotAllowed
from ..engine.library_file import stored_name
from ..engine.upload import LARGEST_BYTES, target_path
from .request_body import Patience

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from aiohttp import web

MOST_PARTS: Final = 20
"""OctoPrint's own form has eight."""
MOST_PLATES: Final = 100
_FIELD_BYTES: Final = 4096
_FORM_BYTES: Final = 1 << 20
"""What a form may weigh beside its file."""
_PIECE: Final = 1 << 16
_NO_FORM: Final = (ValueError, RuntimeError, AssertionError, HttpProcessingError)


class SlicerForm:
    """One request with one file. Raises BadFile and NotAllowed, each with its key."""

    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._patience = Patience()
        self._fields: dict[str, str] = {}
        self._parts = 0
        self.name = ""
        """Of the file, as the slicer calls it."""

    async def open(self) -> None:
        """Read as far as the file, and learn its name."""
        if (self._request.content_length or 0) > LARGEST_BYTES + _FORM_BYTES:
            raise BadFile(f"{self._request.content_length} bytes", key="file_too_large")
        if self._request.content_type != "multipart/form-data":
            raise BadFile(f"it is {self._request.content_type}", key="bad_form")
        try:
            self._reader = await self._request.multipart()
        except _NO_FORM as err:
            raise BadFile("it has no boundary", key="bad_form") from err
        file = await self._next()
        if file is None:
            raise BadFile("it has no file", key="bad_form")
        self._file = file
        self.name = _plain_name(file.filename or "")

    async def content(self) -> AsyncIterator[bytes]:
        """Yield the file, and end only once the whole form was there."""
        size = 0
        while piece := await self._piece(self._file):
            size += len(piece)
            if size > LARGEST_BYTES:
                raise BadFile(f"more than {LARGEST_BYTES} bytes", key="file_too_large")
            yield piece
        if await self._next() is not None:
            raise BadFile("it has more than one file", key="bad_form")

    @property
    def print_it(self) -> bool:
        """Whether it is to be printed."""
        return self._says("print")

    @property
    def keep_other(self) -> bool:
        """Whether a file of this name on the printer has to stay as it is."""
        return self._says("noOverwrite")

    @property
    def plate(self) -> int | None:
        """Which plate of the file is to be printed; OrcaSlicer says so of projects, from 1."""
        said = self._fields.get("plateindex", "").strip()
        return int(said) if said.isdecimal() and 0 < int(said) <= MOST_PLATES else None

    @property
    def target(self) -> str:
        """Where it is to lie on a printer. Raises NotAllowed(key="bad_name")."""
        folder = self._fields.get("path", "").strip().strip("/")
        name = stored_name(self.name)
        return target_path(name, f"{folder}/" if folder else name)

    def _says(self, field: str) -> bool:
        return self._fields.get(field, "").strip().casefold() in {"true", "yes", "1"}

    async def _next(self) -> BodyPartReader | None:
        """Take in fields until a file comes; None at the end of the form."""
        while (part := await self._timed(self._reader.next())) is not None:
            self._parts += 1
            if self._parts > MOST_PARTS:
                raise BadFile(f"it has more than {MOST_PARTS} parts", key="bad_form")
            if not isinstance(part, BodyPartReader):
                raise BadFile("it has a form within the form", key="bad_form")
            if part.name == "file" or part.filename is not None:
                return part
            self._fields[part.name or ""] = await self._field(part)
        return None

    async def _field(self, part: BodyPartReader) -> str:
        said = b""
        while piece := await self._piece(part):
            said += piece
            if len(said) > _FIELD_BYTES:
                raise BadFile(f"a field has more than {_FIELD_BYTES} bytes", key="bad_form")
        return said.decode("utf-8", "replace")

    async def _piece(self, part: BodyPartReader) -> bytes:
        """Return the next bytes of a part; none at its end."""
        while not part.at_eof():
            if piece := await self._timed(part.read_chunk(_PIECE)):
                return piece
        return b""

    async def _timed[T](self, reading: Awaitable[T]) -> T:
        """Wait for a bit of the form, but not forever."""
        try:
            return await self._patience.wait_for(reading)
        except _NO_FORM as err:
            raise BadFile("it breaks off, or is no form", key="bad_form") from err


def _plain_name(given: str) -> str:
    """Return a file name that leads nowhere. Raises NotAllowed(key="bad_title")."""
    if "/" in given or "\\" in given:
        raise NotAllowed("it names a folder", key="bad_title")
    return given
