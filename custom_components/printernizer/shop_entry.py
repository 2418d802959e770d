"""The shop's own entry: it keeps the workshop open and shows the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from . import issues
from .account_news import async_announce_accounts
from .const import SHOP_PLATFORMS
from .engine.errors import StoreError
from .fetch_news import async_announce_fetches
from .ha_errors import of_store
from .idea_news import async_announce_ideas
from .library_news import async_announce_library
from .long_term import LongTerm
from .office_news import async_announce_documents
from .runtime import ShopRuntime, async_acquire, async_follow_shop, async_release
from .shop_settings import shop_settings
from .stock_news import async_announce_stock

if TYPE_CHECKING:
    from homeassistant.core import Event, HomeAssistant

    from .runtime import ShopConfigEntry


async def async_open_shop(hass: HomeAssistant, entry: ShopConfigEntry) -> None:
    """Open it with the settings of its options. Raises ConfigEntryNotReady."""
    await async_follow_shop(hass)
    try:
        workshop = await async_acquire(hass)
    except StoreError as err:
        issues.async_store_failed(hass, err)
        raise of_store(err) from err
    workshop.settings.apply(shop_settings(hass, entry.options))
    entry.runtime_data = ShopRuntime(workshop)

    @callback
    def moved(_: Event) -> None:
        workshop.settings.apply(shop_settings(hass, entry.options))

    # The house's currency and time zone are the shop's unless its owner says otherwise.
    entry.async_on_unload(hass.bus.async_listen("core_config_updated", moved))
    entry.async_on_unload(async_announce_stock(hass, workshop))
    entry.async_on_unload(async_announce_documents(hass, workshop))
    entry.async_on_unload(async_announce_accounts(hass, workshop))
    entry.async_on_unload(async_announce_ideas(hass, workshop))
    entry.async_on_unload(async_announce_fetches(hass, workshop))
    entry.async_on_unload(async_announce_library(hass, workshop))
    if "recorder" in hass.config.components:
        entry.async_on_unload(LongTerm(hass, workshop).async_listen())
    try:
        await hass.config_entries.async_forward_entry_setups(entry, SHOP_PLATFORMS)
    except BaseException:
        await async_release(hass)
        raise


async def async_close_shop(hass: HomeAssistant, entry: ShopConfigEntry) -> bool:
    """Let go of the workshop; printers may still hold it."""
    if not await hass.config_entries.async_unload_platforms(entry, SHOP_PLATFORMS):
        return False
    await async_release(hass)
    return True
