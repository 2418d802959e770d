"""What an action is: its fields, what it does to one printer, and who may ask for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.core import SupportsResponse

from .ha_errors import told_to_the_user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from homeassistant.core import HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.workshop.workshop import Workshop

type Facts = dict[str, Any] | None
"""What an action has to tell of one printer, as JSON."""
type Deed = Callable[[Request], Awaitable[Facts]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One action, asked of one printer."""

    hass: HomeAssistant
    coordinator: PrinterCoordinator
    data: Mapping[str, Any]
    """What `Action.fields` made of the call."""
    by: str | None = None
    """Who asks, for the ledger; None for an automation."""

    @property
    def shop(self) -> Workshop:
        """Where the wish goes."""
        return self.coordinator.workshop

    @property
    def printer(self) -> str:
        """The printer's id in the workshop."""
        return self.coordinator.printer_id


def _never(_: Mapping[str, Any]) -> bool:
    return False


def always(_: Mapping[str, Any]) -> bool:
    """Whatever is asked for."""
    return True


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One action: its fields beside the printers, what it does, and who may ask for it."""

    deed: Deed
    fields: Mapping[Any, Any]
    check: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Looks at all fields together. Raises vol.Invalid."""
    response: SupportsResponse = SupportsResponse.OPTIONAL
    permission: str = POLICY_CONTROL
    admin_fn: Callable[[Mapping[str, Any]], bool] = _never
    """Whether such a call is for administrators only."""


def wish(ask: Callable[[Request], Awaitable[object]]) -> Deed:
    """Return a deed that asks the workshop for something and has nothing to tell."""

    async def do(request: Request) -> None:
        with told_to_the_user():
            await ask(request)

    return do
