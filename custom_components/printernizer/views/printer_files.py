"""Files that lie on printers, fetched when somebody opens them.

A fetched file is kept for a while: a browser asks for a video in pieces, and a printer is slow.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
import shutil
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final
from weakref import WeakValueDictionary

from aiohttp import web
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..downloads import async_download, safe_name
from ..engine.errors import PrinternizerError
from ..engine.names import has_tricks
from ..permissions import of_the_machine
from ..pictures import kind_of
from .answers import entry_for, headers_for, kind_of_file

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from homeassistant.core import HomeAssistant

    from ..coordinator import PrinterCoordinator

CACHE_BYTES: Final = 2 << 30
"""Fetched files that are kept; the one asked for last stays whatever its size."""
LONGEST: Final = 4096
_SECRET: HassKey[bytes] = HassKey(f"{DOMAIN}_thumbnails")
_LOCKS: HassKey[WeakValueDictionary[Path, asyncio.Lock]] = HassKey(f"{DOMAIN}_fetching")


def token_of(path: str) -> str:
    """Return a path on a printer as an opaque word for an address."""
    return base64.urlsafe_b64encode(path.encode()).decode().rstrip("=")


def path_of(token: str) -> str:
    """Return the path behind a word. Raises ValueError when there is none."""
    if len(token) > LONGEST:
        raise ValueError("too long")
    padded = token + "=" * (-len(token) % 4)
    try:
        path = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except binascii.Error as err:
        raise ValueError("not a word of ours") from err
    if not path.startswith("/") or ".." in path.split("/") or has_tricks(path):
        raise ValueError("not a path on a printer")
    return path


def file_url(entry_id: str, path: str) -> str:
    """Return the path of a printer's file on this server."""
    return f"/api/{DOMAIN}/file/{entry_id}/{token_of(path)}"


def thumbnail_url(hass: HomeAssistant, entry_id: str, reference: str) -> str:
    """Return the path of a file's picture on this server."""
    word = base64.urlsafe_b64encode(reference.encode()).decode().rstrip("=")
    return f"/api/{DOMAIN}/thumbnail/{entry_id}/{word}.{_seal(hass, entry_id, word)}"


def _seal(hass: HomeAssistant, entry_id: str, word: str) -> str:
    """Return what proves, until Home Assistant ends, that an address is one of ours.

    The reference behind it may be any address on the printer, which is asked with our key.
    """
    secret = hass.data.setdefault(_SECRET, secrets.token_bytes())
    return hmac.new(secret, f"{entry_id}/{word}".encode(), "sha256").hexdigest()[:32]


class PrinterFileView(HomeAssistantView):
    """Hands out one file of a printer's storage."""

    url = f"/api/{DOMAIN}/file/{{entry_id}}/{{token}}"
    name = f"api:{DOMAIN}:file"

    async def get(self, request: web.Request, entry_id: str, token: str) -> web.StreamResponse:
        """Fetch the file if need be and send it, in pieces where asked."""
        entry = entry_for(request, entry_id)
        try:
            path = path_of(token)
        except ValueError as err:
            raise web.HTTPNotFound from err
        if of_the_machine(path) and not request[KEY_HASS_USER].is_admin:
            raise web.HTTPForbidden
        coordinator = entry.runtime_data.coordinator
        try:
            name = safe_name(path)
            file = await async_fetched(request.app[KEY_HASS], coordinator, path)
        except HomeAssistantError as err:
            raise web.HTTPBadGateway(text=str(err)) from err
        return web.FileResponse(file, headers=headers_for(name, kind_of_file(name)))


class ThumbnailView(HomeAssistantView):
    """Hands out the picture that a printer has of a file."""

    url = f"/api/{DOMAIN}/thumbnail/{{entry_id}}/{{token}}"
    name = f"api:{DOMAIN}:thumbnail"

    async def get(self, request: web.Request, entry_id: str, token: str) -> web.StreamResponse:
        """Return PNG or JPEG, or 404 when the printer has none."""
        entry = entry_for(request, entry_id)
        word, _, seal = token.partition(".")
        if not hmac.compare_digest(
            seal.encode(), _seal(request.app[KEY_HASS], entry_id, word).encode()
        ):
            raise web.HTTPNotFound
        padded = word + "=" * (-len(word) % 4)
        reference = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
        session = entry.runtime_data.coordinator.session
        if session is None or session.storage is None:
            raise web.HTTPNotFound
        try:
            picture = await session.storage.thumbnail(reference)
        except PrinternizerError as err:
            raise web.HTTPNotFound from err
        kind = kind_of(picture) if picture else None
        if picture is None or kind is None:
            raise web.HTTPNotFound
        return web.Response(body=picture, headers=headers_for("thumbnail", kind))


async def async_fetched(hass: HomeAssistant, coordinator: PrinterCoordinator, path: str) -> Path:
    """Return a file of a printer on our disk, fetched once for all who ask at the same time.

    Raises HomeAssistantError, translated.
    """
    folder = await _shelf(hass, coordinator, path)
    locks = hass.data.setdefault(_LOCKS, WeakValueDictionary())
    lock = locks.setdefault(folder, asyncio.Lock())
    async with lock:
        target = folder / safe_name(path)
        if not await hass.async_add_executor_job(target.is_file):
            busy = frozenset(other for other, held in locks.items() if held.locked())
            await hass.async_add_executor_job(_make_room, folder, busy)
            await async_download(hass, coordinator, path, folder, overwrite=True)
        await hass.async_add_executor_job(folder.touch)
    return target


async def _shelf(hass: HomeAssistant, coordinator: PrinterCoordinator, path: str) -> Path:
    """Return the folder for this very version of a file: a new one of that name is fetched anew."""
    parent = path.rsplit("/", 1)[0] or "/"
    try:
        listing = await coordinator.workshop.list_files(coordinator.printer_id, parent)
    except PrinternizerError as err:
        raise HomeAssistantError(err.reason) from err
    known = next((file for file in listing if file.path == path and not file.folder), None)
    facts = (coordinator.printer_id, path, known and known.size, known and known.modified)
    key = hashlib.sha256(repr(facts).encode()).hexdigest()[:32]
    return Path(hass.config.cache_path(DOMAIN, "files", key))


def _make_room(folder: Path, busy: Collection[Path] = ()) -> None:
    """Let files go that nobody opened for longest, until there is room for one more.

    busy: folders into which something is being fetched; they stay.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    total = 0
    for _, size, each in sorted(_kept(folder.parent), reverse=True):
        total += size
        if total > CACHE_BYTES and each != folder and each not in busy:
            shutil.rmtree(each, ignore_errors=True)
    folder.mkdir(exist_ok=True)


def _kept(parent: Path) -> Iterator[tuple[float, int, Path]]:
    """Yield when each folder was opened last, and its bytes. Others clear away meanwhile."""
    for each in parent.iterdir():
        with suppress(OSError):
            opened = each.stat().st_mtime
            yield opened, sum(file.stat().st_size for file in each.iterdir()), each
