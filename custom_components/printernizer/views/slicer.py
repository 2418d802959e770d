"""Where slicers send files straight in: as much of OctoPrint's API as they ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from aiohttp import web
from homeassistant.core import callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util import slugify

from ..const import DOMAIN
from ..engine.errors import NotAllowed, PrinternizerError, StoreError
from ..engine.sender import Reach, printer_of
from ..received import async_receive
from ..runtime import async_find_workshop, async_get_workshop
from ..senders import BASE, BASE_OF_API
from ..targets import async_printer_names
from . import octoprint_words as words
from .answers import async_reason
from .slicer_door import async_door, async_sender
from .slicer_form import SlicerForm

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from homeassistant.core import HomeAssistant

    from ..engine.printer import PrinterStatus
    from ..engine.sender import Sender

LANGUAGES: Final = frozenset({"de", "en"})
KEPT: Final = "kept_only"
"""What is added to a refusal where the file stayed."""
_STATUS: Final[Mapping[str, int]] = {
    "bad_form": 400,
    "bad_name": 400,
    "bad_title": 400,
    "file_empty": 400,
    "file_incomplete": 400,
    "wrong_key": 403,
    "sender_elsewhere": 403,
    "sender_may_not_print": 403,
    "no_such_printer": 404,
    "file_too_large": 413,
    "bad_file": 415,
    "unknown_kind": 415,
    "unsupported_file": 415,
    "too_many_requests": 429,
    "disk_failed": 500,
    "no_library": 503,
    "disk_full": 507,
    "library_full": 507,
    "storage_full": 507,
}
"""All others are OctoPrint's 409: understood, and not now."""
_HIDDEN_BY_CURA: Final = frozenset({403, 409})
"""Cura shows texts of its own for these, such as that a file of this name is being printed."""
_QUESTIONS: Final = (
    "version",
    "server",
    "settings",
    "login",
    "currentuser",
    "printer",
    "printerprofiles",
    "job",
    "connection",
)


def _urls(tail: str) -> list[str]:
    return [
        f"{base}{printer}/api/{tail}"
        for base in (BASE, BASE_OF_API)
        for printer in ("", "/{printer}")
    ]


class SlicerQuestionView(HomeAssistantView):
    """Answers what slicers ask before they send."""

    url, *extra_urls = _urls(f"{{what:{'|'.join(_QUESTIONS)}}}")
    name = f"api:{DOMAIN}:slicer"
    requires_auth = False

    async def get(self, request: web.Request, what: str, printer: str = "") -> web.Response:
        """Answer one question; 409 of a printer that is not there, as OctoPrint does."""
        return await _answer(request, lambda: self._words(request, what, printer))

    async def post(self, request: web.Request, what: str, printer: str = "") -> web.Response:
        """Answer Cura, which asks with a POST whose key it has."""
        if what != "login":
            raise web.HTTPMethodNotAllowed(request.method, ["GET"])
        return await self.get(request, what, printer)

    async def _words(self, request: web.Request, what: str, printer: str) -> web.Response:
        hass = request.app[KEY_HASS]
        sender = await async_sender(request)
        printer_id = _printer(hass, sender, printer)
        if what in {"version", "server"}:
            return web.json_response(words.version_words())
        if what == "settings":
            return web.json_response(words.settings_words())
        if what in {"login", "currentuser"}:
            return web.json_response(words.login_words(sender.name))
        if what == "printerprofiles":
            called = async_printer_names(hass).get(printer_id) if printer_id else None
            return web.json_response(words.profile_words(called or "Printernizer"))
        status = _status(hass, printer_id) if _may_see(sender, printer_id) else words.IDLE
        if what == "job":
            return web.json_response(words.job_words(status))
        if what == "connection":
            return web.json_response(words.connection_words(status))
        shown = None if status is None else words.printer_words(status)
        if shown is None:
            return web.Response(status=409, text="Printer is not operational")
        return web.json_response(shown)


class SlicerUploadView(HomeAssistantView):
    """Takes files in."""

    url, *extra_urls = _urls("files/local")
    name = f"api:{DOMAIN}:slicer:files"
    requires_auth = False

    async def post(self, request: web.Request, printer: str = "") -> web.Response:
        """Keep a file, send it to its printer and print it, as its sender may and wishes."""
        return await _answer(request, lambda: self._receive(request, printer))

    async def _receive(self, request: web.Request, printer: str) -> web.Response:
        hass = request.app[KEY_HASS]
        sender = await async_sender(request)
        printer_id = _printer(hass, sender, printer)
        workshop = async_get_workshop(hass)
        with async_door(hass).inside(sender):
            form = SlicerForm(request)
            await form.open()
            received = await async_receive(hass, workshop, sender, printer_id, form)
        if received.refusal is not None:
            return await _refusal(request, received.refusal, kept=True)
        name = received.file.name
        url = f"{request.url.origin()}{quote(request.path)}/{quote(name, safe='')}"
        told = words.stored_words(
            name, url, printing=received.reach is Reach.PRINT, done=received.done
        )
        return web.json_response(told, status=201, headers={"Location": url})


async def _answer(
    request: web.Request, asked: Callable[[], Awaitable[web.Response]]
) -> web.Response:
    try:
        return await asked()
    except PrinternizerError as err:
        return await _refusal(request, err)


async def _refusal(
    request: web.Request, err: PrinternizerError, *, kept: bool = False
) -> web.Response:
    """Say no, in plain text and in the slicer's language: slicers show it as it is."""
    hass = request.app[KEY_HASS]
    status = _STATUS.get(err.key, 503 if isinstance(err, StoreError) else 409)
    if (
        status in _HIDDEN_BY_CURA
        and "octoprintplugin" in request.headers.get("User-Agent", "").casefold()
    ):
        status = 422
    text = await _text(hass, _language(request), err, kept=kept)
    # Without a charset: Cura shows nothing that is not "text/plain" to the letter.
    headers = {"Content-Type": "text/plain"}
    if status == 429:
        headers["Retry-After"] = "60"
    return web.Response(status=status, body=text.encode(), headers=headers)


async def _text(hass: HomeAssistant, language: str, err: PrinternizerError, *, kept: bool) -> str:
    said = await async_reason(hass, language, err)
    return said if not kept else await async_reason(hass, language, NotAllowed(said, key=KEPT))


def _language(request: web.Request) -> str:
    """Return the first language that is asked for and that we speak, else the house's own."""
    for wish in request.headers.get("Accept-Language", "").split(",")[:10]:
        if (language := wish.strip()[:2].casefold()) in LANGUAGES:
            return language
    hass: HomeAssistant = request.app[KEY_HASS]
    return hass.config.language


@callback
def _printer(hass: HomeAssistant, sender: Sender, called: str) -> str | None:
    """Return the printer that a request is for. Raises NotAllowed."""
    if not called:
        return printer_of(sender, None)
    for printer_id, name in async_printer_names(hass).items():
        if called == printer_id or slugify(called) == slugify(name):
            return printer_of(sender, printer_id)
    raise NotAllowed(called[:100], key="no_such_printer")


def _may_see(sender: Sender, printer_id: str | None) -> bool:
    """Whether it is a sender's business how a printer is, and what somebody prints there."""
    return sender.reach is not Reach.KEEP or sender.printer_id == printer_id


@callback
def _status(hass: HomeAssistant, printer_id: str | None) -> PrinterStatus | None:
    """Return how a printer is; a library is always idle."""
    if printer_id is None:
        return words.IDLE
    workshop = async_find_workshop(hass)
    link = workshop.fleet.get(printer_id) if workshop is not None else None
    return link.status if link is not None else None
