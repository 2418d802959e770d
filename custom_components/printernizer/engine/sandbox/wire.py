"""What goes to the worker process and comes back: checked as what a stranger says.

An answer is one line of JSON; behind that of a picture stand its bytes.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ..account import Role
from ..errors import BadFile
from ..extrusion import Extrusion, ToolExtrusion
from ..file_data import facts_data, facts_from
from ..picture import Colouring, PictureFormat, PictureOptions

if TYPE_CHECKING:
    from ..file import FileFacts

_GARBLED: Final = (
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)


def measuring(path: str, plate: int | None, *, memory_bytes: int, processor_s: int) -> str:
    """Ask what a plate of a file lays down."""
    return json.dumps(
        {
            "deed": "measure",
            "path": path,
            "plate": plate,
            "memory_bytes": memory_bytes,
            "processor_s": processor_s,
        }
    )


def describing(path: str, name: str, *, memory_bytes: int, processor_s: int) -> str:
    """Ask what a file says of itself, its surface measured. name: what people call it."""
    return json.dumps(
        {
            "deed": "describe",
            "path": path,
            "name": name,
            "memory_bytes": memory_bytes,
            "processor_s": processor_s,
        }
    )


def drawing(
    path: str, options: PictureOptions, *, thumbnail: bool, memory_bytes: int, processor_s: int
) -> str:
    """Ask for a picture; with `thumbnail` for the slicer's own, if there is one large enough."""
    return json.dumps(
        {
            "deed": "picture",
            "path": path,
            "options": asdict(options),
            "thumbnail": thumbnail,
            "memory_bytes": memory_bytes,
            "processor_s": processor_s,
        }
    )


def options_of(said: dict[str, Any]) -> PictureOptions:
    """Read what `drawing` wrote of a picture."""
    bed = said["bed_mm"]
    return PictureOptions(
        **said
        | {
            "colouring": Colouring(said["colouring"]),
            "format": PictureFormat(said["format"]),
            "bed_mm": None if bed is None else (bed[0], bed[1]),
        }
    )


# -- answers -----------------------------------------------------------------------------------


def measured(extrusion: Extrusion) -> bytes:
    """Answer with an extrusion."""
    text = json.dumps({"extrusion": asdict(extrusion)}, default=_plain, allow_nan=False)
    return text.encode() + b"\n"


def described(facts: FileFacts) -> bytes:
    """Answer with what a file says of itself."""
    return json.dumps({"facts": facts_data(facts)}, allow_nan=False).encode() + b"\n"


def drawn(picture: bytes, by: str) -> bytes:
    """Answer with a picture. by: "render", or "thumbnail" for the slicer's own."""
    return json.dumps({"picture": len(picture), "by": by}).encode() + b"\n" + picture


def refused(refusal: BadFile) -> bytes:
    """Answer with why it cannot be done."""
    return json.dumps({"bad_file": refusal.reason, "key": refusal.key}).encode() + b"\n"


def extrusion_in(answer: bytes) -> Extrusion:
    """Read the answer to `measuring`. Raises BadFile, its own or one about what it wrote."""
    try:
        return _extrusion(_said(answer)["extrusion"])
    except _GARBLED as err:
        raise BadFile(f"its measurement cannot be read: {err}") from err


def facts_in(answer: bytes) -> FileFacts:
    """Read the answer to `describing`. Raises BadFile, its own or one about what it wrote."""
    try:
        return facts_from(_said(answer)["facts"])
    except _GARBLED as err:
        raise BadFile(f"what it says cannot be read: {err}") from err


def picture_in(answer: bytes) -> tuple[bytes, str]:
    """Read the answer to `drawing`: the picture, and by whom. Raises BadFile."""
    try:
        said = _said(answer)
        _, _, picture = answer.partition(b"\n")
        if said["picture"] != len(picture) or said["by"] not in {"render", "thumbnail"}:
            raise ValueError("it is not as long as it says")
    except _GARBLED as err:
        raise BadFile(f"its picture cannot be read: {err}") from err
    return picture, said["by"]


def _said(answer: bytes) -> dict[str, Any]:
    line, _, _ = answer.partition(b"\n")
    said: dict[str, Any] = json.loads(line)
    if "bad_file" in said:
        raise BadFile(str(said["bad_file"]), key=str(said["key"]))
    return said


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
