"""What the ninety days took and cost: spools used up, accounts of all jobs, customers, invoices.

As with the jobs themselves no row is made up: evidence goes through the integration's own
reckoning, and what follows is written by its own store.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from custom_components.printernizer.engine.account import Confidence, EnergyUse, Source
from custom_components.printernizer.engine.assignment import assigned
from custom_components.printernizer.engine.extrusion import Extrusion, ToolExtrusion
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.material import Material, Spool
from custom_components.printernizer.engine.money import exact
from custom_components.printernizer.engine.order import Position, PositionKind
from custom_components.printernizer.engine.reckoning import Evidence, reckon
from custom_components.printernizer.engine.run_watch import RunWatch, hung_spool
from custom_components.printernizer.engine.shop import (
    AssignmentRule,
    Company,
    CostPolicy,
    Labour,
    LabourStep,
    MachineProfile,
    PricePolicy,
    Purpose,
    ShopSettings,
)
from custom_components.printernizer.engine.store import accounts, jobs, slots, stock
from custom_components.printernizer.engine.workshop.office import Office
from custom_components.printernizer.engine.workshop.settings import Settings

from .past import PastClock

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from custom_components.printernizer.engine.job import Job
    from custom_components.printernizer.engine.store.database import Store

_ZONE: Final = "Europe/Berlin"
_IDS: Final = UUID("5f0f7a52-7d0c-5a64-9e0b-6f6f8f2b8a10")
_GRAMS_PER_LAYER: Final = 0.35
_KWH_PER_HOUR: Final = Decimal("0.12")
_PER_KWH: Final = Decimal("0.31")
_MATERIALS: Final = (
    ("PLA", "Filamentwerk", "Galaxy black", "#26262B", "1.24", "24.90"),
    ("PETG", "Filamentwerk", "Signal orange", "#F47B20", "1.27", "27.50"),
    ("PLA", "Nordfaser", "Snow white", "#F4F4F0", "1.24", "19.90"),
    ("ASA", "Nordfaser", "Slate grey", "#5C6670", "1.07", "32.00"),
)
_CUSTOMERS: Final[tuple[dict[str, Any], ...]] = (
    {
        "name": "Musterbau GmbH",
        "business": True,
        "street": "Werkstraße 12",
        "postcode": "10999",
        "city": "Berlin",
        "email": "einkauf@musterbau.example",
    },
    {
        "name": "Café Lindenhof",
        "business": True,
        "street": "Am Markt 3",
        "postcode": "14467",
        "city": "Potsdam",
        "email": "post@lindenhof.example",
    },
    {
        "name": "Erika Beispiel",
        "street": "Gartenweg 7",
        "postcode": "15711",
        "city": "Königs Wusterhausen",
        "email": "erika@beispiel.example",
    },
)

SHOP_OPTIONS: Final[dict[str, Any]] = {
    "company": {
        "name": "Druckwerk Demo",
        "owner": "Alex Beispiel",
        "street": "Beispielstraße 1",
        "postcode": "10115",
        "city": "Berlin",
        "country": "DE",
        "tax_number": "12/345/67890",
        "email": "hallo@druckwerk.example",
        "iban": "DE89370400440532013000",
        "bank": "Beispielbank",
    },
    "costs": {
        "labour_per_hour": 32,
        "setup_minutes": 3,
        "removal_minutes": 2,
        "overhead_percent": 8,
        "failure_percent": 5,
    },
    "prices": {"surcharge": "markup", "percent": 60, "minimum_per_order": 8},
    "energy": {"per_kwh": 0.31},
    "assignment": {"rules": [{"purpose": "private", "name_pattern": "gridfinity*"}]},
}
"""As the owner would have typed them; `SETTINGS` is what they mean."""

SETTINGS: Final = ShopSettings(
    currency="EUR",
    time_zone=_ZONE,
    company=Company(
        name="Druckwerk Demo",
        owner="Alex Beispiel",
        street="Beispielstraße 1",
        postcode="10115",
        city="Berlin",
        tax_number="12/345/67890",
        email="hallo@druckwerk.example",
        iban="DE89370400440532013000",
        bank="Beispielbank",
    ),
    costs=CostPolicy(
        labour_per_hour=Decimal(32),
        labour=(
            Labour(step=LabourStep.SETUP, minutes=Decimal(3)),
            Labour(step=LabourStep.REMOVAL, minutes=Decimal(2)),
        ),
        overhead_percent=Decimal(8),
        failure_percent=Decimal(5),
    ),
    prices=PricePolicy(percent=Decimal(60), minimum_per_order=Decimal(8)),
    rules=(AssignmentRule(purpose=Purpose.PRIVATE, name_pattern="gridfinity*"),),
)
_MACHINE: Final = MachineProfile(
    purchase=Decimal(900), residual=Decimal(150), maintenance_per_hour=Decimal("0.08")
)


@dataclass(slots=True)
class _Holder:
    """The place for a spool on one printer."""

    printer_id: str
    slot: str
    material: Material
    spool: Spool | None = None
    left_g: Decimal = Decimal(0)
    bought: int = 0


async def write_back_office(store: Store, places: Sequence[tuple[str, str]]) -> None:
    """Write what all closed jobs took; `places`: (printer id, slot) of the spool it prints from."""
    await store.run(_write_accounts, places)
    await _write_invoices(store)


def _write_accounts(connection: Connection, places: Sequence[tuple[str, str]]) -> None:
    closed = [job for job in _all_jobs(connection) if not job.open]
    if not closed:
        return
    begin = closed[0].first_seen_at - timedelta(days=2)
    shelf = [
        stock.add_material(
            connection,
            Material(
                id=uuid5(_IDS, f"{brand} {name}"),
                kind=kind,
                brand=brand,
                name=name,
                colour=colour,
                density_g_cm3=Decimal(density),
                diameter_mm=Decimal("1.75"),
                price=Decimal(price),
                net_g=Decimal(1000),
            ),
            begin,
        )
        for kind, brand, name, colour, density, price in _MATERIALS
    ]
    holders = {
        printer_id: _Holder(printer_id=printer_id, slot=slot, material=shelf[n % len(shelf)])
        for n, (printer_id, slot) in enumerate(places)
    }
    for job in closed:
        if (holder := holders.get(job.printer_id)) is not None:
            _write_account(connection, job, holder)


def _all_jobs(connection: Connection) -> list[Job]:
    found: list[Job] = []
    cursor = None
    while True:
        page = jobs.page(connection, JobFilter(), after=cursor, limit=500)
        found += page.jobs
        if page.next is None:
            return found[::-1]
        cursor = page.next


def _write_account(connection: Connection, job: Job, holder: _Holder) -> None:
    planned = _extrusion(job)
    if holder.spool is None or holder.left_g < Decimal(str(_GRAMS_PER_LAYER * (job.layers or 1))):
        _buy(connection, job, holder)
    assert holder.spool is not None
    watch = RunWatch(
        job_id=job.id,
        printer_id=job.printer_id,
        hangings=(hung_spool("tool_0", holder.spool, holder.material),),
    )
    hours = exact(job.duration.total_seconds() / 3600) if job.duration else None
    kwh = exact(hours * _KWH_PER_HOUR) if hours is not None else None
    evidence = Evidence(
        job=job,
        watch=watch,
        extrusion=planned,
        settings=SETTINGS,
        machine=_MACHINE,
        energy=EnergyUse(
            kwh=kwh,
            amount=None if kwh is None else exact(kwh * _PER_KWH),
            source=Source.METER,
            confidence=Confidence.HIGH,
        ),
    )
    at = job.closed_at or job.first_seen_at
    account = reckon(evidence, assigned(SETTINGS, job), at)
    accounts.record(connection, job, account, settled=True, zone=ZoneInfo(_ZONE))
    stock.consume(connection, job.id, account.consumption, at)
    holder.left_g -= account.mass_g or Decimal(0)


def _extrusion(job: Job) -> Extrusion:
    """Return what its file lays down: a third of a gram a layer, and a twentieth more or less."""
    layers = job.layers or 1
    chance = Random(job.title)  # noqa: S311 - a story
    grams = _GRAMS_PER_LAYER * chance.uniform(0.95, 1.05)
    step = grams * 1000 / (3.14159 * 1.75 * 1.75 / 4 * 1.24)
    return Extrusion(
        layers=layers,
        tools=(ToolExtrusion(tool=0, layers_mm=tuple(step * each for each in range(layers + 1))),),
        objects=1,
    )


def _buy(connection: Connection, job: Job, holder: _Holder) -> None:
    """Hang a new spool up before a job for which the old one is not enough."""
    at = job.first_seen_at - timedelta(minutes=2)
    if holder.spool is not None:
        stock.change_spool(connection, holder.spool.id, {"archived": True}, at)
    holder.bought += 1
    spool = Spool(
        id=uuid5(_IDS, f"{holder.printer_id} {holder.bought}"),
        material_id=holder.material.id,
        number=0,
        price=holder.material.price,
        net_g=Decimal(1000),
        tare_g=Decimal(210),
        location="Regal A",
    )
    holder.spool = stock.add_spool(connection, spool, at)
    holder.left_g = spool.net_g
    slots.hang(connection, holder.printer_id, holder.slot, spool.id, at)


async def _write_invoices(store: Store) -> None:
    """Bill some of it: one invoice a fortnight, most of them paid."""
    closed = [job for job in await store.run(_all_jobs) if not job.open]
    if not closed:
        return
    settings = Settings(SETTINGS)
    clock = PastClock(closed[0].first_seen_at)
    office = Office(store, settings, clock)
    customers = [await office.add_customer(**who) for who in _CUSTOMERS]
    last = closed[-1].first_seen_at
    for number in range(6):
        clock.at = closed[0].first_seen_at + timedelta(days=14 * (number + 1))
        if clock.at > last:
            break
        customer = customers[number % len(customers)]
        order = await office.create_order(
            str(customer.number),
            (
                Position(
                    number=1,
                    kind=PositionKind.PIECE,
                    text="Gehäuse nach Zeichnung, PETG",
                    quantity=Decimal(4 + 3 * number),
                    unit_price=Decimal("7.40"),
                ),
                Position(
                    number=2,
                    kind=PositionKind.TEXT,
                    text="Konstruktion",
                    quantity=Decimal("1.5"),
                    unit="h",
                    unit_price=Decimal(48),
                ),
            ),
            title="Kleinserie",
            delivered_from=clock.at.date(),
        )
        issued = await office.invoice(str(order.number))
        if number != 4:
            clock.at += timedelta(days=9)
            await office.pay(issued.document.number, issued.document.gross)
