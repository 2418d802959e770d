"""The stock in Home Assistant: actions, choices of spools, warnings, things to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import homeassistant.helpers.entity_registry as er
import homeassistant.helpers.issue_registry as ir
import pytest
import voluptuous as vol
from aiohttp.test_utils import TestServer
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.printernizer.const import DOMAIN, EVENT_STOCK, SHOP_ID
from custom_components.printernizer.devices import slot_identifier
from custom_components.printernizer.engine.account import Consumption
from custom_components.printernizer.engine.drivers.virtual.machine import MachineSlot
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.material import Need
from custom_components.printernizer.engine.printer import Tool
from custom_components.printernizer.engine.shop import Process
from custom_components.printernizer.engine.store import jobs, spoolman, stock
from custom_components.printernizer.engine.workshop.stock import Stock
from custom_components.printernizer.runtime import async_get_workshop, async_shop_entry
from custom_components.printernizer.shop_services import shop_schema_of
from custom_components.printernizer.spool_entities import NOTHING, spool_rows
from custom_components.printernizer.stock_actions import STOCK_ACTIONS
from custom_components.printernizer.stock_fields import colour, moment, quantity, word
from tests.engine.spoolman.conftest import Bench
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures
from tests.simulators.spoolman import SpoolmanSimulator


async def call(
    hass: HomeAssistant, action: str, *, context: Context | None = None, **data: Any
) -> Any:
    """Call an action of the stock and return what it tells."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context
    )
    await hass.async_block_till_done()
    return answer


async def a_spool(hass: HomeAssistant, **more: Any) -> int:
    """Buy a spool of 1 kg of black PETG; returns its number."""
    listed = (await call(hass, "list_stock"))["materials"]
    if not listed:
        await call(
            hass,
            "add_material",
            kind="PETG",
            brand="Prusament",
            name="Jet Black",
            colour="#1a1a1a",
            price="25.00",
            net_g=1000,
        )
    bought = await call(hass, "add_spool", material="prusament petg jet black", tare_g=193, **more)
    number: int = bought["spool"]["spool"]
    return number


def the_stock(hass: HomeAssistant) -> Stock:
    return async_get_workshop(hass).stock


def entity_id(hass: HomeAssistant, platform: str, key: str) -> str:
    found = er.async_get(hass).async_get_entity_id(platform, DOMAIN, key)
    assert found is not None, key
    return found


def state(hass: HomeAssistant, platform: str, key: str) -> Any:
    shown = hass.states.get(entity_id(hass, platform, key))
    assert shown is not None
    return shown


async def use(hass: HomeAssistant, printer: Printer, number: int, grams: int) -> None:
    """Book what a run of this printer took, as the accounts do."""
    workshop = async_get_workshop(hass)
    page = await workshop.store.run(jobs.page, JobFilter())
    line = Consumption(spool_id=workshop.stock.numbered(number).id, mass_g=Decimal(grams))
    now = workshop.clock.now()
    await workshop.store.run(stock.consume, page.jobs[0].id, [line], now)
    await workshop.stock.refresh()
    await hass.async_block_till_done()


async def test_a_material_and_a_spool_are_taken_into_the_stock(
    hass: HomeAssistant, floor: Floor
) -> None:
    await floor.add()
    number = await a_spool(
        hass, left_g="640.5", location="Regal 3", opened_at="2026-11-01 10:00:00"
    )
    listed = await call(hass, "list_stock")
    (material,), (spool,) = listed["materials"], listed["spools"]
    assert (material["title"], material["colour"], material["left_g"], material["low"]) == (
        "Prusament PETG Jet Black",
        "#1A1A1A",
        640.5,
        False,
    )
    assert (number, spool["label"], spool["remaining_g"]) == (
        1,
        "#1 Prusament PETG Jet Black",
        640.5,
    )
    assert spool["opened_at"].startswith("2026-11-01T")
    assert state(hass, "sensor", f"{SHOP_ID}_stock").state == "0.6405"
    value = state(hass, "sensor", f"{SHOP_ID}_stock_value")
    assert (float(value.state), value.attributes["unit_of_measurement"]) == (
        16.01,
        hass.config.currency,
    )


