"""Files of the library and of printers, and pictures of jobs, in Home Assistant's media browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override
from uuid import UUID

from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.components.media_player.const import MediaClass
from homeassistant.components.media_player.errors import BrowseError
from homeassistant.components.media_source import (
    BrowseMediaSource,
    MediaSource,
    MediaSourceItem,
    PlayMedia,
    Unresolvable,
)
from homeassistant.config_entries import ConfigEntryState
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from .const import CONF_KIND, DOMAIN, KIND_SHOP
from .engine.errors import PrinternizerError
from .engine.library_file import ON_SHELF, LibraryFilter
from .permissions import async_asker, async_denied
from .runtime import async_find_workshop, async_jobs
from .snapshots import find, folder_of, job_of, newest
from .targets import async_called
from .views.answers import SHOWN, kind_of_file
from .views.library import download_url, large_preview_url, preview_url
from .views.printer_files import file_url, path_of, thumbnail_url, token_of
from .views.snapshot import snapshot_url

if TYPE_CHECKING:
    from pathlib import Path

    from homeassistant.core import HomeAssistant

    from .engine.drivers.base import RemoteFile
    from .engine.library_file import LibraryFile
    from .runtime import PrinternizerConfigEntry

FILES: Final = "file"
SNAPSHOTS: Final = "snapshot"
LIBRARY: Final = "library"
COLLECTION: Final = "collection"
PICTURE: Final = "picture"
_PICTURE_KIND: Final = "image/png"
MOST: Final = 500
"""What one folder shows."""


async def async_get_media_source(hass: HomeAssistant) -> PrinternizerMedia:
    """Return what the media browser shows of us."""
    return PrinternizerMedia(hass)


class PrinternizerMedia(MediaSource):
    """The library, and a folder per printer: what lies on its storage, and how its jobs ended.

    Who browses finds what they may also open: the library is for administrators, a printer for
    those who may read all of its entities.
    """

    name = "Printernizer"

    def __init__(self, hass: HomeAssistant) -> None:
        super().__init__(DOMAIN)
        self.hass = hass

    @override
    async def async_resolve_media(self, item: MediaSourceItem) -> PlayMedia:
        """Return where to fetch a file. Raises Unresolvable."""
        match item.identifier.split("/"):
            case [kind, entry_id, word] if kind == FILES:
                entry = self._printer(entry_id, Unresolvable)
                path = _path(word, Unresolvable)
                return PlayMedia(file_url(entry.entry_id, path), kind_of_file(path))
            case [kind, entry_id, word] if kind == SNAPSHOTS:
                entry = self._printer(entry_id, Unresolvable)
                picture = await self._snapshot(entry, word)
                return PlayMedia(snapshot_url(entry_id, picture[0]), kind_of_file(picture[1].name))
            case [kind, word] if kind == LIBRARY:
                file = await self._library_file(word)
                return PlayMedia(download_url(file.id), kind_of_file(file.name))
            case [kind, word, picture] if (kind, picture) == (LIBRARY, PICTURE):
                file = await self._library_file(word)
                return PlayMedia(large_preview_url(file.id), _PICTURE_KIND)
            case _:
                raise Unresolvable(f"nothing to open: {item.identifier[:200]}")

    @override
    async def async_browse_media(self, item: MediaSourceItem) -> BrowseMediaSource:
        """Return what lies below. Raises BrowseError."""
        match item.identifier.split("/") if item.identifier else []:
            case []:
                return self._root()
            case [kind] if kind == LIBRARY:
                return await self._library()
            case [kind, word] if kind == COLLECTION:
                return await self._library(word)
            case [entry_id]:
                return self._of_printer(self._shown(entry_id))
            case [kind, entry_id] if kind == SNAPSHOTS:
                return await self._snapshots(self._shown(entry_id))
            case [kind, entry_id, word] if kind == FILES:
                return await self._folder(self._shown(entry_id), _path(word, BrowseError))
            case _:
                raise BrowseError(f"no such folder: {item.identifier[:200]}")

    # -- folders -----------------------------------------------------------------------------

    def _root(self) -> BrowseMediaSource:
        entries = [
            entry
            for entry in self.hass.config_entries.async_loaded_entries(DOMAIN)
            if entry.data[CONF_KIND] != KIND_SHOP and self._may_see(entry.entry_id)
        ]
        printers = [
            _folder(entry.entry_id, async_called(entry.runtime_data.coordinator))
            for entry in entries
        ]
        inside = sorted(printers, key=lambda each: each.title)
        if inside and _may_see_library():
            inside.insert(0, _folder(LIBRARY, self._word("media_library")))
        return _folder(None, "Printernizer", inside)

    async def _library(self, collection: str | None = None) -> BrowseMediaSource:
        """Show what was taken in last: of one collection, or of all, behind the collections."""
        if not _may_see_library():
            raise BrowseError("the library is for administrators")
        workshop = async_find_workshop(self.hass)
        if workshop is None:
            raise BrowseError("no printer is set up")
        library = workshop.library
        try:
            known = {str(each.id): each for each in await library.collections()}
            if collection is not None and collection not in known:
                raise BrowseError("no such collection")
            inside = known[collection].id if collection is not None else None
            # By place: thousands of files on printers must not crowd out what can be shown.
            pages = [
                await library.page(
                    LibraryFilter(latest=True, collection_id=inside, where=where), limit=MOST
                )
                for where in ON_SHELF
            ]
        except PrinternizerError as err:
            raise BrowseError(err.reason) from err
        files = [file for page in pages for file in page.files]
        files.sort(key=lambda file: file.added_at, reverse=True)
        leaves = [_library_leaf(file) for file in files[:MOST]]
        if collection is not None:
            return _folder(f"{COLLECTION}/{collection}", known[collection].name, leaves)
        folders = [_folder(f"{COLLECTION}/{key}", each.name) for key, each in known.items()]
        return _folder(LIBRARY, self._word("media_library"), [*folders, *leaves])

    def _of_printer(self, entry: PrinternizerConfigEntry) -> BrowseMediaSource:
        coordinator = entry.runtime_data.coordinator
        inside = [_folder(f"{SNAPSHOTS}/{entry.entry_id}", self._word("media_snapshots"))]
        if coordinator.parts.storage:
            files = f"{FILES}/{entry.entry_id}/{token_of('/')}"
            inside.insert(0, _folder(files, self._word("media_files")))
        return _folder(entry.entry_id, async_called(coordinator), inside)

    async def _folder(self, entry: PrinternizerConfigEntry, path: str) -> BrowseMediaSource:
        coordinator = entry.runtime_data.coordinator
        try:
            found = await coordinator.workshop.list_files(coordinator.printer_id, path)
        except PrinternizerError as err:
            raise BrowseError(err.reason) from err
        shown = sorted(found, key=lambda file: (not file.folder, file.name.casefold()))[:MOST]
        title = path.rstrip("/").rsplit("/", 1)[-1] or async_called(coordinator)
        return _folder(
            f"{FILES}/{entry.entry_id}/{token_of(path)}",
            title,
            [_leaf(self.hass, entry.entry_id, file) for file in shown],
        )

    async def _snapshots(self, entry: PrinternizerConfigEntry) -> BrowseMediaSource:
        assert entry.unique_id is not None
        folder = folder_of(self.hass, entry.unique_id)
        pictures = await self.hass.async_add_executor_job(newest, folder, MOST)
        ids = [known for path in pictures if (known := job_of(path)) is not None]
        jobs = await async_jobs(entry.runtime_data.coordinator.workshop, ids)
        leaves = []
        for path, job_id in zip(pictures, ids, strict=True):
            job = jobs.get(job_id)
            when = (job.ended_at or job.closed_at) if job is not None else None
            at = f" ({dt_util.as_local(when):%Y-%m-%d %H:%M})" if when else ""
            leaves.append(
                BrowseMediaSource(
                    domain=DOMAIN,
                    identifier=f"{SNAPSHOTS}/{entry.entry_id}/{job_id}",
                    media_class=MediaClass.IMAGE,
                    media_content_type=kind_of_file(path.name),
                    title=f"{(job.title if job else '') or job_id}{at}",
                    can_play=True,
                    can_expand=False,
                    thumbnail=snapshot_url(entry.entry_id, job_id),
                )
            )
        title = async_called(entry.runtime_data.coordinator)
        return _folder(f"{SNAPSHOTS}/{entry.entry_id}", title, leaves, MediaClass.IMAGE)

    def _word(self, key: str) -> str:
        """Return a folder's name in the language of this home."""
        words = async_get_cached_translations(
            self.hass, self.hass.config.language, "common", DOMAIN
        )
        return words.get(f"component.{DOMAIN}.common.{key}", key)

    # -- who asks ----------------------------------------------------------------------------

    def _may_see(self, entry_id: str) -> bool:
        user = async_asker()
        return user is None or async_denied(self.hass, user, entry_id, POLICY_READ) is None

    def _shown(self, entry_id: str) -> PrinternizerConfigEntry:
        """Return a printer that who asks may see. Raises BrowseError."""
        entry = self._printer(entry_id, BrowseError)
        if not self._may_see(entry_id):
            raise BrowseError("this printer is for others")
        return entry

    # -- what an identifier means ------------------------------------------------------------

    def _printer(self, entry_id: str, error: type[Exception]) -> PrinternizerConfigEntry:
        entry = self.hass.config_entries.async_get_entry(entry_id)
        if (
            entry is None
            or entry.domain != DOMAIN
            or entry.data.get(CONF_KIND) == KIND_SHOP
            or entry.state is not ConfigEntryState.LOADED
        ):
            raise error("this printer is not set up")
        return entry

    async def _library_file(self, word: str) -> LibraryFile:
        workshop = async_find_workshop(self.hass)
        if workshop is None:
            raise Unresolvable("no printer is set up")
        try:
            file = await workshop.library.get(UUID(word))
        except (ValueError, PrinternizerError) as err:
            raise Unresolvable("no such file") from err
        if not file.on_shelf:
            raise Unresolvable("it lies on a printer only")
        return file

    async def _snapshot(self, entry: PrinternizerConfigEntry, word: str) -> tuple[UUID, Path]:
        assert entry.unique_id is not None
        try:
            job_id = UUID(word)
        except ValueError as err:
            raise Unresolvable("no such picture") from err
        folder = folder_of(self.hass, entry.unique_id)
        path = await self.hass.async_add_executor_job(find, folder, job_id)
        if path is None:
            raise Unresolvable("there is no picture of this job")
        return job_id, path


