"""What the ledger holds, page by page: for scripts, and for dashboards of one's own."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import SupportsResponse
from homeassistant.helpers import config_validation as cv
from homeassistant.util.dt import async_get_time_zone

from .account_facts import account_facts
from .announce import job_facts
from .engine.job import Outcome
from .engine.job_list import Cursor, JobFilter
from .shop_action import ShopAction
from .targets import async_place_of, async_printer_names

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, tzinfo

    from .action import Facts
    from .shop_action import ShopRequest


async def _list_jobs(request: ShopRequest) -> Facts:
    hass, data = request.hass, request.data
    zone = await async_get_time_zone(request.shop.settings.shop.time_zone)
    printer = None
    if ATTR_DEVICE_ID in data:
        printer = async_place_of(hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    which = JobFilter(
        printer_id=printer,
        outcome=data.get("outcome"),
        open=data.get("running"),
        since=_midnight(data.get("from"), zone),
        until=_midnight(data.get("until"), zone, days=1),
    )
    page, accounts = await request.shop.accounts.page(
        which, after=data.get("after"), limit=data["limit"]
    )
    names = async_printer_names(hass)
    return {
        "jobs": [
            {
                "printer": names.get(job.printer_id, job.printer_id),
                **job_facts(job),
                "account": account_facts(accounts[job.id]) if job.id in accounts else None,
            }
            for job in page.jobs
        ],
        "next": None if page.next is None else _bookmark(page.next),
    }


def _midnight(day: date | None, zone: tzinfo | None, *, days: int = 0) -> datetime | None:
    """Return when a day begins where the shop is."""
    if day is None:
        return None
    return datetime.combine(day + timedelta(days=days), time(), tzinfo=zone or UTC)


def _bookmark(cursor: Cursor) -> str:
    return f"{cursor.first_seen_at.isoformat()}/{cursor.id}"


def bookmark(value: object) -> Cursor:
    """Return where a page ended, of what `next` said. Raises vol.Invalid."""
    moment, _, identity = cv.string(value).partition("/")
    try:
        at = datetime.fromisoformat(moment)
        cursor = Cursor(first_seen_at=at, id=UUID(identity))
    except ValueError:
        raise vol.Invalid("not what an answer gave as next") from None
    if at.tzinfo is None:
        raise vol.Invalid("not what an answer gave as next")
    return cursor


LEDGER_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "list_jobs": ShopAction(
        deed=_list_jobs,
        fields={
            vol.Optional(ATTR_DEVICE_ID): cv.string,
            vol.Optional("outcome"): vol.Coerce(Outcome),
            vol.Optional("running"): cv.boolean,
            vol.Optional("from"): cv.date,
            vol.Optional("until"): cv.date,
            vol.Optional("limit", default=50): vol.All(vol.Coerce(int), vol.Range(1, 200)),
            vol.Optional("after"): bookmark,
        },
        response=SupportsResponse.ONLY,
    ),
}
