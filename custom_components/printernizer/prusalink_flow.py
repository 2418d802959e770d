"""How a Prusa printer is added: by address, user and password of its PrusaLink."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine.drivers.registry import PrinterKind
from .printer_flow import PrinterFlow

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult


class PrusaLinkFlow(PrinterFlow):
    """The steps of a PrusaLink."""

    async def async_step_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for address, user and password."""
        return await self._ask("prusalink", PrinterKind.PRUSALINK, user_input)

    async def async_step_reauth_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new user and password; the address stays."""
        entry = self._get_reauth_entry()
        return await self._ask("reauth_prusalink", PrinterKind.PRUSALINK, user_input, entry)

    async def async_step_reconfigure_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new address, user and password."""
        entry = self._get_reconfigure_entry()
        return await self._ask("reconfigure_prusalink", PrinterKind.PRUSALINK, user_input, entry)
