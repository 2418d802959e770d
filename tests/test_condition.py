"""Conditions, as automations test them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import voluptuous as vol
from homeassistant.core import HomeAssistant
from homeassistant.helpers.condition import async_from_config, async_validate_condition_config
from homeassistant.helpers.update_coordinator import UpdateFailed
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.condition import CONDITIONS, RULES, is_cool
from custom_components.printernizer.const import CONF_KIND, DOMAIN, KIND_SHOP
from custom_components.printernizer.engine.printer import (
    PrinterState,
    PrinterStatus,
    Temperature,
    Tool,
)
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures

COLD = Temperature(actual_c=24.0, target_c=0.0)
HOT = Temperature(actual_c=215.0, target_c=0.0)
WARMING = Temperature(actual_c=24.0, target_c=60.0)
SILENT = Temperature()


async def holds(hass: HomeAssistant, key: str, **config: Any) -> bool | None:
    """Test a condition the way an automation does."""
    config = {"condition": f"printernizer.{key}", **config}
    config = await async_validate_condition_config(hass, config)
    checker = await async_from_config(hass, config)
    try:
        return checker.async_check()
    finally:
        checker.async_unload()


def pretend(printer: Printer, **facts: Any) -> None:
    """Let a printer be like this."""
    printer.coordinator.async_set_updated_data(replace(printer.coordinator.data, **facts))


@pytest.mark.parametrize(
    ("state", "true"),
    [
        (PrinterState.IDLE, {"printer_is_free"}),
        (PrinterState.FINISHED, {"printer_is_free"}),
        (PrinterState.FAILED, {"printer_is_free"}),
        (PrinterState.CANCELLED, {"printer_is_free"}),
        (PrinterState.PREPARING, {"job_is_running"}),
        (PrinterState.PRINTING, {"job_is_running", "printer_is_printing"}),
        (PrinterState.PAUSED, {"job_is_running"}),
        (PrinterState.ATTENTION, {"job_is_running", "printer_needs_attention"}),
        (PrinterState.BUSY, set()),
        (PrinterState.OFFLINE, set()),
        (PrinterState.UNKNOWN, set()),
    ],
)
async def test_each_state_meets_just_the_conditions_it_should(
    floor: Floor, state: PrinterState, true: set[str]
) -> None:
    """A start sent to a busy printer, a light off in the middle of a print: it begins here."""
    printer = await floor.add()
    pretend(printer, state=state)
    assert {
        key for key in CONDITIONS if key != "printer_is_cool" and await holds(floor.hass, key)
    } == true


async def test_a_printer_that_is_gone_meets_no_condition(floor: Floor) -> None:
    """What was true before the line dropped is not known to be true now."""
    printer = await floor.add()
    assert await holds(floor.hass, "printer_is_free")
    assert await holds(floor.hass, "printer_is_cool")
    printer.coordinator.async_set_update_error(UpdateFailed())
    for key in CONDITIONS:
        assert not await holds(floor.hass, key)
    assert await floor.hass.config_entries.async_unload(printer.entry.entry_id)
    for key in CONDITIONS:
        assert not await holds(floor.hass, key)


async def test_without_any_printer_nothing_holds(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """ "All of no printers are cool" must not cut the power. The shop is not a printer."""
    MockConfigEntry(domain=DOMAIN, data={CONF_KIND: KIND_SHOP}).add_to_hass(hass)
    for key in CONDITIONS:
        assert not await holds(hass, key, options={"behavior": "all"})


async def test_any_and_all_and_targets_choose_among_printers(floor: Floor) -> None:
    """One relay for three printers may only open when all of them rest."""
    left, right = await floor.add("Left"), await floor.add("Right")
    pretend(left, state=PrinterState.PRINTING)
    hass, left_only = floor.hass, {"device_id": left.device_id}
    assert await holds(hass, "printer_is_printing")
    assert await holds(hass, "printer_is_printing", options={"behavior": "any"})
    assert not await holds(hass, "printer_is_printing", options={"behavior": "all"})
    assert await holds(hass, "printer_is_printing", target=left_only)
    assert not await holds(hass, "printer_is_printing", target={"device_id": right.device_id})
    assert not await holds(hass, "printer_is_printing", target={"device_id": "nobody"})
    assert not await holds(hass, "printer_is_cool")
    assert await holds(hass, "printer_is_cool", options={"behavior": "any"})
    assert await holds(hass, "printer_is_cool", target={"device_id": right.device_id})


@pytest.mark.parametrize("key", sorted(RULES))
@pytest.mark.parametrize(
    "options", [{"behavior": "most"}, {"colour": "red"}, {"below": "hot"}, {"below": 500}]
)
async def test_nonsense_is_refused_when_saving(
    floor: Floor, key: str, options: dict[str, Any]
) -> None:
    """Found out in the editor, not at three in the morning."""
    await floor.add()
    with pytest.raises(vol.Invalid):
        await holds(floor.hass, key, options=options)


@pytest.mark.parametrize(
    ("facts", "cool"),
    [
        ({"tools": (Tool(index=0, temperature=COLD),), "bed": COLD}, True),
        ({"tools": (Tool(index=0, temperature=COLD),)}, True),
        ({"tools": (Tool(index=0, temperature=HOT),), "bed": COLD}, False),
        ({"tools": (Tool(index=0, temperature=COLD), Tool(index=1, temperature=HOT))}, False),
        ({"tools": (Tool(index=0, temperature=COLD),), "bed": HOT}, False),
        ({"tools": (Tool(index=0, temperature=COLD),), "bed": WARMING}, False),
        ({"tools": (Tool(index=0, temperature=WARMING),), "bed": COLD}, False),
        ({"tools": (Tool(index=0, temperature=SILENT),), "bed": COLD}, False),
        ({"tools": (Tool(index=0, temperature=COLD),), "bed": SILENT}, True),
        ({"tools": (), "bed": SILENT}, False),
        ({}, False),
        ({"tools": (Tool(index=0, temperature=COLD),), "chamber": WARMING}, False),
        (
            {
                "tools": (Tool(index=0, temperature=COLD),),
                "chamber": Temperature(actual_c=55.0, target_c=0.0),
            },
            True,
        ),
    ],
)
def test_only_what_is_known_to_be_cool_is_cool(facts: dict[str, Any], cool: bool) -> None:
    """Power cut on a hot nozzle clogs it, and a guess is how that happens."""
    assert is_cool(PrinterStatus(state=PrinterState.IDLE, **facts), 50.0) is cool


@pytest.mark.parametrize("state", list(PrinterState))
def test_a_printer_at_work_is_never_cool(state: PrinterState) -> None:
    """A paused print at room temperature is still a print."""
    status = PrinterStatus(state=state, tools=(Tool(index=0, temperature=COLD),), bed=COLD)
    assert is_cool(status, 50.0) is status.ready


async def test_the_limit_can_be_chosen(floor: Floor) -> None:
    """A printer in an enclosure in July."""
    printer = await floor.add()
    warm = Temperature(actual_c=55.0, target_c=0.0)
    pretend(printer, tools=(Tool(index=0, temperature=warm),))
    assert not await holds(floor.hass, "printer_is_cool")
    assert await holds(floor.hass, "printer_is_cool", options={"below": 60})
