"""Everything that can be asked of the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .export_actions import EXPORT_ACTIONS
from .fetch_actions import FETCH_ACTIONS
from .idea_actions import IDEA_ACTIONS
from .ledger_actions import LEDGER_ACTIONS
from .library_actions import LIBRARY_ACTIONS
from .office_actions import OFFICE_ACTIONS
from .preview_actions import PREVIEW_ACTIONS
from .report_actions import REPORT_ACTIONS
from .sender_actions import SENDER_ACTIONS
from .stock_actions import STOCK_ACTIONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .shop_action import ShopAction

SHOP_ACTIONS: Final[Mapping[str, ShopAction]] = {
    **EXPORT_ACTIONS,
    **FETCH_ACTIONS,
    **IDEA_ACTIONS,
    **LEDGER_ACTIONS,
    **LIBRARY_ACTIONS,
    **OFFICE_ACTIONS,
    **PREVIEW_ACTIONS,
    **REPORT_ACTIONS,
    **SENDER_ACTIONS,
    **STOCK_ACTIONS,
}
"""Each part of the back office adds its own: `**STOCK_ACTIONS`."""
