"""The models: how each calls itself, and what it has.

Capabilities follow the product name, never the serial number: its prefix says too little.
Limits are the maker's published ones; where they differ by region, the lower.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from .payload import objects, text

if TYPE_CHECKING:
    from collections.abc import Mapping


class CameraKind(StrEnum):
    """How a model shows its chamber."""

    JPEG = "jpeg"
    """Single pictures over TLS on port 6000."""
    RTSPS = "rtsps"
    """H.264 over RTSP in TLS on port 322, when LAN live view is switched on."""


class Door(StrEnum):
    """Which bit field knows whether the door is open; bit 23 in both."""

    HOME_FLAG = "home_flag"
    STAT = "stat"


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """What a model has. An unknown one is given the least."""

    product: str | None
    """Name as the maker writes it; None for one we do not know."""
    nozzle_max_c: int = 300
    bed_max_c: int = 100
    chamber_max_c: int | None = None
    """None without a chamber heater."""
    chamber_sensor: bool = False
    nozzles: int = 1
    fans: tuple[str, ...] = ("part",)
    """Keys of the fans that can be set."""
    camera: CameraKind | None = None
    door: Door | None = None
    rare_pushall: bool = False
    """A controller so small that asking for everything stalls it: at most every five minutes."""
    vibration_calibration: bool = True


_ENCLOSED: Final = ("part", "auxiliary", "chamber")
_X1: Final[dict[str, Any]] = {
    "bed_max_c": 110,
    "chamber_sensor": True,
    "fans": _ENCLOSED,
    "camera": CameraKind.RTSPS,
    "door": Door.HOME_FLAG,
}
_H2: Final[dict[str, Any]] = {
    "nozzle_max_c": 350,
    "bed_max_c": 120,
    "chamber_max_c": 65,
    "chamber_sensor": True,
    "fans": _ENCLOSED,
    "camera": CameraKind.RTSPS,
    "door": Door.STAT,
}
_SMALL: Final[dict[str, Any]] = {"camera": CameraKind.JPEG, "rare_pushall": True}

UNKNOWN_MODEL: Final = Model(product=None)
MODELS: Final[Mapping[str, Model]] = {
    "BL-P001": Model(product="X1 Carbon", **_X1),
    "BL-P002": Model(product="X1", **_X1),
    "C13": Model(product="X1E", **{**_X1, "nozzle_max_c": 320, "chamber_max_c": 60}),
    "C11": Model(product="P1P", fans=_ENCLOSED, **_SMALL),
    "C12": Model(product="P1S", fans=_ENCLOSED, **_SMALL),
    "N1": Model(product="A1 mini", **{**_SMALL, "bed_max_c": 80}),
    "N2S": Model(product="A1", **_SMALL),
    "N9": Model(product="A2L", **_SMALL),
    "N7": Model(
        product="P2S",
        bed_max_c=110,
        chamber_sensor=True,
        fans=("part", "auxiliary"),
        camera=CameraKind.RTSPS,
        door=Door.STAT,
        vibration_calibration=False,
    ),
    "N6": Model(product="X2D", **{**_H2, "nozzle_max_c": 300, "bed_max_c": 110, "nozzles": 2}),
    "O1D": Model(product="H2D", nozzles=2, **_H2),
    "O1E": Model(product="H2D Pro", nozzles=2, **_H2),
    "O1C": Model(product="H2C", nozzles=2, **_H2),
    "O1S": Model(product="H2S", **_H2),
}
"""By the code in announcements and in 3MF files."""
ALIASES: Final = {"O2D": "O1E", "O1C2": "O1C"}

_BY_NAME: Final = {
    **{(model.product or "").casefold(): code for code, model in MODELS.items()},
    "x1c": "BL-P001",
    "x1-carbon": "BL-P001",
    "a1mini": "N1",
}
_BY_BOARD: Final = {
    ("AP05", ""): "BL-P001",
    ("AP02", ""): "C13",
    ("AP04", "C11"): "C11",
    ("AP04", "C12"): "C12",
    ("AP05", "N1"): "N1",
    ("AP05", "N2S"): "N2S",
}
_BOARDS: Final = frozenset({"esp32", "rv1126", "ap"})


def by_code(code: str | None) -> Model:
    """Return the model behind a code such as "N2S"; `UNKNOWN_MODEL` when there is none."""
    if code is None:
        return UNKNOWN_MODEL
    return MODELS.get(ALIASES.get(code, code), UNKNOWN_MODEL)


def by_product(name: str | None) -> Model:
    """Return the model behind a product name such as "Bambu Lab P1S"."""
    if name is None:
        return UNKNOWN_MODEL
    short = name.casefold().removeprefix("bambu lab").strip()
    return by_code(_BY_NAME.get(short))


def by_modules(modules: object) -> Model:
    """Return the model from the boards of a version report.

    The product name decides where firmware sends one; older firmware is told by its main board.
    """
    found = UNKNOWN_MODEL
    for module in objects(modules):
        if module.get("name") == "ota":
            named = by_product(text(module.get("product_name")))
            if named is not UNKNOWN_MODEL:
                return named
            found = by_code(text(module.get("project_name")))
        elif text(module.get("name")) in _BOARDS and found is UNKNOWN_MODEL:
            board = (text(module.get("hw_ver")) or "", text(module.get("project_name")) or "")
            found = by_code(_BY_BOARD.get(board))
    return found
