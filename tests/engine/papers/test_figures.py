"""Numbers and dates on paper."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from custom_components.printernizer.engine.papers import figures, words

BLANK = "\u00a0"


@pytest.mark.parametrize(
    ("amount", "german", "english"),
    [
        ("1234.56", f"1.234,56{BLANK}€", "€1,234.56"),
        ("-0.5", f"-0,50{BLANK}€", "-€0.50"),
        ("-0.001", f"0,00{BLANK}€", "€0.00"),
        ("98765432100.005", f"98.765.432.100,01{BLANK}€", "€98,765,432,100.01"),
    ],
)
def test_an_amount_is_written_as_its_reader_expects(amount: str, german: str, english: str) -> None:
    """1.234 read as one euro and a bit is an invoice that nobody pays."""
    assert figures.money(Decimal(amount), "EUR", "de") == german
    assert figures.money(Decimal(amount), "EUR", "en") == english


def test_a_currency_without_sign_stands_behind_its_amount() -> None:
    """Zloty are not dollars."""
    assert figures.money(Decimal(5), "PLN", "en") == f"5.00{BLANK}PLN"


def test_a_price_below_a_cent_keeps_what_was_agreed() -> None:
    """0.035 a gram shown as 0.04 does not multiply to the amount beside it."""
    assert figures.price(Decimal("0.035"), "EUR", "de") == f"0,035{BLANK}€"
    assert figures.price(Decimal("0.035"), "EUR", "en") == "€0.035"
    assert figures.price(Decimal("0.10"), "EUR", "de") == f"0,10{BLANK}€"


@pytest.mark.parametrize(
    ("value", "told"), [("12.500000", "12,5"), ("1000", "1.000"), ("0", "0"), ("-1", "-1")]
)
def test_a_quantity_has_no_zeros_that_say_nothing(value: str, told: str) -> None:
    """12.500000 g looks like a scale that nobody owns."""
    assert figures.quantity(Decimal(value), "de") == told


def test_days_ibans_and_rates_are_written_for_people() -> None:
    """A month taken for a day is a reminder sent too early."""
    first, last = date(2026, 11, 2), date(2026, 11, 20)
    assert figures.span(first, first, "de") == "02.11.2026"
    assert figures.span(first, last, "de") == "02.11.2026 – 20.11.2026"
    assert figures.day(first, "en") == "2026-11-02"
    assert figures.iban("DE02120300000000202051") == "DE02 1203 0000 0000 2020 51"
    assert figures.percent(Decimal("19.0"), "de") == f"19{BLANK}%"


def test_words_exist_in_both_languages_with_the_same_places() -> None:
    """A German invoice with half an English sentence on it."""
    for key, (english, german) in words._WORDS.items():
        assert english, key
        assert german, key
        assert english.count("{") == german.count("{"), key
    assert words.month(3, "de") == "März"
    assert words.month(12, "fr") == "December"
    assert words.country("pl", "de") == "Polen"
    assert words.country("XK", "en") == "XK"
    assert words.unit("kWh", "de") == "kWh"
