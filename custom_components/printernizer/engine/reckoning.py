"""From all that is known of a closed run to its account: the same evidence, the same account."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from . import costing
from .account import NO_ENERGY, Confidence, CostKind, JobAccount, Source
from .consumption import consumed, filaments
from .errors import NotAllowed
from .job import Outcome
from .material import Need
from .money import exact
from .pricing import charged
from .run_watch import RunWatch, Wanted, fed_from
from .shop import Purpose

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .account import Breakdown, Consumption, EnergyUse
    from .assignment import Assignment
    from .extrusion import Extrusion
    from .file import PlateFacts
    from .job import Job
    from .shop import MachineProfile, ShopSettings

_MEASURED_ENOUGH: Final = frozenset({Source.MEASURED, Source.LAYERS})


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """All that is known of a run."""

    job: Job
    watch: RunWatch
    settings: ShopSettings
    machine: MachineProfile
    extrusion: Extrusion | None = None
    plate: PlateFacts | None = None
    energy: EnergyUse = NO_ENERGY
    by_bytes: bool = False
    """Whether its printer's progress is a share of the file's bytes."""
    pieces: int | None = None
    """Good pieces, where a person said; else those on the plate, when it completed."""


def reckon(evidence: Evidence, whose: Assignment, at: datetime) -> JobAccount:
    """Return the account of a closed run."""
    job, machine = evidence.job, evidence.machine
    consumption = _consumption(evidence)
    account = JobAccount(
        job_id=job.id,
        at=at,
        currency=evidence.settings.currency,
        consumption=consumption,
        energy=evidence.energy,
        estimate=_estimate(evidence),
        machine_time=costing.machine_time(job, machine),
        pieces=_pieces(evidence),
        purpose=whose.purpose,
        customer_id=whose.customer_id,
    )
    return costed(account, job, evidence.settings, machine)


def costed(
    account: JobAccount, job: Job, settings: ShopSettings, machine: MachineProfile
) -> JobAccount:
    """Return an account with its cost and its price reckoned from what else it says."""
    spoilt = job.outcome in (Outcome.FAILED, Outcome.CANCELLED) and not account.pieces
    work = costing.Work(
        machine_time=account.machine_time,
        pieces=1 if account.pieces is None else account.pieces,
        begun=costing.begun(job),
        good=not spoilt and account.pieces != 0,
    )
    cost = costing.cost(account.consumption, account.energy, work, machine, settings.costs)
    account = replace(account, cost=cost)
    return replace(account, price=price_of(account, job, settings, machine))


def price_of(
    account: JobAccount, job: Job, settings: ShopSettings, machine: MachineProfile
) -> Decimal | None:
    """Return what is charged; None for private runs, failures by policy, and what nobody knows."""
    if account.purpose is not Purpose.BUSINESS:
        return None
    if job.outcome is not Outcome.COMPLETED and not settings.prices.charge_failures:
        return None
    if not costing.begun(job):
        return None  # the minimum of a tariff is for something that was printed
    try:
        price = charged(
            account.cost.total, settings.prices, process=machine.process, mass_g=account.mass_g
        )
    except NotAllowed:
        return None
    by_cost = price.cost is not None
    return None if by_cost and not account.cost.complete else price.net


def _consumption(evidence: Evidence) -> tuple[Consumption, ...]:
    return consumed(
        evidence.job,
        evidence.watch,
        evidence.extrusion,
        evidence.plate,
        evidence.settings.stock,
        process=evidence.machine.process,
        by_bytes=evidence.by_bytes,
    )


def _pieces(evidence: Evidence) -> int | None:
    if evidence.pieces is not None:
        return evidence.pieces
    if evidence.job.outcome is not Outcome.COMPLETED:
        return None
    planned = evidence.extrusion.objects if evidence.extrusion is not None else None
    planned = planned or (evidence.plate.objects if evidence.plate is not None else None)
    return None if planned is None else max(0, planned - len(evidence.watch.skipped))


def _estimate(evidence: Evidence) -> Breakdown | None:
    """Return what the run was expected to cost when it began; None without its file."""
    if evidence.extrusion is None and evidence.plate is None:
        return None
    watch = evidence.watch
    # Spools that came later, objects that were left out and what the feeder lost are the actual.
    first = tuple(each for each in watch.hangings if not each.later)
    begun = replace(watch, hangings=first, uses=(), skipped=())
    return preview(replace(evidence, watch=begun, pieces=None))


def preview(evidence: Evidence) -> Breakdown:
    """Return what a file is expected to cost, on this printer and with the spools noted."""
    whole = replace(evidence.job, outcome=Outcome.COMPLETED)
    unmeasured = replace(evidence.watch, measured_mm=None)
    consumption = _consumption(replace(evidence, job=whole, watch=unmeasured))
    extrusion, plate = evidence.extrusion, evidence.plate
    time = extrusion.print_time if extrusion is not None else None
    time = time or (plate.print_time if plate is not None else None)
    settings, machine = evidence.settings, evidence.machine
    energy = costing.expected_energy(time, machine.power, settings.energy.per_kwh)
    pieces = _pieces(replace(evidence, job=whole)) or 1
    work = costing.Work(machine_time=time, pieces=pieces)
    return costing.estimate(consumption, energy, work, machine, settings.costs)


def wants_file(evidence: Evidence) -> bool:
    """Whether the account would be better with the file measured that ran."""
    if evidence.extrusion is not None:
        return False
    return not all(
        line.source in _MEASURED_ENOUGH and line.confidence is not Confidence.LOW
        for line in _consumption(evidence)
    )


def needs(
    watch: RunWatch, extrusion: Extrusion | None, plate: PlateFacts | None
) -> tuple[Need, ...]:
    """Return what a whole print wants of each slot, as far as that is known before it ran."""
    used = filaments(extrusion, plate)
    slots = fed_from(
        watch, [Wanted(tool=each.tool, material=each.material, colour=each.colour) for each in used]
    )
    return tuple(
        Need(slot=slots[each.tool], mass_g=exact(each.mass_g))
        for each in used
        if each.tool in slots and each.mass_g
    )


def corrected(
    account: JobAccount,
    job: Job,
    settings: ShopSettings,
    machine: MachineProfile,
    *,
    lines: Sequence[Consumption] | None = None,
    pieces: int | None = None,
    reopened: bool = False,
) -> JobAccount:
    """Return an account with what a person put right: what was taken, or how many came out good.

    `job` has the outcome that is true; `reopened`: it was another before. What nobody corrected
    keeps the rates of its own day, and so does the price unless what it was made from was wrong.
    """
    wrong = set()
    if lines is not None:
        wrong.add(CostKind.MATERIAL)
        account = replace(account, consumption=tuple(lines))
    if pieces is not None or reopened:
        wrong.add(CostKind.LABOUR)
        account = replace(account, pieces=account.pieces if pieces is None else pieces)
    anew = costed(account, job, settings, machine)
    cost = costing.mended(account.cost, anew.cost, frozenset(wrong))
    account = replace(account, cost=cost, revision=account.revision + 1)
    if lines is None and not reopened:
        return account
    return replace(account, price=price_of(account, job, settings, machine))


def powered(
    account: JobAccount,
    job: Job,
    energy: EnergyUse,
    settings: ShopSettings,
    machine: MachineProfile,
) -> JobAccount:
    """Return a corrected account with what its run drew, known since; the rest stays corrected."""
    account = replace(account, energy=energy)
    anew = costed(account, job, settings, machine)
    cost = costing.mended(account.cost, anew.cost, frozenset({CostKind.ENERGY}))
    account = replace(account, cost=cost)
    return replace(account, price=price_of(account, job, settings, machine))
