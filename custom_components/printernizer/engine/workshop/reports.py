"""What periods were like, for sensors, actions and paper."""

from __future__ import annotations

import asyncio
from calendar import monthrange
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ..store import documents, reports
from ..store.left_out import left_out

if TYPE_CHECKING:
    from datetime import datetime
    from decimal import Decimal

    from sqlalchemy import Connection

    from ..report import DailyHistory, MonthlyReport
    from ..shop import ShopSettings
    from ..store.database import Store
    from .clock import Clock
    from .settings import Settings


class Reports:
    """Reads the sums of accounts. Nothing to open."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def month(self, *, printer_id: str | None = None) -> MonthlyReport:
        """Return this month so far, where the shop is. Raises StoreError."""
        return await self._store.run(
            _this_month, self._settings.shop, self._clock.now(), printer_id
        )

    async def period(
        self, first: date, last: date, *, printer_id: str | None = None
    ) -> tuple[MonthlyReport, Decimal]:
        """Return a period, both days included, and what was invoiced in it. Raises StoreError."""
        return await self._store.run(_period, self._settings.shop, first, last, printer_id)

    async def history(self, first: date | None) -> DailyHistory:
        """Return every day from `first` on, None: from the very first. Raises StoreError."""
        currency = self._settings.shop.currency
        return await self._store.run(reports.history, first, currency=currency)

    async def paper(self, first: date, last: date, *, language: str | None = None) -> bytes:
        """Return a period as PDF. Raises StoreError."""
        report, _ = await self.period(first, last)
        language = language or self._settings.shop.documents.language
        return await asyncio.to_thread(_draw, report, language)

    async def book(self, first: date, last: date, *, language: str | None = None) -> bytes:
        """Return a period as workbook (xlsx). Raises StoreError."""
        report, invoiced = await self.period(first, last)
        shop = self._settings.shop
        language = language or shop.documents.language
        return await asyncio.to_thread(_write, report, invoiced, last, language, shop.time_zone)


def _draw(report: MonthlyReport, language: str) -> bytes:
    # Imported here: it is heavy, and only this needs it.
    from ..papers import monthly

    return monthly.render(report, language=language)


def _write(
    report: MonthlyReport, invoiced: Decimal, last: date, language: str, time_zone: str
) -> bytes:
    # Imported here: openpyxl is heavy, and only this needs it.
    from ..exports import month_book

    file = BytesIO()
    zone = ZoneInfo(time_zone)
    month_book.write(report, invoiced, last, file, language=language, zone=zone)
    return file.getvalue()


# -- transactions, on the store's thread, where time zones may be read from disk ---------------


def _this_month(
    connection: Connection, shop: ShopSettings, now: datetime, printer_id: str | None
) -> MonthlyReport:
    today = now.astimezone(ZoneInfo(shop.time_zone)).date()
    first = today.replace(day=1)
    last = date(today.year, today.month, monthrange(today.year, today.month)[1])
    return _report(connection, shop, first, last, printer_id)


def _period(
    connection: Connection, shop: ShopSettings, first: date, last: date, printer_id: str | None
) -> tuple[MonthlyReport, Decimal]:
    report = _report(connection, shop, first, last, printer_id)
    missing = left_out(
        connection,
        first,
        last,
        zone=ZoneInfo(shop.time_zone),
        currency=shop.currency,
        printer_id=printer_id,
    )
    report = replace(report, left_out=missing)
    return report, documents.turnover(connection, first, last)


def _report(
    connection: Connection, shop: ShopSettings, first: date, last: date, printer_id: str | None
) -> MonthlyReport:
    return reports.report(
        connection,
        first,
        last,
        currency=shop.currency,
        printer_id=printer_id,
        shop=shop.company.name,
    )
