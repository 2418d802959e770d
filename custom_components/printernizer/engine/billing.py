"""From an order to a document: its lines, its totals and what else it says. The shop computes all.

The order of rule 22: positions, then discounts, then the minimum per order, then tax.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from .document import Document, DocumentKind, DocumentLine, TaxLine
from .errors import NotAllowed
from .money import ZERO, rounded
from .order import LARGEST, PERCENT, PositionKind
from .shop import EXEMPTION_TEXT
from .tax import percent_on, totals

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .customer import Customer
    from .order import Order, Position
    from .shop import ShopSettings

SMALL_AMOUNT: Final = Decimal(250)
"""Gross, up to which an invoice need not name its buyer's address. Source: § 33 UStDV."""
FLAT: Final = "flat"
_MINIMUM: Final = {"de": "Mindestauftragswert", "en": "Minimum order value"}
_HUNDRED: Final = Decimal(100)


def local_day(at: datetime, time_zone: str) -> date:
    """Return which day it is in the shop. Reads the time zone from disk the first time."""
    return at.astimezone(ZoneInfo(time_zone)).date()


def keep_until(day: date, years: int) -> date:
    """Return the last day on which a document of `day` is kept: its year does not count.

    Source: § 147 (4) AO.
    """
    return date(day.year + years, 12, 31)


# -- lines ---------------------------------------------------------------------------------------


def lines_of(order: Order, shop: ShopSettings, day: date) -> tuple[DocumentLine, ...]:
    """Return the lines of an order that is supplied on a day.

    Raises NotAllowed: order_empty; amount_negative when discounts are larger than the rest;
    bad_position for amounts that no ledger holds.
    """
    if not order.positions:
        raise NotAllowed("an order without positions cannot be billed", key="order_empty")
    usual = ZERO if shop.tax.small_business else percent_on(shop.tax.rates, day)
    lines: list[DocumentLine] = []
    for position in order.positions:
        lines += _lines(position, lines, shop, usual)
    total = sum((line.amount for line in lines), ZERO)
    if total < ZERO:
        raise NotAllowed("the discounts are larger than the rest", key="amount_negative")
    if sum(abs(line.amount) for line in lines) > LARGEST:
        raise NotAllowed("an order is not worth that much", key="bad_position")
    if total < shop.prices.minimum_per_order:
        text = _MINIMUM.get(shop.documents.language, _MINIMUM["en"])
        missing = rounded(shop.prices.minimum_per_order - total)
        for percent, part in _borne(missing, lines, usual):
            lines.append(_line(text, FLAT, part, percent))
    return tuple(replace(line, number=number) for number, line in enumerate(lines, 1))


def _lines(
    position: Position, before: Sequence[DocumentLine], shop: ShopSettings, usual: Decimal
) -> list[DocumentLine]:
    percent = usual
    if position.tax_percent is not None and not shop.tax.small_business:
        percent = position.tax_percent
    if position.kind is not PositionKind.DISCOUNT:
        return [
            DocumentLine(
                number=0,
                text=position.text,
                quantity=position.quantity,
                unit=position.unit,
                unit_price=position.unit_price,
                amount=rounded(position.quantity * position.unit_price),
                tax_percent=percent,
                detail=position.detail,
            )
        ]
    if position.unit == PERCENT:
        return [
            _less(position, total * position.quantity / _HUNDRED, rate)
            for rate, total in _by_rate(before)
        ]
    amount = rounded(position.quantity * position.unit_price)
    if position.tax_percent is not None:
        return [_less(position, amount, percent)]
    return [_less(position, part, rate) for rate, part in _borne(amount, before, usual)]


def _by_rate(lines: Sequence[DocumentLine]) -> list[tuple[Decimal, Decimal]]:
    """Return what each rate of tax has to bear a share of, ascending."""
    sums: dict[Decimal, Decimal] = {}
    for line in lines:
        sums[line.tax_percent] = sums.get(line.tax_percent, ZERO) + line.amount
    return [(percent, total) for percent, total in sorted(sums.items()) if total > ZERO]


def _borne(
    amount: Decimal, lines: Sequence[DocumentLine], usual: Decimal
) -> list[tuple[Decimal, Decimal]]:
    """Divide cents over the rates of tax in proportion to their sums: no rate without a supply.

    Taken off at 19 per cent, what is less on a sale at 7 would cost the tax office the
    difference. Rounded on the running sum, so that nothing is left over.
    """
    sums = _by_rate(lines)
    whole = sum((total for _, total in sums), ZERO)
    if not sums:
        return [(usual, amount)]
    parts: list[tuple[Decimal, Decimal]] = []
    so_far = given = ZERO
    for percent, total in sums:
        so_far += total
        part = rounded(amount * so_far / whole) - given
        given += part
        if part:
            parts.append((percent, part))
    return parts


