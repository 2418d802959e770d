"""The action that writes the shop's books into a file.

A file is for administrators: without a word about where, it lies where only its link finds it and
goes a day later. The media folder is open to everybody in the house.
"""

from __future__ import annotations

import functools
import re
import shutil
import time
from calendar import monthrange
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import voluptuous as vol
from homeassistant.const import ATTR_DEVICE_ID, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import SupportsResponse, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.event import async_call_later

from .const import DOMAIN
from .downloads import async_folder
from .engine.errors import NotAllowed
from .engine.exports.datev import ACCOUNT_LENGTHS, ADVISERS, CLIENTS, STANDARD, Accounts, Chart
from .engine.exports.subjects import Subject
from .engine.shop import Purpose
from .engine.workshop.exports import Booked, ExportRequest, Format
from .office_fields import REFERENCE
from .shop_action import ShopAction
from .targets import async_place_of, async_printer_names
from .views.export import LINK_LASTS, async_offer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .action import Facts
    from .shop_action import ShopRequest

FOLDER: Final = "exports"
LANGUAGES: Final = ("de", "en")
_MONTH: Final = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])\Z")
_CHARTS: Final = {"SKR03": Chart.SKR03, "SKR04": Chart.SKR04}
_ACCOUNT: Final = vol.All(vol.Coerce(int), vol.Range(1, 99_999))


def month(value: object) -> tuple[date, date]:
    """Return the first and the last day of "2026-10". Raises vol.Invalid."""
    found = _MONTH.match(cv.string(value))
    if found is None:
        raise vol.Invalid("a month is written as 2026-10")
    year, number = int(found[1]), int(found[2])
    return date(year, number, 1), date(year, number, monthrange(year, number)[1])


def revenue(value: object) -> dict[Decimal, int]:
    """Return revenue accounts by per cent of tax. Raises vol.Invalid."""
    if not isinstance(value, dict) or not value:
        raise vol.Invalid("accounts stand by their tax rate, as 19: 8400")
    percent = vol.All(vol.Coerce(int), vol.Range(0, 100))
    return {Decimal(percent(key)): _ACCOUNT(account) for key, account in value.items()}


def _check(data: dict[str, Any]) -> dict[str, Any]:
    if "month" in data and ("from" in data or "until" in data):
        raise vol.Invalid("either a month, or days")
    if "from" in data and "until" in data and data["from"] > data["until"]:
        raise vol.Invalid("the period ends before it begins")
    if (data["format"] is Format.DATEV) != ("datev" in data):
        raise vol.Invalid("a DATEV batch needs the numbers of adviser and client, and nothing else")
    return data


async def _export(request: ShopRequest) -> Facts:
    hass, data = request.hass, request.data
    first, last = data.get("month") or (data.get("from"), data.get("until"))
    printer_id = None
    if ATTR_DEVICE_ID in data:
        printer_id = async_place_of(hass, data[ATTR_DEVICE_ID], None)[0].printer_id
    wanted = ExportRequest(
        subjects=tuple(dict.fromkeys(data["subjects"])),
        format=data["format"],
        first=first,
        last=last,
        printer_id=printer_id,
        customer=data.get("customer"),
        purpose=data.get("purpose"),
        language=data["language"],
        ansi=data["ansi"],
        booked=_booked(data["datev"]) if "datev" in data else None,
    )
    folder = await async_shelf(hass, data)
    done = await request.shop.exports.write(wanted, folder, async_printer_names(hass))
    return {
        "path": str(done.path),
        "url": async_offer(hass, done.path),
        "rows": done.rows,
        "replaced_characters": done.replaced,
        "size": done.size,
        "sha256": done.sha256,
    }


def _booked(data: Mapping[str, Any]) -> Booked:
    standard = STANDARD[data["chart"]]
    return Booked(
        adviser=data["adviser"],
        client=data["client"],
        chart=data["chart"],
        accounts=Accounts(
            revenue={**standard.revenue, **data["revenue_accounts"]},
            exempt=data.get("exempt_account", standard.exempt),
            debtor=data["debtor_account"],
            each=data["account_per_customer"],
        ),
        account_length=data["account_length"],
        year_begins=data["year_begins"],
        initials=data["initials"],
        final=data["final"],
    )


