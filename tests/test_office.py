"""The back office in Home Assistant: actions, links, and nobody named where strangers read."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import homeassistant.helpers.issue_registry as ir
import pytest
import voluptuous as vol
from aiohttp import web
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
from homeassistant.util.json import json_loads
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import office_papers
from custom_components.printernizer.const import DOMAIN, EVENT_DOCUMENT
from custom_components.printernizer.engine.document import Document
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.shop import Company, TaxPolicy
from custom_components.printernizer.logbook import async_describe_events
from custom_components.printernizer.office_actions import OFFICE_ACTIONS
from custom_components.printernizer.office_fields import POSITIONS, identifier
from custom_components.printernizer.office_papers import document_url, paper_name
from custom_components.printernizer.runtime import async_get_workshop, async_shop_entry
from custom_components.printernizer.shop_services import shop_schema_of
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures

COMPANY = Company(
    name="Druck & Co", street="Weg 1", postcode="10115", city="Berlin", vat_id="DE136695976"
)
SECRET = {
    "name": "Zwirnelinde Quastenflosser",
    "contact": "Xaverine",
    "street": "Geheimgasse 99",
    "postcode": "98765",
    "city": "Verstecktal",
    "email": "zwirn@geheim.example",
    "phone": "+49 555 123987",
}


def drawn(document: Document) -> bytes:
    """Stand in for the printing house."""
    return b"%PDF-1.7 " + document.number.encode()


@pytest.fixture
async def printer(hass: HomeAssistant, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> Printer:
    """Give a shop with one printer and a letterhead."""
    printer = await floor.add()
    workshop = async_get_workshop(hass)
    workshop.settings.apply(replace(workshop.settings.shop, company=COMPANY))
    monkeypatch.setattr(workshop.office, "_draw", drawn)
    return printer


async def call(
    hass: HomeAssistant, action: str, *, context: Context | None = None, **data: Any
) -> Any:
    """Call an action of the office and return what it tells."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True, context=context
    )
    await hass.async_block_till_done()
    return answer


async def an_order(hass: HomeAssistant, **more: Any) -> str:
    customer = await call(hass, "add_customer", **SECRET)
    order = await call(
        hass,
        "create_order",
        customer=customer["customer"],
        positions=[{"text": "Vase", "unit_price": 100}],
        **more,
    )
    number: str = order["order"]
    return number


async def an_invoice(hass: HomeAssistant) -> str:
    number: str = (await call(hass, "create_invoice", order=await an_order(hass)))["document"]
    return number


async def refused(hass: HomeAssistant, action: str, **data: Any) -> str | None:
    with pytest.raises(ServiceValidationError) as refusal:
        await call(hass, action, **data)
    return refusal.value.translation_key


# -- the way of an order -------------------------------------------------------------------------


async def test_an_order_goes_from_quote_to_payment(
    hass: HomeAssistant,
    printer: Printer,
    floor: Floor,
) -> None:
    """What an owner does on a day, and what automations hear of it."""
    heard = floor.hear(EVENT_DOCUMENT)
    number = await an_order(hass, title="Vasen", delivered_until="2026-11-20")
    quote = await call(hass, "create_quote", order=number, intro="Guten Tag")
    assert (quote["kind"], quote["net"], quote["tax"], quote["gross"]) == (
        "quote",
        100.0,
        19.0,
        119.0,
    )
    changed = await call(hass, "add_position", order=number, text="Rabatt", unit="%", quantity=10)
    assert (changed["state"], changed["positions"][1]["kind"]) == ("draft", "discount")
    assert (await call(hass, "confirm_order", order=number))["state"] == "confirmed"
    invoice = await call(hass, "create_invoice", order=number)
    assert (invoice["gross"], invoice["warnings"], invoice["currency"]) == (107.1, [], "EUR")
    part = await call(hass, "record_payment", document=invoice["document"], amount="7.10")
    assert (part["paid"], part["open"], part["cancelled_by"]) == (7.1, 100.0, None)
    back = await call(hass, "cancel_invoice", document=invoice["document"], reason="wrong")
    assert (back["kind"], back["gross"], back["cancels"]) == (
        "cancellation",
        -107.1,
        invoice["document"],
    )
    refund = await call(
        hass,
        "record_payment",
        document=invoice["document"],
        amount=-7.1,
        paid_on="2026-01-02",
        reference="bank",
    )
    assert refund["open"] == 0
    assert heard.kinds == ["issued", "issued", "paid", "cancelled", "refunded"]
    assert heard.events[2].data == {
        "kind": "paid",
        "document": {key: invoice[key] for key in invoice if key != "warnings"},
        "amount": 7.1,
        "open": 100.0,
    }
    assert (await call(hass, "cancel_order", order=number, reason="over"))["state"] == "cancelled"


