"""The monthly report: figures first, then charts, then tables by printer, material and customer."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ..money import ZERO
from ..report import JobCounts, Share, Totals
from . import figures
from .charts import Bar, Box, Series, bars, columns
from .paper import BAND, BLUE, BOTTOM, GREEN, GREY, LEFT, ORANGE, RED, RIGHT, WIDTH, Paper
from .words import month, word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..report import MonthlyReport
    from .paper import Colour, Side

_MOST_BARS: Final = 8
_MOST_ROWS: Final = 40
_HALF: Final = (WIDTH - 10) / 2
_BAR: Final = 6.2
_ROW: Final = 5.4
_HEADINGS: Final = ("name", "jobs", "success", "hours", "mass", "energy", "cost", "revenue")
_WIDTHS: Final = (39.0, 14.0, 16.0, 16.0, 19.0, 19.0, 20.0, 22.0)
_OUTCOMES: Final[tuple[tuple[str, Colour], ...]] = (
    ("completed", GREEN),
    ("failed", RED),
    ("cancelled", ORANGE),
    ("unknown", GREY),
    ("skipped", GREY),
)
_THOUSAND: Final = Decimal(1000)


def render(report: MonthlyReport, *, language: str = "de", logo: bytes | None = None) -> bytes:
    """Return a month as PDF.

    logo: PNG, JPEG, WebP or GIF for the upper right corner. Raises BadFile where it is none of
    them. Takes tens of milliseconds of processor time: call it on a thread.
    """
    return _Sheet(report, language, logo).drawn()


class _Sheet(Paper):
    """The report while it is drawn: `_at` is where the next thing goes."""

    def __init__(self, report: MonthlyReport, language: str, logo: bytes | None) -> None:
        self._report = report
        self._language = language
        self._logo = logo
        self._at = 0.0
        self._title = f"{month(report.month.month, language)} {report.month.year}"
        super().__init__(
            title=f"{self._word('report')} {self._title}",
            author=report.shop,
            language=language,
            created=datetime.combine(report.month, datetime.min.time(), UTC),
        )

    def drawn(self) -> bytes:
        self.add_page()
        self._tiles()
        if not self._report.totals.jobs.total and not self._report.totals.revenue:
            self.put(LEFT, self._at, WIDTH, self._word("nothing"), colour=GREY)
            return self.finished()
        self._weeks()
        self._outcomes_and_costs()
        self._printers_and_materials()
        self._notes()
        self._table("by_printer", self._report.printers)
        self._table("by_material", self._report.materials)
        self._table("by_customer", self._report.customers, nobody="nobody")
        return self.finished()

    def header(self) -> None:
        if self.page_no() == 1:
            self.put(LEFT, 16, 110, self._title, size=20, bold=True)
            about = f"{self._word('report')} · {self._report.shop}".rstrip(" ·")
            self.put(LEFT, 26, 110, about, size=9, colour=GREY)
            if self._logo is not None:
                self.logo(self._logo, right=RIGHT, top=14, width=50, height=18)
            self._at = 38.0
        else:
            self.put(LEFT, 15, WIDTH / 2, self._report.shop, size=8, colour=GREY)
            self.put(LEFT + WIDTH / 2, 15, WIDTH / 2, self._title, size=8, side="R")
            self.rule(LEFT, 20.5, RIGHT)
            self._at = 26.0

    def footer(self) -> None:
        self.page_number(RIGHT - 60, 278, 60, self._word("page"))

    # -- figures ---------------------------------------------------------------------------------

    def _word(self, key: str, **places: object) -> str:
        return word(key, self._language, **places)

    def _money(self, value: Decimal) -> str:
        return figures.money(value, self._report.currency, self._language)

    def _short_money(self, value: Decimal) -> str:
        places = 0 if value == value.to_integral_value() else 2
        return figures.number(value, self._language, places=places)

    def _mass(self, grams: Decimal) -> str:
        if grams >= _THOUSAND:
            return f"{figures.number(grams / _THOUSAND, self._language, places=2)}\u00a0kg"
        return f"{figures.number(grams, self._language, places=0)}\u00a0g"

    def _success(self, jobs: JobCounts) -> str:
        if jobs.success is None:
            return "–"
        share = Decimal(str(jobs.success * 100))
        return f"{figures.number(share, self._language, places=1)}\u00a0%"

    def _number(self, value: Decimal, places: int = 1) -> str:
        return figures.number(value, self._language, places=places)

    def _tiles(self) -> None:
        totals = self._report.totals
        tiles = (
            ("revenue", self._money(totals.revenue)),
            ("cost", self._money(totals.cost)),
            ("margin", self._money(totals.margin)),
            ("success", self._success(totals.jobs)),
            ("jobs", str(totals.jobs.total)),
            ("hours", f"{self._number(totals.hours)}\u00a0h"),
            ("mass", self._mass(totals.mass_g)),
            ("energy", f"{self._number(totals.kwh)}\u00a0kWh"),
        )
        gap = 3.0
        width = (WIDTH - 3 * gap) / 4
        for place, (key, told) in enumerate(tiles):
            x = LEFT + (place % 4) * (width + gap)
            y = self._at + (place // 4) * 19
            self.block(x, y, width, 16.5, BAND)
            self.put(x + 3, y + 2.2, width - 6, self._word(key), size=8, colour=GREY)
            self.put(x + 3, y + 7, width - 6, told, size=13, bold=True)
        self._at += 43

    # -- charts ----------------------------------------------------------------------------------

    def _heading(self, key: str, x: float = LEFT, width: float = WIDTH) -> None:
        self.put(x, self._at, width, self._word(key), size=10.5, bold=True)

    def _weeks(self) -> None:
        weeks = self._report.weeks
        if not weeks:
            return
        self._heading("by_week")
        labels = [figures.day(week.begins, self._language) for week in weeks]
        series = (
            Series(
                label=self._word("revenue"),
                colour=BLUE,
                values=tuple(week.revenue for week in weeks),
            ),
            Series(
                label=self._word("cost"), colour=ORANGE, values=tuple(week.cost for week in weeks)
            ),
        )
        box = Box(x=LEFT, y=self._at + 6, width=WIDTH, height=58)
        columns(self, box, labels, series, self._short_money)
        self._at += 70

    def _outcomes_and_costs(self) -> None:
        jobs = self._report.totals.jobs
        outcomes = [
            Bar(
                label=self._word(key),
                share=getattr(jobs, key) / max(jobs.total, 1),
                told=str(getattr(jobs, key)),
                colour=colour,
            )
            for key, colour in _OUTCOMES
            if getattr(jobs, key) or key == "completed"
        ]
        most = max((amount for _, amount in self._report.costs), default=ZERO)
        costs = [
            Bar(
                label=self._word(f"kind_{kind.value}"),
                share=_share(amount, most),
                told=self._money(amount),
                colour=ORANGE,
            )
            for kind, amount in self._report.costs
        ]
        self._pair("by_outcome", outcomes, "by_kind", costs)

    def _printers_and_materials(self) -> None:
        success = [
            Bar(
                label=share.name or self._word("not_told"),
                share=share.totals.jobs.success or 0.0,
                told=self._success(share.totals.jobs),
                colour=GREEN,
            )
            for share in self._report.printers[:_MOST_BARS]
        ]
        shown = _gathered(self._report.materials, _MOST_BARS, self._language)
        most = max((share.totals.mass_g for share in shown), default=ZERO)
        materials = [
            Bar(
                label=share.name or self._word("not_told"),
                share=_share(share.totals.mass_g, most),
                told=self._mass(share.totals.mass_g),
                colour=BLUE,
            )
            for share in shown
        ]
        self._pair("success_by_printer", success, "mass_by_material", materials)

    def _pair(self, left: str, one: list[Bar], right: str, other: list[Bar]) -> None:
        """Draw two charts side by side."""
        high = 8 + _BAR * max(len(one), len(other), 1)
        if self._at + high > BOTTOM:
            self.add_page()
        top = self._at
        ends = [top]
        for x, key, rows in ((LEFT, left, one), (LEFT + _HALF + 10, right, other)):
            if rows:
                self._at = top
                self._heading(key, x, _HALF)
                ends.append(bars(self, Box(x=x, y=top + 7, width=_HALF, height=_BAR), rows))
        self._at = max(ends) + 5

    def _notes(self) -> None:
        told = [self._word("success_rule")]
        if self._report.totals.incomplete:
            told.append(self._word("incomplete", count=self._report.totals.incomplete))
        missing = self._report.left_out
        if missing.unreckoned:
            told.append(self._word("unreckoned", count=missing.unreckoned))
        if missing.other_currency:
            told.append(self._word("other_currency", count=missing.other_currency))
        if self._at + 5 * len(told) > BOTTOM + 10:
            self.add_page()
        for text in told:
            self.put(LEFT, self._at, WIDTH, text, size=7.5, colour=GREY)
            self._at += 4.2
        self._at += 4

    # -- tables ----------------------------------------------------------------------------------

    def _table(self, key: str, shares: Sequence[Share], *, nobody: str = "not_told") -> None:
        if not shares:
            return
        if self._at + 12 + _ROW * min(len(shares), 4) > BOTTOM:
            self.add_page()
        self._heading(key)
        self._at += 7
        self._table_head()
        for share in _gathered(shares, _MOST_ROWS, self._language):
            if self._at + _ROW > BOTTOM + 8:
                self.add_page()
                self._table_head()
            self._table_row(share, nobody)
        self._at += 7

    def _table_head(self) -> None:
        self.block(LEFT, self._at, WIDTH, 6, BAND)
        self._cells([self._word(key) for key in _HEADINGS], size=7.5, bold=True)
        self._at += 6.6

    def _table_row(self, share: Share, nobody: str) -> None:
        totals = share.totals
        mass = self._mass(totals.mass_g)
        if not totals.mass_g and totals.volume_ml:
            mass = f"{self._number(totals.volume_ml, 0)}\u00a0ml"
        self._cells(
            [
                share.name or self._word(nobody),
                str(totals.jobs.total),
                self._success(totals.jobs),
                self._number(totals.hours),
                mass,
                f"{self._number(totals.kwh)}\u00a0kWh",
                self._number(totals.cost, 2),
                self._number(totals.revenue, 2),
            ]
        )
        self._at += _ROW
        self.rule(LEFT, self._at - 0.4, RIGHT, width=0.1)

    def _cells(self, texts: Sequence[str], *, size: float = 8.0, bold: bool = False) -> None:
        x = LEFT
        for place, (text, width) in enumerate(zip(texts, _WIDTHS, strict=True)):
            side: Side = "R" if place else "L"
            self.put(x + 1, self._at + 1, width - 2, text, size=size, bold=bold, side=side)
            x += width


def _share(value: Decimal, most: Decimal) -> float:
    return float(value / most) if most > ZERO else 0.0


def _gathered(shares: Sequence[Share], most: int, language: str) -> list[Share]:
    """Return the first of them, and all others as one."""
    if len(shares) <= most:
        return list(shares)
    others = shares[most - 1 :]
    name = word("others", language, count=len(others))
    return [*shares[: most - 1], Share(name=name, totals=_summed([one.totals for one in others]))]


def _summed(totals: Sequence[Totals]) -> Totals:
    return Totals(
        jobs=JobCounts(
            **{key: sum(getattr(one.jobs, key) for one in totals) for key, _ in _OUTCOMES}
        ),
        hours=sum((one.hours for one in totals), ZERO),
        mass_g=sum((one.mass_g for one in totals), ZERO),
        volume_ml=sum((one.volume_ml for one in totals), ZERO),
        kwh=sum((one.kwh for one in totals), ZERO),
        cost=sum((one.cost for one in totals), ZERO),
        revenue=sum((one.revenue for one in totals), ZERO),
        incomplete=sum(one.incomplete for one in totals),
    )