async def test_what_is_known_can_be_changed_and_emptied(hass: HomeAssistant, floor: Floor) -> None:
    await floor.add()
    number = await a_spool(hass, lot="L1")
    changed = await call(
        hass, "change_material", material="Prusament PETG Jet Black", low_g=250, brand=None
    )
    assert (changed["material"]["low_g"], changed["material"]["title"]) == (250, "PETG Jet Black")
    other = await call(hass, "add_material", kind="PLA", process="resin")
    spool = await call(
        hass, "change_spool", spool=number, lot=None, material=other["material"]["id"]
    )
    assert (spool["spool"]["lot"], spool["spool"]["label"]) == (None, "#1 PLA")
    await call(hass, "change_spool", spool=number, archived=True)
    assert (await call(hass, "list_stock"))["spools"] == []
    everything = await call(hass, "list_stock", archived=True)
    assert [each["spool"] for each in everything["spools"]] == [number]


async def test_scales_and_corrections_are_booked_with_who_and_why(
    hass: HomeAssistant, floor: Floor, hass_admin_user: MockUser
) -> None:
    await floor.add()
    number, context = await a_spool(hass), Context(user_id=hass_admin_user.id)
    weighed = await call(hass, "weigh_spool", spool=number, gross_g=693, context=context)
    assert weighed["movement"]["mass_g"] == -500
    assert weighed["spool"]["remaining_g"] == 500
    await call(
        hass, "adjust_stock", spool=number, mass_g="-20", reason="spaghetti", context=context
    )
    book = (await call(hass, "list_stock_movements", spool=number, limit=2))["movements"]
    assert [(entry["kind"], entry["by"], entry["reason"]) for entry in book] == [
        ("adjustment", hass_admin_user.id, "spaghetti"),
        ("weighing", hass_admin_user.id, None),
    ]
    assert len((await call(hass, "list_stock_movements"))["movements"]) == 3


@pytest.mark.parametrize(
    ("action", "data", "key"),
    [
        ("weigh_spool", {"spool": 9, "net_g": 5}, "spool_unknown"),
        ("weigh_spool", {"spool": 1, "gross_g": 5}, "below_tare"),
        ("weigh_spool", {"spool": 1}, "no_weight"),
        ("change_material", {"material": "Nobody's", "price": 5}, "material_unknown"),
        ("add_spool", {"material": "PLA"}, "no_net"),
    ],
)
async def test_what_cannot_be_is_refused_in_words(
    hass: HomeAssistant, floor: Floor, action: str, data: dict[str, Any], key: str
) -> None:
    """An action that does nothing and says nothing is believed to have worked."""
    await floor.add()
    await a_spool(hass)
    await call(hass, "add_material", kind="PLA")
    with pytest.raises(ServiceValidationError) as refusal:
        await call(hass, action, **data)
    assert refusal.value.translation_key == key


async def test_a_spool_is_chosen_at_the_printer(hass: HomeAssistant, floor: Floor) -> None:
    """Nobody opens a table of actions to change a spool."""
    printer = await floor.add("Virtual One", "FLOOR1")
    slots = [slot.key for slot in printer.coordinator.data.slots]
    assert slots, "the virtual printer has a feeder"
    first, second = await a_spool(hass), await a_spool(hass)
    choice = entity_id(hass, "select", f"FLOOR1_slot_{slots[0]}_spool")
    shown = hass.states.get(choice)
    assert shown is not None
    assert shown.state == NOTHING
    assert shown.attributes["options"] == [
        NOTHING,
        "#2 Prusament PETG Jet Black",
        "#1 Prusament PETG Jet Black",
    ]

    async def choose(option: str) -> str:
        await hass.services.async_call(
            "select", "select_option", {"entity_id": choice, "option": option}, blocking=True
        )
        await hass.async_block_till_done()
        return state(hass, "select", f"FLOOR1_slot_{slots[0]}_spool").state

    assert await choose("#1 Prusament PETG Jet Black") == "#1 Prusament PETG Jet Black"
    hung = the_stock(hass).hung("FLOOR1")
    assert {slot: spool.number for slot, spool in hung.items()} == {slots[0]: first}
    shown = state(hass, "select", f"FLOOR1_slot_{slots[0]}_spool")
    assert (shown.attributes["spool"], shown.attributes["colour"]) == (first, "#1A1A1A")
    assert await choose(NOTHING) == NOTHING
    await call(hass, "hang_spool", device_id=printer.device_id, slot=slots[0], spool=second)
    assert state(hass, "select", f"FLOOR1_slot_{slots[0]}_spool").attributes["spool"] == second


