"""From an order to a document: lines, discounts, minimum, totals, days and duties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.billing import (
    cancelling,
    drafted,
    keep_until,
    lines_of,
    local_day,
)
from custom_components.printernizer.engine.customer import Customer
from custom_components.printernizer.engine.document import Document, DocumentKind
from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.order import Order, Position, PositionKind
from custom_components.printernizer.engine.shop import (
    Company,
    DocumentPolicy,
    PricePolicy,
    ShopSettings,
    TaxPolicy,
)
from custom_components.printernizer.engine.small_business import LimitWarning, Turnover

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
DAY = AT.date()
COMPANY = Company(
    name="Druck & Co", street="Weg 1", postcode="10115", city="Berlin", tax_number="12/345/67890"
)
SHOP = ShopSettings(company=COMPANY, time_zone="Europe/Berlin")
ERIKA = Customer(
    id=UUID(int=2),
    number="K00001",
    name="Erika",
    street="Heidestraße 17",
    postcode="51147",
    city="Köln",
    created_at=AT,
)


def a_position(price: str, **values: object) -> Position:
    position = Position(number=0, kind=PositionKind.PIECE, text="Vase", unit_price=Decimal(price))
    return replace(position, **values)  # type: ignore[arg-type]


def less(price: str = "0", **values: object) -> Position:
    return a_position(price, kind=PositionKind.DISCOUNT, text="Rabatt", **values)


def an_order(*positions: Position, **values: object) -> Order:
    order = Order(
        id=UUID(int=1),
        number="A00001",
        customer_id=ERIKA.id,
        positions=positions,
        created_at=AT,
        changed_at=AT,
    )
    return replace(order, **values)  # type: ignore[arg-type]


def invoiced(*positions: Position, shop: ShopSettings = SHOP, **values: object) -> Document:
    return drafted(DocumentKind.INVOICE, an_order(*positions, **values), ERIKA, shop, AT)


def figures(document: Document) -> tuple[str, str, str]:
    return str(document.net), str(document.tax), str(document.gross)


def test_three_lines_of_3_33_net_at_19_per_cent() -> None:
    """Vector 10, on a document."""
    assert figures(invoiced(*[a_position("3.33")] * 3)) == ("9.99", "1.90", "11.89")


def test_3_00_gross_at_19_per_cent() -> None:
    """Vector 11, on a document."""
    shop = replace(SHOP, tax=TaxPolicy(gross_first=True))
    document = invoiced(a_position("3.00"), shop=shop)
    assert figures(document) == ("2.52", "0.48", "3.00")
    assert document.gross_first


def test_a_small_business_charges_no_tax_and_says_why() -> None:
    shop = replace(SHOP, tax=TaxPolicy(small_business=True))
    document = invoiced(a_position("10", tax_percent=Decimal(7)), shop=shop)
    assert figures(document) == ("10.00", "0.00", "10.00")
    assert document.exempt
    assert "§ 19" in (document.exemption_text or "")
    english = replace(shop, documents=DocumentPolicy(language="en"))
    assert "exemption" in (invoiced(a_position("10"), shop=english).exemption_text or "")
    assert invoiced(a_position("10")).exemption_text is None


def test_several_rates_stand_on_one_document() -> None:
    document = invoiced(a_position("100"), a_position("50", tax_percent=Decimal(7)))
    assert [(tax.percent, tax.net, tax.tax) for tax in document.taxes] == [
        (Decimal(7), Decimal("50.00"), Decimal("3.50")),
        (Decimal(19), Decimal("100.00"), Decimal("19.00")),
    ]
    assert figures(document) == ("150.00", "22.50", "172.50")


def test_the_rate_is_that_of_the_day_of_supply() -> None:
    """Billed in 2026, supplied in autumn 2020: 16 per cent."""
    then = invoiced(a_position("100"), delivered_until=date(2020, 10, 1))
    assert then.taxes[0].percent == 16
    assert invoiced(a_position("100")).taxes[0].percent == 19


def test_a_discount_in_per_cent_is_borne_by_each_rate() -> None:
    document = invoiced(
        a_position("100"),
        a_position("50", tax_percent=Decimal(7)),
        less(quantity=Decimal(10), unit="%"),
        a_position("20"),
    )
    assert [line.amount for line in document.lines] == [
        Decimal(100),
        Decimal(50),
        Decimal(-5),
        Decimal(-10),
        Decimal(20),
    ]
    assert [line.number for line in document.lines] == [1, 2, 3, 4, 5]
    assert [str(tax.net) for tax in document.taxes] == ["45.00", "110.00"]


def test_a_discount_is_minus_one_times_a_price() -> None:
    """E-invoices know no negative price."""
    document = invoiced(a_position("100"), less("12.345"))
    line = document.lines[1]
    assert (line.quantity, line.unit_price, line.amount) == (
        Decimal(-1),
        Decimal("12.35"),
        Decimal("-12.35"),
    )


def test_a_discount_by_an_amount_is_borne_by_the_rates_it_is_taken_off() -> None:
    """At 19 per cent off a book at 7, the shop would owe less tax than it charged."""
    book = a_position("50", tax_percent=Decimal(7))
    (tax,) = invoiced(book, less("5")).taxes
    assert (tax.percent, tax.net, tax.tax) == (7, 45, Decimal("3.15"))
    mixed = invoiced(a_position("100"), book, less("10"))
    assert [str(tax.net) for tax in mixed.taxes] == ["46.67", "93.33"]
    told = invoiced(a_position("100"), book, less("10", tax_percent=Decimal(19)))
    assert [str(tax.net) for tax in told.taxes] == ["50.00", "90.00"]
    assert figures(invoiced(less("0"), a_position("3"))) == ("3.00", "0.57", "3.57")


def test_what_is_missing_to_the_minimum_bears_the_tax_of_the_order() -> None:
    """It belongs to what is sold, and so does its rate."""
    shop = replace(SHOP, prices=PricePolicy(minimum_per_order=Decimal(15)))
    (tax,) = invoiced(a_position("12", tax_percent=Decimal(7)), shop=shop).taxes
    assert (tax.percent, tax.net) == (7, 15)


def test_an_amount_that_no_ledger_holds_is_refused() -> None:
    """The database counts millionths in 64 bits, and would only say that a number is too large."""
    with pytest.raises(NotAllowed) as refusal:
        invoiced(a_position("10000000", quantity=Decimal(10_000_000)))
    assert refusal.value.key == "bad_position"


def test_the_minimum_comes_after_discounts() -> None:
    """Rule 22."""
    shop = replace(SHOP, prices=PricePolicy(minimum_per_order=Decimal(15)))
    document = invoiced(a_position("12"), less("2"), shop=shop)
    assert [line.amount for line in document.lines] == [12, -2, 5]
    assert document.lines[-1].text == "Mindestauftragswert"
    assert document.net == 15
    english = replace(shop, documents=DocumentPolicy(language="en"))
    assert invoiced(a_position("1"), shop=english).lines[-1].text == "Minimum order value"
    assert len(invoiced(a_position("15"), shop=shop).lines) == 1


def test_what_cannot_be_billed_is_refused() -> None:
    with pytest.raises(NotAllowed) as refusal:
        invoiced()
    assert refusal.value.key == "order_empty"
    with pytest.raises(NotAllowed) as refusal:
        invoiced(a_position("5"), less("6"))
    assert refusal.value.key == "amount_negative"


def test_an_invoice_says_what_it_must() -> None:
    """Otherwise the buyer cannot deduct the tax, and comes back."""
    order = an_order(a_position("300"))
    nameless = replace(SHOP, company=Company(name="Druck & Co"))
    with pytest.raises(NotAllowed) as refusal:
        drafted(DocumentKind.INVOICE, order, ERIKA, nameless, AT)
    assert refusal.value.key == "company_incomplete"
    nowhere = replace(ERIKA, street="")
    with pytest.raises(NotAllowed) as refusal:
        drafted(DocumentKind.INVOICE, order, nowhere, SHOP, AT)
    assert refusal.value.key == "address_missing"
    assert drafted(DocumentKind.QUOTE, order, nowhere, nameless, AT).gross == 357
    small = an_order(a_position("210"))
    assert drafted(DocumentKind.INVOICE, small, nowhere, SHOP, AT).gross < 250


def test_days_are_those_of_the_shop() -> None:
    """At 23:30 UTC of New Year's Eve it is next year in Berlin, and so is the number."""
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    assert local_day(late, "Europe/Berlin") == date(2027, 1, 1)
    document = drafted(DocumentKind.INVOICE, an_order(a_position("1")), ERIKA, SHOP, late)
    assert (document.issued_on, document.due_on) == (date(2027, 1, 1), date(2027, 1, 15))


