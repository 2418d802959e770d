"""Spoolman's API, on the simulator and, where there is one, on a real Spoolman.

The real one: `PRINTERNIZER_SPOOLMAN=http://127.0.0.1:7912`; these tests add spools to it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal as G
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from custom_components.printernizer.engine.errors import (
    AccessDenied,
    Garbled,
    PrinternizerError,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.foreign_stock import spoolman_number
from custom_components.printernizer.engine.spoolman import client as module
from custom_components.printernizer.engine.spoolman.client import Spoolman
from custom_components.printernizer.engine.spoolman.messages import spool_of, spools_of

from .conftest import Bench

REAL = os.environ.get("PRINTERNIZER_SPOOLMAN")


@pytest.fixture(params=["simulator", "real"])
async def peer(request: pytest.FixtureRequest, bench: Bench) -> AsyncIterator[Bench]:
    if request.param == "simulator":
        yield bench
    elif REAL is None:
        pytest.skip("no real Spoolman: set PRINTERNIZER_SPOOLMAN to its address")
    else:
        yield Bench(REAL.rstrip("/"), bench.http)


async def test_a_spool_is_read_with_its_filament_and_maker(peer: Bench) -> None:
    number = await peer.add_spool(price=25, lot_nr="L1", location="Regal 3", used_weight=359.75)
    spool = await Spoolman(peer.http, peer.url).spool(number)
    material = spool.material
    assert (spool.number, spool.net_g, spool.left_g, spool.used_g) == (
        number,
        G(1000),
        G("640.25"),
        G("359.75"),
    )
    assert spool.fields | {"opened_at": None} == {
        "price": G(25),
        "tare_g": G(193),
        "lot": "L1",
        "location": "Regal 3",
        "opened_at": None,
        "archived": False,
    }
    assert material.fields == {
        "kind": "PETG",
        "brand": "Prusament",
        "name": "Jet Black",
        "colour": "#1A1A1A",
        "density_g_cm3": G("1.27"),
        "diameter_mm": G("1.75"),
        "price": G("29.99"),
        "net_g": G(1000),
        "nozzle_c": 250,
        "bed_c": 90,
    }


async def test_consumption_is_added_and_more_than_there_was_is_seen(peer: Bench) -> None:
    """Its own figure of what is left stops at nothing; ours must not."""
    spoolman, number = Spoolman(peer.http, peer.url), await peer.add_spool()
    assert (await spoolman.use(number, G("1100.5"))).left_g == G("-100.5")
    assert (await spoolman.use(number, G("-0.5"))).left_g == G(-100)
    assert (await spoolman.use(number, G(-5000))).used_g == 0
    assert (await spoolman.spool(number)).left_g == G(1000)


async def test_archived_spools_are_read_too_and_a_missing_one_is_refused(peer: Bench) -> None:
    spoolman, number = Spoolman(peer.http, peer.url), await peer.add_spool(archived=True)
    assert [each.archived for each in await spoolman.spools() if each.number == number] == [True]
    for asking in (spoolman.spool(999_999), spoolman.use(999_999, G(1))):
        with pytest.raises(Refused):
            await asking


async def test_pages_are_read_to_the_last(peer: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE", 2)
    numbers = [await peer.add_spool() for _ in range(5)]
    found = [spool.number for spool in await Spoolman(peer.http, peer.url).spools()]
    assert found == sorted(found)
    assert set(numbers) <= set(found)
    if peer.simulator:
        assert peer.simulator.pages == [0, 2, 4]
        monkeypatch.setattr(module, "MOST_SPOOLS", 4)
        with pytest.raises(Garbled):
            await Spoolman(peer.http, peer.url).spools()


async def test_it_tells_of_changes_by_itself(peer: Bench) -> None:
    number = await peer.add_spool()
    async with Spoolman(peer.http, peer.url).news() as news, asyncio.timeout(10):
        await peer.ask("PUT", f"spool/{number}/use", use_weight=5.5)
        told, spool = await anext(news)
        assert (told, spool and spool.used_g) == (number, G("5.5"))
        await peer.ask("DELETE", f"spool/{number}")
        assert await anext(news) == (number, None)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"status": 401}, AccessDenied),
        ({"status": 500}, Unreachable),
        ({"status": 429}, Unreachable),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:9/"}}, Garbled),
        ({"text": "<html>a router's login</html>"}, Garbled),
        ({"text": "[" * 100_000}, Garbled),
        ({"text": '{"id": 1}'}, Garbled),
        ({"text": "[7]"}, Garbled),
        ({"text": '[{"id": 1, "used_weight": 5}]'}, Garbled),
        ({"text": '[{"id": -1, "used_weight": 5}]'}, Garbled),
        ({"text": '[{"id": true, "used_weight": 5}]'}, Garbled),
        ({"text": '[{"id": 1, "used_weight": NaN, "filament": {"id": 1}}]'}, Garbled),
        ({"body": b" " * 70_000}, Garbled),
    ],
    ids=range(13),
)
async def test_an_answer_of_something_else_is_told(
    bench: Bench,
    answer: dict[str, Any],
    error: type[PrinternizerError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What answers at an address is not always what was there yesterday."""
    monkeypatch.setattr(module, "LARGEST", 65_536 if "body" in answer else module.LARGEST)
    assert bench.simulator is not None
    with bench.simulator.says(lambda _: web.Response(**answer)), pytest.raises(error):
        await Spoolman(bench.http, bench.url).spools()


