"""Options of the shop and of printers as the engine's values, and back into forms."""

from __future__ import annotations

from datetime import date, time
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from .const import CONF_ENERGY, CONF_MACHINE
from .engine.shop import (
    GERMAN_RATES,
    AssignmentRule,
    Company,
    CostPolicy,
    DocumentPolicy,
    EnergyPolicy,
    Labour,
    LabourStep,
    LibraryPolicy,
    MachineProfile,
    PowerModel,
    PriceBand,
    PricePolicy,
    Process,
    Purpose,
    RetentionPolicy,
    ShopSettings,
    StockPolicy,
    Surcharge,
    Tariff,
    TaxPolicy,
    TaxRate,
)
from .watched_options import watched_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant

type Options = Mapping[str, Any]

_NOTHING: Final[Options] = MappingProxyType({})


def shop_settings(hass: HomeAssistant, options: Options) -> ShopSettings:
    """Return the shop's settings; what its options do not say is Home Assistant's, or a default."""
    assignment = options.get("assignment", _NOTHING)
    return ShopSettings(
        currency=hass.config.currency,
        time_zone=hass.config.time_zone,
        company=_plain(Company, options.get("company", _NOTHING)),
        stock=_plain(StockPolicy, options.get("stock", _NOTHING)),
        costs=_costs(options.get("costs", _NOTHING)),
        prices=_prices(options.get("prices", _NOTHING)),
        tax=_tax(options.get("tax", _NOTHING)),
        energy=_energy(options.get("energy", _NOTHING)),
        documents=_plain(DocumentPolicy, options.get("documents", _NOTHING)),
        default_purpose=Purpose(assignment.get("default_purpose", Purpose.BUSINESS)),
        rules=tuple(
            _plain(AssignmentRule, rule, purpose=Purpose(rule["purpose"]))
            for rule in assignment.get("rules", ())
        ),
        library=_plain(LibraryPolicy, options.get("library", _NOTHING)),
        watched=tuple(watched_folders(hass, options.get("watched", _NOTHING))),
        retention=_plain(RetentionPolicy, options.get("retention", _NOTHING)),
    )


def machine_profile(options: Options) -> MachineProfile:
    """Return what the options of a printer say of its costs and its energy."""
    energy = options.get(CONF_ENERGY, _NOTHING)
    machine = options.get(CONF_MACHINE, _NOTHING)
    return _plain(
        MachineProfile,
        {**machine, **energy},
        power=_plain(PowerModel, energy) if energy.get("estimate", True) else None,
        process=Process(machine.get("process", Process.FILAMENT)),
    )


def amount(value: float | str) -> Decimal:
    """Return a number of a form as it was typed: 0.1 is a tenth, and not nearly so."""
    return Decimal(str(value))


def _plain[T](kind: type[T], said: Options, **known: Any) -> T:
    """Fill a value of the engine with what a form says; the rest keeps its defaults."""
    fields: dict[str, Any] = dict(known)
    for name, annotation in kind.__annotations__.items():
        if name in known or name not in said or said[name] in (None, ""):
            continue
        fields[name] = _typed(said[name], str(annotation))
    return kind(**fields)


def _typed(value: Any, annotation: str) -> Any:
    if "Decimal" in annotation:
        return amount(value)
    if annotation == "int":
        return int(value)
    return value.strip() if isinstance(value, str) else value


def _costs(said: Options) -> CostPolicy:
    each_piece = frozenset(said.get("per_piece", ()))
    return _plain(
        CostPolicy,
        said,
        labour=tuple(
            Labour(step=step, minutes=amount(minutes), per_piece=step.value in each_piece)
            for step in LabourStep
            if (minutes := said.get(f"{step.value}_minutes"))
        ),
    )


def _prices(said: Options) -> PricePolicy:
    return _plain(
        PricePolicy,
        said,
        surcharge=Surcharge(said.get("surcharge", Surcharge.MARKUP)),
        tariffs=tuple(
            Tariff(
                process=process,
                per_unit=amount(per_gram),
                minimum=amount(said.get(f"{process.value}_minimum") or 0),
            )
            for process in Process
            if (per_gram := said.get(f"{process.value}_per_g"))
        ),
    )


def _tax(said: Options) -> TaxPolicy:
    rates = tuple(
        sorted(
            (
                TaxRate(since=date.fromisoformat(rate["since"]), percent=amount(rate["percent"]))
                for rate in said.get("rates", ())
            ),
            key=lambda rate: rate.since,
        )
    )
    return _plain(TaxPolicy, said, rates=rates or GERMAN_RATES)


def _energy(said: Options) -> EnergyPolicy:
    return _plain(
        EnergyPolicy,
        said,
        bands=tuple(
            PriceBand(
                begins=time.fromisoformat(band["begins"]),
                ends=time.fromisoformat(band["ends"]),
                per_kwh=amount(band["per_kwh"]),
                weekdays=frozenset(map(int, band.get("weekdays") or range(7))),
            )
            for band in said.get("bands", ())
        ),
    )
