"""Accounts, notes of runs and measured files to rows and JSON, and back."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from ..account import (
    Breakdown,
    Confidence,
    Consumption,
    CostKind,
    CostLine,
    EnergyUse,
    JobAccount,
    Role,
    Source,
    weakest,
)
from ..extrusion import Extrusion, ToolExtrusion
from ..run_watch import HungSpool, LoadedSlot, RunWatch, SlotUse
from ..shop import Purpose
from .codec import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import tzinfo

    from ..job import Job

_HANGING_DECIMALS = ("net_g", "diameter_mm", "density_g_cm3", "price_per_kg")


def account_row(job: Job, account: JobAccount, *, settled: bool, zone: tzinfo) -> dict[str, Any]:
    """Lay an account out as its row, beside its lines of consumption; `zone` is the shop's."""
    ended = job.ended_at or job.closed_at or job.first_seen_at
    source, confidence = weakest(account.consumption)
    cost, energy, machine = account.cost, account.energy, account.machine_time
    return {
        "job_id": account.job_id,
        "printer_id": job.printer_id,
        "day_at": ended,
        "local_day": ended.astimezone(zone).date(),
        "outcome": job.outcome.value if job.outcome else "unknown",
        "duration_s": job.duration.total_seconds() if job.duration is not None else None,
        "at": account.at,
        "currency": account.currency,
        "purpose": account.purpose.value if account.purpose else None,
        "customer_id": account.customer_id,
        "pieces": account.pieces,
        "machine_s": None if machine is None else machine.total_seconds(),
        "mass_g": account.mass_g,
        "mass_source": source.value,
        "mass_confidence": confidence.value,
        "kwh": energy.kwh,
        "solar_kwh": energy.solar_kwh,
        "energy_source": energy.source.value,
        "energy_confidence": energy.confidence.value,
        "energy_reason": energy.reason,
        "energy_amount": energy.amount,
        "material_cost": cost.of(CostKind.MATERIAL),
        "energy_cost": cost.of(CostKind.ENERGY),
        "machine_cost": cost.of(CostKind.MACHINE),
        "labour_cost": cost.of(CostKind.LABOUR),
        "overhead_cost": cost.of(CostKind.OVERHEAD),
        "cost": cost.total,
        "cost_complete": cost.complete,
        "estimate": account.estimate.total if account.estimate else None,
        "price": account.price,
        "lines": canonical(
            {
                "cost": [_line(line) for line in cost.lines],
                "estimate": account.estimate and [_line(each) for each in account.estimate.lines],
            }
        ),
        "settled": settled,
        "revision": account.revision,
    }


def account_of(row: Mapping[Any, Any], lines: Iterable[Mapping[Any, Any]]) -> JobAccount:
    """Read an account from its row and its lines of consumption."""
    costs = json.loads(row["lines"])
    return JobAccount(
        job_id=row["job_id"],
        at=row["at"],
        currency=row["currency"],
        consumption=tuple(consumption_of(line) for line in lines),
        energy=EnergyUse(
            kwh=row["kwh"],
            amount=row["energy_amount"],
            solar_kwh=row["solar_kwh"],
            source=Source(row["energy_source"]),
            confidence=Confidence(row["energy_confidence"]),
            reason=row["energy_reason"],
        ),
        cost=_breakdown(costs["cost"]),
        estimate=None if costs["estimate"] is None else _breakdown(costs["estimate"]),
        price=row["price"],
        machine_time=None if row["machine_s"] is None else timedelta(seconds=row["machine_s"]),
        pieces=row["pieces"],
        purpose=None if row["purpose"] is None else Purpose(row["purpose"]),
        customer_id=row["customer_id"],
        revision=row["revision"],
    )


def account_text(account: JobAccount) -> str:
    """Write an account as canonical JSON, for the corrections."""
    return canonical(json.loads(json.dumps(asdict(account), default=_plain)))


