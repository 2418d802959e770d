"""Files on the printer's card or stick."""

from __future__ import annotations

import posixpath
from typing import Final

from ...errors import Refused

_LONGEST: Final = 512


def printer_path(path: str) -> str:
    """Return a path from the root of the storage. Raises Refused for one that leaves it."""
    if len(path) > _LONGEST or not path.isprintable() or ".." in path.split("/"):
        raise Refused("not a path on the printer", key="file_missing", path=path[:80])
    return posixpath.normpath("/" + path.lstrip("/"))
