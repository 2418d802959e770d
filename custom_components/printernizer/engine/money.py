"""Amounts of money and other exact quantities: `Decimal`, rounded half up at defined points.

A currency is an ISO 4217 code that stands beside the amounts (in the shop's settings and on every
document), not in each of them: a shop has one.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

CENT: Final = Decimal("0.01")
MICRO: Final = Decimal("0.000001")
"""The smallest share that the ledger keeps: of a gram, a kilowatt-hour or a unit of currency."""
ZERO: Final = Decimal(0)


def rounded(value: Decimal, to: Decimal = CENT) -> Decimal:
    """Round half up, away from zero, to a multiple of `to` (a power of ten)."""
    return value.quantize(to, ROUND_HALF_UP)


def exact(value: float | str | Decimal) -> Decimal:
    """Return what was measured as an exact quantity with six places, half up.

    Raises ValueError for what is no finite number.
    """
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite():
        raise ValueError("not a finite number")
    return rounded(number, MICRO)


def divided(total: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """Divide an exact quantity in the proportion of weights; the parts sum to it exactly.

    Each part has six places. What rounding leaves over goes to those that lost most by it, so that
    no part is further than a millionth from its true share.
    Raises ValueError for a negative weight, or where all of them are 0.
    """
    whole = sum(weights, ZERO)
    if whole <= 0 or min(weights) < 0:
        raise ValueError("nothing to divide by")
    shares = [total * weight / whole for weight in weights]
    parts = [share.quantize(MICRO, ROUND_FLOOR) for share in shares]
    left = int((total - sum(parts, ZERO)) / MICRO)
    robbed = sorted(range(len(parts)), key=lambda each: parts[each] - shares[each])
    for each in robbed[:left]:
        parts[each] += MICRO
    return tuple(parts)
