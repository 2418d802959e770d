"""An issue that a click can mend is mended by the click, and by nothing else."""

from __future__ import annotations

import homeassistant.helpers.issue_registry as ir
import pytest
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import issues
from custom_components.printernizer.const import CONF_FINGERPRINT, CONF_KIND, DOMAIN
from custom_components.printernizer.engine.errors import CertificateChanged, StoreError
from custom_components.printernizer.repairs import async_create_fix_flow

OLD, NEW = "aa" * 32, "bb" * 32


@pytest.fixture
async def entry(hass: HomeAssistant, enable_custom_integrations: None) -> MockConfigEntry:
    """Give a Bambu that shows a new certificate."""
    assert await async_setup_component(hass, DOMAIN, {})
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Blue",
        unique_id="S1",
        data={
            CONF_KIND: "bambu",
            "host": "127.0.0.1",
            "serial": "S1",
            "access_code": "12345678",
            CONF_FINGERPRINT: OLD,
        },
    )
    entry.add_to_hass(hass)
    issues.async_wrong_printer(hass, entry, CertificateChanged("new", fingerprint=NEW))
    return entry


async def test_the_new_certificate_is_shown_and_trusted_on_a_click(
    hass: HomeAssistant, entry: MockConfigEntry, hass_client: ClientSessionGenerator
) -> None:
    """The person must see both, to compare them with what the maker or a friend says."""
    assert await async_setup_component(hass, "repairs", {})
    client = await hass_client()
    issue_id = f"certificate_changed_{entry.entry_id}"
    form = await (
        await client.post("/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": issue_id})
    ).json()
    assert form["step_id"] == "confirm"
    shown = form["description_placeholders"]
    assert shown["printer"] == "Blue"
    assert shown["old"].startswith("AA:AA")
    assert shown["new"].startswith("BB:BB")
    assert entry.data[CONF_FINGERPRINT] == OLD
    done = await (await client.post(f"/api/repairs/issues/fix/{form['flow_id']}", json={})).json()
    assert done["type"] == "create_entry"
    assert entry.data[CONF_FINGERPRINT] == NEW
    assert ir.async_get(hass).async_get_issue(DOMAIN, issue_id) is None
    await hass.async_block_till_done()  # the entry is set up anew


async def _flow(hass: HomeAssistant, entry: MockConfigEntry) -> RepairsFlow:
    issue = ir.async_get(hass).async_get_issue(DOMAIN, f"certificate_changed_{entry.entry_id}")
    assert issue is not None
    flow = await async_create_fix_flow(hass, issue.issue_id, issue.data)
    flow.hass = hass
    return flow


async def test_a_printer_removed_meanwhile_has_nothing_to_trust(
    hass: HomeAssistant, entry: MockConfigEntry
) -> None:
    """The dialog may stand open for days."""
    flow = await _flow(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    result = await flow.async_step_init()
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "printer_removed"


async def test_an_issue_without_data_is_only_confirmed(hass: HomeAssistant) -> None:
    """Issues of other versions may come without what this one needs."""
    assert isinstance(await async_create_fix_flow(hass, "old", None), ConfirmRepairFlow)
    assert isinstance(await async_create_fix_flow(hass, "old", {"x": 1}), ConfirmRepairFlow)


@pytest.mark.parametrize("key", ["disk_full", "store_newer", "something_else"])
async def test_a_ledger_has_one_issue_however_many_printers_wait(
    hass: HomeAssistant, key: str
) -> None:
    """A hundred printers must not raise a hundred issues about one disk."""
    registry = ir.async_get(hass)
    for _ in range(3):
        issues.async_store_failed(hass, StoreError("why", key=key))
    assert [issue.issue_id for issue in registry.issues.values()] == [
        key if key in issues.STORE_KEYS else "store_failed"
    ]
    issues.async_store_opened(hass)
    assert not registry.issues


def test_a_fingerprint_is_shown_as_browsers_show_it() -> None:
    """People compare by eye."""
    assert issues.readable("ab12") == "AB:12"
    assert issues.readable(None) == "-"
