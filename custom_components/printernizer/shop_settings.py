"""Options of the shop and of printers as the engine's values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .engine.shop import MachineProfile, ShopSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.core import HomeAssistant


def shop_settings(hass: HomeAssistant, options: Mapping[str, Any]) -> ShopSettings:
    """Return the shop's settings; what its options do not say is Home Assistant's, or a default."""
    return ShopSettings(currency=hass.config.currency, time_zone=hass.config.time_zone)


def machine_profile(options: Mapping[str, Any]) -> MachineProfile:
    """Return what the options of a printer say of its costs and its energy."""
    return MachineProfile()
