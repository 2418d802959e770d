"""How a Moonraker is added: by its address, and by a key only where it asks for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE
from homeassistant.const import CONF_API_KEY, CONF_PASSWORD, CONF_URL, CONF_USERNAME

from .const import CONF_KIND
from .engine.drivers.registry import PrinterKind
from .server_flow import ServerFlow

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult

    from .engine.drivers.recognition import Server

_KEYS: Final = (CONF_API_KEY, CONF_USERNAME, CONF_PASSWORD)


class MoonrakerFlow(ServerFlow):
    """The steps of a Moonraker."""

    async def async_step_moonraker(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the address."""
        kind = PrinterKind.MOONRAKER
        return await self._ask_server("moonraker", kind, user_input, self._moonraker_found)

    async def async_step_reconfigure_moonraker(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new address; the key stays for as long as it is accepted."""
        entry = self._get_reconfigure_entry()
        return await self._ask_server(
            "reconfigure_moonraker",
            PrinterKind.MOONRAKER,
            user_input,
            self._moonraker_found,
            entry,
        )

    async def async_step_reauth_moonraker(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new key; the address stays."""
        self._pending = dict(self._get_reauth_entry().data)
        return await self._moonraker_key("reauth_moonraker", user_input)

    async def async_step_moonraker_key(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the key, or for user and password."""
        return await self._moonraker_key("moonraker_key", user_input)

    async def async_step_confirm_moonraker(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether to add a Moonraker that was found and lets us in."""
        if user_input is None:
            return self._form("confirm_moonraker", PrinterKind.MOONRAKER, self._pending)
        return await self._try("confirm_moonraker", self._pending)

    async def _moonraker_found(
        self, step: str, settings: dict[str, Any], server: Server
    ) -> ConfigFlowResult:
        if self.source == SOURCE_RECONFIGURE:
            return await self._try(step, settings)
        self._async_abort_entries_match({CONF_URL: server.url})
        if server.open:
            return await self._try(step, settings)
        self._pending = settings
        return await self.async_step_moonraker_key()

    async def _moonraker_key(
        self, step: str, user_input: dict[str, Any] | None
    ) -> ConfigFlowResult:
        kind = PrinterKind.MOONRAKER
        if user_input is None:
            return self._form(step, kind, self._pending)
        settings = {key: self._pending[key] for key in self._pending if key not in _KEYS}
        settings[CONF_KIND] = kind.value
        for key in _KEYS:
            typed = user_input.get(key, "")
            if typed := typed if key == CONF_PASSWORD else typed.strip():
                settings[key] = typed
        return await self._try(step, settings)
