"""What all entities of the shop share: its device, and writing only what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity

from .const import DOMAIN, SHOP_ID, SHOP_TITLE

if TYPE_CHECKING:
    from .engine.workshop.workshop import Workshop
    from .runtime import ShopConfigEntry


class ShopEntity(Entity):
    """One row of the shop. Whoever has news for it calls `show`."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(self, entry: ShopConfigEntry, key: str) -> None:
        self._attr_unique_id = f"{SHOP_ID}_{key}"
        self._attr_translation_key = key
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, SHOP_ID)},
            name=SHOP_TITLE,
            entry_type=DeviceEntryType.SERVICE,
        )
        self._entry = entry
        self._last_shown: object = object()

    @property
    def workshop(self) -> Workshop:
        """The open workshop."""
        return self._entry.runtime_data.workshop

    def shown(self) -> Any:
        """What is shown now: the state is written when it is not what was shown before."""
        return self.state

    @callback
    def show(self) -> None:
        """Write the state if anything of it changed."""
        now = self.shown()
        if now != self._last_shown:
            self._last_shown = now
            self.async_write_ha_state()
