"""Exports in Home Assistant: an action, a file, and a link for who holds it."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.util import dt as dt_util
from openpyxl import load_workbook
from pytest_homeassistant_custom_component.common import MockUser, async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import export_actions
from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.export_actions import EXPORT_ACTIONS, month, revenue
from custom_components.printernizer.runtime import async_get_workshop
from custom_components.printernizer.shop_services import shop_schema_of
from custom_components.printernizer.views import export as export_view
from custom_components.printernizer.views.export import async_offer
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures

DATEV = {"adviser": 29098, "client": 55003}


@pytest.fixture
async def printer(hass: HomeAssistant, floor: Floor) -> Printer:
    """Give a shop with one printer that has printed."""
    printer = await floor.add()
    await printer.print_all()
    await floor.settle()
    workshop = async_get_workshop(hass)
    (job,) = (await workshop.store.run(jobs.page, JobFilter())).jobs
    await workshop.accounts.reckon(job)
    return printer


async def export(hass: HomeAssistant, *, context: Context | None = None, **data: Any) -> Any:
    """Call the action and return what it tells."""
    return await hass.services.async_call(
        DOMAIN, "export", data, blocking=True, return_response=True, context=context
    )


async def a_customer(hass: HomeAssistant) -> str:
    answer = await hass.services.async_call(
        DOMAIN,
        "add_customer",
        {"name": "=Zwirnelinde", "street": "Weg 1", "postcode": "1", "city": "Köln"},
        blocking=True,
        return_response=True,
    )
    return str(answer["customer"])


async def test_a_link_gives_the_whole_workbook_to_who_holds_it(
    hass: HomeAssistant,
    printer: Printer,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_read_only_access_token: str,
    tmp_path: Path,
) -> None:
    """The accountant has no login; a guest in the house has one and gets nothing."""
    await a_customer(hass)
    told = await export(hass, subjects=["jobs", "customers"])
    stranger = await hass_client_no_auth()
    answer = await stranger.get(told["url"])
    content = await answer.read()
    assert (answer.status, len(content)) == (200, told["size"])
    assert hashlib.sha256(content).hexdigest() == told["sha256"]
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert answer.headers["Cache-Control"] == "no-store"
    book = load_workbook(io.BytesIO(content))
    assert book.sheetnames == ["Drucke", "Kunden"]
    assert book["Drucke"]["E2"].value == "fertig"
    assert book["Drucke"]["B2"].value == printer.entry.title
    assert book["Kunden"]["B2"].value == "=Zwirnelinde"
    assert told["rows"] == 2
    bare = told["url"].split("?")[0]
    assert (await stranger.get(bare)).status == 401
    tenant = await hass_client(hass_read_only_access_token)
    assert (await tenant.get(bare)).status == 403
    admin = await hass_client()
    assert (await admin.get(bare)).status == 200
    assert (await admin.get(f"{bare}x")).status == 404
    Path(told["path"]).unlink()
    assert (await admin.get(bare)).status == 404
    assert not (tmp_path / "media").exists() or not [*(tmp_path / "media").rglob("*.xlsx")]


async def test_a_file_lies_where_somebody_said(
    hass: HomeAssistant, printer: Printer, tmp_path: Path
) -> None:
    """An automation that mails it needs a path that stays."""
    told = await export(hass, subjects="jobs", format="csv", language="en", save=True)
    place = Path(told["path"])
    assert place.parent == (tmp_path / "media/printernizer/exports").resolve()
    (row,) = csv.DictReader(io.StringIO(place.read_text("utf-8-sig")))
    assert row["Outcome"] == "completed"
    folder = tmp_path / "elsewhere"
    with pytest.raises(ServiceValidationError) as refusal:
        await export(hass, subjects=["jobs"], folder=str(folder))
    assert refusal.value.translation_key == "folder_not_allowed"
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    told = await export(hass, subjects=["jobs"], folder=str(folder))
    assert Path(told["path"]).parent == folder


async def test_only_what_was_asked_for_is_in_it(hass: HomeAssistant, printer: Printer) -> None:
    """By printer, by customer, by purpose, by month."""
    now = printer.clock.now()
    shown = {"subjects": ["jobs"], "format": "json"}
    counts = {
        "printer": await export(hass, **shown, device_id=printer.device_id),
        "private": await export(hass, **shown, purpose="private"),
        "month": await export(hass, **shown, month=f"{now:%Y-%m}"),
        "before": await export(hass, **shown, until="2001-01-01"),
        "since": await export(hass, **{**shown, "from": "2001-01-01"}),
        "customer": await export(hass, **shown, customer=await a_customer(hass)),
    }
    assert {key: told["rows"] for key, told in counts.items()} == {
        "printer": 1,
        "private": 0,
        "month": 1,
        "before": 0,
        "since": 1,
        "customer": 0,
    }
    with pytest.raises(ServiceValidationError) as refusal:
        await export(hass, **shown, customer="K99999")
    assert refusal.value.translation_key == "no_customer"


async def test_a_booking_batch_is_written_for_the_adviser(
    hass: HomeAssistant, printer: Printer
) -> None:
    """An empty month is one, too."""
    told = await export(
        hass,
        subjects=["taxes"],
        format="datev",
        month="2026-10",
        datev={**DATEV, "chart": "skr04", "revenue_accounts": {"19": 4401}, "initials": "AB"},
    )
    assert Path(told["path"]).name == "EXTF_Buchungsstapel_20261001_20261031.csv"
    header = Path(told["path"]).read_text("cp1252").splitlines()[0]
    assert header.startswith('"EXTF";700;21;"Buchungsstapel";13;')
    assert header.endswith(';"AB";1;0;0;"EUR";;"";;;"04";;;"";""')
    booked = export_actions._booked(export_actions._DATEV(DATEV | {"revenue_accounts": {7: 8301}}))
    assert booked.accounts is not None
    assert booked.accounts.revenue[Decimal(7)] == 8301
    assert booked.accounts.revenue[Decimal(19)] == 8400
    assert booked.accounts.exempt == 8195


async def test_business_is_for_administrators(
    hass: HomeAssistant, printer: Printer, hass_read_only_user: MockUser
) -> None:
    """Customers and margins are nobody else's business."""
    with pytest.raises(Unauthorized):
        await export(hass, subjects=["jobs"], context=Context(user_id=hass_read_only_user.id))
    with pytest.raises(UnknownUser):
        await export(hass, subjects=["jobs"], context=Context(user_id="removed meanwhile"))


