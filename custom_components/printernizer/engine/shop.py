"""The shop's own settings: one value that the ring builds from its options.

Everything has a default that works on the first day; `None` means that the owner did not say, and
then nothing is counted for it. Money is in the shop's currency; hours, grams and watts are named.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from .library_file import CleanUpRule, Origin, Quota
from .watched_folder import WatchedFolder


class Process(StrEnum):
    """How a machine makes things, for tariffs."""

    FILAMENT = "filament"
    RESIN = "resin"


@dataclass(frozen=True, kw_only=True, slots=True)
class Company:
    """Who sends quotes and invoices."""

    name: str = ""
    owner: str | None = None
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = "DE"
    """ISO 3166-1, two letters."""
    vat_id: str | None = None
    """"DE123456789"."""
    tax_number: str | None = None
    """Of the tax office; one of the two must stand on an invoice (German law, § 14 UStG)."""
    email: str | None = None
    phone: str | None = None
    iban: str | None = None
    bic: str | None = None
    bank: str | None = None

    @property
    def complete(self) -> bool:
        """Whether it says what an invoice must say of its sender."""
        return all((self.name, self.street, self.postcode, self.city)) and bool(
            self.vat_id or self.tax_number
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class StockPolicy:
    """Material that nobody described, and when it runs low."""

    default_price_per_kg: Decimal = Decimal(20)
    """For grams of which the spool is not known (rule 11)."""
    default_price_per_l: Decimal = Decimal(40)
    """For resin likewise."""
    low_g: Decimal = Decimal(100)
    """A spool with less is low, unless its material names another threshold."""
    spoolman_url: str | None = None
    """Where Spoolman is the source of the stock; None: our own is."""


class LabourStep(StrEnum):
    """Work by hand around a print."""

    SETUP = "setup"
    REMOVAL = "removal"
    POST_PROCESSING = "post_processing"
    PACKING = "packing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Labour:
    """How long one step takes, each time or for each piece."""

    step: LabourStep
    minutes: Decimal
    per_piece: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class CostPolicy:
    """What a print costs beside material and energy."""

    labour_per_hour: Decimal = Decimal(0)
    labour: tuple[Labour, ...] = ()
    overhead_percent: Decimal = Decimal(0)
    """On all costs before it."""
    failure_percent: Decimal = Decimal(0)
    """Allowance for prints that fail, on material, energy and machine, in estimates and prices;
    an actual cost holds what really happened."""


class Surcharge(StrEnum):
    """How a percentage becomes a price. They differ: 50 % markup is 33.3 % margin."""

    MARKUP = "markup"
    """Share of the cost on top of it."""
    MARGIN = "margin"
    """Share of the price that is not cost; below 100."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tariff:
    """A list price by process: per gram of filament or per millilitre of resin."""

    process: Process
    per_unit: Decimal
    """Of a gram (filament) or a gram (resin), as the lab weighs both."""
    minimum: Decimal = Decimal(0)
    """Per job."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PricePolicy:
    """From a cost, or a tariff, to what is charged."""

    surcharge: Surcharge = Surcharge.MARKUP
    percent: Decimal = Decimal(0)
    discount_percent: Decimal = Decimal(0)
    minimum_per_order: Decimal = Decimal(0)
    tariffs: tuple[Tariff, ...] = ()
    """Where one is named for a process, it makes the price in place of the cost."""
    charge_failures: bool = False
    """Whether a customer pays for what failed (rule 22)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaxRate:
    """A rate from a day on."""

    since: date
    percent: Decimal