async def test_a_slots_device_is_enough_to_hang_a_spool(
    hass: HomeAssistant, floor: Floor, device_registry: Any
) -> None:
    printer = await floor.add("Virtual One", "FLOOR1")
    number, slot = await a_spool(hass), printer.coordinator.data.slots[-1].key
    device = device_registry.async_get_child_device_by_identifier(
        slot_identifier("FLOOR1", slot), printer.entry.entry_id
    )
    told = await call(hass, "hang_spool", device_id=device.id, spool=number)
    assert told == {"printer_id": "FLOOR1", "slot": slot, "spool": number}
    await call(hass, "hang_spool", device_id=device.id)
    assert the_stock(hass).hung("FLOOR1") == {}


async def test_a_printer_with_one_place_needs_no_slot(hass: HomeAssistant, floor: Floor) -> None:
    printer = await floor.add("Virtual One", "FLOOR1")
    number = await a_spool(hass)
    told = await call(hass, "hang_spool", device_id=printer.device_id, spool=number)
    assert told["slot"] == printer.coordinator.data.slots[0].key


async def test_a_printer_without_slots_has_a_place_for_every_tool(
    hass: HomeAssistant, floor: Floor
) -> None:
    printer = await floor.add("Virtual One", "FLOOR1")
    coordinator = printer.coordinator
    for tools, keys in (
        ((), [("tool_0", "spool")]),
        ((0, 1), [("tool_0", "tool_spool"), ("tool_1", "tool_spool")]),
    ):
        coordinator.data = replace(
            coordinator.data, slots=(), tools=tuple(Tool(index=index) for index in tools)
        )
        made = [make() for _, make in spool_rows(coordinator)]
        assert [(each.place, each.translation_key) for each in made] == keys  # type: ignore[attr-defined]


async def test_a_place_that_is_not_there_is_refused(hass: HomeAssistant, floor: Floor) -> None:
    printer = await floor.add("Virtual One", "FLOOR1")
    printer.machine.slots.append(MachineSlot())
    await printer.show()
    number = await a_spool(hass)
    shop = er.async_get(hass).async_get(entity_id(hass, "sensor", f"{SHOP_ID}_stock"))
    assert shop is not None
    for data, key in (
        ({"device_id": printer.device_id}, "slot_ambiguous"),
        ({"device_id": printer.device_id, "slot": "9_9"}, "slot_missing"),
        ({"device_id": shop.device_id}, "not_a_printer"),
    ):
        with pytest.raises(ServiceValidationError) as refusal:
            await call(hass, "hang_spool", spool=number, **data)
        assert refusal.value.translation_key == key


async def test_who_may_not_touch_a_printer_may_not_change_its_spools(
    hass: HomeAssistant, floor: Floor, hass_read_only_user: MockUser, hass_admin_user: MockUser
) -> None:
    printer = await floor.add("Virtual One", "FLOOR1")
    number, slot = await a_spool(hass), printer.coordinator.data.slots[0].key
    data = {"device_id": printer.device_id, "slot": slot, "spool": number}
    with pytest.raises(Unauthorized):
        await call(hass, "hang_spool", context=Context(user_id=hass_read_only_user.id), **data)
    with pytest.raises(Unauthorized):
        await call(
            hass,
            "adjust_stock",
            context=Context(user_id=hass_read_only_user.id),
            spool=number,
            mass_g=5,
            reason="x",
        )
    assert the_stock(hass).hung("FLOOR1") == {}
    await call(hass, "hang_spool", context=Context(user_id=hass_admin_user.id), **data)
    assert the_stock(hass).hung("FLOOR1")


