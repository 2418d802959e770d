"""Where a Moonraker is: scheme, host, port and the path prefix a proxy may put before it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote

from yarl import URL

from ...errors import Garbled, Refused
from ...names import has_tricks

if TYPE_CHECKING:
    from collections.abc import Sequence

_LONGEST: Final = 2048
PORT: Final = 7125
"""Moonraker's own port; web frontends serve it on 80 and 443 as well."""
SECURE_PORT: Final = 7130


class Address:
    """The base address of one server, without user, query or trailing slash."""

    def __init__(self, base: URL) -> None:
        self._base = base

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read what a person or an announcement gave. Raises Garbled when it is no address."""
        try:
            read = URL(url.strip()[:_LONGEST])
            if read.scheme not in {"http", "https"} or not read.host or not read.port:
                raise ValueError(url)
            base = URL(f"{read.origin()}{read.raw_path.rstrip('/')}", encoded=True)
        except ValueError as err:
            raise Garbled("not a web address") from err
        return cls(base)

    def __str__(self) -> str:
        return str(self._base).rstrip("/")

    @property
    def secure(self) -> bool:
        """Whether the line is encrypted."""
        return self._base.scheme == "https"

    @property
    def host(self) -> str:
        """Host name or IP address."""
        return self._base.host or ""

    @property
    def place(self) -> str:
        """Host, port and prefix: a name for a server that has none of its own."""
        return f"{self.host}:{self._base.port}{self._base.raw_path.rstrip('/')}"

    def url(self, target: str) -> URL:
        """Return the URL of an encoded target, which begins with a slash."""
        return URL(f"{self}{target}", encoded=True)

    @property
    def socket(self) -> URL:
        """Where the WebSocket is."""
        return URL(f"ws{str(self).removeprefix('http')}/websocket", encoded=True)

    @property
    def page(self) -> URL:
        """The web frontend: the proxy that was named, else the same host on its usual port."""
        page = self._base.with_path("/")
        return page.with_port(None) if page.port in {PORT, SECURE_PORT} else page


def segments_of(path: str) -> tuple[str, ...]:
    """Return the parts of a path of ours.

    Raises Refused(key="file_missing") for a path that climbs or cannot be one.
    """
    parts = tuple(part for part in path.split("/") if part)
    if any(part in {".", ".."} or "\\" in part or has_tricks(part) for part in parts):
        raise Refused(f"{path!r} is not a path on a printer", key="file_missing", path=path)
    return parts


def target_of(*segments: str) -> str:
    """Return the request target of a path, each segment percent-encoded by itself."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


def joined(segments: Sequence[str]) -> str:
    """Return segments as a path of ours."""
    return "/" + "/".join(segments)
