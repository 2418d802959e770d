"""Everything that can be asked of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shop_action import ShopAction

SHOP_ACTIONS: Final[Mapping[str, ShopAction]] = {}
"""Each part of the back office adds its own: `**STOCK_ACTIONS`."""
