"""Values held still until they have moved for good, so that the recorder keeps news and no noise.

A nozzle at 219.6 that trembles by half a degree would write a row each second; the end of a
print, computed anew from every report, one each time.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

TIME_BAND: Final = timedelta(seconds=60)
"""How far an estimated moment may drift before people are told."""


def steady(held: float | None, measured: float | None, band: float) -> float | None:
    """Return what to show for a measured value: `held`, until it is `band` or more away.

    A value that moved is shown in whole units.
    """
    if measured is None:
        return None
    if held is not None and abs(measured - held) < band:
        return held
    return round(measured)


def steady_time(
    held: datetime | None, estimate: datetime | None, band: timedelta = TIME_BAND
) -> datetime | None:
    """Return what to show for an estimated moment: `held`, until it drifts by more than `band`.

    A moment that moved is shown in whole minutes, rounded to the nearest.
    """
    if estimate is None:
        return None
    if held is not None and abs(estimate - held) <= band:
        return held
    return (estimate + timedelta(seconds=30)).replace(second=0, microsecond=0)


def whole_minutes(span: timedelta | None) -> int | None:
    """Return a span in minutes, rounded up: as long as a second is left, a minute is."""
    return None if span is None else -int(-span.total_seconds() // 60)