@pytest.mark.parametrize(
    "data",
    [
        {"subjects": []},
        {"subjects": ["everything"]},
        {"format": "pdf"},
        {"month": "2026-13"},
        {"month": "1026-10"},
        {"month": "2026-10", "from": "2026-10-01"},
        {"from": "2026-10-02", "until": "2026-10-01"},
        {"format": "datev"},
        {"datev": DATEV},
        {"format": "datev", "datev": {"adviser": 1, "client": 1}},
        {"format": "datev", "datev": {**DATEV, "chart": "SKR99"}},
        {"format": "datev", "datev": {**DATEV, "initials": "abc"}},
        {"format": "datev", "datev": {**DATEV, "revenue_accounts": {"x": 1}}},
        {"language": "fr"},
    ],
    ids=lambda data: "-".join(f"{key}={value}" for key, value in data.items())[:60],
)
def test_nonsense_is_refused_before_anything_is_written(data: dict[str, Any]) -> None:
    """A template at three in the morning is checked like a person."""
    with pytest.raises(vol.Invalid):
        shop_schema_of(EXPORT_ACTIONS["export"])({"subjects": ["jobs"], **data})


def test_months_and_accounts_are_read() -> None:
    """Also a February."""
    assert month("2028-02") == (date(2028, 2, 1), date(2028, 2, 29))
    assert revenue({19: 8400, "7": "8300"}) == {Decimal(19): 8400, Decimal(7): 8300}
    for bad in ([], {}, "x"):
        with pytest.raises(vol.Invalid):
            revenue(bad)


async def test_files_whose_links_have_ended_are_let_go(
    hass: HomeAssistant, printer: Printer
) -> None:
    """Names of people do not pile up in a cache."""
    old = Path((await export(hass, subjects=["customers"]))["path"])
    young = Path((await export(hass, subjects=["customers"]))["path"])
    os.utime(old.parent, (1, 1))
    await export(hass, subjects=["customers"])
    assert not old.exists()
    assert young.exists()
    assert young.parent.stat().st_mode & 0o077 == 0


async def test_a_file_goes_with_its_link_though_nobody_exports_again(
    hass: HomeAssistant, printer: Printer, tmp_path: Path
) -> None:
    """All customers of a shop, left in a folder for ever."""
    private = Path((await export(hass, subjects=["customers"]))["path"])
    kept = Path((await export(hass, subjects=["customers"], save=True))["path"])
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=23))
    await hass.async_block_till_done()
    assert private.exists()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(hours=25))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not private.parent.exists()
    assert kept.exists()


async def test_files_of_before_a_restart_are_let_go(hass: HomeAssistant, floor: Floor) -> None:
    """Their links ended with Home Assistant, and so would the timer that removes them."""
    old = Path(hass.config.cache_path(DOMAIN, "exports")) / "old" / "customers.xlsx"
    old.parent.mkdir(parents=True)
    old.write_text("Erika")
    await floor.add()
    await hass.async_block_till_done(wait_background_tasks=True)
    assert not old.exists()


async def test_a_cache_that_cannot_be_written_is_told(
    hass: HomeAssistant, printer: Printer
) -> None:
    """A file stands where the folder should."""
    shelf = Path(hass.config.cache_path(DOMAIN, "exports"))
    shelf.parent.mkdir(parents=True, exist_ok=True)
    shelf.write_text("in the way")
    with pytest.raises(ServiceValidationError) as refusal:
        await export(hass, subjects=["jobs"])
    assert refusal.value.translation_key == "disk_failed"
    shelf.unlink()


async def test_the_oldest_link_gives_way(
    hass: HomeAssistant,
    printer: Printer,
    hass_client_no_auth: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A loop in an automation must not fill the memory."""
    monkeypatch.setattr(export_view, "MOST_OFFERED", 2)
    links = [(await export(hass, subjects=["jobs"]))["url"] for _ in range(3)]
    stranger = await hass_client_no_auth()
    assert [(await stranger.get(link)).status for link in links] == [404, 200, 200]
    kept = await export(hass, subjects=["jobs"])
    for _ in range(5):
        async_offer(hass, Path(__file__))
    assert (await stranger.get(kept["url"])).status == 200


async def test_who_is_forgotten_is_not_in_yesterdays_exports_either(
    hass: HomeAssistant, printer: Printer, tmp_path: Path
) -> None:
    """The link to the list of customers is good for a day; what somebody saved is theirs."""
    number = await a_customer(hass)
    offered = Path((await export(hass, subjects=["customers"]))["path"])
    hass.config.allowlist_external_dirs = {str(tmp_path)}
    saved = Path((await export(hass, subjects=["customers"], folder=str(tmp_path)))["path"])
    await hass.services.async_call(
        DOMAIN, "erase_customer", {"customer": number, "reason": "asked"}, blocking=True
    )
    assert not offered.exists()
    assert saved.exists()
