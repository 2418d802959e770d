"""The booking batch, held against DATEV's own description, field by field."""

from __future__ import annotations

import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import pytest

from custom_components.printernizer.engine.document import Document, DocumentKind, Party, TaxLine
from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.exports import datev
from custom_components.printernizer.engine.exports.datev import (
    Accounts,
    Booking,
    BookingBatch,
    Chart,
    Side,
)
from custom_components.printernizer.engine.shop import Company

HEADER: Final = (
    r'"EXTF"',
    r"700",
    r"21",
    r'"Buchungsstapel"',
    r"13",
    r"20\d{15}",
    r"",
    r'"\w{0,2}"',
    r'"\w{0,25}"',
    r'""',
    r"\d{4,7}",
    r"\d{1,5}",
    r"20\d{6}",
    r"[4-8]",
    r"20\d{6}",
    r"20\d{6}",
    r'"[\w.\-/ ]{0,30}"',
    r'"([A-Z]{2}){0,2}"',
    r"1",
    r"0",
    r"[01]",
    r'"[A-Z]{3}"',
    r"",
    r'""',
    r"",
    r"",
    r'"0[34]"',
    r"",
    r"",
    r'""',
    r'""',
)
"""Patterns of the 31 fields of the header, as DATEV publishes them."""
FIELDS: Final = {
    1: r"(?!0{1,10},00)\d{1,10},\d{2}",
    2: r'"[SH]"',
    3: r'"[A-Z]{3}"',
    7: r"(?!0{1,9}$)\d{1,9}",
    8: r"(?!0{1,9}$)\d{1,9}",
    9: r'"(\d{4})?"',
    10: r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])",
    11: r'"[\w$&%*+\-/]{0,36}"',
    14: r'".{0,60}"',
    40: r'".{0,15}"',
    114: r"[01]",
    115: r"(\d{4}20\d{2})?",
    116: r"(\d{4}20\d{2})?",
    117: r"(\d{4}20\d{2})?",
}
"""Of a booking, by number; what is not named stays empty."""


def a_booking(**changes: Any) -> Booking:
    values: dict[str, Any] = {
        "amount": Decimal("1856.40"),
        "side": Side.DEBIT,
        "account": 10_000,
        "contra": 8400,
        "on": date(2026, 10, 9),
        "number": "RE2026-0017",
        "text": "Müller & Söhne",
    }
    return Booking(**values | changes)


def a_batch(*bookings: Booking, **changes: Any) -> BookingBatch:
    values: dict[str, Any] = {
        "adviser": 29_098,
        "client": 55_003,
        "year_begins": date(2026, 1, 1),
        "first": date(2026, 10, 1),
        "last": date(2026, 10, 31),
        "title": "Rechnungsausgang 10/2026",
        "created_at": datetime(2026, 11, 3, 8, 9, 10, 123_456, tzinfo=UTC),
        "bookings": bookings,
    }
    return BookingBatch(**values | changes)


def a_document(*taxes: TaxLine, **changes: Any) -> Document:
    values: dict[str, Any] = {
        "id": uuid4(),
        "kind": DocumentKind.INVOICE,
        "number": "RE2026-0017",
        "issued_on": date(2026, 10, 9),
        "issued_at": datetime(2026, 10, 9, 12, tzinfo=UTC),
        "seller": Company(),
        "buyer": Party(name="Müller", number="K00017", vat_id="DE136695976"),
        "lines": (),
        "taxes": taxes,
        "net": sum((line.net for line in taxes), Decimal(0)),
        "tax": sum((line.tax for line in taxes), Decimal(0)),
        "gross": sum((line.gross for line in taxes), Decimal(0)),
        "due_on": date(2026, 10, 23),
        "delivered_until": date(2026, 10, 8),
    }
    return Document(**values | changes)


def a_tax(percent: int, net: str, tax: str) -> TaxLine:
    amount, share = Decimal(net), Decimal(tax)
    return TaxLine(percent=Decimal(percent), net=amount, tax=share, gross=amount + share)


def written(batch: BookingBatch) -> list[list[str]]:
    """Return the fields of every line."""
    file = io.BytesIO()
    datev.write(batch, file)
    text = file.getvalue().decode("cp1252")
    assert text.endswith("\r\n")
    # A separator inside quotation marks is none.
    return [re.findall(r'(?:^|;)("(?:[^"]|"")*"|[^;]*)', line) for line in text.split("\r\n")[:-1]]


