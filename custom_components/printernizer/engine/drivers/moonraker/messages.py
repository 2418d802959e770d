"""Reads Moonraker's frames and the fields in them: pure, bounded, never surprised.

Everything may be missing: forks ship old versions, components are optional, and Klipper leaves
out what a configuration does not have. What has the wrong type reads as not said.
"""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ...errors import AccessDenied, Garbled, Refused, Unreachable
from ...names import without_tricks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...errors import DriverError

type Json = Mapping[str, object]

FRAME_LIMIT: Final = 16 * 1024 * 1024
"""Longest frame we read, bytes: a large `configfile` takes some megabytes."""
_LONGEST_TEXT: Final = 500
_LONGEST_MESSAGE: Final = 2000
METHOD_MISSING: Final = -32601
PARAMS_OR_LOGIN: Final = -32602
"""Moonraker says 401 with the code of bad parameters: only the words tell them apart."""
_LOGIN_WORDS: Final = ("unauthorized", "api key", "jwt", "token", "login")
_NOT_THERE: Final = frozenset({503, 504})
_BUSY_WORDS: Final = ("sd busy",)
_NO_FILE_WORDS: Final = ("unable to open file", "does not exist", "invalid file path", "not found")
_RANGE_WORDS: Final = ("out of range",)
_KEYS_BY_CODE: Final = {
    METHOD_MISSING: "not_supported",
    403: "printer_busy",
    404: "file_missing",
    405: "not_supported",
    409: "wrong_state",
    422: "refused",
}


# -- reading one field ---------------------------------------------------------------------------


def obj(source: object, key: str) -> Json:
    """Return an object field, empty where it is missing."""
    value = source.get(key) if isinstance(source, dict) else None
    return value if isinstance(value, dict) else {}


def objects(source: object, key: str) -> tuple[Json, ...]:
    """Return the objects of a list field."""
    value = source.get(key) if isinstance(source, dict) else None
    return (
        tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
    )


def texts(source: object, key: str) -> tuple[str, ...]:
    """Return the texts of a list field."""
    value = source.get(key) if isinstance(source, dict) else None
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def text(source: object, key: str, longest: int = _LONGEST_TEXT) -> str | None:
    """Return a text field, printable and bounded; None where it is missing or empty."""
    value = source.get(key) if isinstance(source, dict) else None
    return cleaned(value, longest) if isinstance(value, str) else None


def cleaned(value: str, longest: int = _LONGEST_TEXT) -> str | None:
    """Return text without control characters, line breaks as blanks; None when nothing is left."""
    lines = value[:longest].replace("\r", "\n").replace("\n", " ")
    return without_tricks(lines).strip() or None


def name(source: object, key: str, longest: int = 1024) -> str | None:
    """Return a name as the server spells it, or None for one that could not be sent back."""
    value = source.get(key) if isinstance(source, dict) else None
    if not isinstance(value, str) or not 0 < len(value) <= longest or "\0" in value:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return None
    return value


def number(source: object, key: str) -> float | None:
    """Return a finite number."""
    value = source.get(key) if isinstance(source, dict) else None
    return as_number(value)


def as_number(value: object) -> float | None:
    """Return a value as a finite number of sensible size."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) >= 10**15:
        return None
    return float(value) if math.isfinite(value) and abs(value) < 1e15 else None


def whole(source: object, key: str) -> int | None:
    """Return a whole number."""
    value = number(source, key)
    return None if value is None else round(value)


def flag(source: object, key: str) -> bool | None:
    """Return true, false or not said."""
    value = source.get(key) if isinstance(source, dict) else None
    return value if isinstance(value, bool) else None


def moment(source: object, key: str) -> datetime | None:
    """Return a Unix time as UTC."""
    stamp = number(source, key)
    return datetime.fromtimestamp(stamp, UTC) if stamp is not None and 0 < stamp < 1e11 else None


# -- frames --------------------------------------------------------------------------------------


def parse(body: bytes | str) -> object:
    """Parse JSON. Raises Garbled; NaN and Infinity read as null."""
    try:
        return json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as err:
        payload = body.encode("utf-8", "replace") if isinstance(body, str) else body
        raise Garbled(
            f"an answer that is not JSON ({type(err).__name__})", payload=payload[:2048]
        ) from err


def frames_of(body: str) -> tuple[Json, ...]:
    """Return the messages of one frame: one, or a batch. Raises Garbled for what is none."""
    value = parse(body)
    if isinstance(value, dict):
        return (value,)
    if isinstance(value, list):
        return tuple(item for item in value if isinstance(item, dict))
    raise Garbled("a frame that is no message", payload=body[:2048].encode("utf-8", "replace"))


def params_of(frame: Json) -> tuple[object, ...]:
    """Return the parameters of a notification; it may have none at all."""
    value = frame.get("params")
    return tuple(value) if isinstance(value, list) else ()


# -- errors --------------------------------------------------------------------------------------


def is_login_error(code: int, message: str) -> bool:
    """Whether an error of JSON-RPC means that we are not logged in."""
    words = message.lower()
    return code == 401 or (code == PARAMS_OR_LOGIN and any(word in words for word in _LOGIN_WORDS))


def error_of(code: int, message: str) -> DriverError:
    """Return what an error of JSON-RPC, or of HTTP, means. `message` is the server's own."""
    reason = cleaned(message, _LONGEST_MESSAGE) or f"error {code}"
    if is_login_error(code, message):
        return AccessDenied("it does not accept our login")
    if code in _NOT_THERE:
        return Refused(f"Klipper is not there: {reason}", key="wrong_state")
    words = message.lower()
    if any(word in words for word in _BUSY_WORDS):
        return Refused(reason, key="printer_busy")
    if any(word in words for word in _NO_FILE_WORDS) and code != METHOD_MISSING:
        return Refused(reason, key="file_missing")
    if any(word in words for word in _RANGE_WORDS):
        return Refused(reason, key="out_of_range")
    return Refused(reason, key=_KEYS_BY_CODE.get(code, "refused"))


def frame_error(frame: Json) -> DriverError | None:
    """Return what the error of an answer means; None for an answer of success."""
    if "error" not in frame:
        return None
    error = obj(frame, "error")
    value = error.get("message")
    return error_of(whole(error, "code") or 0, value if isinstance(value, str) else "")


def http_error(status: int, body: bytes, kind: str) -> DriverError:
    """Return what an HTTP answer that is no success means. kind: its content type."""
    if "json" not in kind:
        if status in {502, 503, 504}:
            return Unreachable("a proxy answers, and nobody behind it", key="starting")
        if status == 401:
            return AccessDenied("a proxy in front of it asks for a login of its own")
        if 300 <= status < 400:
            return Garbled("it sends us to another address: give the one it really has")
        if status == 413:
            return Refused("a proxy in front of it takes no file of that size", key="refused")
        if status in {404, 403}:
            return Garbled(f"no Moonraker at this address (HTTP {status})", payload=body)
        return Unreachable(f"HTTP {status}")
    try:
        # The answer to HEAD has no words.
        error = obj(parse(body), "error") if body else {}
    except Garbled as err:
        return err
    message = text(error, "message") or f"HTTP {status}"
    return error_of(whole(error, "code") or status, message)