async def test_customers_are_added_changed_found_told_and_erased(
    hass: HomeAssistant, printer: Printer
) -> None:
    added = await call(hass, "add_customer", **SECRET, vat_id="de 136695976", business=True)
    assert (added["customer"], added["vat_id"], added["erased"]) == (
        "K00001",
        "DE136695976",
        False,
    )
    changed = await call(hass, "change_customer", customer="K00001", street=None, phone=None)
    assert (changed["street"], changed["phone"], changed["city"]) == ("", None, "Verstecktal")
    assert await refused(hass, "change_customer", customer="K00001", email="x") == "bad_email"
    await call(hass, "add_customer", name="Berta")
    found = await call(hass, "list_customers", search="quasten")
    assert [each["customer"] for each in found["customers"]] == ["K00001"]
    page = await call(hass, "list_customers", limit=1)
    assert [each["name"] for each in page["customers"]] == ["Berta"]
    rest = await call(hass, "list_customers", limit=1, after=page["next"])
    assert rest["customers"] == [changed]
    assert rest["next"] is None
    told = await call(hass, "export_customer", customer=added["id"])
    assert told["customer"]["email"] == SECRET["email"]
    erased = await call(hass, "erase_customer", customer="K00001", reason="asked")
    assert erased == {
        "customer": "K00001",
        "documents_kept": [],
        "kept_until": None,
        "scrubbed": True,
    }
    assert (await call(hass, "list_customers", search="quasten"))["customers"] == []
    everyone = (await call(hass, "list_customers", erased=True))["customers"]
    assert [(each["customer"], each["erased"]) for each in everyone] == [
        ("K00002", False),
        ("K00001", True),
    ]


async def test_orders_are_listed_by_state_and_customer(
    hass: HomeAssistant, printer: Printer
) -> None:
    """What is still to be billed is asked for every week."""
    await an_invoice(hass)
    await call(hass, "add_customer", name="Berta")
    for title in ("lamp", "vase"):
        await call(hass, "create_order", customer="K00002", title=title)
    page = await call(hass, "list_orders", limit=2)
    assert [each["title"] for each in page["orders"]] == ["vase", "lamp"]
    rest = await call(hass, "list_orders", after=page["next"])
    assert [(each["order"], each["state"]) for each in rest["orders"]] == [("A00001", "invoiced")]
    assert rest["orders"][0]["positions"]
    assert rest["next"] is None
    for which, found in (
        ({"state": "draft"}, ["A00003", "A00002"]),
        ({"state": "draft", "customer": "K00001"}, []),
        ({"customer": "K00001"}, ["A00001"]),
    ):
        listed = await call(hass, "list_orders", **which)
        assert [each["order"] for each in listed["orders"]] == found, which
    assert await refused(hass, "list_orders", customer="K00009") == "no_customer"


async def test_who_has_documents_hears_until_when_they_are_kept(
    hass: HomeAssistant, printer: Printer
) -> None:
    number = await an_invoice(hass)
    erased = await call(hass, "erase_customer", customer="K00001", reason="asked")
    assert erased["documents_kept"] == [number]
    assert erased["kept_until"].endswith("-12-31")