async def test_what_runs_low_is_told_shown_and_to_be_done(
    hass: HomeAssistant, floor: Floor, hass_ws_client: Any
) -> None:
    """The owner learns it on the phone, before a customer does."""
    assert await async_setup_component(hass, "todo", {})
    printer = await floor.add("Virtual One", "FLOOR1")
    heard: list[Mapping[str, Any]] = []
    hass.bus.async_listen(EVENT_STOCK, lambda event: heard.append(event.data))
    number = await a_spool(hass, left_g=150)
    await printer.begin()
    await floor.settle()
    assert state(hass, "binary_sensor", f"{SHOP_ID}_low_stock").state == STATE_OFF
    await use(hass, printer, number, 160)
    low = state(hass, "binary_sensor", f"{SHOP_ID}_low_stock")
    assert (low.state, low.attributes["materials"]) == (STATE_ON, ["Prusament PETG Jet Black"])
    (told,) = heard
    assert (told["kind"], told["left_g"], told["threshold_g"]) == ("low_stock", -10.0, 100.0)
    assert state(hass, "event", f"{SHOP_ID}_stock_event").attributes["event_type"] == "low_stock"
    tasks = entity_id(hass, "todo", f"{SHOP_ID}_stock_tasks")

    async def items() -> list[dict[str, Any]]:
        answer = await hass.services.async_call(
            "todo", "get_items", {"entity_id": tasks}, blocking=True, return_response=True
        )
        assert answer is not None
        found: list[dict[str, Any]] = answer[tasks]["items"]  # type: ignore[index,call-overload,assignment]
        return found

    assert [item["summary"] for item in await items()] == [
        "Buy Prusament PETG Jet Black (-10 g left)",
        "Weigh #1 Prusament PETG Jet Black: the book says -10 g",
    ]
    for uid in [item["uid"] for item in await items()]:
        await hass.services.async_call(
            "todo",
            "update_item",
            {"entity_id": tasks, "item": uid, "status": "completed"},
            blocking=True,
        )
    assert {item["status"] for item in await items()} == {"completed"}
    assert state(hass, "todo", f"{SHOP_ID}_stock_tasks").state == "0"
    await call(hass, "weigh_spool", spool=number, net_g=900)
    assert await items() == []
    assert state(hass, "binary_sensor", f"{SHOP_ID}_low_stock").state == STATE_OFF


async def test_a_print_that_will_run_dry_is_told_with_its_printer(
    hass: HomeAssistant, floor: Floor
) -> None:
    printer = await floor.add("Virtual One", "FLOOR1")
    number, slot = await a_spool(hass, left_g=120), printer.coordinator.data.slots[0].key
    await call(hass, "hang_spool", device_id=printer.device_id, slot=slot, spool=number)
    heard: list[Mapping[str, Any]] = []
    hass.bus.async_listen(EVENT_STOCK, lambda event: heard.append(event.data))
    key = "FLOOR1_not_enough"
    assert state(hass, "binary_sensor", key).state == STATE_OFF
    the_stock(hass).began("FLOOR1", uuid4(), [Need(slot=slot, mass_g=Decimal(200))], "benchy.gcode")
    await hass.async_block_till_done()
    shown = state(hass, "binary_sensor", key)
    assert shown.state == STATE_ON
    assert shown.attributes["slots"] == [
        {
            "slot": slot,
            "spool": "#1 Prusament PETG Jet Black",
            "needed_g": 200.0,
            "left_g": 120.0,
        }
    ]
    (told,) = heard
    assert (told["kind"], told["device_id"], told["printer"], told["file"]) == (
        "not_enough",
        printer.device_id,
        "Virtual One",
        "benchy.gcode",
    )
    the_stock(hass).began("GONE", uuid4(), [])
    the_stock(hass).ended("FLOOR1")
    await hass.async_block_till_done()
    assert state(hass, "binary_sensor", key).state == STATE_OFF


@pytest.mark.parametrize(
    ("read", "bad"),
    [
        (quantity(), "-1"),
        (quantity(), "nan"),
        (quantity(), "1e400"),
        (quantity(), True),
        (quantity(), None),
        (quantity(above=True), 0),
        (colour, "red"),
        (colour, [1, 2]),
        (word(5), "too long"),
        (word(5), "a\nb"),
        (word(5), " "),
    ],
    ids=range(11),
)
def test_fields_take_only_what_they_mean(read: Any, bad: object) -> None:
    """A template at three in the morning is checked like a person."""
    with pytest.raises(vol.Invalid):
        read(bad)


