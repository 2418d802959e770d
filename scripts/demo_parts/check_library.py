"""Facts about the library of a running demo: what a browser and a slicer get of it over HTTP."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from .config_folder import DOMAIN
from .shelf import ITEMS

if TYPE_CHECKING:
    from .facts import Facts
    from .home_assistant import HomeAssistant

_PNG: Final = b"\x89PNG\r\n\x1a\n"


async def check_library(facts: Facts, home: HomeAssistant, key: str) -> None:
    """Settle the facts. key: of a slicer that may send files."""
    files = await _listed(home)
    names = {file["name"] for file in files}
    missing = {item.name for item in ITEMS if not item.thrown_away} - names
    facts.tell(not missing, f"the library lists {len(files)} files {sorted(missing) or ''}")
    # As a browser with nothing but the links that the list holds, and as a slicer with its key.
    async with aiohttp.ClientSession(home.url) as stranger:
        await _picture(facts, stranger, files)
        await _upload(facts, stranger, home, key)


async def _listed(home: HomeAssistant, **which: Any) -> list[dict[str, Any]]:
    answer = await home.answer(f"{DOMAIN}.list_library", **which)
    found: list[dict[str, Any]] = answer["files"]
    return found


async def _picture(
    facts: Facts, stranger: aiohttp.ClientSession, files: list[dict[str, Any]]
) -> None:
    model = next((file for file in files if file["kind"] == "stl"), None)
    if model is None:
        facts.tell(False, "no model is listed of which there could be a picture")
        return
    async with stranger.get(model["preview"]) as answer:
        content = await answer.read()
    drawn = answer.status == 200 and content.startswith(_PNG)
    facts.tell(drawn, f"{model['name']!r} is shown: {answer.content_type}, {len(content)} bytes")
    async with stranger.get(model["preview"].partition("&authSig")[0].partition("?")[0]) as answer:
        facts.tell(answer.status == 401, f"not without its signed link: {answer.status}")


async def _upload(
    facts: Facts, stranger: aiohttp.ClientSession, home: HomeAssistant, key: str
) -> None:
    name = f"check {time.time_ns()}.gcode"
    # The name as it is: slicers do not write it with percent signs.
    form = aiohttp.FormData(quote_fields=False)
    form.add_field("print", "false")
    form.add_field("path", "")
    content = f"; {name}\nG28\nG1 X10 Y10 E1 F1200\n".encode()
    form.add_field("file", content, filename=name, content_type="application/octet-stream")
    url = f"/{DOMAIN}-slicer/api/files/local"
    async with stranger.post(url, data=form, headers={"X-Api-Key": key}) as answer:
        said = await answer.text()
    facts.tell(answer.status == 201, f"a slicer sends a file: {answer.status} {said[:80]!r}")
    found = [file["name"] for file in await _listed(home, text=name.removesuffix(".gcode"))]
    facts.tell(found == [name], f"it is found in the library: {found}")
