"""The words in which a source integration is described: one table each, and no code.

A table says which entity is what, by its domain and its unique id. Unique ids are what stays when
a user renames things; all four integrations build them from one piece that names the device (its
identifier in the device registry) and a key. In the patterns here `{stem}` stands for that piece.

What an entity is has a name, the *key*. Facts:

| Key | Is |
|---|---|
| `state`, `host_state` | the source's word for how the printer is, or the machine behind it |
| `stage`, `activity`, `origin`, `link` | further words |
| `name`, `path` | the job's |
| `progress` | per cent |
| `remaining`, `elapsed` | durations |
| `finish`, `start` | the same as moments |
| `layer`, `layers`, `filament` | the job's |
| `tool_0`, `bed`, `chamber`, each also with `_target` | temperatures |
| `nozzle_0`, `nozzle_type_0`, `material_0` | of the nozzle |
| `fan_<key>`, `rpm_<key>` | per cent and revolutions |
| `speed`, `flow`, `profile` | how fast |
| `hms`, `error`, `message`, `host_message` | complaints |
| `door`, `filament_<name>`, `card`, `wifi`, `usage`, `queued`, `z`, `new_firmware` | the rest |

Parts begin with what they are: `button_pause`, `button_resume`, `button_cancel`, `button_stop`
(emergency), `heater_<key>`, `set_fan_<key>`, `set_speed`, `set_profile`, `light_<key>`,
`outlet_<key>`, `camera_<key>`, `picture`, `home_<axes>`, `objects`, `skipped`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..engine.printer import PrinterState, Severity

STATE: Final = "state"
HOST_STATE: Final = "host_state"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entity:
    """Which entity of a source is meant."""

    domain: str
    unique_id: str
    """A regular expression for all of it. Its named groups fill the key of the table."""
    only_while: frozenset[str] = frozenset()
    """Words of `state` in which it means something; empty: always. Some sources show 0 or ""
    as soon as nothing is printed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Condition:
    """Something that a fact must be."""

    key: str
    words: frozenset[str] = frozenset()
    """One of these words..."""
    is_zero: bool = False
    """...or 0..."""
    at_least: float | None = None
    """...or a number from here on..."""
    unsaid: bool = False
    """...or not known..."""
    is_off: bool = False
    """...or "off", as any of the entities whose key begins so..."""
    is_on: bool = False
    """...or "on"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Nuance:
    """What a state becomes on a closer look, when all conditions hold."""

    state: PrinterState
    becomes: PrinterState
    when: tuple[Condition, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cancel:
    """How a source tells a cancelled job from a failed one that has the same word."""

    codes: frozenset[str]
    """Codes of `error` that only say that a person ended the job."""
    event_type: str
    """On the bus, with `device_id` and..."""
    event: str
    """...this `type`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Actions of the source that take its device."""

    start: str | None = None
    gcode: str | None = None
    gcode_field: str = "gcode"
    skip: str | None = None
    move: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """An integration whose printers can be followed."""

    domain: str
    title: str
    words: Mapping[str, PrinterState]
    """Of `state`. A word that is missing reads as unknown, and is logged once."""
    entities: Mapping[str, Entity]
    """By key; `{group}` in a key is filled from the unique id."""
    host_words: Mapping[str, PrinterState] = field(default_factory=lambda: MappingProxyType({}))
    """Of `host_state`; these go first, and other words of it say nothing."""
    nuances: tuple[Nuance, ...] = ()
    complaints: Mapping[str, Severity] = field(default_factory=lambda: MappingProxyType({}))
    """Words of `state` or `host_state` that are a problem in themselves."""
    stages: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Words of `stage` into the keys that we show."""
    cancel: Cancel | None = None
    services: Services = Services()
    maker: str | None = None
    """Where the source does not name it."""
    names_model: bool = True
    identifier_is_serial: bool = False
    """The device is known by what the printer itself is known by."""
    heating_is_printing: bool = False
    """It calls heating up printing."""
    job_comes_later: bool = False
    """It asks for the job apart from the state, so the last job's facts may stand beside a new
    job's state."""
    state_gone_is_offline: bool = False
    """Without a state but with the rest, the server answers and the printer does not."""
    no_buttons_is_read_only: bool = False
    """It adds no buttons to a printer that takes no commands."""
    unit_name: str | None = None
    """A regular expression for the name of a feeder's device; its group is the number."""
    push: bool = False
    """A wish for fresh values changes nothing: they come by themselves."""
