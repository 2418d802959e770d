"""What a file lays down as JSON, from the worker process to us: checked as what a stranger says."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from ..account import Role
from ..errors import BadFile
from ..extrusion import Extrusion, ToolExtrusion


def to_json(extrusion: Extrusion) -> str:
    """Write an extrusion as one line."""
    return json.dumps({"extrusion": asdict(extrusion)}, default=_plain, allow_nan=False)


def refusal_to_json(refusal: BadFile) -> str:
    """Write why a file cannot be measured as one line."""
    return json.dumps({"bad_file": refusal.reason, "key": refusal.key})


def from_json(text: bytes) -> Extrusion:
    """Read what the worker wrote. Raises BadFile, its own or one about what it wrote."""
    try:
        said = json.loads(text)
        if "bad_file" in said:
            raise BadFile(str(said["bad_file"]), key=str(said["key"]))
        return _extrusion(said["extrusion"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as err:
        raise BadFile(f"its measurement cannot be read: {err}") from err


def _extrusion(said: dict[str, Any]) -> Extrusion:
    seconds = said.pop("print_time")
    return Extrusion(
        **said
        | {
            "tools": tuple(_tool(tool) for tool in said["tools"]),
            "print_time": None if seconds is None else timedelta(seconds=seconds),
            "ends": _finite(said["ends"]),
        }
    )


def _tool(said: dict[str, Any]) -> ToolExtrusion:
    return ToolExtrusion(
        **said
        | {
            "layers_mm": _finite(said["layers_mm"]),
            "roles_mm": tuple((Role(role), float(length)) for role, length in said["roles_mm"]),
        }
    )


def _finite(numbers: list[float]) -> tuple[float, ...]:
    if not all(math.isfinite(number) for number in numbers):
        raise ValueError("a number in it is not finite")
    return tuple(numbers)


def _plain(value: object) -> float:
    if isinstance(value, timedelta):
        return value.total_seconds()
    raise TypeError(type(value).__name__)
