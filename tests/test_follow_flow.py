"""A printer that another integration has is added by choosing its device."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock, patch

import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, DOMAIN
from custom_components.printernizer.engine.drivers.registry import PrinterKind
from custom_components.printernizer.engine.printer import (
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
)
from custom_components.printernizer.probe import Found
from tests.followed_sources import Source, bambu, moonraker, octoprint, source

pytestmark = pytest.mark.usefixtures("enable_custom_integrations")


async def _begin(hass: HomeAssistant) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert "followed" in result["menu_options"]
    return await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": "followed"}
    )


async def _type(hass: HomeAssistant, form: ConfigFlowResult, **typed: Any) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    await hass.async_block_till_done()
    return result


async def _choose(hass: HomeAssistant, made: Source) -> ConfigFlowResult:
    form = await _begin(hass)
    assert form["step_id"] == "followed"
    return await _type(hass, form, device=f"{made.domain} {made.identifier}")


def _offered(form: ConfigFlowResult) -> list[str]:
    schema = form["data_schema"]
    assert schema is not None
    (selector,) = schema.schema.values()
    return [option["label"] for option in selector.config["options"]]


async def test_a_device_is_chosen_and_followed(hass: HomeAssistant) -> None:
    """Three clicks, and no address or key."""
    made = bambu(hass)
    form = await _begin(hass)
    assert _offered(form) == ["A1_03900A000000001 (Bambu Lab)"]
    form = await _type(hass, form, device=f"bambu_lab {made.identifier}")
    assert form["step_id"] == "followed_confirm"
    assert form["data_schema"] is not None
    assert not form["data_schema"].schema
    result = await _type(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "A1_03900A000000001"
    entry = result["result"]
    assert entry.unique_id == made.identifier
    assert entry.data == {
        CONF_KIND: "followed",
        "source": "bambu_lab",
        "identifier": made.identifier,
        "serial": made.identifier,
    }
    assert entry.state is ConfigEntryState.LOADED
    assert entry.runtime_data.coordinator.data.state is PrinterState.IDLE
    await hass.config_entries.async_unload(entry.entry_id)


async def test_printers_of_all_sources_are_offered_and_ours_are_not(hass: HomeAssistant) -> None:
    """A printer in the list twice would be in the ledger twice."""
    made = [bambu(hass), moonraker(hass), octoprint(hass)]
    bare = source(hass, "prusalink", name="Without a state")
    bare.add("sensor", "{id}_job.progress", "0")
    MockConfigEntry(
        domain=DOMAIN, unique_id=made[0].identifier, data={CONF_KIND: "bambu"}
    ).add_to_hass(hass)
    assert _offered(await _begin(hass)) == ["voron (Moonraker)", "OctoPrint (OctoPrint)"]


async def test_without_any_device_the_flow_says_which_integrations_count(
    hass: HomeAssistant,
) -> None:
    """An empty list explains nothing."""
    assert (await _begin(hass))["reason"] == "nothing_to_follow"


async def test_a_printer_with_a_line_of_its_own_is_not_followed_too(hass: HomeAssistant) -> None:
    """It would print everything twice."""
    made = bambu(hass)
    MockConfigEntry(
        domain=DOMAIN, unique_id=made.identifier, data={CONF_KIND: "bambu"}
    ).add_to_hass(hass)
    assert (await _begin(hass))["reason"] == "already_configured"


async def test_a_printer_added_meanwhile_is_not_added_again(hass: HomeAssistant) -> None:
    """Two people, or two tabs."""
    made = bambu(hass)
    form = await _choose(hass, made)
    MockConfigEntry(
        domain=DOMAIN, unique_id=made.identifier, data={CONF_KIND: "bambu"}
    ).add_to_hass(hass)
    assert (await _type(hass, form))["reason"] == "already_configured"


async def test_a_followed_printer_is_not_given_a_line_of_its_own_too(hass: HomeAssistant) -> None:
    """The other way round; and its entry is not bent to an address."""
    made = bambu(hass)
    followed = MockConfigEntry(
        domain=DOMAIN,
        unique_id=made.identifier,
        data={CONF_KIND: "followed", "source": "bambu_lab", "identifier": made.identifier},
    )
    followed.add_to_hass(hass)
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": "prusalink"}
    )
    found = Found(
        identity=PrinterIdentity(serial=made.identifier, maker="Bambu Lab"),
        status=PrinterStatus(state=PrinterState.IDLE),
    )
    with patch("custom_components.printernizer.printer_flow.async_probe", return_value=found):
        result = await _type(hass, form, host="127.0.0.1", username="maker", password="x")
    assert result["reason"] == "already_configured"
    assert "host" not in followed.data


async def test_what_is_lacking_is_told_and_what_is_disabled_is_enabled(
    hass: HomeAssistant,
) -> None:
    """A person finds out here, not after a week without temperatures."""
    made = source(hass, "prusalink", serial="CZPX1", name="Core One")
    made.add("sensor", "{id}_printer.state", "idle")
    nozzle = made.add("sensor", "{id}_printer.telemetry.temp-nozzle", disabled=True)
    kept = made.add("sensor", "{id}_printer.telemetry.temp-bed")
    registry = er.async_get(hass)
    registry.async_update_entity(kept, disabled_by=er.RegistryEntryDisabler.USER)
    form = await _choose(hass, made)
    told = form["description_placeholders"]
    assert told is not None
    assert (told["printer"], told["source"], told["disabled"]) == ("Core One", "PrusaLink", nozzle)
    assert "camera" in told["lacking"]
    assert "temperatures" not in told["lacking"].split(", ")
    with patch.object(hass.config_entries, "async_reload", AsyncMock()) as reload:
        result = await _type(hass, form, enable=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    reload.assert_awaited_with(made.entry.entry_id)
    assert registry.entities[nozzle].disabled_by is None
    assert registry.entities[kept].disabled_by is er.RegistryEntryDisabler.USER
    await hass.config_entries.async_unload(result["result"].entry_id)


async def test_nothing_is_enabled_against_a_persons_will(hass: HomeAssistant) -> None:
    """They may have reasons."""
    made = bambu(hass)
    chamber = made.add("sensor", "{id}_chamber_temp", disabled=True)
    result = await _type(hass, await _choose(hass, made), enable=False)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert er.async_get(hass).entities[chamber].disabled
    await hass.config_entries.async_unload(result["result"].entry_id)


async def test_a_source_that_is_silent_is_told_and_can_be_tried_again(hass: HomeAssistant) -> None:
    """Its integration may just be starting."""
    made = bambu(hass, print_status="unavailable")
    form = await _type(hass, await _choose(hass, made))
    assert form["errors"] == {"base": "source_unavailable"}
    made.show("{id}_print_status", "idle")
    result = await _type(hass, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.config_entries.async_unload(result["result"].entry_id)


async def test_a_followed_printer_has_no_address_to_change(hass: HomeAssistant) -> None:
    """Its device is found by its serial number, wherever it goes."""
    entry = MockConfigEntry(domain=DOMAIN, unique_id="X", data={CONF_KIND: PrinterKind.FOLLOWED})
    entry.add_to_hass(hass)
    assert (await entry.start_reconfigure_flow(hass))["reason"] == "nothing_to_reconfigure"
