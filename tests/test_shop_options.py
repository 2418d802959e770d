"""The shop's settings: every section asks for what the engine knows, and refuses what cannot be."""

from __future__ import annotations

import dataclasses
from datetime import date, time
from decimal import Decimal
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.selector import BooleanSelector

from custom_components.printernizer.engine.shop import (
    GERMAN_RATES,
    LabourStep,
    Process,
    Purpose,
    ShopSettings,
    Surcharge,
)
from custom_components.printernizer.runtime import async_get_workshop, async_shop_entry
from custom_components.printernizer.shop_options import ShopOptionsFlow
from custom_components.printernizer.shop_sections import sections
from custom_components.printernizer.shop_settings import shop_settings
from tests.shop_floor import Floor, floor  # noqa: F401

FILLED: dict[str, dict[str, Any]] = {
    "company": {
        "name": "Druckwerk",
        "owner": "A. Muster",
        "street": "Gasse 1",
        "postcode": "10115",
        "city": "Berlin",
        "country": "AT",
        "vat_id": " DE123456788 ",
        "tax_number": "12/345",
        "email": "post@example.org",
        "phone": "030 1",
        "iban": "DE89 3704 0044 0532 0130 00",
        "bic": "COBADEFFXXX",
        "bank": "Bank",
    },
    "tax": {
        "small_business": True,
        "gross_first": True,
        "rates": [
            {"since": "2027-01-01", "percent": 20},
            {"since": "2007-01-01", "percent": 19},
        ],
    },
    "costs": {
        "labour_per_hour": 30.5,
        "setup_minutes": 5,
        "removal_minutes": 1,
        "post_processing_minutes": 1,
        "packing_minutes": 2.5,
        "per_piece": ["packing"],
        "overhead_percent": 10,
        "failure_percent": 5,
    },
    "prices": {
        "surcharge": "margin",
        "percent": 40,
        "discount_percent": 3,
        "minimum_per_order": 10,
        "filament_per_g": 0.1,
        "filament_minimum": 3,
        "resin_per_g": 0.2,
        "resin_minimum": 1,
        "charge_failures": True,
    },
    "energy": {
        "per_kwh": 0.3245,
        "bands": [
            {"begins": "22:00:00", "ends": "06:00:00", "per_kwh": 0.2, "weekdays": ["0", "6"]},
            {"begins": "06:00:00", "ends": "22:00:00", "per_kwh": 0.35},
        ],
        "price_entity": "sensor.price",
        "solar_entity": "sensor.solar",
        "solar_per_kwh": 0.08,
    },
    "stock": {
        "default_price_per_kg": 24.99,
        "default_price_per_l": 30,
        "low_g": 150,
        "spoolman_url": "http://spool:7912",
    },
    "documents": {
        "invoice_pattern": "R{year}{number:05d}",
        "quote_pattern": "A{number}",
        "credit_pattern": "S{number}",
        "payment_days": 30,
        "quote_days": 7,
        "footer": "Danke!",
        "language": "en",
    },
    "assignment": {
        "default_purpose": "private",
        "rules": [{"purpose": "business", "name_pattern": "kunde_*"}],
    },
    "library": {
        "keep_printed_files": False,
        "quota_gb": 2.5,
        "bin_days": 7,
        "downloads_days": 60,
        "replaced_days": 14,
    },
    "retention": {"documents_years": 8, "customers_years": 2},
}


async def _section(hass: HomeAssistant, key: str, typed: dict[str, Any]) -> Any:
    shop = async_shop_entry(hass)
    assert shop is not None
    menu = await hass.config_entries.options.async_init(shop.entry_id)
    assert menu["type"] is FlowResultType.MENU
    form = await hass.config_entries.options.async_configure(menu["flow_id"], {"next_step_id": key})
    assert form["step_id"] == key
    done = await hass.config_entries.options.async_configure(form["flow_id"], typed)
    await hass.async_block_till_done()
    return done


def _settings(hass: HomeAssistant) -> ShopSettings:
    return async_get_workshop(hass).settings.shop


async def test_defaults_work_on_the_first_day(hass: HomeAssistant, floor: Floor) -> None:
    """Nobody should have to fill in nine forms before the first print is reckoned."""
    await floor.add()
    hass.config.currency, hass.config.time_zone = "CHF", "Europe/Zurich"
    hass.bus.async_fire("core_config_updated")
    await hass.async_block_till_done()
    assert _settings(hass) == ShopSettings(currency="CHF", time_zone="Europe/Zurich")
    assert _settings(hass).tax.rates == GERMAN_RATES


