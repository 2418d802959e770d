"""A batch of bookings for DATEV: the EXTF file that German tax advisers import.

A first line says whose books these are and for when, a second names the columns, and every
further line is one booking. cp1252, CRLF, semicolons; text stands in quotation marks even when it
is empty, numbers do not.
Source: DATEV eG, "DATEV-Format", header 700 and booking batch, format version 13
(developer.datev.de, "Buchungsstapel" and its sample file): names, order, lengths and patterns of
all 125 columns. That a DATEV program takes the file could not be tried.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, Final

from ..errors import NotAllowed
from ..money import rounded
from .outside import ansi, defused, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ..document import Document

_PAIR: Final = ("Art", "Inhalt")
COLUMNS: Final = (
    "Umsatz (ohne Soll/Haben-Kz)",
    "Soll/Haben-Kennzeichen",
    "WKZ Umsatz",
    "Kurs",
    "Basis-Umsatz",
    "WKZ Basis-Umsatz",
    "Konto",
    "Gegenkonto (ohne BU-Schlüssel)",
    "BU-Schlüssel",
    "Belegdatum",
    "Belegfeld 1",
    "Belegfeld 2",
    "Skonto",
    "Buchungstext",
    "Postensperre",
    "Diverse Adressnummer",
    "Geschäftspartnerbank",
    "Sachverhalt",
    "Zinssperre",
    "Beleglink",
    *(f"Beleginfo - {what} {n}" for n in range(1, 9) for what in _PAIR),
    "KOST1 - Kostenstelle",
    "KOST2 - Kostenstelle",
    "Kost-Menge",
    "EU-Land u. UStID (Bestimmung)",
    "EU-Steuersatz (Bestimmung)",
    "Abw. Versteuerungsart",
    "Sachverhalt L+L",
    "Funktionsergänzung L+L",
    "BU 49 Hauptfunktionstyp",
    "BU 49 Hauptfunktionsnummer",
    "BU 49 Funktionsergänzung",
    *(
        f"Zusatzinformation{dash} {what} {n}"
        for n in range(1, 21)
        for dash, what in ((" -", "Art"), ("-", "Inhalt"))
    ),
    "Stück",
    "Gewicht",
    "Zahlweise",
    "Forderungsart",
    "Veranlagungsjahr",
    "Zugeordnete Fälligkeit",
    "Skontotyp",
    "Auftragsnummer",
    "Buchungstyp",
    "USt-Schlüssel (Anzahlungen)",
    "EU-Land (Anzahlungen)",
    "Sachverhalt L+L (Anzahlungen)",
    "EU-Steuersatz (Anzahlungen)",
    "Erlöskonto (Anzahlungen)",
    "Herkunft-Kz",
    "Buchungs GUID",
    "KOST-Datum",
    "SEPA-Mandatsreferenz",
    "Skontosperre",
    "Gesellschaftername",
    "Beteiligtennummer",
    "Identifikationsnummer",
    "Zeichnernummer",
    "Postensperre bis",
    "Bezeichnung SoBil-Sachverhalt",
    "Kennzeichen SoBil-Buchung",
    "Festschreibung",
    "Leistungsdatum",
    "Datum Zuord. Steuerperiode",
    "Fälligkeit",
    "Generalumkehr (GU)",
    "Steuersatz",
    "Land",
    "Abrechnungsreferenz",
    "BVV-Position",
    "EU-Land u. UStID (Ursprung)",
    "EU-Steuersatz (Ursprung)",
    "Abw. Skontokonto",
)
_TEXT: Final = frozenset(
    {
        *(2, 3, 6, 9, 11, 12, 14, 16, 20),
        *range(21, 39),
        *(40, 42),
        *range(48, 88),
        *(91, 95, 96, 98, 102, 103, 105, 107, 109, 110, 112, 118, 120, 121, 123),
    }
)
"""Columns with text, counted from 1 as DATEV does."""

ADVISERS: Final = range(1001, 10_000_000)
CLIENTS: Final = range(1, 100_000)
ACCOUNT_LENGTHS: Final = range(4, 9)
_LARGEST: Final = Decimal("9999999999.99")
_LAST_DEBTOR: Final = 69_999
"""Beyond are accounts of suppliers. It takes all customers for whom there is none of their own."""
_LONGEST_TITLE: Final = 30
_LONGEST_NUMBER: Final = 36
_LONGEST_TEXT: Final = 60
_NOT_IN_TITLES: Final = re.compile(r"[^\w.\-/ ]")
_NOT_IN_NUMBERS: Final = re.compile(r"[^A-Za-z0-9_$&%*+\-/]")
_INITIALS: Final = re.compile(r"([A-Z]{2}){0,2}")


class Chart(StrEnum):
    """The charts of accounts that nearly everybody in Germany uses."""

    SKR03 = "03"
    SKR04 = "04"


class Side(StrEnum):
    """Which side of `account` a booking is on."""

    DEBIT = "S"
    CREDIT = "H"


@dataclass(frozen=True, kw_only=True, slots=True)
class Booking:
    """One booking between two accounts."""

    amount: Decimal
    """Gross, positive, in cents."""
    side: Side
    account: int
    contra: int
    tax_key: str = ""
    """Four digits; empty for accounts that know their tax themselves."""
    on: date
    number: str
    """Of the document."""
    text: str
    currency: str = ""
    """Empty: the batch's."""
    cost_centre: str = ""
    vat_id: str = ""
    """Of the customer, with its country."""
    supplied_on: date | None = None
    taxed_on: date | None = None
    """In whose period it is taxed; has to stand beside `supplied_on`."""
    due_on: date | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BookingBatch:
    """Bookings of one period, and whose they are."""

    adviser: int
    """DATEV number of the tax adviser."""
    client: int
    """Of the shop, at that adviser."""
    year_begins: date
    """First day of the business year in which all bookings lie."""
    account_length: int = 4
    """Digits of ordinary accounts; those of persons have one more."""
    first: date
    last: date
    title: str
    initials: str = ""
    """Of who exports: two or four capitals."""
    chart: Chart = Chart.SKR03
    currency: str = "EUR"
    created_at: datetime
    final: bool = False
    """Whether DATEV is to lock the bookings (Festschreibung)."""
    bookings: Iterable[Booking]


