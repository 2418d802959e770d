"""Files on printers of every brand, looked into where they lie."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.library_file import LibraryFilter, Whereabouts
from tests.engine.workshop.test_glimpses import PNG, gcode

from .stage import Offer, needs
from .test_fetches import opened

if TYPE_CHECKING:
    from pathlib import Path

    from .stage import Stage

SAID = gcode("PETG") + b"; the end\n"


@needs(Offer.SHELF)
async def test_a_file_tells_and_shows_itself_where_it_lies(stage: Stage, tmp_path: Path) -> None:
    """By some pieces of it; where a printer hands out whole files only, it is not asked again."""
    async with opened(stage, tmp_path) as shop:
        shop.lies(SAID)
        pieces = await _hands_out_pieces(shop.storage, shop.path)
        await shop.workshop.files.look("P1")
        looked = await shop.workshop.glimpses.look("P1")
        known = await shop.workshop.library.at_place("P1", shop.path)
        assert known is not None
        assert known.where is Whereabouts.AVAILABLE
        async with asyncio.timeout(shop.play.patience_s):
            while pieces and known.facts is None:
                await asyncio.sleep(0.05)
                known = await shop.workshop.library.at_place("P1", shop.path)
                assert known is not None
        page = await shop.workshop.library.page(LibraryFilter(material="PETG"))
        assert [file.id for file in page.files] == ([known.id] if pieces else [])
        assert looked <= 2
        assert await shop.workshop.glimpses.look("P1") == 0
        picture = await shop.workshop.glimpses.picture("P1", shop.path)
        assert picture == PNG or not pieces
        assert (await shop.workshop.library.statistics()).shelf_files == 0


async def _hands_out_pieces(storage: object, path: str) -> bool:
    try:
        await storage.read_part(path, 0, 10)  # type: ignore[attr-defined]
    except Refused:
        return False
    return True