async def async_shelf(hass: HomeAssistant, data: Mapping[str, Any]) -> Path:
    """Return where a file goes: where the caller said, else where only its link finds it."""
    if data["save"] or "folder" in data:
        return await async_folder(hass, FOLDER, data.get("folder"))
    folder = await hass.async_add_executor_job(_private_folder, _shelf(hass))
    _async_let_go_later(hass, folder)
    return folder


def _shelf(hass: HomeAssistant) -> Path:
    return Path(hass.config.cache_path(DOMAIN, FOLDER))


@callback
def _async_let_go_later(hass: HomeAssistant, folder: Path) -> None:
    """Remove a folder when the link to its file ends; after a stop, the next start does."""
    heard: list[CALLBACK_TYPE] = []

    @callback
    def ended(_: object) -> None:
        for forget in heard:
            forget()

    @callback
    def over(_: object) -> None:
        heard.pop()()
        _async_remove(hass, folder)

    heard.append(async_call_later(hass, LINK_LASTS, over))
    heard.append(hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, ended))


@callback
def async_clear_exports(hass: HomeAssistant) -> None:
    """Remove files of before the start: their links ended with Home Assistant."""
    _async_remove(hass, _shelf(hass))


async def async_forget_exports(hass: HomeAssistant) -> None:
    """Remove all files that only links lead to: they may tell of somebody to be forgotten."""
    await hass.async_add_executor_job(
        functools.partial(shutil.rmtree, _shelf(hass), ignore_errors=True)
    )


@callback
def _async_remove(hass: HomeAssistant, folder: Path) -> None:
    hass.async_add_executor_job(functools.partial(shutil.rmtree, folder, ignore_errors=True))


def _private_folder(shelf: Path) -> Path:
    """Make a folder for one file, and let those go whose links have ended."""
    oldest = time.time() - LINK_LASTS.total_seconds()
    try:
        shelf.mkdir(parents=True, exist_ok=True)
        for old in shelf.iterdir():
            with suppress(FileNotFoundError):  # its own time may come just now
                if old.stat().st_mtime < oldest:
                    shutil.rmtree(old, ignore_errors=True)
        folder = shelf / uuid4().hex
        folder.mkdir(mode=0o700)
    except OSError as err:
        reason = err.strerror or type(err).__name__
        raise NotAllowed(reason, key="disk_failed") from err
    return folder


_DATEV: Final = vol.Schema(
    {
        vol.Required("adviser"): vol.All(vol.Coerce(int), vol.In(ADVISERS)),
        vol.Required("client"): vol.All(vol.Coerce(int), vol.In(CLIENTS)),
        vol.Optional("chart", default="SKR03"): vol.All(
            cv.string, vol.Upper, vol.In(_CHARTS), _CHARTS.get
        ),
        vol.Optional("account_length", default=4): vol.All(
            vol.Coerce(int), vol.In(ACCOUNT_LENGTHS)
        ),
        vol.Optional("year_begins", default=1): vol.All(vol.Coerce(int), vol.Range(1, 12)),
        vol.Optional("debtor_account", default=10_000): _ACCOUNT,
        vol.Optional("account_per_customer", default=False): cv.boolean,
        vol.Optional("revenue_accounts", default=dict): vol.Any({}, revenue),
        vol.Optional("exempt_account"): _ACCOUNT,
        vol.Optional("initials", default=""): vol.Match(r"^([A-Z]{2}){0,2}\Z"),
        vol.Optional("final", default=False): cv.boolean,
    }
)

EXPORT_ACTIONS: Final[Mapping[str, ShopAction]] = {
    "export": ShopAction(
        deed=_export,
        fields={
            vol.Required("subjects"): vol.All(
                cv.ensure_list, [vol.Coerce(Subject)], vol.Length(min=1)
            ),
            vol.Optional("format", default=Format.XLSX): vol.Coerce(Format),
            vol.Optional("month"): month,
            vol.Optional("from"): cv.date,
            vol.Optional("until"): cv.date,
            vol.Optional(ATTR_DEVICE_ID): cv.string,
            vol.Optional("customer"): REFERENCE,
            vol.Optional("purpose"): vol.Coerce(Purpose),
            vol.Optional("language", default="de"): vol.In(LANGUAGES),
            vol.Optional("ansi", default=False): cv.boolean,
            vol.Optional("datev"): _DATEV,
            vol.Optional("save", default=False): cv.boolean,
            vol.Optional("folder"): cv.string,
        },
        check=_check,
        response=SupportsResponse.OPTIONAL,
    ),
}
