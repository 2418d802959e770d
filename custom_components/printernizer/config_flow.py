"""How printers come to Home Assistant, and how their address and key are changed.

Three ways in: chosen from the menu, found on the network, or known already (a new key, a new
address). The steps of each kind of printer are in a class of their own; all end in
`PrinterFlow._try`: the printer is asked before anything is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import callback

from .const import CONF_KIND, DOMAIN, KIND_SHOP, SHOP_ID, SHOP_TITLE
from .discovery_flow import DiscoveryFlow
from .engine.drivers.registry import PrinterKind
from .follow_flow import FollowFlow
from .forms import VIRTUAL, settings_of
from .printer_options import PrinterOptionsFlow
from .shop_options import ShopOptionsFlow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigEntry, OptionsFlow

MENU: Final = (
    PrinterKind.BAMBU,
    PrinterKind.PRUSALINK,
    PrinterKind.OCTOPRINT,
    PrinterKind.MOONRAKER,
    PrinterKind.FOLLOWED,
    PrinterKind.VIRTUAL,
)
"""What can be added by hand, in the order of the menu; each is the step `async_step_<kind>`."""


class PrinternizerConfigFlow(DiscoveryFlow, FollowFlow, domain=DOMAIN):
    """Adds printers, and changes how they are reached."""

    VERSION = 1
    MINOR_VERSION = 1

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what kind of printer it is."""
        return self.async_show_menu(step_id="user", menu_options=list(MENU))

    async def async_step_virtual(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a name: there is nothing to reach."""
        if user_input is None:
            return self.async_show_form(step_id="virtual", data_schema=VIRTUAL)
        return await self._try("virtual", settings_of(PrinterKind.VIRTUAL, user_input))

    # -- known already -----------------------------------------------------------------------

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Take over after the printer has rejected our key."""
        result: ConfigFlowResult = await getattr(
            self, f"async_step_reauth_{entry_data[CONF_KIND]}"
        )()
        return result

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new address, as the printer's kind has it."""
        kind = self._get_reconfigure_entry().data[CONF_KIND]
        step = getattr(self, f"async_step_reconfigure_{kind}", None)
        if step is None:
            return self.async_abort(reason="nothing_to_reconfigure")
        result: ConfigFlowResult = await step()
        return result

    # -- the shop ----------------------------------------------------------------------------

    async def async_step_system(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the entry that holds the shop's own settings: the first printer asks for it."""
        await self.async_set_unique_id(SHOP_ID)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=SHOP_TITLE, data={CONF_KIND: KIND_SHOP})

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the settings of the shop, or of one printer."""
        if config_entry.data[CONF_KIND] == KIND_SHOP:
            return ShopOptionsFlow()
        return PrinterOptionsFlow()