def _may_see_library() -> bool:
    user = async_asker()
    return user is None or user.is_admin


def _path(word: str, error: type[Exception]) -> str:
    try:
        return path_of(word)
    except ValueError as err:
        raise error(str(err)) from err


def _folder(
    identifier: str | None,
    title: str,
    children: list[BrowseMediaSource] | None = None,
    inside: MediaClass = MediaClass.DIRECTORY,
) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        media_class=MediaClass.DIRECTORY,
        media_content_type="",
        title=title,
        can_play=False,
        can_expand=True,
        children_media_class=inside,
        children=children,
    )


def _leaf(hass: HomeAssistant, entry_id: str, file: RemoteFile) -> BrowseMediaSource:
    identifier = f"{FILES}/{entry_id}/{token_of(file.path)}"
    if file.folder:
        return _folder(identifier, file.name)
    kind = kind_of_file(file.name)
    return BrowseMediaSource(
        domain=DOMAIN,
        identifier=identifier,
        media_class=_class_of(kind),
        media_content_type=kind,
        title=file.name,
        can_play=kind in SHOWN,
        can_expand=False,
        thumbnail=None if file.thumbnail is None else thumbnail_url(hass, entry_id, file.thumbnail),
    )


def _library_leaf(file: LibraryFile) -> BrowseMediaSource:
    return BrowseMediaSource(
        domain=DOMAIN,
        # A browser can open no model; it can show what it looks like.
        identifier=f"{LIBRARY}/{file.id}/{PICTURE}",
        media_class=MediaClass.IMAGE,
        media_content_type=_PICTURE_KIND,
        title=file.name,
        can_play=True,
        can_expand=False,
        thumbnail=preview_url(file.id),
    )


def _class_of(kind: str) -> MediaClass:
    if kind.startswith("image/"):
        return MediaClass.IMAGE
    return MediaClass.VIDEO if kind.startswith("video/") else MediaClass.APP
