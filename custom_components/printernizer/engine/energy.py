"""Energy of a stretch of time: from readings of a meter, from power, or from a model of it.

Readings come when they come; prices change in between. So the time since the last reading is kept
with what a kilowatt-hour cost in it, and the next reading is shared out over it evenly: that is
the meter read at every change of price by linear interpolation (rule 17). What cannot be known is
said to be unknown and never guessed, and no energy is ever negative (rule 16).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .account import CONFIDENCE_ORDER, Confidence, EnergyUse, Source
from .money import ZERO, exact
from .printer import PrinterState

if TYPE_CHECKING:
    from datetime import datetime

    from .printer import PrinterStatus
    from .shop import PowerModel

DIP_KWH: Final = Decimal("0.01")
"""By so much a meter may step back without a reset: it rounds, or reports out of order."""
MOST_W: Final = Decimal(22000)
"""No printer draws more: a faster meter was exchanged, or changed its unit."""
JUMP_KWH: Final = Decimal(1)
"""What a meter may report at once all the same; some have no finer digits."""
UNSEEN_HOURS: Final = Decimal(24)
"""How long a meter may have counted unseen, where clocks cannot tell."""
HOLD_S: Final = Decimal(900)
"""How long power is taken to be what it was last, while nobody tells it."""
BLINK_S: Final = Decimal(60)
"""A meter that is away no longer than this was not away."""
SLIGHT: Final = Decimal("0.02")
"""Share of a run that may be unmeasured without a word."""
MUCH: Final = Decimal("0.25")
"""Share of a run from which its energy is unknown."""
GUESSED: Final = Decimal("0.1")
"""Share of the energy that may be priced by the average without a word."""

_WS_PER_KWH: Final = Decimal(3_600_000)
_HOUR_S: Final = Decimal(3600)


class Flaw(StrEnum):
    """What went wrong while energy was counted. The values are reasons of `EnergyUse`."""

    RESET = "meter_reset"
    JUMP = "meter_jump"
    """It rose faster than any printer draws: another meter, or another unit."""
    CHANGED = "meter_changed"
    """The owner assigned another one meanwhile."""
    GAP = "meter_gap"
    LATE = "late_start"
    """The run was under way before anybody counted."""
    UNSEEN = "end_unseen"
    """Nobody knows when the run ended, only when that was found out."""


FATAL: Final = (Flaw.CHANGED, Flaw.RESET, Flaw.JUMP)
_TRUST: Final = {
    Source.METER: Confidence.HIGH,
    Source.POWER: Confidence.MEDIUM,
    Source.MODEL: Confidence.LOW,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Rate:
    """What a kilowatt-hour costs from some moment on."""

    per_kwh: Decimal | None = None
    """From the grid; None: nobody can tell at present."""
    solar_share: Decimal | None = None
    """0 to 1, of the power drawn; None: nobody asked, and it is all from the grid."""
    solar_per_kwh: Decimal = ZERO

    @property
    def mixed(self) -> Decimal | None:
        """Of the mix of grid and roof."""
        if self.per_kwh is None:
            return None
        share = self.solar_share or ZERO
        return self.per_kwh * (1 - share) + self.solar_per_kwh * share


@dataclass(frozen=True, kw_only=True, slots=True)
class Sample:
    """What is known at one moment. A change of price alone has neither reading."""

    at: datetime
    rate: Rate
    """From this moment on."""
    meter_kwh: Decimal | None = None
    power_w: Decimal | None = None
    elapsed_s: Decimal | None = None
    """Since the sample before, by a clock that never jumps. None: the wall clock has to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The time since the last reading."""

    seconds: Decimal = ZERO
    priced_s: Decimal = ZERO
    """Part of it in which the price was known."""
    cost_s: Decimal = ZERO
    """Price times seconds, summed."""
    solar_s: Decimal = ZERO
    """Share of own power times seconds, summed."""
    away_s: Decimal = ZERO
    """Part of it in which the meter was not to be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EnergyState:
    """Energy counted so far, and where to go on. Sums only ever grow."""

    source: Source
    supply: str | None
    """Which meter: readings of another one mean nothing here."""
    began_at: datetime
    at: datetime
    """Of the last sample."""
    rate: Rate
    first_kwh: Decimal | None = None
    """Where the meter stood when counting began."""
    meter_kwh: Decimal | None = None
    power_w: Decimal | None = None
    away: bool = False
    """The meter cannot be read now."""
    span: Span = Span()
    seconds: Decimal = ZERO
    blind_s: Decimal = ZERO
    """Part of them of which no reading tells anything."""
    kwh: Decimal = ZERO
    money: Decimal = ZERO
    unpriced_kwh: Decimal = ZERO
    """Part of `kwh` that is not in `money`: nobody knew a price."""
    averaged_kwh: Decimal = ZERO
    """Part of it that was priced by the average of the prices around it."""
    solar_kwh: Decimal | None = None
    flaws: frozenset[Flaw] = frozenset()


