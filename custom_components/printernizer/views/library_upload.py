"""Files come into the library over HTTP: whole, or piece by piece by the tus protocol.

For administrators, as all actions that change the library; only who began an upload goes on with
it. What slicers send comes in at a door of its own, `slicer.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import UUID

from aiohttp import web
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..const import DOMAIN
from ..engine.errors import NotAllowed, PrinternizerError, StoreError
from ..library_facts import async_collection_names, async_library_facts
from ..runtime import async_find_workshop, async_get_workshop
from ..targets import async_printer_names
from . import tus
from .answers import async_reason
from .request_body import body_of
from .slicer_form import SlicerForm

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from homeassistant.core import HomeAssistant

    from ..engine.parcel import Label, Parcel
    from ..engine.workshop.reception import Reception

UPLOAD_URL: Final = f"/api/{DOMAIN}/upload"
_STATUS: Final[Mapping[str, int]] = {
    "bad_form": 400,
    "bad_tag": 400,
    "bad_title": 400,
    "file_empty": 400,
    "file_incomplete": 400,
    "no_parcel": 404,
    "parcel_expired": 410,
    "file_too_large": 413,
    "unknown_kind": 415,
    "parcel_busy": 423,
    "too_many_requests": 429,
    "wrong_checksum": 460,
    "disk_failed": 500,
    "no_library": 503,
    "disk_full": 507,
    "library_full": 507,
}
"""All others are 409: understood, and not as things are."""
_OVERRIDDEN: Final = frozenset({"PATCH", "DELETE", "HEAD"})


class _Form(SlicerForm):
    """A form with one file, and with fields before or behind it."""

    def label(self) -> Label:
        """Return what it says, once all of it is here; the file's own name unless it says another.

        Raises NotAllowed.
        """
        said = {key: value for key, value in self._fields.items() if value}
        return tus.label_in({"filename": self.name, **said})


class _UploadView(HomeAssistantView):
    """What both views do: who may, which version, and how to say no."""

    async def _answer(
        self, request: web.Request, asked: Callable[[Reception, str], Awaitable[web.Response]]
    ) -> web.Response:
        user = request[KEY_HASS_USER]
        if not user.is_admin:
            raise web.HTTPForbidden
        spoken = request.headers.get("Tus-Resumable", tus.VERSION)
        if spoken != tus.VERSION:
            return web.Response(status=412, headers={"Tus-Version": tus.VERSION})
        hass: HomeAssistant = request.app[KEY_HASS]
        try:
            workshop = async_find_workshop(hass)
            if workshop is None:
                raise NotAllowed("no printer is set up", key="no_library")
            answer = await asked(workshop.reception, user.id)
        except PrinternizerError as err:
            status = _STATUS.get(err.key, 503 if isinstance(err, StoreError) else 409)
            text = await async_reason(hass, hass.config.language, err)
            answer = self.json_message(text, status, err.key)
        answer.headers["Tus-Resumable"] = tus.VERSION
        answer.headers["Cache-Control"] = "no-store"
        return answer


class UploadsView(_UploadView):
    """Takes files in, and begins uploads."""

    url = UPLOAD_URL
    name = f"api:{DOMAIN}:upload"

    async def get(self, request: web.Request) -> web.Response:
        """Tell what we can do. OPTIONS, which the protocol has for it, is Home Assistant's own."""
        return web.Response(status=204, headers=tus.abilities())

    async def post(self, request: web.Request) -> web.Response:
        """Begin an upload by the protocol, or take a whole file: a form's, or the body."""
        if "Tus-Resumable" in request.headers:
            return await self._answer(request, lambda desk, user: _begin(request, desk, user))
        return await self._answer(request, lambda desk, user: self._receive(request, desk, user))

    async def _receive(self, request: web.Request, reception: Reception, user: str) -> web.Response:
        if request.content_type == "multipart/form-data":
            form = _Form(request)
            await form.open()
            added = await reception.receive(user, form.name, form.content(), form.label)
        else:
            label = tus.label_in(request.query)
            added = await reception.receive(
                user, label.name, body_of(request), lambda: label, request.content_length
            )
        hass = request.app[KEY_HASS]
        collections = await async_collection_names(async_get_workshop(hass).library)
        facts = async_library_facts(hass, added.file, async_printer_names(hass), collections)
        return self.json({"came": added.came.value, **facts}, 201)


class UploadView(_UploadView):
    """One upload that was begun."""

    url = f"{UPLOAD_URL}/{{upload}}"
    name = f"api:{DOMAIN}:upload:one"

    async def head(self, request: web.Request, upload: str) -> web.Response:
        """Tell how far it is."""
        return await self._answer(request, lambda desk, user: _ask(desk, user, upload))

    async def patch(self, request: web.Request, upload: str) -> web.Response:
        """Take the next bytes."""
        return await self._answer(request, lambda desk, user: _go_on(request, desk, user, upload))

    async def delete(self, request: web.Request, upload: str) -> web.Response:
        """Throw it away."""
        return await self._answer(request, lambda desk, user: _refuse(desk, user, upload))

    async def post(self, request: web.Request, upload: str) -> web.Response:
        """Do one of the others, for those behind a proxy that knows none of them."""
        method = request.headers.get("X-HTTP-Method-Override", "").upper()
        if method not in _OVERRIDDEN:
            raise web.HTTPMethodNotAllowed(request.method, _OVERRIDDEN)
        deed: Callable[[web.Request, str], Awaitable[web.Response]] = getattr(self, method.lower())
        return await deed(request, upload)


async def _begin(request: web.Request, reception: Reception, user: str) -> web.Response:
    memo = request.headers.get("Upload-Metadata", "")
    size = tus.number(request.headers, "Upload-Length")
    parcel = await reception.begin(user, tus.label(memo), size, memo=memo)
    headers = {"Location": f"{UPLOAD_URL}/{parcel.id}"}
    if request.content_type == tus.PIECE_TYPE and request.body_exists:
        parcel = await _sent(request, reception, parcel.id, user, 0)
    return web.Response(status=201, headers={**headers, **tus.told(parcel)})


async def _ask(reception: Reception, user: str, upload: str) -> web.Response:
    parcel = await reception.ask(_id(upload), user)
    headers = {"Upload-Length": str(parcel.size_bytes), **tus.told(parcel)}
    if parcel.memo:
        headers["Upload-Metadata"] = parcel.memo
    return web.Response(headers=headers)


async def _go_on(
    request: web.Request, reception: Reception, user: str, upload: str
) -> web.Response:
    if request.content_type != tus.PIECE_TYPE:
        return web.Response(status=415, text=f"It has to be {tus.PIECE_TYPE}")
    offset = tus.number(request.headers, "Upload-Offset")
    parcel = await _sent(request, reception, _id(upload), user, offset)
    return web.Response(status=204, headers=tus.told(parcel))


async def _sent(
    request: web.Request, reception: Reception, upload: UUID, user: str, offset: int
) -> Parcel:
    checksum = tus.checksum(request.headers.get("Upload-Checksum"))
    return await reception.go_on(upload, user, offset, body_of(request), checksum=checksum)


async def _refuse(reception: Reception, user: str, upload: str) -> web.Response:
    await reception.refuse(_id(upload), user)
    return web.Response(status=204)


def _id(word: str) -> UUID:
    try:
        return UUID(word)
    except ValueError as err:
        raise NotAllowed("there is no such upload", key="no_parcel") from err
