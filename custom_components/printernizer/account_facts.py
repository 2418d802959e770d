"""Accounts and reports as plain JSON: amounts as numbers, every figure with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .stock_facts import amount

if TYPE_CHECKING:
    from decimal import Decimal

    from .engine.account import Breakdown, Consumption, CostLine, JobAccount
    from .engine.report import MonthlyReport, Share, Totals


def breakdown_facts(cost: Breakdown) -> dict[str, Any]:
    """Return a cost line by line; incomplete, its total is a lower bound."""
    return {
        "total": amount(cost.total),
        "complete": cost.complete,
        "lines": [_line(line) for line in cost.lines],
    }


def _line(line: CostLine) -> dict[str, Any]:
    return {
        "kind": line.kind.value,
        "label": line.label,
        "quantity": amount(line.quantity),
        "unit": line.unit,
        "unit_price": amount(line.unit_price),
        "amount": amount(line.amount),
        "source": line.source.value,
        "confidence": line.confidence.value,
    }


def account_facts(account: JobAccount) -> dict[str, Any]:
    """Return all that is known of what a run took."""
    energy = account.energy
    return {
        "job_id": str(account.job_id),
        "at": account.at.isoformat(),
        "currency": account.currency,
        "mass_g": amount(account.mass_g),
        "material": [_consumption(line) for line in account.consumption],
        "energy": {
            "kwh": amount(energy.kwh),
            "amount": amount(energy.amount),
            "solar_kwh": amount(energy.solar_kwh),
            "source": energy.source.value,
            "confidence": energy.confidence.value,
            "reason": energy.reason,
        },
        "cost": breakdown_facts(account.cost),
        "estimate": None if account.estimate is None else breakdown_facts(account.estimate),
        "price": amount(account.price),
        "pieces": account.pieces,
        "cost_per_piece": amount(account.cost_per_piece),
        "purpose": account.purpose.value if account.purpose else None,
        "revision": account.revision,
    }


def _consumption(line: Consumption) -> dict[str, Any]:
    return {
        "material": line.material,
        "role": line.role.value,
        "slot": line.slot,
        "spool_id": None if line.spool_id is None else str(line.spool_id),
        "mass_g": amount(line.mass_g),
        "length_mm": amount(line.length_mm),
        "amount": amount(line.amount),
        "source": line.source.value,
        "confidence": line.confidence.value,
    }


def report_facts(report: MonthlyReport, invoiced: Decimal) -> dict[str, Any]:
    """Return a period: its totals, and those by printer, material and customer."""
    return {
        "currency": report.currency,
        **totals_facts(report.totals),
        "invoiced": amount(invoiced),
        "unreckoned": report.left_out.unreckoned,
        "other_currency": report.left_out.other_currency,
        "costs": {kind.value: amount(value) for kind, value in report.costs},
        "printers": [_share(each) for each in report.printers],
        "materials": [_share(each) for each in report.materials],
        "customers": [{"customer": each.key, **_share(each)} for each in report.customers],
    }


def totals_facts(totals: Totals) -> dict[str, Any]:
    """Return sums over jobs."""
    jobs = totals.jobs
    return {
        "jobs": jobs.total,
        "completed": jobs.completed,
        "failed": jobs.failed,
        "cancelled": jobs.cancelled,
        "unknown": jobs.unknown,
        "success_rate": None if jobs.success is None else round(jobs.success * 100, 1),
        "hours": amount(totals.hours),
        "mass_g": amount(totals.mass_g),
        "kwh": amount(totals.kwh),
        "cost": amount(totals.cost),
        "revenue": amount(totals.revenue),
        "margin": amount(totals.margin),
        "incomplete": totals.incomplete,
    }


def _share(share: Share) -> dict[str, Any]:
    return {"name": share.name, **totals_facts(share.totals)}