def begin(
    source: Source,
    at: datetime,
    rate: Rate,
    *,
    supply: str | None = None,
    flaws: frozenset[Flaw] = frozenset(),
) -> EnergyState:
    """Return a count that begins now; the first reading is its start value."""
    return EnergyState(source=source, supply=supply, began_at=at, at=at, rate=rate, flaws=flaws)


def following(before: EnergyState, flaws: frozenset[Flaw] = frozenset()) -> EnergyState:
    """Return a count that begins where another ended: nothing between them is lost."""
    return replace(
        begin(before.source, before.at, before.rate, supply=before.supply, flaws=flaws),
        first_kwh=before.meter_kwh,
        meter_kwh=before.meter_kwh,
        power_w=before.power_w,
        away=before.away,
        span=before.span,
    )


def observe(state: EnergyState, sample: Sample) -> EnergyState:
    """Take what is known at one moment; times that run backwards count as no time."""
    state = replace(_passed(state, sample.at, sample.elapsed_s), rate=sample.rate)
    if state.source is Source.METER:
        return state if sample.meter_kwh is None else _metered(state, sample.meter_kwh)
    return state if sample.power_w is None else _powered(state, sample.power_w)


def unavailable(state: EnergyState, at: datetime, elapsed_s: Decimal | None = None) -> EnergyState:
    """Note that it cannot be read any more. A meter counts on meanwhile; power is not known."""
    return replace(settle(state, at, elapsed_s), away=True)


def settle(state: EnergyState, at: datetime, elapsed_s: Decimal | None = None) -> EnergyState:
    """Count up to a moment that brings no reading."""
    state = _passed(state, at, elapsed_s)
    if state.source is Source.METER or state.power_w is None or state.away:
        return state
    return _powered(state, state.power_w)


def finish(
    state: EnergyState, at: datetime, otherwise: Decimal, elapsed_s: Decimal | None = None
) -> EnergyUse:
    """Return what was used up to now; `otherwise` prices it where no price was ever known."""
    return use(settle(state, at, elapsed_s), otherwise)


def use(state: EnergyState, otherwise: Decimal) -> EnergyUse:
    """Return what was used, as far as it was counted, and how far that can be trusted."""
    if state.source not in _TRUST:
        return EnergyUse(reason="no_meter")
    fatal = next((flaw for flaw in FATAL if flaw in state.flaws), None)
    blind = _blind_share(state)
    if fatal is not None or blind > MUCH:
        return EnergyUse(reason=(fatal or Flaw.GAP).value)
    confidence, reason = _trusted(state, blind)
    return EnergyUse(
        kwh=exact(state.kwh),
        amount=exact(amount(state, otherwise)),
        solar_kwh=None if state.solar_kwh is None else exact(state.solar_kwh),
        source=state.source,
        confidence=confidence,
        reason=reason,
    )


def amount(state: EnergyState, otherwise: Decimal) -> Decimal:
    """Return its cost; energy of which nobody knew the price costs what the rest did."""
    priced = state.kwh - state.unpriced_kwh
    average = state.money / priced if priced > 0 else otherwise
    return state.money + state.unpriced_kwh * average


def _blind_share(state: EnergyState) -> Decimal:
    reading = state.meter_kwh if state.source is Source.METER else state.power_w
    if reading is None:
        return Decimal(1)
    blind = state.blind_s
    if state.away or state.source is not Source.METER:
        blind += state.span.away_s if state.source is Source.METER else state.span.seconds
    return min(blind / state.seconds, Decimal(1)) if state.seconds else ZERO


def _trusted(state: EnergyState, blind: Decimal) -> tuple[Confidence, str | None]:
    """Return the lowest that any flaw leaves, and the worst flaw."""
    averaged = state.averaged_kwh + state.unpriced_kwh
    found = (
        (Flaw.LATE in state.flaws, Confidence.LOW, Flaw.LATE.value),
        (Flaw.UNSEEN in state.flaws, Confidence.LOW, Flaw.UNSEEN.value),
        (blind > SLIGHT, Confidence.LOW, Flaw.GAP.value),
        (Flaw.GAP in state.flaws, Confidence.MEDIUM, Flaw.GAP.value),
        (averaged > state.kwh * GUESSED, Confidence.MEDIUM, "price_gap"),
    )
    for holds, confidence, reason in found:
        if holds:
            return min(_TRUST[state.source], confidence, key=CONFIDENCE_ORDER.index), reason
    return _TRUST[state.source], None