def test_an_invoice_is_due_and_a_quote_holds() -> None:
    invoice = invoiced(a_position("1"))
    assert (invoice.due_on, invoice.valid_until) == (date(2026, 12, 5), None)
    assert (invoice.delivered_from, invoice.delivered_until) == (DAY, DAY)
    quote = drafted(DocumentKind.QUOTE, an_order(a_position("1")), ERIKA, SHOP, AT, "Guten Tag")
    assert (quote.due_on, quote.valid_until) == (None, date(2026, 12, 21))
    assert (quote.delivered_from, quote.intro) == (None, "Guten Tag")
    since = invoiced(a_position("1"), delivered_from=date(2026, 11, 1))
    assert (since.delivered_from, since.delivered_until) == (date(2026, 11, 1), date(2026, 11, 1))


def test_a_cancellation_is_the_invoice_below_zero() -> None:
    invoice = replace(invoiced(a_position("100"), less("10"), a_position("0")), number="RE1")
    back = cancelling(invoice, SHOP, AT, "wrong price")
    assert (back.net, back.tax, back.gross) == (-invoice.net, -invoice.tax, -invoice.gross)
    assert [line.amount for line in back.lines] == [-100, 10, 0]
    assert all(not line.amount.is_signed() for line in back.lines[1:])
    assert all(
        line.amount == line.quantity * line.unit_price and line.unit_price >= 0
        for line in back.lines
    )
    assert (back.cancels, back.due_on, back.intro) == ("RE1", None, "wrong price")
    assert (back.buyer, back.seller) == (invoice.buyer, invoice.seller)
    assert back.id != invoice.id


