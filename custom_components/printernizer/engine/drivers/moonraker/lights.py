"""Lamps of a Klipper: LEDs, and pins that are called like one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from .messages import Json, as_number, number
from .objects import plain, settings_of, slug

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .control import Scripts
    from .objects import Store
    from .watch import Watch

LEDS: Final = frozenset({"led", "neopixel", "dotstar", "pca9533", "pca9632"})
PIN: Final = "output_pin"
_LAMP: Final = re.compile(r"light|led|lamp|licht", re.IGNORECASE)
_PARTS: Final = ("RED", "GREEN", "BLUE", "WHITE")


def lamp_objects(store: Store) -> Mapping[str, str]:
    """Return the objects of all lamps by our keys. A pin is one when its name says so."""
    found: dict[str, str] = {}
    for item in store:
        kind, _, given = item.partition(" ")
        key = slug(given)
        if key and key not in found and (kind in LEDS or (kind == PIN and _LAMP.search(given))):
            found[key] = item
    return found


def is_lit(values: Json) -> bool:
    """Whether a lamp gives any light."""
    chain = values.get("color_data")
    if isinstance(chain, list):
        return any(
            (as_number(share) or 0.0) > 0
            for colours in chain[:1000]
            if isinstance(colours, list)
            for share in colours[:4]
        )
    return (number(values, "value") or 0.0) > 0


def lights(store: Store) -> tuple[tuple[str, bool], ...]:
    """Read all lamps."""
    return tuple((key, is_lit(store[item])) for key, item in lamp_objects(store).items())


class MoonrakerLights:
    """Lamps that may be switched: on is white and full."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._scripts = scripts
        self._objects = lamp_objects(watch.store)
        self._scales = {
            item: number(settings_of(watch.house.configfile, item), "scale") or 1.0
            for item in self._objects.values()
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `PrinterStatus.lights`."""
        return tuple(self._objects)

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch one."""
        item = self._objects.get(key)
        if item is None:
            raise Refused(f"it has no lamp {key}", key="not_supported")
        kind, _, given = item.partition(" ")
        if kind == PIN:
            value = self._scales[item] if on else 0.0
            await self._scripts.quick(f"SET_PIN PIN={plain(given)} VALUE={value:g}")
        else:
            colours = " ".join(f"{part}={int(on)}" for part in _PARTS)
            await self._scripts.quick(f"SET_LED LED={plain(given)} {colours}")