async def test_nobody_there_is_told_without_the_login() -> None:
    """An address may hold a password; logs are read by many."""
    async with aiohttp.ClientSession() as http:
        with pytest.raises(Unreachable) as refusal:
            await Spoolman(http, "http://anna:secret@127.0.0.1:9/").spools()
        with pytest.raises(Unreachable):
            async with Spoolman(http, "http://127.0.0.1:9").news():
                pytest.fail("nobody listens there")
        for address in ("ftp://x", "http://[", ""):
            with pytest.raises(Unreachable):
                Spoolman(http, address)
    assert "secret" not in f"{refusal.value} {refusal.value.placeholders}"


async def test_the_address_of_its_api_is_fine_too_and_a_login_is_sent(bench: Bench) -> None:
    seen: list[str | None] = []

    def look(request: web.Request) -> None:
        seen.append(request.headers.get("Authorization"))

    assert bench.simulator is not None
    with bench.simulator.says(look):
        address = bench.url.replace("http://", "http://anna:secret@")
        assert await Spoolman(bench.http, f"{address}/api/v1/").spools() == ()
        bare = bench.url.removeprefix("http://")
        assert await Spoolman(bench.http, f" {bare} ").spools() == ()
    assert seen == ["Basic YW5uYTpzZWNyZXQ=", None]


async def test_news_that_cannot_be_read_is_passed_over(bench: Bench) -> None:
    number = await bench.add_spool()
    assert bench.simulator is not None
    async with Spoolman(bench.http, bench.url).news() as news, asyncio.timeout(10):
        for said in ("garbage", "[]", {"resource": "filament"}, {"resource": "spool"}):
            await bench.simulator.say(said)
        await bench.ask("PATCH", f"spool/{number}", location="Regal 9")
        _, spool = await anext(news)
        assert spool is not None
        assert spool.location == "Regal 9"
        for listener in tuple(bench.simulator.listeners):
            await listener.close()
        assert [each async for each in news] == []


def test_numbers_and_texts_are_bounded_whoever_wrote_them() -> None:
    spool = spool_of(
        {
            "id": 1,
            "used_weight": 1,
            "initial_weight": 0,
            "spool_weight": -5,
            "price": 1e300,
            "lot_nr": "a\x00\n" + "b" * 10_000,
            "location": 7,
            "first_used": "2026-11-01T10:00:00",
            "archived": "yes",
            "filament": {
                "id": 2,
                "name": " ",
                "multi_color_hexes": "ff0000,00ff00",
                "weight": None,
                "settings_bed_temp": 9000,
                "vendor": "x",
            },
        }
    )
    assert (spool.net_g, spool.left_g, spool.price, spool.location) == (None, None, None, None)
    assert spool.spool_g is None
    assert spool.lot is not None
    assert len(spool.lot) <= 200
    assert spool.lot.isprintable()
    assert spool.opened_at == datetime(2026, 11, 1, 10, tzinfo=UTC)
    assert not spool.archived
    assert (spool.material.kind, spool.material.colour) == ("#2", "#FF0000")
    assert spool.material.bed_c is None
    other = spool_of(
        {"id": 1, "used_weight": 1, "first_used": "x", "filament": {"id": 2, "color_hex": "red"}}
    )
    assert (other.opened_at, other.material.colour) == (None, None)
    with pytest.raises(Garbled):
        spools_of({"spools": []})


@pytest.mark.parametrize(
    ("tag", "number"),
    [("spoolman:12", 12), ("spoolman:", None), ("spoolman:x", None), ("12", None), (None, None)],
)
def test_a_host_names_spoolmans_spool(tag: str | None, number: int | None) -> None:
    assert spoolman_number(tag) == number