def _passed(state: EnergyState, at: datetime, elapsed_s: Decimal | None) -> EnergyState:
    """Let time pass at the rate that held."""
    if elapsed_s is None:
        elapsed_s = Decimal(str((at - state.at).total_seconds()))
    seconds = max(elapsed_s, ZERO)
    span, mixed, share = state.span, state.rate.mixed, state.rate.solar_share
    return replace(
        state,
        at=at,
        seconds=state.seconds + seconds,
        solar_kwh=state.solar_kwh if share is None else state.solar_kwh or ZERO,
        span=Span(
            seconds=span.seconds + seconds,
            priced_s=span.priced_s + (ZERO if mixed is None else seconds),
            cost_s=span.cost_s + (mixed or ZERO) * seconds,
            solar_s=span.solar_s + (share or ZERO) * seconds,
            away_s=span.away_s + (seconds if state.away else ZERO),
        ),
    )


def _metered(state: EnergyState, kwh: Decimal) -> EnergyState:
    before = state.meter_kwh
    if before is None:
        return replace(_skipped(state), first_kwh=kwh, meter_kwh=kwh)
    drawn = kwh - before
    if drawn < -DIP_KWH:
        return replace(_skipped(state, Flaw.RESET), meter_kwh=kwh)
    if drawn > _most(state):
        return replace(_skipped(state, Flaw.JUMP), meter_kwh=kwh)
    if drawn < 0:
        return replace(state, away=False)  # it will catch up with where it was
    return replace(_booked(state, drawn), meter_kwh=kwh)


def _most(state: EnergyState) -> Decimal:
    """Return what a printer can have drawn since the last reading, in kWh."""
    hours = state.span.seconds / _HOUR_S
    if state.away:
        hours = max(hours, UNSEEN_HOURS)
    return JUMP_KWH + MOST_W / 1000 * hours


def _powered(state: EnergyState, power_w: Decimal) -> EnergyState:
    held = state.power_w
    if held is None or state.span.seconds > HOLD_S:
        state = _skipped(state)
    else:
        state = _booked(state, held * state.span.seconds / _WS_PER_KWH)
    return replace(state, power_w=min(max(power_w, ZERO), MOST_W))


def _skipped(state: EnergyState, *flaws: Flaw) -> EnergyState:
    """Give up the time since the last reading: nothing tells what was drawn in it."""
    return replace(
        state,
        span=Span(),
        away=False,
        blind_s=state.blind_s + state.span.seconds,
        flaws=state.flaws | set(flaws),
    )


def _booked(state: EnergyState, drawn: Decimal) -> EnergyState:
    """Share out what was drawn since the last reading over the prices of that time."""
    span, mixed = state.span, state.rate.mixed
    if not span.seconds and mixed is not None:
        span = Span(seconds=Decimal(1), priced_s=Decimal(1), cost_s=mixed)
        span = replace(span, solar_s=state.rate.solar_share or ZERO)
    priced = span.priced_s > 0
    solar = drawn * span.solar_s / span.seconds if span.seconds else ZERO
    averaged = drawn * (1 - span.priced_s / span.seconds) if priced else ZERO
    return replace(
        state,
        span=Span(),
        away=False,
        kwh=state.kwh + drawn,
        money=state.money + (drawn * span.cost_s / span.priced_s if priced else ZERO),
        unpriced_kwh=state.unpriced_kwh + (ZERO if priced else drawn),
        averaged_kwh=state.averaged_kwh + averaged,
        solar_kwh=None if state.solar_kwh is None else state.solar_kwh + solar,
        flaws=state.flaws | ({Flaw.GAP} if state.span.away_s > BLINK_S else set()),
    )


# -- without a meter ----------------------------------------------------------------------------

_BUSY: Final = frozenset(
    {PrinterState.PRINTING, PrinterState.PAUSED, PrinterState.ATTENTION, PrinterState.BUSY}
)
"""A job that is held keeps its bed and its nozzle hot."""
COLD_C: Final = 45.0
"""A bed or nozzle below this has cooled down."""


def modelled(model: PowerModel, status: PrinterStatus) -> Decimal | None:
    """Return the watts that a printer draws by what it is doing; None: nobody can tell."""
    if status.state in {PrinterState.OFFLINE, PrinterState.UNKNOWN}:
        return None
    if status.state is PrinterState.PREPARING:
        return model.heating_w
    return model.printing_w if status.state in _BUSY else model.idle_w


def cooled_down(status: PrinterStatus) -> bool:
    """Whether it shows that everything is cold and switched off; False where it does not say."""
    heaters = [tool.temperature for tool in status.tools]
    if status.bed is not None:
        heaters.append(status.bed)
    told = [heater for heater in heaters if heater.actual_c is not None]
    return bool(told) and all(
        (heater.actual_c or 0.0) < COLD_C and not heater.target_c for heater in told
    )
