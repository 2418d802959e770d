"""Actions on the files of the library: found, taken in, described, printed, thrown away."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from . import fields
from .engine.file import FileKind
from .engine.library_file import (
    CleanUpRule,
    FileState,
    LibraryCursor,
    LibraryFilter,
    Origin,
    SortBy,
    Source,
    Whereabouts,
    compared,
    stored_name,
)
from .file_actions import start_facts
from .library_facts import (
    async_collection_names,
    async_library_facts,
    figures_facts,
    scrub_facts,
    whole_facts,
)
from .local_files import async_local_file
from .runtime import async_previews
from .shop_action import ShopAction
from .targets import async_place_of, async_printer_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .action import Facts
    from .engine.library_file import LibraryFile
    from .engine.workshop.library import Library
    from .shop_action import ShopRequest

MOST_AT_ONCE: Final = 500
"""Files of one call."""
_LONGEST_TEXT: Final = 200


async def _list_library(request: ShopRequest) -> Facts:
    data, library = request.data, request.shop.library
    printer = None
    if ATTR_DEVICE_ID in data:
        printer = async_place_of(request.hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    which = LibraryFilter(
        text=data.get("text"),
        state=FileState.RECYCLED if data["recycled"] else FileState.KEPT,
        where=data.get("where"),
        kind=data.get("kind"),
        printer_id=printer,
        material=data.get("material"),
        shortest=data.get("shortest_print_time"),
        longest=data.get("longest_print_time"),
        tag=data.get("tag"),
        collection_id=await _collection(library, data.get("collection"), make=False),
        favourite=data.get("favourite"),
        latest=data.get("latest"),
    )
    page = await library.page(
        which,
        sort=data["sort"],
        descending=data["descending"],
        after=data.get("after"),
        limit=data["limit"],
    )
    return {
        "files": await _facts(request, page.files),
        "next": None if page.next is None else _bookmark(page.next),
    }


async def _facts(request: ShopRequest, files: tuple[LibraryFile, ...]) -> list[dict[str, Any]]:
    printers = async_printer_names(request.hass)
    collections = await async_collection_names(request.shop.library)
    return [async_library_facts(request.hass, file, printers, collections) for file in files]


async def _library_file(request: ShopRequest) -> Facts:
    library = request.shop.library
    file = await library.get(request.data["file"])
    revisions = await library.revisions(file.id)
    return {
        **(await _facts(request, (file,)))[0],
        "facts": whole_facts(file.facts),
        "revisions": [{"id": str(each.id), "revision": each.revision} for each in revisions],
    }


async def _add_to_library(request: ShopRequest) -> Facts:
    data = request.data
    path = await async_local_file(request.hass, data["source"])
    source = Source(origin=Origin.UPLOADED, sender=request.by)
    added = await request.shop.library.add(path, data.get("name"), source=source)
    return {"came": added.came.value, **(await _facts(request, (added.file,)))[0]}


async def _change_library_files(request: ShopRequest) -> Facts:
    data, library = request.data, request.shop.library
    ids = data["file"]
    for each in ids:
        # All or none: a name that is wrong for the third must not leave two changed.
        await library.get(each)
    if "add_tags" in data or "remove_tags" in data:
        await library.tag(ids, data.get("add_tags", ()), data.get("remove_tags", ()))
    if "collection" in data:
        await library.move_to(ids, await _collection(library, data["collection"], make=True))
    for each in ids:
        if "name" in data:
            await library.rename(each, data["name"])
        if "note" in data:
            await library.note(each, data["note"])
        if "favourite" in data:
            await library.favourite(each, data["favourite"])
    return {"files": await _facts(request, tuple([await library.get(each) for each in ids]))}


async def _collection(library: Library, name: str | None, *, make: bool) -> UUID | None:
    """Return the collection of a name; made where it is new and may be. No name is none."""
    if not name:
        return None
    known = {compared(each.name): each.id for each in await library.collections()}
    found = known.get(compared(name))
    if found is None and make:
        return (await library.add_collection(name)).id
    # What is not there holds nothing: an id that no file has.
    return found or UUID(int=0)


async def _recycle(request: ShopRequest) -> Facts:
    files = await request.shop.library.recycle(request.data["file"])
    return {"files": await _facts(request, files)}


async def _restore(request: ShopRequest) -> Facts:
    files = await request.shop.library.restore(request.data["file"])
    return {"files": await _facts(request, files)}


async def _purge(request: ShopRequest) -> Facts:
    return {"purged": await request.shop.library.purge(request.data["file"])}


async def _print_library_file(request: ShopRequest) -> Facts:
    data, shop = request.data, request.shop
    printer = async_place_of(request.hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    file = await shop.library.get(data["file"])
    started = await shop.print_file(
        printer,
        await shop.library.path(file.id),
        path=data.get("path", f"/{stored_name(file.name)}"),
        plate=data.get("plate"),
        slots=data["slots"],
        replace=data["replace"],
        override=data["override"],
        by=request.by,
    )
    return start_facts(shop.stock, started)


async def _library_statistics(request: ShopRequest) -> Facts:
    library = request.shop.library
    figures = await library.statistics()
    drawn = async_previews(request.hass).figures
    return {
        **figures_facts(figures),
        "collections": sorted((await async_collection_names(library)).values(), key=compared),
        "tags": dict(await library.labels("tag")),
        "pictures": {
            "found": drawn.found,
            "drawn": drawn.drawn,
            "refused": drawn.refused,
            "seconds": round(drawn.drawing_s, 1),
            "waiting": drawn.waiting,
            "kept": drawn.kept,
            "bytes": drawn.kept_bytes,
        },
    }


async def _clean_up_library(request: ShopRequest) -> Facts:
    data, library = request.data, request.shop.library
    rules = (_rule(data),) if data.keys() - {"dry_run"} else ()
    deed = library.disposable if data["dry_run"] else library.clean_up
    files = await deed(*rules)
    return {
        "recycled": not data["dry_run"],
        "bytes": sum(file.size_bytes or 0 for file in files),
        "files": [
            {"id": str(file.id), "name": file.name, "size": file.size_bytes} for file in files
        ],
    }


def _rule(data: Mapping[str, Any]) -> CleanUpRule:
    return CleanUpRule(
        older_than=data.get("older_than_days"),
        not_printed_for=data.get("not_printed_for_days"),
        replaced=data.get("replaced", False),
        tagged=data.get("tagged", False),
        origin=data.get("origin"),
    )


async def _rebuild_library(request: ShopRequest) -> Facts:
    return {"listed": await request.shop.library.rebuild()}


async def _check_library(request: ShopRequest) -> Facts:
    return scrub_facts(await request.shop.library.scrub())


def _bookmark(cursor: LibraryCursor) -> str:
    kind = "" if cursor.value is None else "s" if isinstance(cursor.value, str) else "n"
    return f"{cursor.number}/{kind}{'' if cursor.value is None else cursor.value}"


def bookmark(value: object) -> LibraryCursor:
    """Return where a page ended, of what `next` said. Raises vol.Invalid."""
    number, _, rest = cv.string(value).partition("/")
    try:
        value = None if not rest else rest[1:] if rest[0] == "s" else _whole(rest[1:])
        return LibraryCursor(number=_whole(number), value=value)
    except ValueError:
        raise vol.Invalid("not what an answer gave as next") from None


def _whole(word: str) -> int:
    """Return a number that databases hold. Raises ValueError."""
    number = int(word)
    if abs(number) >= 1 << 63:
        raise ValueError("no database holds it")
    return number


def _something(data: dict[str, Any]) -> dict[str, Any]:
    if not data.keys() - {"file"}:
        raise vol.Invalid("name what is to be changed")
    if "name" in data and len(data["file"]) > 1:
        raise vol.Invalid("a name is for one file")
    return data


def _a_rule(data: dict[str, Any]) -> dict[str, Any]:
    rule = data.keys() & {"not_printed_for_days", "older_than_days"} or data.get("replaced")
    if not rule and data.keys() - {"dry_run"}:
        raise vol.Invalid("say for how long, or that they were replaced")
    return data


_DAYS: Final = vol.All(vol.Coerce(int), vol.Range(1, 3650), lambda days: timedelta(days=days))
_ID: Final = vol.All(cv.string, vol.Coerce(UUID))
_IDS: Final = vol.All(cv.ensure_list, [_ID], vol.Length(min=1, max=MOST_AT_ONCE))
_TEXT: Final = vol.All(cv.string, vol.Length(max=_LONGEST_TEXT))
_TAGS: Final = vol.All(cv.ensure_list, [_TEXT], vol.Length(max=50))
_FILES: Final = {vol.Required("file"): _IDS}

LIBRARY_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "list_library": ShopAction(
        deed=_list_library,
        fields={
            vol.Optional("text"): _TEXT,
            vol.Optional("where"): vol.Coerce(Whereabouts),
            vol.Optional("kind"): vol.Coerce(FileKind),
            vol.Optional(ATTR_DEVICE_ID): cv.string,
            vol.Optional("material"): _TEXT,
            vol.Optional("shortest_print_time"): fields.time_span,
            vol.Optional("longest_print_time"): fields.time_span,
            vol.Optional("tag"): _TEXT,
            vol.Optional("collection"): _TEXT,
            vol.Optional("favourite"): cv.boolean,
            vol.Optional("latest"): cv.boolean,
            vol.Optional("recycled", default=False): cv.boolean,
            vol.Optional("sort", default=SortBy.ADDED): vol.Coerce(SortBy),
            vol.Optional("descending", default=True): cv.boolean,
            vol.Optional("limit", default=50): vol.All(vol.Coerce(int), vol.Range(1, 500)),
            vol.Optional("after"): bookmark,
        },
        response=SupportsResponse.ONLY,
    ),
    "library_file": ShopAction(
        deed=_library_file,
        fields={vol.Required("file"): _ID},
        response=SupportsResponse.ONLY,
    ),
    "add_to_library": ShopAction(
        deed=_add_to_library,
        fields={vol.Required("source"): fields.source, vol.Optional("name"): _TEXT},
    ),
    "change_library_files": ShopAction(
        deed=_change_library_files,
        fields={
            **_FILES,
            vol.Optional("name"): _TEXT,
            vol.Optional("note"): vol.All(cv.string, vol.Length(max=10_000)),
            vol.Optional("favourite"): cv.boolean,
            vol.Optional("add_tags"): _TAGS,
            vol.Optional("remove_tags"): _TAGS,
            vol.Optional("collection"): _TEXT,
        },
        check=_something,
    ),
    "recycle_library_files": ShopAction(deed=_recycle, fields=_FILES),
    "restore_library_files": ShopAction(deed=_restore, fields=_FILES),
    "purge_library_files": ShopAction(deed=_purge, fields=_FILES),
    "print_library_file": ShopAction(
        deed=_print_library_file,
        fields={
            vol.Required(ATTR_DEVICE_ID): cv.string,
            vol.Required("file"): _ID,
            vol.Optional("path"): fields.remote_path,
            vol.Optional("plate"): fields.PLATE,
            vol.Optional("slots", default=list): fields.slots,
            vol.Optional("replace", default=True): cv.boolean,
            vol.Optional("override", default=False): cv.boolean,
        },
    ),
    "library_statistics": ShopAction(
        deed=_library_statistics, fields={}, response=SupportsResponse.ONLY
    ),
    "clean_up_library": ShopAction(
        deed=_clean_up_library,
        fields={
            vol.Optional("dry_run", default=True): cv.boolean,
            vol.Optional("not_printed_for_days"): _DAYS,
            vol.Optional("older_than_days"): _DAYS,
            vol.Optional("replaced"): cv.boolean,
            vol.Optional("tagged"): cv.boolean,
            vol.Optional("origin"): vol.Coerce(Origin),
        },
        check=_a_rule,
    ),
    "rebuild_library": ShopAction(deed=_rebuild_library, fields={}),
    "check_library": ShopAction(deed=_check_library, fields={}, response=SupportsResponse.ONLY),
}
