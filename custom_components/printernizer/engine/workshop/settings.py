"""What the owner set: the shop's own settings and what each machine costs.

Parts read it when they need it and never keep what they read: it may change at any moment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..shop import MachineProfile, ShopSettings
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable

_UNDESCRIBED = MachineProfile()


class Settings:
    """The settings of this moment."""

    def __init__(self, shop: ShopSettings | None = None) -> None:
        self._shop = shop or ShopSettings()
        self._machines: dict[str, MachineProfile] = {}
        self._subscribers: Listeners[()] = Listeners("settings")

    @property
    def shop(self) -> ShopSettings:
        """The shop's own."""
        return self._shop

    def machine(self, printer_id: str) -> MachineProfile:
        """What a printer costs; the defaults for one that nobody described."""
        return self._machines.get(printer_id, _UNDESCRIBED)

    def describes(self, printer_id: str) -> bool:
        """Whether a printer is one of this house."""
        return printer_id in self._machines

    def apply(self, shop: ShopSettings) -> None:
        """Take the shop's settings from here on."""
        self._shop = shop
        self._tell()

    def describe(self, printer_id: str, machine: MachineProfile) -> None:
        """Take what a printer costs from here on."""
        self._machines[printer_id] = machine
        self._tell()

    def subscribe(self, subscriber: Callable[[], None]) -> Callable[[], None]:
        """Hear when anything was set; returns how to stop."""
        return self._subscribers.add(subscriber)

    def _tell(self) -> None:
        self._subscribers.tell()