async def test_what_is_typed_is_what_the_shop_reckons_with(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A tenth that becomes 0.1000000000000000055 is a cent on the wrong side some day."""
    await floor.add()
    for key, typed in FILLED.items():
        done = await _section(hass, key, typed)
        assert done["type"] is FlowResultType.CREATE_ENTRY, key
    settings = _settings(hass)
    assert settings.company.vat_id == "DE123456788"
    assert settings.company.complete
    assert settings.tax.small_business
    assert [rate.since for rate in settings.tax.rates] == [date(2007, 1, 1), date(2027, 1, 1)]
    assert settings.costs.labour_per_hour == Decimal("30.5")
    labour = [(each.step, each.minutes, each.per_piece) for each in settings.costs.labour]
    assert len(labour) == 4
    assert labour[0] == (LabourStep.SETUP, Decimal(5), False)
    assert labour[-1] == (LabourStep.PACKING, Decimal("2.5"), True)
    assert settings.prices.surcharge is Surcharge.MARGIN
    assert settings.prices.charge_failures
    filament, resin = settings.prices.tariffs
    assert (filament.process, filament.per_unit, filament.minimum) == (
        Process.FILAMENT,
        Decimal("0.1"),
        Decimal(3),
    )
    assert (resin.per_unit, resin.minimum) == (Decimal("0.2"), Decimal(1))
    night, day = settings.energy.bands
    assert (night.begins, night.ends, night.per_kwh) == (time(22), time(6), Decimal("0.2"))
    assert night.weekdays == {0, 6}
    assert day.weekdays == set(range(7))
    assert settings.energy.price_entity == "sensor.price"
    assert settings.stock.default_price_per_kg == Decimal("24.99")
    assert settings.stock.spoolman_url == "http://spool:7912"
    assert (settings.documents.payment_days, settings.documents.language) == (30, "en")
    assert settings.default_purpose is Purpose.PRIVATE
    assert settings.rules[0].purpose is Purpose.BUSINESS
    assert settings.rules[0].name_pattern == "kunde_*"
    assert settings.retention.documents_years == 8
    assert settings.retention.customers_years == 2
    assert settings.library.quota.bytes == 2_500_000_000
    assert (settings.library.keep_printed_files, settings.library.bin_days) == (False, 7)
    assert (settings.library.downloads_days, settings.library.replaced_days) == (60, 14)


async def test_a_field_left_empty_has_its_default_again(hass: HomeAssistant, floor: Floor) -> None:
    """There is no other way to take something back."""
    await floor.add()
    await _section(hass, "stock", {"low_g": 10})
    assert _settings(hass).stock.low_g == 10
    await _section(hass, "stock", {})
    assert _settings(hass).stock.low_g == 100


@pytest.mark.parametrize(
    ("key", "typed", "wrong"),
    [
        ("company", {"iban": "DE00 3704 0044 0532 0130 00"}, {"iban": "no_iban"}),
        ("company", {"iban": "no account"}, {"iban": "no_iban"}),
        ("company", {"country": "Germany"}, {"country": "no_country"}),
        ("company", {"name": "x" * 2001}, {"name": "too_long"}),
        ("documents", {"invoice_pattern": "RE"}, {"invoice_pattern": "no_number"}),
        ("documents", {"invoice_pattern": "{number} {month}"}, {"invoice_pattern": "no_number"}),
        ("documents", {"quote_pattern": "{number"}, {"quote_pattern": "no_number"}),
        ("documents", {"quote_pattern": "{number:99999999d}"}, {"quote_pattern": "no_number"}),
        ("documents", {"quote_pattern": "Angebot #{number}"}, {"quote_pattern": "no_number"}),
        ("documents", {"invoice_pattern": "RE{number:04}"}, {"invoice_pattern": "no_number"}),
        ("documents", {"credit_pattern": "{number}{number}"}, {"credit_pattern": "no_number"}),
        ("stock", {"spoolman_url": "spool"}, {"spoolman_url": "no_web_address"}),
        ("stock", {"spoolman_url": "http://[bad"}, {"spoolman_url": "no_web_address"}),
        ("prices", {"surcharge": "margin", "percent": 100}, {"percent": "margin_too_high"}),
        (
            "energy",
            {"bands": [{"begins": "6:00", "ends": "08:00:00", "per_kwh": 1}]},
            {"base": "unreadable"},
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else str(value),
)
async def test_what_cannot_be_is_refused_at_its_field(
    hass: HomeAssistant, floor: Floor, key: str, typed: dict[str, Any], wrong: dict[str, str]
) -> None:
    """A wrong account number is found out by the customer who cannot pay."""
    await floor.add()
    form = await _section(hass, key, typed)
    assert form["type"] is FlowResultType.FORM
    assert form["errors"] == wrong
    shop = async_shop_entry(hass)
    assert shop is not None
    assert key not in shop.options


def test_every_field_of_every_section_means_something(hass: HomeAssistant) -> None:
    """A field that nobody reads is a lie to the person who fills it in."""
    asked = {key: set(fields) for key, fields in sections("EUR").items()}
    # Watched folders need real ones: tests/test_watched_options.py.
    assert asked.pop("watched") == {"folders"}
    assert asked == {key: set(fields) for key, fields in FILLED.items()}
    whole = shop_settings(hass, FILLED)
    for key, fields in FILLED.items():
        assert hasattr(ShopOptionsFlow, f"async_step_{key}")
        for field in fields:
            without = {name: said for name, said in fields.items() if name != field}
            assert shop_settings(hass, FILLED | {key: without}) != whole, field


async def test_a_switch_is_shown_as_what_it_means_when_nobody_touched_it(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A switch that looks off and is on is switched on by who wants it off."""
    await floor.add()
    shop = async_shop_entry(hass)
    assert shop is not None
    settings = shop_settings(hass, {})
    parts = [getattr(settings, each.name) for each in dataclasses.fields(settings)]
    meant = {
        each.name: getattr(part, each.name)
        for part in parts
        if dataclasses.is_dataclass(part)
        for each in dataclasses.fields(part)
    }
    seen = 0
    for key, asked in sections("EUR").items():
        menu = await hass.config_entries.options.async_init(shop.entry_id)
        form = await hass.config_entries.options.async_configure(
            menu["flow_id"], {"next_step_id": key}
        )
        for marker in form["data_schema"].schema:
            if isinstance(asked[marker.schema], BooleanSelector):
                shown = (marker.description or {}).get("suggested_value", False)
                assert shown is meant[marker.schema], marker.schema
                seen += 1
    assert seen > 3