GERMAN_RATES: Final = (
    TaxRate(since=date(2007, 1, 1), percent=Decimal(19)),
    TaxRate(since=date(2020, 7, 1), percent=Decimal(16)),
    TaxRate(since=date(2021, 1, 1), percent=Decimal(19)),
)
"""The standard rate. Source: § 12 UStG and its § 28 for the second half of 2020."""
EXEMPTION_TEXT: Final = {
    "de": "Steuerfreier Umsatz: Kleinunternehmer nach § 19 UStG, keine Umsatzsteuer ausgewiesen.",
    "en": "No VAT is charged: small business exemption (§ 19 of the German VAT Act).",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TaxPolicy:
    """Tax on what is sold."""

    rates: tuple[TaxRate, ...] = GERMAN_RATES
    small_business: bool = False
    """Exempt: documents carry the legal text and no tax (§ 19 UStG)."""
    gross_first: bool = False
    """Prices are agreed with the tax inside."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PriceBand:
    """A price of a kilowatt-hour for part of the day, local time; may run over midnight."""

    begins: time
    ends: time
    per_kwh: Decimal
    weekdays: frozenset[int] = frozenset(range(7))
    """Of the day on which it begins; Monday is 0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnergyPolicy:
    """What energy costs."""

    per_kwh: Decimal = Decimal("0.35")
    """Where no band holds and no entity tells a price."""
    bands: tuple[PriceBand, ...] = ()
    price_entity: str | None = None
    """An entity with the price of this moment (dynamic tariffs); it wins over the bands."""
    solar_entity: str | None = None
    """An entity with the own solar share of this moment, 0 to 100 per cent."""
    solar_per_kwh: Decimal = Decimal(0)
    """What own power is counted at (the feed-in that is not paid)."""
    standby_is_overhead: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerModel:
    """Watts that a printer draws, for those without a meter: always an estimate."""

    heating_w: Decimal = Decimal(250)
    printing_w: Decimal = Decimal(120)
    idle_w: Decimal = Decimal(10)


@dataclass(frozen=True, kw_only=True, slots=True)
class MachineProfile:
    """What one printer costs by the hour, and how its energy is known."""

    process: Process = Process.FILAMENT
    purchase: Decimal | None = None
    residual: Decimal = Decimal(0)
    life_hours: Decimal = Decimal(5000)
    maintenance_per_hour: Decimal = Decimal(0)
    pause_counts: bool = False
    """Whether time held counts as machine time (rule 19)."""
    energy_entity: str | None = None
    """A meter in Wh, kWh or MWh that supplies this printer alone."""
    power_entity: str | None = None
    """Power in W or kW, where there is no meter."""
    power: PowerModel | None = PowerModel()
    """Without either: a model. None: energy stays unknown."""
    cool_down_minutes: Decimal = Decimal(15)
    """How long after its end a job still draws what it heated (rule 18)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentPolicy:
    """How documents are numbered and what they say."""

    invoice_pattern: str = "RE{year}-{number:04d}"
    quote_pattern: str = "AN{year}-{number:04d}"
    credit_pattern: str = "ST{year}-{number:04d}"
    """Of documents that cancel an invoice."""
    payment_days: int = 14
    quote_days: int = 30
    footer: str | None = None
    language: str = "de"
    """Of documents and reports: "de" or "en"."""


class Purpose(StrEnum):
    """Whom a job was for, as the tax office asks."""

    BUSINESS = "business"
    PRIVATE = "private"


@dataclass(frozen=True, kw_only=True, slots=True)
class AssignmentRule:
    """Which jobs are whose: the first rule that fits decides. What is None does not matter."""

    purpose: Purpose
    printer_id: str | None = None
    folder: str | None = None
    """Jobs whose file lies in or below it."""
    name_pattern: str | None = None
    """With `*` and `?`, without regard to case."""
    customer_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RetentionPolicy:
    """How long what is kept. Germany: invoices 8 years, books 10 (§ 147 AO, § 14b UStG)."""

    documents_years: int = 10
    customers_years: int = 3
    """A customer without any document is forgotten after this; with documents, after those."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LibraryPolicy:
    """What the library keeps, and how much of it."""

    keep_printed_files: bool = True
    """Whether the file of a print is fetched from its printer when nobody has it here."""
    quota_gb: Decimal | None = None
    """GB that may lie on the shelf, the recycle bin included; None: as much as the disk takes."""
    bin_days: int = 30
    """How long the recycle bin keeps what was put there."""
    downloads_days: int = 0
    """After how long a file that was fetched from a printer goes into the bin when nobody
    printed it; 0: never."""
    replaced_days: int = 0
    """The same of files that a newer revision replaced."""

    @property
    def quota(self) -> Quota:
        """Return how much may lie on the shelf."""
        return Quota(bytes=None if self.quota_gb is None else int(self.quota_gb * 10**9))

    @property
    def bin_kept(self) -> timedelta:
        """Return how long the recycle bin keeps."""
        return timedelta(days=self.bin_days)

    @property
    def rules(self) -> tuple[CleanUpRule, ...]:
        """Return what goes into the recycle bin by itself."""
        downloads, replaced = (
            timedelta(days=self.downloads_days),
            timedelta(days=self.replaced_days),
        )
        rules = (
            CleanUpRule(not_printed_for=downloads, origin=Origin.DOWNLOADED),
            CleanUpRule(not_printed_for=replaced, replaced=True),
        )
        return tuple(rule for rule in rules if rule.not_printed_for)


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopSettings:
    """All of it."""

    currency: str = "EUR"
    time_zone: str = "UTC"
    """IANA name; report periods follow it. The ring sets Home Assistant's."""
    company: Company = Company()
    stock: StockPolicy = StockPolicy()
    costs: CostPolicy = CostPolicy()
    prices: PricePolicy = PricePolicy()
    tax: TaxPolicy = TaxPolicy()
    energy: EnergyPolicy = EnergyPolicy()
    documents: DocumentPolicy = DocumentPolicy()
    default_purpose: Purpose = Purpose.BUSINESS
    rules: tuple[AssignmentRule, ...] = ()
    library: LibraryPolicy = LibraryPolicy()
    watched: tuple[WatchedFolder, ...] = ()
    retention: RetentionPolicy = field(default=RetentionPolicy())
