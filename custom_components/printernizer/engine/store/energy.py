"""Where the count of energy stands for each printer, and what runs and standby drew."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ..account import Confidence, EnergyUse, Source
from ..energy import EnergyState, Flaw, Rate, Span
from . import printers
from .energy_tables import ENERGY_METERS, ENERGY_RUNS, ENERGY_STANDBY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class MeterRow:
    """The count of one printer."""

    printer_id: str
    job_id: UUID | None
    """The run that is counted; None: standby."""
    ends_at: datetime | None
    """When its cool-down is over; None: it has not ended."""
    state: EnergyState
    total_kwh: Decimal
    total_amount: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRow:
    """What a run drew, for good."""

    job_id: UUID
    printer_id: str
    began_at: datetime
    ended_at: datetime
    use: EnergyUse


@dataclass(frozen=True, kw_only=True, slots=True)
class StandbyRow:
    """What a printer drew between runs on one local day."""

    printer_id: str
    day: date
    kwh: Decimal
    amount: Decimal


def save(
    connection: Connection,
    meters: Iterable[MeterRow],
    runs: Iterable[RunRow],
    standby: Iterable[StandbyRow],
    at: datetime,
) -> None:
    """Write counts as they stand, and the runs that are over. Doing it twice changes nothing."""
    meters, runs, standby = tuple(meters), tuple(runs), tuple(standby)
    known = {row.printer_id for row in meters} | {row.printer_id for row in runs}
    known |= {row.printer_id for row in standby}
    printers.insert(connection, [{"id": printer_id, "at": at} for printer_id in sorted(known)])
    for table, keys, rows in (
        (ENERGY_METERS, ("printer_id",), [_meter_values(row, at) for row in meters]),
        (ENERGY_RUNS, ("job_id",), [_run_values(row) for row in runs]),
        (ENERGY_STANDBY, ("printer_id", "day"), [_standby_values(row) for row in standby]),
    ):
        if rows:
            connection.execute(printers.upsert(connection, table, keys), rows)


def load(connection: Connection) -> tuple[MeterRow, ...]:
    """Read where every count stands."""
    rows = connection.execute(sa.select(ENERGY_METERS).order_by(ENERGY_METERS.c.printer_id))
    return tuple(
        MeterRow(
            printer_id=row.printer_id,
            job_id=row.job_id,
            ends_at=row.ends_at,
            state=_state_of(row.state),
            total_kwh=row.total_kwh,
            total_amount=row.total_amount,
        )
        for row in rows
    )


def last_runs(connection: Connection, count: int) -> tuple[RunRow, ...]:
    """Read what the latest runs drew, oldest first."""
    rows = connection.execute(
        sa.select(ENERGY_RUNS).order_by(ENERGY_RUNS.c.ended_at.desc()).limit(count)
    ).all()
    return tuple(
        RunRow(
            job_id=row.job_id,
            printer_id=row.printer_id,
            began_at=row.began_at,
            ended_at=row.ended_at,
            use=_use_of(row),
        )
        for row in reversed(rows)
    )


def find(connection: Connection, job_id: UUID) -> EnergyUse | None:
    """Return what a run drew, or None while it is counted and where nobody counted."""
    row = connection.execute(
        sa.select(ENERGY_RUNS).where(ENERGY_RUNS.c.job_id == job_id)
    ).one_or_none()
    return None if row is None else _use_of(row)


def standby(connection: Connection, since: date, until: date) -> tuple[StandbyRow, ...]:
    """Read what printers drew between runs, from one local day up to and without another."""
    days = ENERGY_STANDBY.c.day
    rows = connection.execute(
        sa.select(ENERGY_STANDBY)
        .where(days >= since, days < until)
        .order_by(days, ENERGY_STANDBY.c.printer_id)
    )
    return tuple(
        StandbyRow(printer_id=row.printer_id, day=row.day, kwh=row.kwh, amount=row.amount)
        for row in rows
    )


# -- rows and values ----------------------------------------------------------------------------


def _meter_values(row: MeterRow, at: datetime) -> dict[str, Any]:
    return {
        "printer_id": row.printer_id,
        "job_id": row.job_id,
        "ends_at": row.ends_at,
        "state": _text_of(row.state),
        "total_kwh": row.total_kwh,
        "total_amount": row.total_amount,
        "saved_at": at,
    }


def _run_values(row: RunRow) -> dict[str, Any]:
    return {
        "job_id": row.job_id,
        "printer_id": row.printer_id,
        "began_at": row.began_at,
        "ended_at": row.ended_at,
        "kwh": row.use.kwh,
        "amount": row.use.amount,
        "solar_kwh": row.use.solar_kwh,
        "source": row.use.source.value,
        "confidence": row.use.confidence.value,
        "reason": row.use.reason,
    }


def _standby_values(row: StandbyRow) -> dict[str, Any]:
    return {
        "printer_id": row.printer_id,
        "day": row.day,
        "kwh": row.kwh,
        "amount": row.amount,
    }


def _use_of(row: Any) -> EnergyUse:
    return EnergyUse(
        kwh=row.kwh,
        amount=row.amount,
        solar_kwh=row.solar_kwh,
        source=Source(row.source),
        confidence=Confidence(row.confidence),
        reason=row.reason,
    )


def _text_of(state: EnergyState) -> str:
    """Return a count as JSON; numbers as text, for they are exact."""
    said = _plain(state) | {"rate": _plain(state.rate), "span": _plain(state.span)}
    return json.dumps(said, sort_keys=True, separators=(",", ":"))


def _plain(value: EnergyState | Rate | Span) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for field in fields(value):
        each = getattr(value, field.name)
        if isinstance(each, Decimal):
            said[field.name] = str(each)
        elif isinstance(each, datetime):
            said[field.name] = each.isoformat()
        elif isinstance(each, frozenset):
            said[field.name] = sorted(each)
        elif each is not None and not isinstance(each, Rate | Span):
            said[field.name] = each
    return said


def _state_of(text: str) -> EnergyState:
    said = json.loads(text)
    kept = {"source", "supply", "away", "began_at", "at", "rate", "span", "flaws"}
    return EnergyState(
        source=Source(said["source"]),
        supply=said.get("supply"),
        away=said["away"],
        began_at=datetime.fromisoformat(said["began_at"]),
        at=datetime.fromisoformat(said["at"]),
        rate=Rate(**_numbers(said["rate"])),
        span=Span(**_numbers(said["span"])),
        flaws=frozenset(map(Flaw, said["flaws"])),
        **_numbers({name: each for name, each in said.items() if name not in kept}),
    )


def _numbers(said: Mapping[str, str]) -> dict[str, Any]:
    return {name: Decimal(text) for name, text in said.items()}
