"""From what a run took to what it cost, every line named (rules 19 to 22).

An actual cost holds what really happened; an estimate is reckoned the same way from a file, before
anything is printed, and alone holds an allowance for failures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .account import (
    Breakdown,
    Confidence,
    CostKind,
    CostLine,
    EnergyUse,
    Source,
)
from .job import Outcome
from .money import ZERO, exact
from .shop import LabourStep

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .account import Consumption
    from .job import Job
    from .shop import CostPolicy, MachineProfile, PowerModel

_HUNDRED: Final = Decimal(100)
_ON_GOOD: Final = (LabourStep.POST_PROCESSING, LabourStep.PACKING)
"""Work that nobody does on what went wrong."""
_HOUR_S: Final = Decimal(3600)
HEATING: Final = timedelta(minutes=5)
"""How long a printer usually heats, for estimates: from cold to a bed of 60 degrees."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """What of a run its labour and its machine hours depend on."""

    machine_time: timedelta | None
    """None: nobody knows, and then the hour costs an unknown amount and no guess."""
    pieces: int = 1
    begun: bool = True
    """False: cancelled before anything was printed, so that nobody worked on it (rule 20)."""
    good: bool = True
    """False: nothing came off it that is worth finishing or packing."""


def machine_time(job: Job, machine: MachineProfile) -> timedelta | None:
    """Return how long a run held its machine; None where its duration is not known (rule 5)."""
    if job.duration is None:
        return None
    if machine.pause_counts or job.paused is None:
        return job.duration
    return max(timedelta(0), job.duration - job.paused)


def begun(job: Job) -> bool:
    """Whether a run came to print anything before it was cancelled."""
    return job.outcome is not Outcome.CANCELLED or bool(job.progress) or bool(job.layer)


def cost(
    consumption: Sequence[Consumption],
    energy: EnergyUse,
    work: Work,
    machine: MachineProfile,
    policy: CostPolicy,
) -> Breakdown:
    """Return what a run cost: material, energy, machine, labour, and overhead on all of them."""
    lines = _lines(consumption, energy, work, machine, policy)
    return Breakdown(lines=(*lines, *_overhead(lines, policy)))


def estimate(
    consumption: Sequence[Consumption],
    energy: EnergyUse,
    work: Work,
    machine: MachineProfile,
    policy: CostPolicy,
) -> Breakdown:
    """Return what a run is expected to cost, with an allowance for those that fail."""
    lines = _lines(consumption, energy, work, machine, policy)
    lines += _failures(lines, policy)
    return Breakdown(lines=(*lines, *_overhead(lines, policy)))


def mended(before: Breakdown, anew: Breakdown, wrong: frozenset[CostKind]) -> Breakdown:
    """Return a cost whose `wrong` kinds are those of `anew`; overhead is at its own old rate."""
    lines = [
        line
        for kind in CostKind
        if kind is not CostKind.OVERHEAD
        for line in (anew if kind in wrong else before).lines
        if line.kind is kind
    ]
    percent = next((line.quantity for line in before.lines if line.kind is CostKind.OVERHEAD), None)
    return Breakdown(lines=(*lines, *_share(CostKind.OVERHEAD, lines, percent or ZERO)))


def expected_energy(
    print_time: timedelta | None, power: PowerModel | None, per_kwh: Decimal
) -> EnergyUse:
    """Return what a print of this length is expected to draw, heating up included."""
    if print_time is None or power is None:
        return EnergyUse(reason="no_meter")
    seconds = Decimal(str(print_time.total_seconds()))
    heating = Decimal(str(HEATING.total_seconds()))
    kwh = exact((power.heating_w * heating + power.printing_w * seconds) / _HOUR_S / 1000)
    return EnergyUse(
        kwh=kwh, amount=exact(kwh * per_kwh), source=Source.MODEL, confidence=Confidence.LOW
    )


def _lines(
    consumption: Sequence[Consumption],
    energy: EnergyUse,
    work: Work,
    machine: MachineProfile,
    policy: CostPolicy,
) -> list[CostLine]:
    return [
        *(_material(each) for each in consumption),
        _energy(energy),
        *_machine(work, machine),
        *_labour(work, policy),
    ]


def _material(line: Consumption) -> CostLine:
    weighed = line.mass_g is not None
    return CostLine(
        kind=CostKind.MATERIAL,
        label=line.material or "unknown",
        quantity=line.mass_g if weighed else line.volume_ml,
        unit="g" if weighed or line.volume_ml is None else "ml",
        unit_price=line.price_per_kg,
        amount=line.amount,
        source=line.source,
        confidence=line.confidence,
    )


def _energy(use: EnergyUse) -> CostLine:
    per_kwh = exact(use.amount / use.kwh) if use.amount is not None and use.kwh else None
    return CostLine(
        kind=CostKind.ENERGY,
        label=use.reason or use.source.value,
        quantity=use.kwh,
        unit="kWh",
        unit_price=per_kwh,
        amount=use.amount,
        source=use.source,
        confidence=use.confidence,
    )


def _machine(work: Work, machine: MachineProfile) -> list[CostLine]:
    """Price minus residual over life, and maintenance, by the hour (rule 19)."""
    wear = ZERO
    if machine.purchase is not None and machine.life_hours > 0:
        wear = max(ZERO, machine.purchase - machine.residual) / machine.life_hours
    per_hour = exact(wear + machine.maintenance_per_hour)
    if not per_hour:
        return []
    time = work.machine_time
    known = time is not None
    seconds = None if time is None else Decimal(str(time.total_seconds()))
    return [
        CostLine(
            kind=CostKind.MACHINE,
            label="machine",
            quantity=None if seconds is None else exact(seconds / _HOUR_S),
            unit="h",
            unit_price=per_hour,
            amount=None if seconds is None else exact(seconds * per_hour / _HOUR_S),
            source=Source.CLOCK if known else Source.UNKNOWN,
            confidence=Confidence.HIGH if known else Confidence.NONE,
        )
    ]


def _labour(work: Work, policy: CostPolicy) -> list[CostLine]:
    if not work.begun or not policy.labour_per_hour:
        return []
    lines = []
    for each in policy.labour:
        if each.step in _ON_GOOD and not work.good:
            continue
        minutes = each.minutes * (work.pieces if each.per_piece else 1)
        lines.append(
            CostLine(
                kind=CostKind.LABOUR,
                label=each.step.value,
                quantity=exact(minutes / 60),
                unit="h",
                unit_price=policy.labour_per_hour,
                # Of the minutes, not of rounded hours: ten minutes at 30 are 5.00, not 5.00001.
                amount=exact(minutes * policy.labour_per_hour / 60),
            )
        )
    return lines


def _failures(lines: Sequence[CostLine], policy: CostPolicy) -> list[CostLine]:
    at_risk = (CostKind.MATERIAL, CostKind.ENERGY, CostKind.MACHINE)
    return _share(
        CostKind.FAILURE, [line for line in lines if line.kind in at_risk], policy.failure_percent
    )


def _overhead(lines: Sequence[CostLine], policy: CostPolicy) -> list[CostLine]:
    return _share(CostKind.OVERHEAD, lines, policy.overhead_percent)


def _share(kind: CostKind, lines: Sequence[CostLine], percent: Decimal) -> list[CostLine]:
    """Return a percentage on the amounts that are known; unknown where any of them is not."""
    if not percent:
        return []
    known = [line.amount for line in lines if line.amount is not None]
    complete = len(known) == len(lines)
    return [
        CostLine(
            kind=kind,
            label=kind.value,
            quantity=percent,
            unit="%",
            amount=exact(sum(known, ZERO) * percent / _HUNDRED),
            confidence=Confidence.HIGH if complete else Confidence.LOW,
        )
    ]
