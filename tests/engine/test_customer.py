"""What may be written of a customer, and what is left of one who is forgotten."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.customer import (
    VAT_FORMATS,
    Customer,
    anonymised,
    checked,
    checked_vat_id,
    without_person,
)
from custom_components.printernizer.engine.errors import NotAllowed

AT = datetime(2026, 11, 21, tzinfo=UTC)
ERIKA = Customer(
    id=UUID(int=1),
    number="K00007",
    name="Erika Mustermann",
    street="Heidestraße 17",
    postcode="51147",
    city="Köln",
    email="erika@example.org",
    phone="+49 221 555",
    created_at=AT,
)


def test_a_customer_is_trimmed_and_their_vat_id_without_blanks() -> None:
    """What is typed with a blank too much must still be found."""
    typed = replace(ERIKA, name="  Erika ", vat_id=" de 136.695.976 ", phone=" ", country=" de")
    kept = checked(typed)
    assert (kept.name, kept.vat_id, kept.phone, kept.country) == (
        "Erika",
        "DE136695976",
        None,
        "DE",
    )


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"name": "  "}, "name_missing"),
        ({"name": "a" * 201}, "bad_text"),
        ({"city": "Köln\nBcc: all"}, "bad_text"),
        ({"contact": "x\u202ey"}, "bad_text"),
        ({"email": "erika"}, "bad_email"),
        ({"email": "erika@host"}, "bad_email"),
        ({"email": "e@a@b.de"}, "bad_email"),
        ({"country": "Germany"}, "bad_country"),
        ({"country": "Ü1"}, "bad_country"),
        ({"vat_id": "DE136695977"}, "bad_vat_id"),
    ],
)
def test_what_may_not_be_written_is_refused_without_repeating_it(
    values: dict[str, str], key: str
) -> None:
    """An error ends in a log, and there no person may stand."""
    with pytest.raises(NotAllowed) as refusal:
        checked(replace(ERIKA, **values))  # type: ignore[arg-type]
    assert refusal.value.key == key
    told = refusal.value.reason
    assert not any(value.strip() and value in told for value in values.values())


@pytest.mark.parametrize(
    "vat_id",
    [
        "ATU12345675",
        "BE0123456789",
        "DE136695976",
        "DE811569869",
        "EL123456789",
        "ESX1234567L",
        "FRXX123456789",
        "IE1234567WA",
        "IT12345678901",
        "NL123456789B01",
        "PL1234567890",
        "SE123456789001",
        "XI123456789",
        "CHE123456789MWST",
        "GB123456789",
    ],
)
def test_vat_ids_are_taken_as_their_countries_write_them(vat_id: str) -> None:
    assert checked_vat_id(vat_id) == vat_id


def test_greece_is_found_under_both_of_its_names() -> None:
    assert checked_vat_id("GR 123456789") == "EL123456789"


@pytest.mark.parametrize(
    "vat_id",
    [
        "",
        "D",
        "DE",
        "DE12345678",
        "DE1366959760",
        "ATU1234567",
        "FR12",
        "NL123",
        "12",
        "DE13669597Ü",
        "DE١٣٦٦٩٥٩٧٦",
    ],
)
def test_vat_ids_that_cannot_be_right_are_refused(vat_id: str) -> None:
    """An invoice with a wrong one is no invoice for the buyer's tax office."""
    with pytest.raises(NotAllowed) as refusal:
        checked_vat_id(vat_id)
    assert refusal.value.key == "bad_vat_id"


@given(st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_no_text_breaks_the_check_of_vat_ids(text: str) -> None:
    try:
        found = checked_vat_id(text)
    except NotAllowed:
        return
    assert checked_vat_id(found) == found


def test_one_wrong_digit_of_a_german_vat_id_is_found() -> None:
    """That is what the ninth is for."""
    right = "136695976"
    for place in range(9):
        for digit in "0123456789":
            wrong = right[:place] + digit + right[place + 1 :]
            if wrong != right:
                with pytest.raises(NotAllowed):
                    checked_vat_id(f"DE{wrong}")


def test_every_country_of_the_union_has_its_format() -> None:
    assert len(VAT_FORMATS) == 28


def test_nothing_personal_is_left_of_who_is_forgotten() -> None:
    left = anonymised(replace(ERIKA, vat_id="DE136695976", contact="E", buyer_reference="R"), AT)
    assert left.erased
    assert left == Customer(id=ERIKA.id, number="K00007", name="", created_at=AT, anonymised_at=AT)


def test_a_customer_prints_a_number_and_no_name() -> None:
    """A traceback with locals goes to strangers."""
    assert repr(ERIKA) == "<Customer K00007>"
    assert "Erika" not in repr(ERIKA.party)


def test_a_reason_names_a_number_in_place_of_a_person() -> None:
    """The audit log is never erased."""
    assert without_person("MUSTERMANN wants it, see erika@example.org", ERIKA) == (
        "K00007 wants it, see K00007"
    )
    firm = replace(ERIKA, business=True, name="Bau und Holz GmbH", contact="Max Ott")
    assert without_person("Ott of Bau und Holz GmbH und Co", firm) == "K00007 of K00007 und Co"
    assert without_person(None, ERIKA) is None
    assert without_person("Erika", None) == "Erika"


def test_a_party_says_what_a_document_needs() -> None:
    party = ERIKA.party
    assert (party.name, party.city, party.number, party.country) == (
        "Erika Mustermann",
        "Köln",
        "K00007",
        "DE",
    )
