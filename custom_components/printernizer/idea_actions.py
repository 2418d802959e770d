"""Actions on the ideas: what somebody wants to print one day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import voluptuous as vol
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from .engine.idea import (
    LONGEST_MATERIAL,
    LONGEST_NOTES,
    LONGEST_TAG,
    LONGEST_TITLE,
    MOST_FILES,
    MOST_PIECES,
    MOST_TAGS,
    IdeaFilter,
    IdeaSite,
    IdeaState,
)
from .engine.web_address import shared
from .engine.workshop.ideas import Wish
from .idea_facts import idea_facts
from .shop_action import ShopAction
from .stock_fields import clearable, word

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .action import Facts
    from .shop_action import ShopRequest

LONGEST_SHARED: Final = 4_000
"""Characters that an app may share: a sentence or two, and a link."""
MOST_LISTED: Final = 500


def _text(longest: int) -> Callable[[object], str]:
    """Return what reads text of several lines."""

    def read(value: object) -> str:
        text = cv.string(value)
        if len(text) > longest:
            raise vol.Invalid(f"needs at most {longest} characters")
        return text

    return read


def _id(value: object) -> UUID:
    try:
        return UUID(cv.string(value))
    except ValueError as err:
        raise vol.Invalid("not an id") from err


def _several(read: Any, most: int) -> Any:
    return vol.All(cv.ensure_list, vol.Length(max=most), [read])


def _something(data: dict[str, Any]) -> dict[str, Any]:
    """Pass on a wish for anything. Raises vol.Invalid."""
    if not data.get("url") and not data.get("title"):
        raise vol.Invalid("name a link or a title")
    return data


async def _add_idea(request: ShopRequest) -> Facts:
    said = dict(request.data)
    url: str | None = said.pop("url", None)
    title: str | None = said.pop("title", None)
    if url:
        # What an app shares is often a sentence with a link in it.
        found, rest = shared(url)
        url, title = found or url, title or (rest if found else None)
    added = await request.shop.ideas.add(Wish(url=url or None, title=title, **said), by=request.by)
    return {"idea": idea_facts(added.idea), "known": not added.fresh}


async def _list_ideas(request: ShopRequest) -> Facts:
    said = request.data
    which = IdeaFilter(
        states=frozenset(said["state"]) if "state" in said else None,
        site=said.get("site"),
        tag=said.get("tag"),
        text=said.get("text"),
        file_id=said.get("file"),
    )
    page = await request.shop.ideas.page(which, after=said.get("after"), limit=said["limit"])
    return {"ideas": [idea_facts(idea) for idea in page.ideas], "next": page.next}


async def _change_idea(request: ShopRequest) -> Facts:
    changes = dict(request.data)
    idea = await request.shop.ideas.change(changes.pop("idea"), changes)
    return {"idea": idea_facts(idea)}


async def _remove_idea(request: ShopRequest) -> Facts:
    removed = await request.shop.ideas.remove(request.data["idea"])
    return {"idea": idea_facts(removed)}


_IDEA: Final = vol.Required("idea")
_TITLE: Final = _text(LONGEST_TITLE)
_TAGS: Final = _several(word(LONGEST_TAG), MOST_TAGS)
_PIECES: Final = vol.All(vol.Coerce(int), vol.Range(1, MOST_PIECES))
_MATERIAL: Final = word(LONGEST_MATERIAL)
_STATE: Final = vol.Coerce(IdeaState)
_LIMIT: Final = vol.All(vol.Coerce(int), vol.Range(1, MOST_LISTED))
_AFTER: Final = vol.All(vol.Coerce(int), vol.Range(1, 2**53))

IDEA_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "add_idea": ShopAction(
        deed=_add_idea,
        fields={
            vol.Optional("url"): _text(LONGEST_SHARED),
            vol.Optional("title"): _TITLE,
            vol.Optional("notes"): _text(LONGEST_NOTES),
            vol.Optional("tags"): _TAGS,
            vol.Optional("pieces"): _PIECES,
            vol.Optional("material"): _MATERIAL,
        },
        check=_something,
        admin=False,
    ),
    "list_ideas": ShopAction(
        deed=_list_ideas,
        fields={
            vol.Optional("state"): vol.All(cv.ensure_list, [_STATE]),
            vol.Optional("site"): vol.Coerce(IdeaSite),
            vol.Optional("tag"): word(LONGEST_TAG),
            vol.Optional("text"): word(200),
            vol.Optional("file"): _id,
            vol.Optional("limit", default=100): _LIMIT,
            vol.Optional("after"): _AFTER,
        },
        response=SupportsResponse.ONLY,
        admin=False,
    ),
    "change_idea": ShopAction(
        deed=_change_idea,
        fields={
            _IDEA: _id,
            vol.Optional("url"): clearable(_text(LONGEST_SHARED)),
            vol.Optional("title"): clearable(_TITLE),
            vol.Optional("notes"): clearable(_text(LONGEST_NOTES)),
            vol.Optional("tags"): _TAGS,
            vol.Optional("state"): _STATE,
            vol.Optional("pieces"): _PIECES,
            vol.Optional("material"): clearable(_MATERIAL),
            vol.Optional("files"): _several(_id, MOST_FILES),
            vol.Optional("jobs"): _several(_id, MOST_FILES),
        },
        admin=False,
    ),
    "remove_idea": ShopAction(deed=_remove_idea, fields={_IDEA: _id}, admin=False),
}