def _less(position: Position, amount: Decimal, percent: Decimal) -> DocumentLine:
    # Minus one times a price: e-invoices (EN 16931, BR-27) know no price below zero.
    line = _line(position.text, FLAT, rounded(amount), percent, position.detail)
    return replace(line, quantity=Decimal(-1), amount=-line.amount)


def _line(
    text: str, unit: str, amount: Decimal, percent: Decimal, detail: str | None = None
) -> DocumentLine:
    return DocumentLine(
        number=0,
        text=text,
        quantity=Decimal(1),
        unit=unit,
        unit_price=amount,
        amount=rounded(amount),
        tax_percent=percent,
        detail=detail,
    )


# -- documents -----------------------------------------------------------------------------------


def drafted(
    kind: DocumentKind,
    order: Order,
    customer: Customer,
    shop: ShopSettings,
    at: datetime,
    intro: str | None = None,
) -> Document:
    """Return a quote or an invoice as it would be issued now, without its number.

    Raises NotAllowed: company_incomplete, address_missing, order_empty, amount_negative.
    """
    today = local_day(at, shop.time_zone)
    supplied = order.delivered_until or order.delivered_from or today
    lines = lines_of(order, shop, supplied)
    taxes = totals(lines, gross_first=shop.tax.gross_first)
    invoice = kind is DocumentKind.INVOICE
    document = Document(
        id=uuid4(),
        kind=kind,
        number="",
        issued_on=today,
        issued_at=at.astimezone(UTC),
        seller=shop.company,
        buyer=customer.party,
        lines=lines,
        taxes=taxes,
        net=sum((line.net for line in taxes), ZERO),
        tax=sum((line.tax for line in taxes), ZERO),
        gross=sum((line.gross for line in taxes), ZERO),
        currency=shop.currency,
        language=shop.documents.language,
        gross_first=shop.tax.gross_first,
        exempt=shop.tax.small_business,
        exemption_text=_exemption(shop),
        due_on=today + timedelta(days=shop.documents.payment_days) if invoice else None,
        valid_until=None if invoice else today + timedelta(days=shop.documents.quote_days),
        delivered_from=order.delivered_from or (supplied if invoice else None),
        delivered_until=order.delivered_until or (supplied if invoice else None),
        order_id=order.id,
        customer_id=customer.id,
        intro=intro,
        footer=shop.documents.footer,
    )
    if invoice:
        _check_invoice(document)
    return document


def _exemption(shop: ShopSettings) -> str | None:
    if not shop.tax.small_business:
        return None
    return EXEMPTION_TEXT.get(shop.documents.language, EXEMPTION_TEXT["en"])


def _check_invoice(document: Document) -> None:
    """Refuse an invoice that says less than it must. Source: § 14 (4) UStG."""
    if not document.seller.complete:
        raise NotAllowed(
            "name, address and tax number or VAT id of the shop belong on an invoice",
            key="company_incomplete",
        )
    buyer = document.buyer
    if document.gross > SMALL_AMOUNT and not (buyer.street and buyer.postcode and buyer.city):
        raise NotAllowed("above 250 it names the buyer's address", key="address_missing")


def cancelling(invoice: Document, shop: ShopSettings, at: datetime, reason: str) -> Document:
    """Return what takes an invoice back, whole, without its number: its amounts below zero."""
    return replace(
        invoice,
        id=uuid4(),
        kind=DocumentKind.CANCELLATION,
        number="",
        issued_on=local_day(at, shop.time_zone),
        issued_at=at.astimezone(UTC),
        lines=tuple(
            replace(line, quantity=_minus(line.quantity), amount=_minus(line.amount))
            for line in invoice.lines
        ),
        taxes=tuple(
            TaxLine(
                percent=tax.percent,
                net=_minus(tax.net),
                tax=_minus(tax.tax),
                gross=_minus(tax.gross),
            )
            for tax in invoice.taxes
        ),
        net=_minus(invoice.net),
        tax=_minus(invoice.tax),
        gross=_minus(invoice.gross),
        due_on=None,
        cancels=invoice.number,
        intro=reason,
    )


def _minus(value: Decimal) -> Decimal:
    """Return it with the other sign; of zero there is only one."""
    return -value if value else value
