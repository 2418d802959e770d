"""Where an OctoPrint is: scheme, host, port and the path prefix a proxy may put before it.

What the server says of its own address (`Location`, `refs`, webcam URLs) is what it looks like
from inside its house. Of such a reference only the path is taken, and only below our prefix.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from yarl import URL

from ...errors import Garbled

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 2048
_SCHEMES: Final = frozenset({"http", "https"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The base address of one server, without user, query or trailing slash."""

    scheme: str
    host: str
    port: int
    prefix: str
    """"" or "/octoprint"."""

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read what a person or an announcement gave. Raises Garbled when it is no web address."""
        try:
            read = URL(url.strip()[:_LONGEST])
            host, port = read.host, read.port
        except ValueError as err:
            raise Garbled("not a web address") from err
        if read.scheme not in _SCHEMES or not host or port is None:
            raise Garbled("not a web address")
        return cls(scheme=read.scheme, host=host, port=port, prefix=read.raw_path.rstrip("/"))

    @property
    def secure(self) -> bool:
        """Whether the line is encrypted."""
        return self.scheme == "https"

    @property
    def authority(self) -> str:
        """Host and port as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.secure else 80) else f"{host}:{self.port}"

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        return f"{self.scheme}://{self.authority}"

    @property
    def base(self) -> str:
        """The whole address, without a slash at its end."""
        return self.origin + self.prefix

    def url(self, target: str) -> URL:
        """Return the URL of an encoded target below the prefix."""
        return URL(self.base + target, encoded=True)

    def push_url(self) -> URL:
        """Return the URL of the raw push line."""
        scheme = "wss" if self.secure else "ws"
        return URL(f"{scheme}://{self.authority}{self.prefix}/sockjs/websocket", encoded=True)

    def reference(self, said: str) -> str | None:
        """Return the target of a reference the server gave, or None when it is not one of ours.

        The host it names does not count: only a path below our prefix is taken, never `..`.
        A path without a leading slash is meant from the prefix on.
        """
        try:
            read = URL(said[:_LONGEST])
        except ValueError:
            return None
        if read.scheme not in {"", *_SCHEMES}:
            return None
        path = read.raw_path
        if read.absolute or path.startswith("/"):
            if not path.startswith(f"{self.prefix}/"):
                return None
            path = path[len(self.prefix) :]
        else:
            path = f"/{path}"
        if path.startswith("//") or not _plain(path):
            return None
        return path + (f"?{read.raw_query_string}" if read.raw_query_string else "")


def _plain(path: str) -> bool:
    """Whether a path neither climbs nor hides that it does."""
    folded = path.lower().replace("%2e", ".").replace("%2f", "/").replace("%5c", "/")
    return not {"..", "."} & set(folded.replace("\\", "/").split("/"))


def target_of(*segments: str) -> str:
    """Return the request target of a path, each segment percent-encoded by itself."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def is_loopback(host: str) -> bool:
    """Whether a host means the machine that says it."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def segments_of(path: str) -> tuple[str, ...]:
    """Split a path of ours. Raises ValueError for one that climbs or hides something."""
    parts: Sequence[str] = [part for part in path.split("/") if part]
    if any(part in {".", ".."} or "\\" in part or "\0" in part for part in parts):
        raise ValueError(path)
    return tuple(parts)
