"""What is on or off at a printer: its lamps, its options, the outlets of its host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.helpers.entity import ToggleEntity

from .entity import PrinterEntity, PrinterEntityDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from .engine.drivers.base import Session, Switches
    from .engine.printer import PrinterStatus

_LONGEST_NAME: Final = 100


@dataclass(frozen=True, kw_only=True)
class OnOffDescription(PrinterEntityDescription[bool | None]):
    """Mixed into a platform's description of what is on or off."""

    switch: str
    """What the printer calls it."""
    part_fn: Callable[[Session], Switches | None]
    """Where it is switched."""


def reported(
    table: Callable[[PrinterStatus], tuple[tuple[str, bool], ...]], key: str
) -> Callable[[PrinterStatus], bool | None]:
    """Return what tells whether the one of that name is on; None while it is not reported."""
    return lambda status: dict(table(status)).get(key)


def named(key: str, known: Collection[str], other: str = "other") -> dict[str, Any]:
    """Return how to call it: in the user's language, else by the printer's own word."""
    if key in known:
        return {"translation_key": key}
    return {"translation_key": other, "translation_placeholders": {"name": key[:_LONGEST_NAME]}}


class OnOffEntity(PrinterEntity, ToggleEntity):
    """One thing that is on or off."""

    latest: bool | None

    @property
    @override
    def is_on(self) -> bool | None:
        """What the printer says of it."""
        return self.latest

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch it on. Raises HomeAssistantError with the printer's reason."""
        await self._set(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch it off. Raises HomeAssistantError with the printer's reason."""
        await self._set(on=False)

    async def _set(self, *, on: bool) -> None:
        row: OnOffDescription = self.entity_description

        def switch(session: Session) -> Any:
            part = row.part_fn(session)
            return None if part is None else part.set(row.switch, on)

        await self.command(switch)
