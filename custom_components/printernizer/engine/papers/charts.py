"""Bars, drawn with rectangles and lines: nothing heavier is needed for a month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .paper import BAND, GREY, RULE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .paper import Colour, Paper

_TICKS: Final = 4
_SCALE_WIDTH: Final = 19.0
_LABEL: Final = 7.5
_STEPS: Final = (Decimal(1), Decimal(2), Decimal("2.5"), Decimal(5), Decimal(10))


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """Where a chart goes."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One colour of bars."""

    label: str
    colour: Colour
    values: tuple[Decimal, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """A bar that lies, with what is written before and behind it."""

    label: str
    share: float
    """Of the full length, 0 to 1."""
    told: str
    colour: Colour


def nice_step(span: Decimal) -> Decimal:
    """Return a step of 1, 2, 2.5 or 5 times a power of ten that cuts a span into four at most."""
    raw = span / _TICKS
    power = Decimal(1).scaleb(raw.adjusted())
    return next(step * power for step in _STEPS if step * power >= raw)


def columns(
    paper: Paper,
    box: Box,
    labels: Sequence[str],
    series: Sequence[Series],
    told: Callable[[Decimal], str],
) -> None:
    """Draw groups of standing bars, from zero up and, for losses, down."""
    values = [value for one in series for value in one.values] or [Decimal(0)]
    low, high = min(Decimal(0), *values), max(Decimal(0), *values)
    step = nice_step(high - low or Decimal(1))
    bottom, top = (low / step).to_integral_value("ROUND_FLOOR"), high / step
    top = max(top.to_integral_value("ROUND_CEILING"), bottom + 1)
    plot = Box(
        x=box.x + _SCALE_WIDTH, y=box.y + 7, width=box.width - _SCALE_WIDTH, height=box.height - 13
    )
    per_step = plot.height / float(top - bottom)
    zero = plot.y + float(top) * per_step
    for tick in range(int(bottom), int(top) + 1):
        y = zero - tick * per_step
        paper.rule(plot.x, y, plot.x + plot.width, colour=GREY if tick == 0 else RULE, width=0.15)
        scale = told(tick * step)
        paper.put(box.x, y - 1.8, _SCALE_WIDTH - 2, scale, size=_LABEL, colour=GREY, side="R")
    group = plot.width / max(len(labels), 1)
    bar = min(group * 0.7 / max(len(series), 1), 14.0)
    for place, label in enumerate(labels):
        x = plot.x + group * place
        inset = (group - bar * len(series)) / 2
        for number, one in enumerate(series):
            high_mm = float(one.values[place] / step) * per_step
            at = zero - max(high_mm, 0.0)
            paper.block(x + inset + number * bar, at, bar * 0.92, abs(high_mm), one.colour)
        below = plot.y + plot.height + 1.2
        paper.put(x, below, group, label, size=_LABEL, colour=GREY, side="C")
    _legend(paper, plot, series)


def _legend(paper: Paper, plot: Box, series: Sequence[Series]) -> None:
    x = plot.x
    for one in series:
        paper.block(x, plot.y - 6.2, 2.6, 2.6, one.colour)
        paper.put(x + 4, plot.y - 6.8, 40, one.label, size=_LABEL)
        x += 8 + paper.get_string_width(paper.cleaned(one.label))


def bars(paper: Paper, box: Box, rows: Sequence[Bar]) -> float:
    """Draw lying bars, one below the other; return where they end. `box.height` is of one."""
    label, told = box.width * 0.32, box.width * 0.26
    length = box.width - label - told
    y = box.y
    for row in rows:
        paper.put(box.x, y, label - 2, row.label, size=8)
        paper.block(box.x + label, y + 0.4, length, box.height - 2.2, BAND)
        share = min(max(row.share, 0.0), 1.0)
        if share:
            paper.block(box.x + label, y + 0.4, length * share, box.height - 2.2, row.colour)
        paper.put(box.x + label + length, y, told, row.told, size=8, side="R")
        y += box.height
    return y
