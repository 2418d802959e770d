"""Pictures of files that lie on printers only, on pages of a real Home Assistant."""

from __future__ import annotations

import asyncio
from typing import Any
from unittest.mock import patch

import homeassistant.helpers.entity_registry as er
from homeassistant.components.image import async_get_image
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.drivers.virtual.machine import PlateFacts, VirtualFile
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.runtime import async_get_workshop
from custom_components.printernizer.views import library as library_view
from custom_components.printernizer.views.kind_pictures import kind_picture
from tests.engine.workshop.test_glimpses import PNG, gcode
from tests.shop_floor import Floor, Printer, floor  # noqa: F401

PATH = "/far.gcode"


async def with_far_file(floor: Floor) -> Printer:
    """Set up a printer with a file that nobody fetched."""
    printer = await floor.add()
    plate = PlateFacts(seconds=3600, layers=10, mass_g=(20.0,))
    printer.machine.store(VirtualFile(path=PATH, content=gcode(), plates=(plate,)))
    return printer


async def listed(hass: HomeAssistant, printer: Printer) -> dict[str, Any]:
    """Look at the printer, and return what a list shows of its file."""
    workshop = async_get_workshop(hass)
    await workshop.files.look(printer.machine.serial)
    async with asyncio.timeout(20):
        while True:
            told = await hass.services.async_call(
                DOMAIN, "list_library", {"material": "PETG"}, blocking=True, return_response=True
            )
            assert told is not None
            if files := told["files"]:
                (file,) = files  # type: ignore[misc, str-unpack]
                return file  # type: ignore[return-value]
            await asyncio.sleep(0.005)


async def test_a_list_shows_files_that_nobody_fetched(
    hass: HomeAssistant, floor: Floor, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """With the slicer's picture; asked of the printer once, and kept while it is off."""
    printer = await with_far_file(floor)
    file = await listed(hass, printer)
    assert (file["name"], file["where"], file["kind"]) == ("far.gcode", "available", "gcode")
    assert file["url"] is None
    client = await hass_client_no_auth()
    glimpses = async_get_workshop(hass).glimpses
    with patch.object(glimpses, "picture", side_effect=Unreachable("it prints")):
        answer = await client.get(file["preview"])
    assert await answer.read() == kind_picture(FileKind.GCODE)
    come, look = asyncio.Event(), glimpses.picture

    async def slowly(*args: Any, **more: Any) -> bytes | None:
        await come.wait()
        return await look(*args, **more)

    with (
        patch.object(library_view, "PATIENCE_S", 0.01),
        patch.object(glimpses, "picture", slowly),
    ):
        answer = await client.get(file["preview"])
    assert await answer.read() == kind_picture(FileKind.GCODE)
    come.set()
    answer = await client.get(file["preview"])
    assert (answer.content_type, await answer.read()) == ("image/png", PNG)
    with patch.object(glimpses, "picture", side_effect=Unreachable("it is off")):
        assert await (await client.get(file["preview"])).read() == PNG
    await async_get_workshop(hass).library.removed(printer.machine.serial, PATH)
    answer = await client.get(file["preview"])
    assert (answer.status, await answer.read()) == (200, kind_picture(FileKind.GCODE))


async def test_a_job_whose_file_is_nowhere_else_shows_its_picture(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Started at the printer itself, from a file that the library does not hold."""
    printer = await with_far_file(floor)
    entity_id = er.async_get(hass).async_get_entity_id(
        "image", DOMAIN, f"{printer.machine.serial}_job_picture"
    )
    assert entity_id is not None
    await printer.begin(PATH)
    async with asyncio.timeout(20):
        while (state := hass.states.get(entity_id)) is None or state.state == "unknown":
            await printer.live(1)
            await asyncio.sleep(0.005)
    assert (await async_get_image(hass, entity_id)).content == PNG
