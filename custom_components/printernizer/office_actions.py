"""Actions of the back office: customers, orders, documents, payments and the rights of persons."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from .engine.order import OrderState
from .engine.shop import Purpose
from .export_actions import async_forget_exports
from .office_facts import (
    customer_facts,
    document_facts,
    order_facts,
    proof_facts,
    standing_facts,
)
from .office_fields import (
    AFTER,
    AMOUNT,
    CUSTOMER,
    KEPT_AS_TEXT,
    PAGE,
    POSITION,
    POSITIONS,
    REASON,
    REFERENCE,
    identifier,
    position,
)
from .office_papers import async_paper
from .shop_action import ShopAction
from .stock_fields import clearable, word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .action import Facts
    from .engine.workshop.paperwork import Issued
    from .shop_action import ShopDeed, ShopRequest

_CUSTOMER: Final = {vol.Required("customer"): REFERENCE}
_ORDER: Final = {vol.Required("order"): REFERENCE}
_DOCUMENT: Final = {vol.Required("document"): REFERENCE}
_REASON: Final = {vol.Required("reason"): REASON}
_SUPPLY: Final = {vol.Optional("delivered_from"): cv.date, vol.Optional("delivered_until"): cv.date}


# -- customers -----------------------------------------------------------------------------------


async def _add_customer(request: ShopRequest) -> Facts:
    added = await request.shop.office.add_customer(by=request.by, **request.data)
    return customer_facts(added)


async def _change_customer(request: ShopRequest) -> Facts:
    data = dict(request.data)
    which = data.pop("customer")
    emptied = {key: "" for key in data if key in KEPT_AS_TEXT and data[key] is None}
    changed = await request.shop.office.change_customer(which, by=request.by, **data | emptied)
    return customer_facts(changed)


async def _list_customers(request: ShopRequest) -> Facts:
    data = request.data
    page = await request.shop.office.customers(
        data.get("search"), erased=data["erased"], after=data.get("after"), limit=data["limit"]
    )
    return {
        "customers": [customer_facts(customer) for customer in page.customers],
        "next": page.next,
    }


async def _export_customer(request: ShopRequest) -> Facts:
    return await request.shop.office.export_person(request.data["customer"], by=request.by)


async def _erase_customer(request: ShopRequest) -> Facts:
    data = request.data
    erasure = await request.shop.office.erase_person(
        data["customer"], data["reason"], by=request.by
    )
    await async_forget_exports(request.hass)
    until = erasure.kept_until
    return {
        "customer": erasure.number,
        "documents_kept": list(erasure.documents),
        "kept_until": None if until is None else until.isoformat(),
        "scrubbed": erasure.scrubbed,
    }


# -- orders --------------------------------------------------------------------------------------


async def _create_order(request: ShopRequest) -> Facts:
    data = dict(request.data)
    positions = [position(each) for each in data.pop("positions")]
    customer = data.pop("customer")
    order = await request.shop.office.create_order(customer, positions, by=request.by, **data)
    return order_facts(order)


async def _list_orders(request: ShopRequest) -> Facts:
    data, office = request.data, request.shop.office
    whose = None
    if "customer" in data:
        whose = (await office.customer(data["customer"])).id
    page = await office.orders(
        state=data.get("state"), customer_id=whose, after=data.get("after"), limit=data["limit"]
    )
    return {"orders": [order_facts(order) for order in page.orders], "next": page.next}


async def _add_position(request: ShopRequest) -> Facts:
    data = dict(request.data)
    which = data.pop("order")
    order = await request.shop.office.add_position(which, position(data), by=request.by)
    return order_facts(order)


def _move(to: OrderState) -> ShopDeed:
    async def move(request: ShopRequest) -> Facts:
        data = request.data
        order = await request.shop.office.move_order(
            data["order"], to, reason=data.get("reason"), by=request.by
        )
        return order_facts(order)

    return move


# -- documents -----------------------------------------------------------------------------------


async def _create_quote(request: ShopRequest) -> Facts:
    data = request.data
    issued = await request.shop.office.quote(data["order"], intro=data.get("intro"), by=request.by)
    return _issued_facts(issued)


async def _create_invoice(request: ShopRequest) -> Facts:
    data = request.data
    issued = await request.shop.office.invoice(
        data["order"], intro=data.get("intro"), by=request.by
    )
    return _issued_facts(issued)


def _issued_facts(issued: Issued) -> dict[str, Any]:
    warnings = [warning.value for warning in issued.warnings]
    return {**document_facts(issued.document), "warnings": warnings}


async def _cancel_invoice(request: ShopRequest) -> Facts:
    data = request.data
    document = await request.shop.office.cancel_invoice(
        data["document"], data["reason"], by=request.by
    )
    return document_facts(document)


async def _record_payment(request: ShopRequest) -> Facts:
    data = request.data
    standing = await request.shop.office.pay(
        data["document"],
        data["amount"],
        data.get("paid_on"),
        request.by,
        reference=data.get("reference"),
    )
    return standing_facts(standing)


async def _get_document(request: ShopRequest) -> Facts:
    data = request.data
    office = request.shop.office
    document = await office.document(data["document"])
    paper = await async_paper(
        request.hass, office, document.number, save=data["save"], folder=data.get("folder")
    )
    return {**document_facts(document), **paper}


# -- jobs and books ------------------------------------------------------------------------------


async def _assign_job(request: ShopRequest) -> Facts:
    data = request.data
    assignment = await request.shop.office.assign(
        data["job_id"],
        data["purpose"],
        data.get("customer"),
        reason=data["reason"],
        by=request.by,
    )
    customer_id = assignment.customer_id
    return {
        "job_id": str(data["job_id"]),
        "purpose": assignment.purpose.value,
        "customer_id": None if customer_id is None else str(customer_id),
    }


async def _clean_up(request: ShopRequest) -> Facts:
    done = asdict(await request.shop.office.clean_up(by=request.by))
    return {key: list(value) if isinstance(value, tuple) else value for key, value in done.items()}


async def _verify_ledger(request: ShopRequest) -> Facts:
    return proof_facts(await request.shop.office.verify())


# -- all of them ---------------------------------------------------------------------------------

_PEOPLE: Final[Mapping[str, ShopAction]] = {
    "add_customer": ShopAction(
        deed=_add_customer,
        fields={
            vol.Required("name"): word(200),
            **{vol.Optional(key): read for key, read in CUSTOMER.items()},
        },
    ),
    "change_customer": ShopAction(
        deed=_change_customer,
        fields={
            **_CUSTOMER,
            vol.Optional("name"): word(200),
            **{
                vol.Optional(key): read if key in {"business", "country"} else clearable(read)
                for key, read in CUSTOMER.items()
            },
        },
    ),
    "list_customers": ShopAction(
        deed=_list_customers,
        fields={
            vol.Optional("search"): word(200),
            vol.Optional("erased", default=False): cv.boolean,
            vol.Optional("after"): AFTER,
            vol.Optional("limit", default=50): PAGE,
        },
        response=SupportsResponse.ONLY,
    ),
    "export_customer": ShopAction(
        deed=_export_customer, fields=_CUSTOMER, response=SupportsResponse.ONLY
    ),
    "erase_customer": ShopAction(deed=_erase_customer, fields={**_CUSTOMER, **_REASON}),
}
_TRADE: Final[Mapping[str, ShopAction]] = {
    "create_order": ShopAction(
        deed=_create_order,
        fields={
            **_CUSTOMER,
            vol.Optional("title"): word(200),
            **_SUPPLY,
            vol.Optional("positions", default=list): POSITIONS,
        },
    ),
    "list_orders": ShopAction(
        deed=_list_orders,
        fields={
            vol.Optional("state"): vol.Coerce(OrderState),
            vol.Optional("customer"): REFERENCE,
            vol.Optional("after"): AFTER,
            vol.Optional("limit", default=50): PAGE,
        },
        response=SupportsResponse.ONLY,
    ),
    "add_position": ShopAction(deed=_add_position, fields={**_ORDER, **POSITION}),
    "confirm_order": ShopAction(deed=_move(OrderState.CONFIRMED), fields=_ORDER),
    "cancel_order": ShopAction(
        deed=_move(OrderState.CANCELLED), fields={**_ORDER, vol.Optional("reason"): REASON}
    ),
    "create_quote": ShopAction(
        deed=_create_quote, fields={**_ORDER, vol.Optional("intro"): word(500)}
    ),
    "create_invoice": ShopAction(
        deed=_create_invoice, fields={**_ORDER, vol.Optional("intro"): word(500)}
    ),
    "cancel_invoice": ShopAction(deed=_cancel_invoice, fields={**_DOCUMENT, **_REASON}),
    "record_payment": ShopAction(
        deed=_record_payment,
        fields={
            **_DOCUMENT,
            vol.Required("amount"): AMOUNT,
            vol.Optional("paid_on"): cv.date,
            vol.Optional("reference"): word(200),
        },
    ),
    "get_document": ShopAction(
        deed=_get_document,
        fields={
            **_DOCUMENT,
            vol.Optional("save", default=False): cv.boolean,
            vol.Optional("folder"): cv.string,
        },
        response=SupportsResponse.ONLY,
    ),
}
_BOOKS: Final[Mapping[str, ShopAction]] = {
    "assign_job": ShopAction(
        deed=_assign_job,
        fields={
            vol.Required("job_id"): identifier,
            vol.Required("purpose"): vol.Coerce(Purpose),
            vol.Optional("customer"): REFERENCE,
            **_REASON,
        },
    ),
    "clean_up": ShopAction(deed=_clean_up, fields={}),
    "verify_ledger": ShopAction(deed=_verify_ledger, fields={}, response=SupportsResponse.ONLY),
}

OFFICE_ACTIONS: Final[Mapping[str, ShopAction]] = {**_PEOPLE, **_TRADE, **_BOOKS}
