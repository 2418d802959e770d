"""Amounts, quantities and dates as people of a language write them."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ..money import CENT, ZERO, rounded

if TYPE_CHECKING:
    from datetime import date

_SWAP: Final = str.maketrans(",.", ".,")
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£"}
_BLANK: Final = "\u00a0"
"""A number and its unit stay on one line."""


def number(value: Decimal, language: str, *, places: int) -> str:
    """Write 1234.5 as "1.234,50" (German) or "1,234.50", with that many places, half up."""
    shown = rounded(value, Decimal(1).scaleb(-places))
    text = f"{abs(shown) if shown == ZERO else shown:,.{places}f}"
    return text.translate(_SWAP) if language == "de" else text


def money(value: Decimal, currency: str, language: str) -> str:
    """Write an amount to the cent, with the sign of its currency where it has one."""
    return _with_currency(number(value, language, places=2), currency, language)


def price(value: Decimal, currency: str, language: str) -> str:
    """Write a unit price: to the cent, or as exactly as it was agreed (0.035 a gram)."""
    if value == rounded(value, CENT):
        return money(value, currency, language)
    return _with_currency(quantity(value, language), currency, language)


def _with_currency(figure: str, currency: str, language: str) -> str:
    symbol = _SYMBOLS.get(currency, currency)
    if language == "de" or symbol == currency:
        return f"{figure}{_BLANK}{symbol}"
    return f"-{symbol}{figure[1:]}" if figure.startswith("-") else f"{symbol}{figure}"


def quantity(value: Decimal, language: str) -> str:
    """Write a quantity with up to six places and no zeros behind the last that counts."""
    text = number(value, language, places=6)
    return text.rstrip("0").rstrip(",.")


def percent(value: Decimal, language: str) -> str:
    """Write a rate: "19 %"."""
    return f"{quantity(value, language)}{_BLANK}%"


def day(value: date, language: str) -> str:
    """Write a date: "21.11.2026", or "2026-11-21", which no two countries read differently."""
    return f"{value:%d.%m.%Y}" if language == "de" else value.isoformat()


def span(begin: date, end: date, language: str) -> str:
    """Write one day, or the first and the last of several."""
    if begin == end:
        return day(begin, language)
    return f"{day(begin, language)} – {day(end, language)}"


def iban(value: str) -> str:
    """Write an IBAN in groups of four."""
    plain = "".join(value.split())
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))
