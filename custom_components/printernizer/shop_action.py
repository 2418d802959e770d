"""What an action of the shop is: it is asked of the back office, not of a printer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from homeassistant.core import SupportsResponse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from homeassistant.core import HomeAssistant

    from .action import Facts
    from .engine.workshop.workshop import Workshop

type ShopDeed = Callable[[ShopRequest], Awaitable[Facts]]


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopRequest:
    """One action, asked of the shop."""

    hass: HomeAssistant
    shop: Workshop
    data: Mapping[str, Any]
    """What `ShopAction.fields` made of the call."""
    by: str | None = None
    """Who asks, for the ledger; None for an automation."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShopAction:
    """One action of the shop: its fields, what it does, and who may ask for it."""

    deed: ShopDeed
    """What it does; engine errors are put into the user's language around it."""
    fields: Mapping[Any, Any]
    check: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    """Looks at all fields together. Raises vol.Invalid."""
    response: SupportsResponse = SupportsResponse.OPTIONAL
    admin: bool = True
    """Money and people are for administrators, and for the automations that they write."""