def test_the_header_follows_the_description() -> None:
    """DATEV refuses the whole file for one field of it."""
    header, columns, booking = written(a_batch(a_booking()))
    assert len(header) == 31
    for number, (field, pattern) in enumerate(zip(header, HEADER, strict=True), 1):
        assert re.fullmatch(pattern, field), f"{number}: {field}"
    assert header[5] == "20261103080910123"
    assert header[10:16] == ["29098", "55003", "20260101", "4", "20261001", "20261031"]
    assert len(columns) == len(booking) == 125
    assert columns[0] == "Umsatz (ohne Soll/Haben-Kz)"
    assert columns[113] == "Festschreibung"
    assert columns[124] == "Abw. Skontokonto"
    assert len(set(columns)) == 125


def test_a_booking_follows_the_description() -> None:
    """A field in the wrong column books to the wrong account."""
    _, _, fields = written(a_batch(a_booking(vat_id="DE136695976", due_on=date(2026, 10, 23))))
    for number, field in enumerate(fields, 1):
        assert re.fullmatch(FIELDS.get(number, r'(?:"")?'), field), f"{number}: {field}"
    assert fields[0] == "1856,40"
    assert fields[1] == '"S"'
    assert fields[6:8] == ["10000", "8400"]
    assert fields[9:11] == ["0910", '"RE2026-0017"']
    assert fields[13] == '"Müller & Söhne"'
    assert fields[116] == "23102026"


def test_a_day_of_supply_comes_with_the_period_it_is_taxed_in() -> None:
    """Field 115 without 116 is refused; what is taken back in March is not taxed in January."""
    supplied = date(2026, 9, 30)
    for booking, told in (
        (a_booking(supplied_on=supplied), ["30092026", "30092026"]),
        (a_booking(supplied_on=supplied, taxed_on=date(2026, 10, 9)), ["30092026", "09102026"]),
        (a_booking(supplied_on=None), ["", ""]),
    ):
        _, _, fields = written(a_batch(booking))
        assert fields[114:116] == told
    invoice = a_document(a_tax(19, "200", "38"))
    back = a_document(
        a_tax(19, "-200", "-38"), kind=DocumentKind.CANCELLATION, cancels="RE2026-0003"
    )
    standard = datev.STANDARD[Chart.SKR03]
    (first,), (second,) = (datev.bookings(each, standard, 4) for each in (invoice, back))
    assert first.taxed_on == first.supplied_on
    assert (second.taxed_on, second.supplied_on) == (back.issued_on, first.supplied_on)


def test_francs_are_not_booked_as_euros() -> None:
    """A shop that changed its currency still has documents in the one before."""
    document = a_document(a_tax(19, "200", "38"), currency="CHF")
    (booking,) = datev.bookings(document, datev.STANDARD[Chart.SKR03], 4)
    with pytest.raises(NotAllowed) as refusal:
        written(a_batch(booking))
    assert refusal.value.key == "datev_booking"
    assert written(a_batch(booking, currency="CHF"))[2][2] == '"CHF"'


def test_revenue_is_not_booked_to_an_account_of_a_customer() -> None:
    """Five digits are a person where ordinary accounts have four."""
    accounts = Accounts(revenue={Decimal(19): 84_000}, exempt=8195)
    with pytest.raises(NotAllowed) as refusal:
        list(datev.bookings(a_document(a_tax(19, "200", "38")), accounts, 4))
    assert refusal.value.key == "datev_booking"
    (booking,) = datev.bookings(a_document(a_tax(19, "200", "38")), accounts, 5)
    assert booking.contra == 84_000


def test_text_from_outside_fits_and_is_harmless() -> None:
    """A customer called =cmd() must not run where the adviser looks at the file."""
    text = '=HYPERLINK("x";"y")\r\n你' + "x" * 80
    _, _, fields = written(a_batch(a_booking(text=text, number="+RE 17/ä")))
    assert fields[13].startswith('"\'=HYPERLINK(""x"";""y"") ?x')
    assert len(fields[13].replace('""', '"')) == 62
    assert fields[10] == '"RE-17/-"'


