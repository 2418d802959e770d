"""Whom the shop works for, and what may be written of them.

Personal data: none of it ever goes into a log, the reason of an error, or the audit log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from .document import Party
from .errors import NotAllowed
from .names import has_tricks

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

LONGEST_TEXT: Final = 200
"""Characters of one field."""

_PERSONAL: Final = (
    "name",
    "contact",
    "street",
    "postcode",
    "city",
    "vat_id",
    "email",
    "phone",
    "buyer_reference",
)
"""What erasing takes away; all of it is text."""
_TELLING: Final = ("name", "contact", "street", "vat_id", "email", "phone")
"""What of it tells who somebody is where it stands in a sentence: a city alone does not."""
_SHORTEST_TELLING: Final = 3
_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_VAT_SEPARATORS: Final = re.compile(r"[\s./-]")
_VAT_ELSEWHERE: Final = re.compile(r"[A-Z]{2}[A-Z0-9+*]{2,20}")
VAT_FORMATS: Final = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-HJ-NP-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"\d{9}|\d{12}",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"[A-Z0-9+*]{10}\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{10}01",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}|\d{12}|GD\d{3}|HA\d{3}",
}
"""After the two letters of the country. Greece is EL, Northern Ireland XI.
Source: the European Commission's VIES, "VAT identification number structure"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Customer:
    """A person or a company, as it is known today. Documents keep their own copy."""

    id: UUID
    number: str
    """"K00001", given once."""
    name: str
    business: bool = False
    contact: str | None = None
    """The person to speak to."""
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = "DE"
    """ISO 3166-1, two letters."""
    vat_id: str | None = None
    """Without blanks: "DE123456789"."""
    email: str | None = None
    phone: str | None = None
    buyer_reference: str | None = None
    """What they want to read on an invoice (Leitweg-ID of German authorities)."""
    created_at: datetime
    anonymised_at: datetime | None = None
    """When the person was forgotten; the row stays for the amounts that point to it."""

    def __repr__(self) -> str:
        """Name nobody: reprs end in logs."""
        return f"<Customer {self.number}>"

    @property
    def erased(self) -> bool:
        """Whether nothing of the person is left."""
        return self.anonymised_at is not None

    @property
    def party(self) -> Party:
        """As a document names them."""
        return Party(
            name=self.name,
            business=self.business,
            contact=self.contact,
            street=self.street,
            postcode=self.postcode,
            city=self.city,
            country=self.country,
            vat_id=self.vat_id,
            email=self.email,
            number=self.number,
            buyer_reference=self.buyer_reference,
        )


def checked(customer: Customer) -> Customer:
    """Return a customer as it may be kept: trimmed, and its VAT id without blanks.

    Raises NotAllowed: bad_text, bad_email, bad_country, bad_vat_id, name_missing. No reason
    repeats what was typed.
    """
    values = {key: _line(key, getattr(customer, key)) for key in _PERSONAL}
    country = customer.country.strip().upper()
    if not _COUNTRY.fullmatch(country):
        raise NotAllowed("a country is two letters, as DE", key="bad_country")
    if not values["name"]:
        raise NotAllowed("a customer has a name", key="name_missing")
    for key in ("street", "postcode", "city"):
        values[key] = values[key] or ""
    email = values["email"]
    if email is not None and not _EMAIL.fullmatch(email):
        raise NotAllowed("it is not an e-mail address", key="bad_email")
    if values["vat_id"] is not None:
        values["vat_id"] = checked_vat_id(values["vat_id"])
    return replace(customer, country=country, **values)  # type: ignore[arg-type]


def _line(key: str, value: str | None) -> str | None:
    """Return one line of plain text, or None for nothing. Raises NotAllowed."""
    text = (value or "").strip()
    if len(text) > LONGEST_TEXT or has_tricks(text):
        reason = f"{key} is one line of at most {LONGEST_TEXT} characters"
        raise NotAllowed(reason, key="bad_text")
    return text or None


def checked_vat_id(value: str) -> str:
    """Return a VAT id in capitals, without blanks, dots and dashes.

    Of countries of the EU its format is checked, of Germany its check digit as well; whether it
    is in use only their register knows. Raises NotAllowed(key="bad_vat_id").
    """
    text = _VAT_SEPARATORS.sub("", value).upper()
    country, rest = text[:2], text[2:]
    if country == "GR":
        country = "EL"
    pattern = VAT_FORMATS.get(country)
    known = pattern is not None
    # ASCII: other scripts have digits too, and no tax office and no code page takes them.
    fits = re.fullmatch(pattern, rest, re.ASCII) if pattern else _VAT_ELSEWHERE.fullmatch(text)
    if not fits or (country == "DE" and _german_check_digit(rest[:8]) != int(rest[8])):
        where = f"one of {country}" if known else "one"
        raise NotAllowed(f"the VAT id is not written like {where}", key="bad_vat_id")
    return country + rest


def _german_check_digit(digits: str) -> int:
    """Return the ninth digit. Source: ISO 7064, MOD 11,10."""
    product = 10
    for digit in digits:
        total = (int(digit) + product) % 10 or 10
        product = 2 * total % 11
    return (11 - product) % 10


def anonymised(customer: Customer, at: datetime) -> Customer:
    """Return what may be kept of somebody who is to be forgotten: number, country and dates."""
    return replace(
        customer,
        name="",
        contact=None,
        street="",
        postcode="",
        city="",
        vat_id=None,
        email=None,
        phone=None,
        buyer_reference=None,
        anonymised_at=at,
    )


def without_person(text: str | None, customer: Customer | None) -> str | None:
    """Return a text with the customer's number wherever it named them.

    For reasons that stand where nothing can be erased. Finds what is written as it stands in
    the customer's data, without regard to case; a nickname it cannot know.
    """
    if text is None or customer is None:
        return text
    told = {getattr(customer, key) for key in _TELLING}
    words = {part for value in told if value for part in (value, *_name_parts(customer, value))}
    for word in sorted(words, key=len, reverse=True):
        if len(word) >= _SHORTEST_TELLING:
            text = re.sub(re.escape(word), customer.number, text, flags=re.IGNORECASE)
    return text


def _name_parts(customer: Customer, value: str) -> tuple[str, ...]:
    """Return the names of a person one by one: people are called by their last."""
    names = {customer.contact} if customer.business else {customer.name, customer.contact}
    return tuple(value.split()) if value in names else ()
