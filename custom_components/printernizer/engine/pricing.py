"""From a cost, or a tariff, to what is charged: every step visible (rules 22 and 23)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Final

from .errors import NotAllowed
from .money import ZERO, exact, rounded
from .shop import Surcharge

if TYPE_CHECKING:
    from datetime import timedelta

    from .shop import PricePolicy, Process

_HUNDRED: Final = Decimal(100)
_HALF_HOURS: Final = Decimal(2)


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """A net price and how it came about."""

    cost: Decimal | None
    """What it is based on; None by tariff."""
    surcharge: Decimal = ZERO
    """Markup or margin on the cost, in money; 0 by tariff."""
    before_discount: Decimal
    """With the minimum of its tariff."""
    discount: Decimal
    net: Decimal
    """To the cent."""
    by_tariff: bool = False
    minimum_applied: bool = False


def charged(
    cost: Decimal,
    policy: PricePolicy,
    *,
    process: Process,
    mass_g: Decimal | None = None,
) -> Price:
    """Return the net price of a job: by the tariff of its process, else from its cost.

    Costs hold their overhead already. A markup of 50 % on 10 is 15, a margin of 50 % is 20.
    A tariff needs grams: raises NotAllowed(key="mass_unknown") without them, and for a margin of
    100 % or more (key="margin_too_high").
    """
    tariff = next((each for each in policy.tariffs if each.process is process), None)
    if tariff is None:
        listed, least = with_surcharge(cost, policy), ZERO
    elif mass_g is None:
        raise NotAllowed("nobody knows its grams", key="mass_unknown")
    else:
        listed, least = exact(mass_g * tariff.per_unit), tariff.minimum
    before = max(listed, least)
    discount = exact(before * policy.discount_percent / _HUNDRED)
    net = rounded(before - discount)
    return Price(
        cost=None if tariff is not None else cost,
        surcharge=ZERO if tariff is not None else listed - cost,
        before_discount=before,
        discount=discount,
        net=max(net, rounded(least)),
        by_tariff=tariff is not None,
        minimum_applied=listed < least or net < least,
    )


def with_surcharge(cost: Decimal, policy: PricePolicy) -> Decimal:
    """Return a cost with markup or margin. Raises NotAllowed(key="margin_too_high")."""
    if policy.surcharge is Surcharge.MARKUP:
        return exact(cost * (_HUNDRED + policy.percent) / _HUNDRED)
    if policy.percent >= _HUNDRED:
        raise NotAllowed("a margin is below 100 per cent", key="margin_too_high")
    return exact(cost * _HUNDRED / (_HUNDRED - policy.percent))


def shown_hours(time: timedelta) -> Decimal:
    """Return hours as people are shown them: up to the next half. Stored is the time itself."""
    hours = Decimal(str(time.total_seconds())) / 3600
    return (hours * _HALF_HOURS).to_integral_value(ROUND_CEILING) / _HALF_HOURS