@dataclass(frozen=True, kw_only=True, slots=True)
class Accounts:
    """Which accounts are booked to. None of those of revenue takes a tax key: they know theirs."""

    revenue: Mapping[Decimal, int]
    """By per cent of tax."""
    exempt: int
    """Of a small business (§ 19 UStG)."""
    debtor: int = 10_000
    """Of all customers together, or of the one with number 0."""
    each: bool = False
    """Whether every customer has an account of their own: `debtor` plus their number."""


STANDARD: Final[Mapping[Chart, Accounts]] = {
    Chart.SKR03: Accounts(
        revenue={Decimal(19): 8400, Decimal(16): 8340, Decimal(7): 8300, Decimal(0): 8200},
        exempt=8195,
    ),
    Chart.SKR04: Accounts(
        revenue={Decimal(19): 4400, Decimal(16): 4340, Decimal(7): 4300, Decimal(0): 4200},
        exempt=4185,
    ),
}
"""Source: DATEV's charts SKR03 and SKR04."""


def bookings(document: Document, accounts: Accounts, account_length: int) -> Iterable[Booking]:
    """Return what an invoice or its cancellation books: gross per rate, debtor to revenue.

    Raises NotAllowed: account_missing for a rate that has no account; datev_booking for accounts
    that are longer than the chart's.
    """
    supplied_on = document.delivered_until or document.delivered_from
    # What is taken back is taken back today (§ 17 UStG), whenever it was supplied.
    taxed_on = document.issued_on if document.cancels else supplied_on
    debtor = accounts.debtor
    if accounts.each:
        debtor = min(debtor + _customer_number(document.buyer.number), _LAST_DEBTOR)
    for line in document.taxes:
        if not line.gross:
            continue
        contra = accounts.exempt if document.exempt else accounts.revenue.get(line.percent)
        if contra is None:
            raise NotAllowed(f"{document.number}, {line.percent} %", key="account_missing")
        yield Booking(
            amount=abs(line.gross),
            side=Side.DEBIT if line.gross > 0 else Side.CREDIT,
            account=_lengthened(debtor, account_length + 1),
            contra=_lengthened(contra, account_length),
            on=document.issued_on,
            number=document.number,
            text=" ".join(filter(None, (document.buyer.name, document.cancels))),
            currency=document.currency,
            vat_id=document.buyer.vat_id or "",
            supplied_on=supplied_on,
            taxed_on=taxed_on,
            due_on=document.due_on,
        )


def _customer_number(number: str | None) -> int:
    """Return the digits of a customer's number: K00017 is 17."""
    digits = re.sub(r"\D", "", number or "")
    return int(digits) if digits else 0


def _lengthened(account: int, length: int) -> int:
    """Return an account of four digits (five of a person) as it is called in longer charts."""
    if len(f"{account}") > length:
        # One digit more, and revenue would be booked to a customer.
        reason = f"account {account} has more than {length} digits"
        raise NotAllowed(reason, key="datev_booking")
    return int(f"{account}".ljust(length, "0"))