def test_documents_are_kept_to_the_end_of_the_last_year() -> None:
    """§ 147 (4) AO: the year of issue does not count."""
    assert keep_until(date(2026, 1, 1), 8) == date(2034, 12, 31)


AMOUNTS = st.decimals(0, 9999, places=2)
POSITIONS = st.lists(
    st.tuples(AMOUNTS, st.integers(1, 20), st.sampled_from([None, Decimal(7), Decimal(0)])),
    min_size=1,
    max_size=12,
)


@given(POSITIONS, st.integers(0, 100), st.decimals(0, 1, places=2), st.booleans())
@settings(max_examples=100, deadline=None)
def test_parts_sum_to_totals_to_the_cent(
    rows: list[tuple[Decimal, int, Decimal | None]],
    percent: int,
    share: Decimal,
    gross_first: bool,
) -> None:
    """An accountant adds up by hand."""
    shop = replace(SHOP, tax=TaxPolicy(gross_first=gross_first))
    positions = [
        a_position(str(price), quantity=Decimal(quantity), tax_percent=rate)
        for price, quantity, rate in rows
    ]
    if percent:
        positions.append(less(quantity=Decimal(percent), unit="%"))
    left = sum(line.amount for line in lines_of(an_order(*positions), shop, DAY))
    positions.append(less(str(left * share)))
    document = invoiced(*positions, shop=shop)
    assert document.gross == document.net + document.tax
    assert document.gross == sum(tax.gross for tax in document.taxes)
    side = document.gross if gross_first else document.net
    assert side == sum(line.amount for line in document.lines)
    assert all(line.amount == line.amount.quantize(Decimal("0.01")) for line in document.lines)
    assert all(tax.net >= 0 for tax in document.taxes)
    lines = lines_of(an_order(*positions), shop, DAY)
    assert lines == document.lines


def test_limits_of_the_small_business_are_told_in_time() -> None:
    """Beyond them every further sale owes tax that nobody charged."""

    def warned(previous: int, current: int) -> tuple[LimitWarning, ...]:
        return Turnover(previous=Decimal(previous), current=Decimal(current)).warnings

    assert warned(25_000, 25_000) == ()
    assert warned(25_001, 0) == (LimitWarning.PREVIOUS_YEAR_EXCEEDED,)
    assert warned(0, 25_001) == (LimitWarning.NEXT_YEAR_LOST,)
    assert warned(0, 90_000) == (LimitWarning.CURRENT_YEAR_NEAR, LimitWarning.NEXT_YEAR_LOST)
    assert warned(0, 100_000)[0] is LimitWarning.CURRENT_YEAR_NEAR
    assert warned(0, 100_001)[0] is LimitWarning.CURRENT_YEAR_EXCEEDED
