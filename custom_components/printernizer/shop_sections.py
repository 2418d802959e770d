"""The shop's settings as forms: which fields each section has, and how each is asked for.

The keys are those of the engine's settings (`engine/shop.py`), so that a form and what becomes of
it cannot drift apart; lists are objects with fields of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.helpers.selector import (
    BooleanSelector,
    DateSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    ObjectSelector,
    ObjectSelectorConfig,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
    TimeSelector,
)

from .engine.shop import LabourStep, LibraryPolicy, Purpose, Surcharge
from .watched_options import folder_fields

if TYPE_CHECKING:
    from collections.abc import Mapping

LARGEST: Final = 1_000_000.0
WEEKDAYS: Final = tuple("0123456")
LANGUAGES: Final = ("de", "en")


def _number(highest: float = LARGEST, *, unit: str | None = None, whole: bool = False) -> Any:
    config = NumberSelectorConfig(
        min=0, max=highest, step=1 if whole else "any", mode=NumberSelectorMode.BOX
    )
    if unit:
        config["unit_of_measurement"] = unit
    return NumberSelector(config)


def _choice(options: tuple[str, ...], key: str, *, multiple: bool = False) -> Any:
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            translation_key=key,
            multiple=multiple,
            mode=SelectSelectorMode.DROPDOWN,
        )
    )


def _objects(key: str, label: str, detail: str, fields: Mapping[str, tuple[Any, bool]]) -> Any:
    return ObjectSelector(
        ObjectSelectorConfig(
            fields={
                name: {"selector": selector, "required": required}
                for name, (selector, required) in fields.items()
            },
            multiple=True,
            label_field=label,
            description_field=detail,
            translation_key=key,
        )
    )


_PERCENT: Final = _number(100, unit="%")
_TEXT: Final = TextSelector()
_LONG_TEXT: Final = TextSelector(TextSelectorConfig(multiline=True))
_ENTITY: Final = EntitySelector(EntitySelectorConfig(domain=["sensor", "input_number", "number"]))
_MINUTES: Final = _number(10_000, unit="min")


type Fields = dict[str, Any]


def sections(currency: str) -> dict[str, Fields]:
    """Return the fields of every section; amounts are in this currency."""
    return {
        "company": _company(),
        "tax": _tax(),
        "costs": _costs(currency),
        "prices": _prices(currency),
        "energy": _energy(currency),
        "stock": _stock(currency),
        "documents": _documents(),
        "assignment": _assignment(),
        "library": {
            "keep_printed_files": BooleanSelector(),
            "quota_gb": _number(100_000, unit="GB"),
            "bin_days": _number(3_650, unit="d", whole=True),
            "downloads_days": _number(3_650, unit="d", whole=True),
            "replaced_days": _number(3_650, unit="d", whole=True),
        },
        "watched": folder_fields(),
        "retention": {
            "documents_years": _number(100, unit="a", whole=True),
            "customers_years": _number(100, unit="a", whole=True),
        },
    }


def shown_on(key: str) -> Mapping[str, bool]:
    """Return which switches of a section are on by default: forms show all others as off."""
    return {"keep_printed_files": LibraryPolicy().keep_printed_files} if key == "library" else {}


def _company() -> Fields:
    return {
        "name": _TEXT,
        "owner": _TEXT,
        "street": _TEXT,
        "postcode": _TEXT,
        "city": _TEXT,
        "country": _TEXT,
        "vat_id": _TEXT,
        "tax_number": _TEXT,
        "email": TextSelector(TextSelectorConfig(type=TextSelectorType.EMAIL)),
        "phone": TextSelector(TextSelectorConfig(type=TextSelectorType.TEL)),
        "iban": _TEXT,
        "bic": _TEXT,
        "bank": _TEXT,
    }


def _tax() -> Fields:
    rate = {"since": (DateSelector(), True), "percent": (_PERCENT, True)}
    return {
        "small_business": BooleanSelector(),
        "gross_first": BooleanSelector(),
        "rates": _objects("tax_rate", "percent", "since", rate),
    }


def _costs(currency: str) -> Fields:
    return {
        "labour_per_hour": _number(unit=f"{currency}/h"),
        **{f"{step.value}_minutes": _MINUTES for step in LabourStep},
        "per_piece": _choice(tuple(LabourStep), "labour_step", multiple=True),
        "overhead_percent": _number(1000, unit="%"),
        "failure_percent": _number(1000, unit="%"),
    }


def _prices(currency: str) -> Fields:
    money = _number(unit=currency)
    return {
        "surcharge": _choice(tuple(Surcharge), "surcharge"),
        "percent": _number(10_000, unit="%"),
        "discount_percent": _PERCENT,
        "minimum_per_order": money,
        "filament_per_g": _number(unit=f"{currency}/g"),
        "filament_minimum": money,
        "resin_per_g": _number(unit=f"{currency}/g"),
        "resin_minimum": money,
        "charge_failures": BooleanSelector(),
    }


def _energy(currency: str) -> Fields:
    band = {
        "begins": (TimeSelector(), True),
        "ends": (TimeSelector(), True),
        "per_kwh": (_number(unit=f"{currency}/kWh"), True),
        "weekdays": (_choice(WEEKDAYS, "weekday", multiple=True), False),
    }
    return {
        "per_kwh": _number(unit=f"{currency}/kWh"),
        "bands": _objects("price_band", "begins", "per_kwh", band),
        "price_entity": _ENTITY,
        "solar_entity": _ENTITY,
        "solar_per_kwh": _number(unit=f"{currency}/kWh"),
    }


def _stock(currency: str) -> Fields:
    return {
        "default_price_per_kg": _number(unit=f"{currency}/kg"),
        "default_price_per_l": _number(unit=f"{currency}/l"),
        "low_g": _number(100_000, unit="g"),
        "spoolman_url": TextSelector(TextSelectorConfig(type=TextSelectorType.URL)),
    }


def _documents() -> Fields:
    return {
        "invoice_pattern": _TEXT,
        "quote_pattern": _TEXT,
        "credit_pattern": _TEXT,
        "payment_days": _number(365, unit="d", whole=True),
        "quote_days": _number(365, unit="d", whole=True),
        "footer": _LONG_TEXT,
        "language": _choice(LANGUAGES, "language"),
    }


def _assignment() -> Fields:
    rule = {
        "purpose": (_choice(tuple(Purpose), "purpose"), True),
        "printer_id": (_TEXT, False),
        "folder": (_TEXT, False),
        "name_pattern": (_TEXT, False),
        "customer_id": (_TEXT, False),
    }
    return {
        "default_purpose": _choice(tuple(Purpose), "purpose"),
        "rules": _objects("assignment_rule", "purpose", "name_pattern", rule),
    }