def test_an_invoice_books_each_rate_from_the_customer_to_revenue() -> None:
    """One sum for two rates would be taxed wrongly."""
    document = a_document(a_tax(7, "100", "7"), a_tax(19, "200", "38"), a_tax(16, "0", "0"))
    first, second = datev.bookings(document, datev.STANDARD[Chart.SKR03], 4)
    assert (first.amount, first.account, first.contra) == (Decimal(107), 10_000, 8300)
    assert (second.amount, second.account, second.contra) == (Decimal(238), 10_000, 8400)
    assert first.side is second.side is Side.DEBIT
    assert first.supplied_on == date(2026, 10, 8)
    assert first.text == "Müller"


def test_a_cancellation_is_on_the_other_side_and_names_its_invoice() -> None:
    """An amount is never negative in a batch."""
    document = a_document(
        a_tax(19, "-200", "-38"), kind=DocumentKind.CANCELLATION, cancels="RE2026-0003"
    )
    (booking,) = datev.bookings(document, datev.STANDARD[Chart.SKR04], 4)
    assert (booking.amount, booking.side, booking.contra) == (Decimal(238), Side.CREDIT, 4400)
    assert booking.text == "Müller RE2026-0003"


def test_a_small_business_books_to_its_own_account() -> None:
    """Its revenue carries no tax, and is asked for separately in the return."""
    document = a_document(a_tax(0, "50", "0"), exempt=True)
    accounts = [
        next(iter(datev.bookings(document, datev.STANDARD[chart], 4))).contra for chart in Chart
    ]
    assert accounts == [8195, 4185]


@pytest.mark.parametrize(
    ("number", "account"), [("K00017", 10_017), (None, 10_000), ("K99999", 69_999)]
)
def test_every_customer_may_have_an_account(number: str | None, account: int) -> None:
    """Open items are then known by customer; accounts from 70000 on are of suppliers."""
    accounts = Accounts(revenue={Decimal(19): 8400}, exempt=8195, each=True)
    document = a_document(a_tax(19, "1", "0.19"), buyer=Party(name="x", number=number))
    assert next(iter(datev.bookings(document, accounts, 4))).account == account


def test_longer_charts_have_longer_numbers() -> None:
    """With six digits 8400 is 840000, and the customers have seven."""
    document = a_document(a_tax(19, "1", "0.19"))
    (booking,) = datev.bookings(document, datev.STANDARD[Chart.SKR03], 6)
    assert (booking.account, booking.contra) == (1_000_000, 840_000)


def test_a_rate_without_an_account_is_said() -> None:
    """A guess would end in the tax return."""
    with pytest.raises(NotAllowed) as refusal:
        list(datev.bookings(a_document(a_tax(5, "1", "0.05")), datev.STANDARD[Chart.SKR03], 4))
    assert refusal.value.key == "account_missing"
    assert refusal.value.reason == "RE2026-0017, 5 %"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"adviser": 1000}, "datev_adviser"),
        ({"client": 0}, "datev_client"),
        ({"last": date(2027, 1, 1)}, "datev_period"),
        ({"first": date(2025, 12, 31)}, "datev_period"),
        ({"first": date(2026, 11, 1)}, "datev_period"),
        ({"account_length": 9}, "not_allowed"),
        ({"initials": "abc"}, "not_allowed"),
    ],
)
def test_a_batch_that_datev_would_refuse_is_not_written(changes: dict[str, Any], key: str) -> None:
    """The adviser would send it back weeks later."""
    file = io.BytesIO()
    with pytest.raises(NotAllowed) as refusal:
        datev.write(a_batch(a_booking(), **changes), file)
    assert refusal.value.key == key
    assert not file.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": Decimal(0)},
        {"amount": Decimal(-1)},
        {"amount": Decimal(10) ** 10},
        {"on": date(2026, 11, 1)},
    ],
)
def test_a_booking_that_datev_would_refuse_is_said(changes: dict[str, Any]) -> None:
    """A day has no year in the file: one outside the period would be booked into another."""
    with pytest.raises(NotAllowed) as refusal:
        datev.write(a_batch(a_booking(**changes)), io.BytesIO())
    assert refusal.value.key == "datev_booking"


def test_the_file_is_named_as_datev_asks() -> None:
    """Its import looks for the four letters."""
    assert datev.file_name(a_batch()) == "EXTF_Buchungsstapel_20261001_20261031.csv"


def test_a_year_that_begins_on_a_leap_day_is_still_a_year() -> None:
    """Nobody's does; nothing breaks over it."""
    batch = a_batch(year_begins=date(2028, 2, 29), first=date(2028, 3, 1), last=date(2028, 3, 31))
    assert len(written(batch)) == 2