def file_name(batch: BookingBatch) -> str:
    """Return the name that DATEV asks for."""
    return f"EXTF_Buchungsstapel_{batch.first:%Y%m%d}_{batch.last:%Y%m%d}.csv"


def write(batch: BookingBatch, file: BinaryIO) -> int:
    """Write a batch; returns how many bookings it holds.

    Raises NotAllowed before anything is written of a header that DATEV would refuse (datev_adviser,
    datev_client, datev_period), and at a booking that it would (datev_booking).
    """
    file.write(_line(_header(batch)))
    file.write(_line(COLUMNS))
    count = 0
    for booking in batch.bookings:
        file.write(_line(_fields(batch, booking)))
        count += 1
    return count


def _header(batch: BookingBatch) -> tuple[str, ...]:
    """Return the 31 fields of the first line."""
    _check(batch)
    created = batch.created_at
    return (
        _quoted("EXTF"),
        "700",
        "21",
        _quoted("Buchungsstapel"),
        "13",
        f"{created:%Y%m%d%H%M%S}{created.microsecond // 1000:03d}",
        "",
        _quoted("RE"),
        _quoted("Printernizer"),
        _quoted(""),
        str(batch.adviser),
        str(batch.client),
        f"{batch.year_begins:%Y%m%d}",
        str(batch.account_length),
        f"{batch.first:%Y%m%d}",
        f"{batch.last:%Y%m%d}",
        _quoted(_NOT_IN_TITLES.sub(" ", ansi(batch.title)[0])[:_LONGEST_TITLE]),
        _quoted(batch.initials),
        "1",
        "0",
        str(int(batch.final)),
        _quoted(batch.currency),
        "",
        _quoted(""),
        "",
        "",
        _quoted(batch.chart),
        "",
        "",
        _quoted(""),
        _quoted(""),
    )


def _check(batch: BookingBatch) -> None:
    if batch.adviser not in ADVISERS:
        raise NotAllowed("a DATEV adviser has a number from 1001 to 9999999", key="datev_adviser")
    if batch.client not in CLIENTS:
        raise NotAllowed("a DATEV client has a number from 1 to 99999", key="datev_client")
    if batch.account_length not in ACCOUNT_LENGTHS or not _INITIALS.fullmatch(batch.initials):
        raise NotAllowed("accounts have 4 to 8 digits, initials 2 or 4 capitals")
    begins = batch.year_begins
    ends = begins.replace(year=begins.year + 1, day=min(begins.day, 28))
    if not begins <= batch.first <= batch.last < ends:
        # A booking names its day without a year; DATEV takes it from the business year.
        raise NotAllowed("a batch lies within one business year", key="datev_period")


def _fields(batch: BookingBatch, booking: Booking) -> tuple[str, ...]:
    """Return the 125 fields of a booking."""
    amount = rounded(booking.amount)
    if not 0 < amount <= _LARGEST or not batch.first <= booking.on <= batch.last:
        raise NotAllowed(
            "a booking has an amount and lies in the batch's period", key="datev_booking"
        )
    if booking.currency not in {"", batch.currency}:
        # It would need a rate of exchange, which we do not know.
        reason = f"{booking.number} is in {booking.currency}, the batch in {batch.currency}"
        raise NotAllowed(reason, key="datev_booking")
    values = {
        1: f"{amount:f}".replace(".", ","),
        2: booking.side.value,
        3: batch.currency,
        7: str(booking.account),
        8: str(booking.contra),
        9: booking.tax_key,
        10: f"{booking.on:%d%m}",
        11: _document_number(booking.number),
        14: _text(booking.text)[:_LONGEST_TEXT],
        37: _text(booking.cost_centre)[:_LONGEST_NUMBER],
        40: booking.vat_id[:15],
        114: str(int(batch.final)),
        115: _day(booking.supplied_on),
        # Without it DATEV does not take a day of supply.
        116: _day(booking.supplied_on and (booking.taxed_on or booking.supplied_on)),
        117: _day(booking.due_on),
    }
    return tuple(
        _quoted(values.get(n, "")) if n in _TEXT else values.get(n, "")
        for n in range(1, len(COLUMNS) + 1)
    )


def _document_number(number: str) -> str:
    """Return a number with what DATEV allows in one; it does not begin like a formula."""
    return _NOT_IN_NUMBERS.sub("-", ansi(number)[0]).lstrip("+-")[:_LONGEST_NUMBER]


def _text(text: str) -> str:
    return defused(ansi(one_line(text))[0])


def _day(day: date | None) -> str:
    return "" if day is None else f"{day:%d%m%Y}"


def _quoted(text: str) -> str:
    return '"{}"'.format(text.replace('"', '""'))


def _line(fields: Iterable[str]) -> bytes:
    return f"{';'.join(fields)}\r\n".encode("cp1252")
