"""Jobs of a followed printer, by the buttons and actions of its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..engine.errors import Refused
from ..engine.printer import ACTIVE, PrinterState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .hands import Hands

START_S: Final = 90.0
"""How long a start may take to show."""
_UNDER_WAY: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING})
_HELD: Final = frozenset({PrinterState.PAUSED, PrinterState.ATTENTION})
_FIRST_SINGLE: Final = 128
"""From here on a feeder is a single slot, and its number is the slot's."""
_SLOTS_PER_UNIT: Final = 4


class FollowedControl:
    """Holds, ends and starts jobs by the source's buttons."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def pause(self) -> None:
        """Hold the running job."""
        await self._press("button_pause", _UNDER_WAY, lambda state: state not in _UNDER_WAY)

    async def resume(self) -> None:
        """Go on with a paused job."""
        await self._press("button_resume", _HELD, lambda state: state not in _HELD)

    async def cancel(self) -> None:
        """End the job for good."""
        await self._press("button_cancel", ACTIVE, lambda state: state not in ACTIVE)

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        """Print a file that lies on the printer, where the source has an action for that."""
        hands, session = self._hands, self._hands.session
        action = session.source.services.start
        if action is None:
            raise Refused(f"{session.source.title} starts no files", key="not_supported")
        if not path.lower().endswith(".3mf"):
            raise Refused("only sliced 3MF files can be started", key="not_supported")
        await session.freshen("state")
        if not session.present().ready:
            raise Refused("the printer is not free", key="printer_busy")
        numbers = [_slot_number(slot) for slot in slots]
        await hands.device(
            action,
            filepath=path.lstrip("/"),
            plate=plate or 1,
            use_ams=any(number is not None for number in numbers),
            ams_mapping=",".join(str(-1 if n is None else n) for n in numbers) or "-1",
            # As the slicer does where nobody says otherwise.
            timelapse=False,
            bed_leveling=True,
            flow_cali=True,
            vibration_cali=True,
            layer_inspect=True,
        )
        await hands.until(lambda: session.present().active, START_S)

    async def _press(
        self, key: str, wanted: frozenset[PrinterState], done: Callable[[PrinterState], bool]
    ) -> None:
        session = self._hands.session
        state = session.present().state
        if state not in ACTIVE:
            raise Refused("nothing is being printed", key="no_job")
        if state not in wanted:
            raise Refused(f"the job is {state}", key="wrong_state")
        await self._hands.entity(key, "press")
        await self._hands.until(lambda: done(session.present().state))


def _slot_number(slot: str | None) -> int | None:
    """Return what the printer calls a slot: counted through all feeders of four."""
    if slot is None:
        return None
    unit, _, index = slot.partition("_")
    if not unit.isdecimal() or not index.isdecimal():
        raise Refused(f"{slot} cannot be told to the printer", key="not_supported")
    number = int(unit)
    return number if number >= _FIRST_SINGLE else number * _SLOTS_PER_UNIT + int(index)
