"""Actions on costs: before a print, after it, and over a period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv

from . import fields
from .account_facts import account_facts, breakdown_facts, report_facts
from .engine.account import Confidence, Consumption, Source
from .engine.errors import NotAllowed
from .engine.job import Outcome
from .engine.material import price_per_kg
from .engine.money import exact
from .export_actions import LANGUAGES, async_shelf, month
from .local_files import async_local_file
from .shop_action import ShopAction
from .stock_fields import MASS, NUMBER, REASON
from .targets import async_place_of
from .views.export import async_offer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .action import Facts
    from .engine.workshop.workshop import Workshop
    from .shop_action import ShopRequest


async def _estimate_cost(request: ShopRequest) -> Facts:
    hass, data = request.hass, request.data
    printer = async_place_of(hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    source = await async_local_file(hass, data["source"])
    expected = await request.shop.estimate_cost(
        printer, source, plate=data.get("plate"), slots=data["slots"]
    )
    return {"currency": request.shop.settings.shop.currency, **breakdown_facts(expected)}


async def _job_account(request: ShopRequest) -> Facts:
    account = await request.shop.accounts.get(request.data["job_id"])
    if account is None:
        raise NotAllowed("there is no account of such a job", key="no_job")
    return account_facts(account)


async def _correct_job(request: ShopRequest) -> Facts:
    data = request.data
    lines = [_weighed(request.shop, each) for each in data["material"]]
    after = await request.shop.accounts.correct(
        data["job_id"],
        reason=data["reason"],
        by=request.by,
        consumption=lines or None,
        pieces=data.get("pieces"),
        outcome=data.get("outcome"),
    )
    return account_facts(after)


def _weighed(shop: Workshop, said: Mapping[str, Any]) -> Consumption:
    """Return what a person says was taken of a spool, at that spool's price."""
    mass = exact(said["mass_g"])
    spool = shop.stock.numbered(said["spool"])
    material = shop.stock.material_of(spool)
    price = price_per_kg(spool, material)
    if price is None:
        price = shop.settings.shop.stock.default_price_per_kg
    return Consumption(
        spool_id=spool.id,
        material=material.kind,
        mass_g=mass,
        source=Source.WEIGHED,
        confidence=Confidence.HIGH,
        price_per_kg=price,
        amount=exact(mass * price / 1000),
    )


async def _cost_report(request: ShopRequest) -> Facts:
    hass, data, shop = request.hass, request.data, request.shop
    first, last = data.get("month") or (data["from"], data["until"])
    printer = None
    if ATTR_DEVICE_ID in data:
        printer = async_place_of(hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    report, invoiced = await shop.reports.period(first, last, printer_id=printer)
    facts = {
        "from": first.isoformat(),
        "until": last.isoformat(),
        **report_facts(report, invoiced),
    }
    if "format" not in data:
        return facts
    write = shop.reports.book if data["format"] == "xlsx" else shop.reports.paper
    content = await write(first, last, language=data.get("language"))
    folder = await async_shelf(hass, data)
    path = folder / f"printernizer_report_{first}_{last}.{data['format']}"
    await hass.async_add_executor_job(_write, path, content)
    return {**facts, "path": str(path), "url": async_offer(hass, path)}


def _write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all. Raises NotAllowed."""
    # A name that nobody can know, and so cannot have made a link of that leads elsewhere.
    part = path.with_name(f".{uuid4().hex}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as err:
        part.unlink(missing_ok=True)
        raise NotAllowed(err.strerror or type(err).__name__, key="disk_failed") from err


def _period(data: dict[str, Any]) -> dict[str, Any]:
    days = [key for key in ("from", "until") if key in data]
    if ("month" in data) == bool(days) or len(days) == 1:
        raise vol.Invalid("either a month, or a first and a last day")
    if days and data["from"] > data["until"]:
        raise vol.Invalid("the period ends before it begins")
    if "format" in data and ATTR_DEVICE_ID in data:
        raise vol.Invalid("a report as a file is about the whole shop")
    return data


def _something(data: dict[str, Any]) -> dict[str, Any]:
    if not data["material"] and not data.keys() & {"pieces", "outcome"}:
        raise vol.Invalid("name what is to be put right")
    return data


def job_id(value: object) -> UUID:
    """Return the id of a job. Raises vol.Invalid."""
    try:
        return UUID(cv.string(value))
    except ValueError:
        raise vol.Invalid("not the id of a job") from None


REPORT_FORMATS: Final = ("pdf", "xlsx")
_TAKEN: Final = vol.Schema({vol.Required("spool"): NUMBER, vol.Required("mass_g"): MASS})

REPORT_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "estimate_cost": ShopAction(
        deed=_estimate_cost,
        fields={
            vol.Required(ATTR_DEVICE_ID): cv.string,
            vol.Required("source"): fields.source,
            vol.Optional("plate"): fields.PLATE,
            vol.Optional("slots", default=list): fields.slots,
        },
        response=SupportsResponse.ONLY,
    ),
    "job_account": ShopAction(
        deed=_job_account,
        fields={vol.Required("job_id"): job_id},
        response=SupportsResponse.ONLY,
    ),
    "correct_job": ShopAction(
        deed=_correct_job,
        fields={
            vol.Required("job_id"): job_id,
            vol.Required("reason"): REASON,
            vol.Optional("material", default=list): vol.All(
                cv.ensure_list, [_TAKEN], vol.Length(max=64)
            ),
            vol.Optional("pieces"): vol.All(vol.Coerce(int), vol.Range(0, 100_000)),
            vol.Optional("outcome"): vol.Coerce(Outcome),
        },
        check=_something,
    ),
    "cost_report": ShopAction(
        deed=_cost_report,
        fields={
            vol.Optional("month"): month,
            vol.Optional("from"): cv.date,
            vol.Optional("until"): cv.date,
            vol.Optional(ATTR_DEVICE_ID): cv.string,
            vol.Optional("format"): vol.In(REPORT_FORMATS),
            vol.Optional("language"): vol.In(LANGUAGES),
            vol.Optional("save", default=False): cv.boolean,
            vol.Optional("folder"): cv.string,
        },
        check=_period,
        response=SupportsResponse.ONLY,
    ),
}