async def test_a_job_is_assigned_and_the_books_are_proven(
    hass: HomeAssistant,
    printer: Printer,
    floor: Floor,
) -> None:
    await printer.print_all()
    await floor.settle()
    workshop = async_get_workshop(hass)
    job = workshop.ledger.last_job(printer.machine.serial)
    assert job is not None
    customer = await call(hass, "add_customer", name="Berta")
    said = await call(
        hass,
        "assign_job",
        job_id=str(job.id),
        purpose="business",
        customer="K00001",
        reason="ordered",
    )
    assert said == {
        "job_id": str(job.id),
        "purpose": "business",
        "customer_id": customer["id"],
    }
    mine = await call(hass, "assign_job", job_id=str(job.id), purpose="private", reason="mine")
    assert mine["customer_id"] is None
    unknown = {"job_id": str(uuid4()), "purpose": "private", "reason": "x"}
    assert await refused(hass, "assign_job", **unknown) == "unknown_job"
    proof = await call(hass, "verify_ledger")
    assert proof["intact"]
    assert set(proof["chains"]) == {"jobs", "starts", "audit"}
    assert proof["chains"]["audit"] == {
        "intact": True,
        "length": 3,
        "broken_at": None,
        "reason": None,
    }
    assert (proof["documents"], proof["missing_numbers"], proof["changed_documents"]) == (0, [], [])
    assert await call(hass, "clean_up") == {"documents": [], "orders": 0, "customers": []}


async def test_a_hole_in_the_numbers_is_named(hass: HomeAssistant, printer: Printer) -> None:
    """Whoever takes an invoice out of the file with a tool of their own."""
    number = await an_invoice(hass)

    def burn(connection: Any) -> None:
        connection.exec_driver_sql("DROP TRIGGER documents_no_delete")
        connection.exec_driver_sql("UPDATE number_ranges SET last = 2 WHERE kind = 'invoice'")

    await async_get_workshop(hass).store.run(burn)
    proof = await call(hass, "verify_ledger")
    assert not proof["intact"]
    year = int(number[2:6])
    assert proof["missing_numbers"] == [{"kind": "invoice", "year": year, "number": 2}]


async def test_limits_of_the_small_business_stand_among_the_repairs(
    hass: HomeAssistant, printer: Printer
) -> None:
    """An automation that bills reads no warnings."""
    workshop = async_get_workshop(hass)
    exempt = replace(workshop.settings.shop, tax=TaxPolicy(small_business=True))
    workshop.settings.apply(exempt)
    number = await an_order(hass)
    await call(hass, "add_position", order=number, text="Statue", unit_price=25000)
    await call(hass, "create_quote", order=number)
    registry = ir.async_get(hass)
    assert registry.async_get_issue(DOMAIN, "small_business_next_year_lost") is None
    issued = await call(hass, "create_invoice", order=number)
    assert issued["warnings"] == ["next_year_lost"]
    assert registry.async_get_issue(DOMAIN, "small_business_next_year_lost") is not None
    back = {"document": issued["document"], "reason": "a dream"}
    await call(hass, "cancel_invoice", **back)
    order = await call(hass, "create_order", customer="K00001", positions=[{"text": "Cup"}])
    await call(hass, "create_invoice", order=order["order"])
    assert registry.async_get_issue(DOMAIN, "small_business_next_year_lost") is None


# -- who may -------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", sorted(OFFICE_ACTIONS))
def test_every_action_is_for_administrators(action: str) -> None:
    assert OFFICE_ACTIONS[action].admin