def consumption_row(job_id: UUID, number: int, line: Consumption) -> dict[str, Any]:
    """Lay out one line of consumption."""
    row = {"job_id": job_id, "line": number, **asdict(line)}
    row |= {key: getattr(line, key).value for key in ("role", "source", "confidence")}
    return row


def consumption_of(row: Mapping[Any, Any]) -> Consumption:
    """Read one line of consumption."""
    return Consumption(
        role=Role(row["role"]),
        source=Source(row["source"]),
        confidence=Confidence(row["confidence"]),
        **{
            key: row[key]
            for key in (
                "tool",
                "slot",
                "spool_id",
                "material",
                "mass_g",
                "length_mm",
                "volume_ml",
                "price_per_kg",
                "amount",
            )
        },
    )


def watch_text(watch: RunWatch) -> str:
    """Write the notes of a run as JSON."""
    return json.dumps(asdict(watch), default=_plain)


def watch_of(text: str) -> RunWatch:
    """Read the notes of a run."""
    said = json.loads(text)
    return RunWatch(
        job_id=UUID(said["job_id"]),
        printer_id=said["printer_id"],
        hangings=tuple(_hanging(each) for each in said["hangings"]),
        loaded=tuple(LoadedSlot(**each) for each in said["loaded"]),
        uses=tuple(SlotUse(**each) for each in said["uses"]),
        fed=tuple(said["fed"]),
        measured_mm=said["measured_mm"],
        plan=tuple(said["plan"]),
        plate=said["plate"],
        late=said["late"],
        skipped=tuple(said["skipped"]),
    )


def extrusion_text(extrusion: Extrusion) -> str:
    """Write what a file lays down as JSON; lengths to the micrometre."""
    said = asdict(extrusion)
    for tool in said["tools"]:
        tool["layers_mm"] = [round(each, 3) for each in tool["layers_mm"]]
    said["ends"] = [round(each, 6) for each in extrusion.ends]
    return json.dumps(said, default=_plain)


def extrusion_of(text: str) -> Extrusion:
    """Read what a file lays down."""
    said = json.loads(text)
    said["print_time"] = (
        None if said["print_time"] is None else timedelta(seconds=said["print_time"])
    )
    said["tools"] = tuple(
        ToolExtrusion(
            **tool
            | {
                "layers_mm": tuple(tool["layers_mm"]),
                "roles_mm": tuple((Role(role), length) for role, length in tool["roles_mm"]),
            }
        )
        for tool in said["tools"]
    )
    said["ends"] = tuple(said["ends"])
    return Extrusion(**said)


def _plain(value: object) -> object:
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _hanging(said: dict[str, Any]) -> HungSpool:
    for key in _HANGING_DECIMALS:
        said[key] = None if said[key] is None else Decimal(said[key])
    said["spool_id"] = None if said["spool_id"] is None else UUID(said["spool_id"])
    return HungSpool(**said)


def _line(line: CostLine) -> dict[str, str | None]:
    return {
        key: None if value is None else str(value)
        for key, value in (
            ("kind", line.kind),
            ("label", line.label),
            ("quantity", line.quantity),
            ("unit", line.unit),
            ("unit_price", line.unit_price),
            ("amount", line.amount),
            ("source", line.source),
            ("confidence", line.confidence),
        )
    }


def _breakdown(lines: list[dict[str, Any]]) -> Breakdown:
    return Breakdown(lines=tuple(_line_of(line) for line in lines))


def _line_of(said: dict[str, Any]) -> CostLine:
    def number(key: str) -> Decimal | None:
        text = said[key]
        return None if text is None else Decimal(text)

    return CostLine(
        kind=CostKind(said["kind"]),
        label=said["label"] or "",
        quantity=number("quantity"),
        unit=said["unit"],
        unit_price=number("unit_price"),
        amount=number("amount"),
        source=Source(said["source"]),
        confidence=Confidence(said["confidence"]),
    )