def test_fields_read_what_people_and_selectors_write() -> None:
    assert quantity()("12,5".replace(",", ".")) == Decimal("12.5")
    assert colour([26, 26, 26]) == colour("1a1a1a") == "#1A1A1A"
    assert colour("#1a1a1a80") == "#1A1A1A80"
    assert moment("2026-07-01T12:00:00+02:00").isoformat() == "2026-07-01T10:00:00+00:00"


def test_only_one_weight_is_given() -> None:
    schema = shop_schema_of(STOCK_ACTIONS["weigh_spool"])
    with pytest.raises(vol.Invalid):
        schema({"spool": 1, "net_g": 1, "gross_g": 2})
    assert shop_schema_of(STOCK_ACTIONS["add_material"])({"kind": "PLA"}) == {
        "kind": "PLA",
        "process": Process.FILAMENT,
    }


async def test_a_spoolman_is_brought_over(
    hass: HomeAssistant, floor: Floor, socket_enabled: None
) -> None:
    """Nobody types a hundred spools in again."""
    await floor.add()
    async with TestServer(SpoolmanSimulator().app) as server:
        url = str(server.make_url("")).rstrip("/")
        bench = Bench(url, async_get_clientsession(hass))
        await bench.add_spool(used_weight=200)
        told = await call(hass, "import_spoolman", url=url)
    assert told == {
        "materials_added": 1,
        "materials_changed": 0,
        "spools_added": 1,
        "spools_changed": 0,
        "weights_changed": 0,
        "skipped": [],
    }
    (spool,) = (await call(hass, "list_stock"))["spools"]
    assert (spool["label"], spool["remaining_g"]) == ("#1 Prusament PETG Jet Black", 800)
    with pytest.raises(HomeAssistantError) as refusal:
        await call(hass, "import_spoolman", url=url)
    assert refusal.value.translation_key == "spoolman_unreachable"
    with pytest.raises(ServiceValidationError):
        await call(hass, "import_spoolman")


async def test_a_spoolman_that_leads_does_not_seem_to_be_gone_at_a_restart(
    hass: HomeAssistant, floor: Floor, socket_enabled: None
) -> None:
    """What runs took, and it was not told yet, would be forgotten with it."""
    printer = await floor.add("Virtual One", "FLOOR1")
    shop = async_shop_entry(hass)
    assert shop is not None
    hass.config_entries.async_update_entry(
        shop, options={"stock": {"spoolman_url": "http://127.0.0.1:9"}}
    )
    await printer.restart()
    number, workshop = await a_spool(hass), async_get_workshop(hass)
    spool_id = workshop.stock.numbered(number).id
    now = workshop.clock.now()
    await workshop.store.run(stock.change_spool, spool_id, {"spoolman_id": 7}, now)
    await call(hass, "adjust_stock", spool=number, mass_g=-20, reason="spaghetti")
    (waits,) = await workshop.store.run(spoolman.waiting)
    await printer.restart()
    workshop = async_get_workshop(hass)
    assert await workshop.store.run(spoolman.waiting) == (waits,)


async def test_ids_of_materials_name_them_too(hass: HomeAssistant, floor: Floor) -> None:
    """Two blacks of one brand are told apart by their ids."""
    await floor.add()
    one = await call(hass, "add_material", kind="PLA", net_g=1000)
    two = await call(hass, "add_material", kind="PLA", net_g=1000)
    with pytest.raises(ServiceValidationError):
        await call(hass, "add_spool", material="PLA")
    bought = await call(hass, "add_spool", material=two["material"]["id"])
    assert UUID(bought["spool"]["material"]) != UUID(one["material"]["id"])


async def test_a_spoolman_that_is_gone_for_long_is_a_repair_issue(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Nobody reads logs: without a word the stock would be wrong for weeks."""
    await floor.add()
    keeper, registry = async_get_workshop(hass).spoolman, ir.async_get(hass)
    keeper._tell(Unreachable("status 503", key="spoolman_unreachable"))
    assert registry.async_get_issue(DOMAIN, "spoolman_gone") is not None
    keeper._tell(None)
    assert registry.async_get_issue(DOMAIN, "spoolman_gone") is None