async def test_a_user_of_the_house_learns_nothing(
    hass: HomeAssistant, printer: Printer, hass_read_only_user: MockUser
) -> None:
    """Customers are none of the tenants' business."""
    context = Context(user_id=hass_read_only_user.id)
    with pytest.raises(Unauthorized):
        await call(hass, "list_customers", context=context)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("add_customer", {"name": ""}),
        ("add_customer", {"name": "a\nb"}),
        ("add_customer", {"name": "Erika", "country": "DEU"}),
        ("create_order", {"customer": "K00001", "positions": [{}] * 101}),
        ("add_position", {"order": "A00001", "quantity": 0}),
        ("add_position", {"order": "A00001", "unit_price": -1}),
        ("add_position", {"order": "A00001", "unit_price": "nan"}),
        ("add_position", {"order": "A00001", "job_id": "x"}),
        ("assign_job", {"job_id": str(UUID(int=1)), "purpose": "fun", "reason": "x"}),
        ("erase_customer", {"customer": "K00001"}),
        ("record_payment", {"document": "RE1", "amount": 1e12}),
    ],
)
def test_what_makes_no_sense_is_refused_at_the_door(action: str, data: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        shop_schema_of(OFFICE_ACTIONS[action])(data)


def test_what_a_position_is_follows_from_what_it_names() -> None:
    """Nobody should have to say twice that a job is a job."""
    from custom_components.printernizer.office_fields import position

    job_id = str(uuid4())
    read = POSITIONS([{"job_id": job_id}, {"path": "/a", "text": "a"}, {"text": "b"}])
    assert [position(each).kind.value for each in read] == ["job", "file", "piece"]
    assert position({"kind": position(read[2]).kind, "unit": "%"}).kind.value == "piece"
    assert str(identifier(f" {job_id} ")) == job_id


# -- paper ---------------------------------------------------------------------------------------


async def test_a_link_to_a_document_works_for_who_holds_it_and_for_nobody_else(
    hass: HomeAssistant,
    printer: Printer,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_read_only_access_token: str,
    tmp_path: Path,
) -> None:
    """An invoice names a person."""
    number = await an_invoice(hass)
    told = await call(hass, "get_document", document=number)
    assert (told["name"], told["path"]) == (f"{number}.pdf", None)
    stranger = await hass_client_no_auth()
    answer = await stranger.get(told["url"])
    content = await answer.read()
    assert (answer.status, content) == (200, b"%PDF-1.7 " + number.encode())
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    assert (await stranger.get(document_url(number))).status == 401
    tampered = told["url"].replace(number, f"{number}1")
    assert (await stranger.get(tampered)).status == 401
    tenant = await hass_client(hass_read_only_access_token)
    assert (await tenant.get(document_url(number))).status == 403
    admin = await hass_client()
    assert (await admin.get(document_url(number))).status == 200
    assert (await admin.get(document_url("RE9"))).status == 404
    assert not list(tmp_path.rglob("*.pdf")), "nothing lies where the whole house looks"


async def test_a_database_that_is_away_is_told(
    hass: HomeAssistant,
    printer: Printer,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(number: str) -> bytes:
        raise StoreError("away")

    monkeypatch.setattr(async_get_workshop(hass).office, "paper", away)
    admin = await hass_client()
    response = await admin.get(document_url("RE1"))
    assert response.status == web.HTTPServiceUnavailable.status_code


async def test_a_copy_is_put_on_disk_for_who_asks(
    hass: HomeAssistant, printer: Printer, tmp_path: Path
) -> None:
    number = await an_invoice(hass)
    told = await call(hass, "get_document", document=number, save=True)
    place = Path(told["path"])
    assert place.parent == (tmp_path / "media/printernizer/documents").resolve()
    assert place.read_bytes() == b"%PDF-1.7 " + number.encode()
    assert (await call(hass, "get_document", document=number, save=True))["path"] == str(place)
    assert [each.name for each in place.parent.iterdir()] == [place.name]
    place.write_bytes(b"of somebody else")
    assert await refused(hass, "get_document", document=number, save=True) == "download_exists"
    assert place.read_bytes() == b"of somebody else"
    folder = str(tmp_path / "elsewhere")
    key = await refused(hass, "get_document", document=number, folder=folder)
    assert key == "folder_not_allowed"
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    told = await call(hass, "get_document", document=number, folder=folder)
    assert Path(told["path"]).parent == Path(folder)
    assert await refused(hass, "get_document", document="RE9") == "no_document"


async def test_a_link_in_the_media_folder_leads_a_document_nowhere(
    hass: HomeAssistant, printer: Printer, tmp_path: Path
) -> None:
    """Whoever may write there must not have us write over what only we may."""
    number = await an_invoice(hass)
    secret = tmp_path / "secrets.yaml"
    secret.write_text("kept")
    folder = tmp_path / "media/printernizer/documents"
    folder.mkdir(parents=True)
    (folder / f"{number}.pdf.part").symlink_to(secret)
    place = Path((await call(hass, "get_document", document=number, save=True))["path"])
    assert place.read_bytes() == b"%PDF-1.7 " + number.encode()
    assert not place.is_symlink()
    assert secret.read_text() == "kept"


async def test_a_full_disk_leaves_no_half_document(
    hass: HomeAssistant, printer: Printer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = await an_invoice(hass)

    def full(path: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(HomeAssistantError) as failure:
        await call(hass, "get_document", document=number, save=True)
    assert failure.value.translation_key == "disk_failed"
    assert not [path for path in tmp_path.rglob("*.pdf*") if path.is_file()]


def test_a_number_with_a_slash_stays_in_its_folder() -> None:
    assert paper_name("RE/2026/7") == "RE_2026_7.pdf"
    assert document_url("RE/2026/7").endswith("/RE%2F2026%2F7")
    assert office_papers.LINK_LASTS.total_seconds() == 86_400


async def test_a_number_with_a_slash_is_found_under_its_link(
    hass: HomeAssistant, printer: Printer, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Many number their invoices 2026/17."""
    workshop = async_get_workshop(hass)
    policy = replace(workshop.settings.shop.documents, invoice_pattern="{year}/{number}")
    workshop.settings.apply(replace(workshop.settings.shop, documents=policy))
    number = await an_invoice(hass)
    assert number.endswith("/1")
    told = await call(hass, "get_document", document=number)
    stranger = await hass_client_no_auth()
    assert (await stranger.get(told["url"])).status == 200


# -- nobody is named -----------------------------------------------------------------------------


async def test_no_person_is_named_in_states_logs_diagnostics_or_events(
    hass: HomeAssistant,
    printer: Printer,
    floor: Floor,
    hass_client: ClientSessionGenerator,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Dashboards are on a wall, and diagnostics in public issues."""
    caplog.set_level(logging.DEBUG, f"custom_components.{DOMAIN}")
    assert await async_setup_component(hass, "diagnostics", {})
    heard = floor.hear(EVENT_DOCUMENT)
    number = await an_invoice(hass)
    await call(hass, "record_payment", document=number, amount=1, reference=SECRET["name"])
    await call(hass, "get_document", document=number)
    await call(hass, "export_customer", customer="K00001")
    await call(hass, "cancel_invoice", document=number, reason=SECRET["name"])
    assert await refused(hass, "change_customer", customer="K00001", vat_id="DE1") == "bad_vat_id"
    shown = [repr(state.as_dict()) for state in hass.states.async_all()]
    shown += [repr(event.data) for event in heard.events]
    shown += [
        record.getMessage()
        for record in caplog.records
        if record.name.startswith(f"custom_components.{DOMAIN}")
    ]
    shop = async_shop_entry(hass)
    for entry in (printer.entry, shop):
        assert entry is not None
        shown.append(repr(await get_diagnostics_for_config_entry(hass, hass_client, entry)))
    for secret in SECRET.values():
        assert not any(secret in text for text in shown), secret
    assert len(heard.events) == 3


async def test_the_logbook_tells_of_documents_without_names(
    hass: HomeAssistant,
    printer: Printer,
    floor: Floor,
) -> None:
    described: dict[str, Callable[..., dict[str, str]]] = {}

    def describe(domain: str, event_type: str, how: Callable[..., dict[str, str]]) -> None:
        described[event_type] = how

    async_describe_events(hass, describe)
    heard = floor.hear(EVENT_DOCUMENT)
    number = await an_invoice(hass)
    (event,) = heard.events
    assert described[EVENT_DOCUMENT](event) == {
        "name": "Printernizer",
        "message": f"issued {number}",
    }
    event.data = {"kind": "odd"}  # type: ignore[misc]
    assert described[EVENT_DOCUMENT](event)["message"] == "odd"


async def test_answers_are_plain_json(hass: HomeAssistant, printer: Printer) -> None:
    """Automations and the API read them."""
    from homeassistant.helpers.json import json_dumps

    await an_invoice(hass)
    for action in ("list_customers", "list_orders", "verify_ledger"):
        answer = await call(hass, action)
        assert json_loads(json_dumps(answer)) == answer
