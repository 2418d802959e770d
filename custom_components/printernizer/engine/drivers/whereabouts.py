"""What people type or paste as the address of a server, read as the URLs it may mean."""

from __future__ import annotations

from typing import Final
from urllib.parse import SplitResult, urlsplit

_SECURE_PORTS: Final = frozenset({443, 7130, 8443})
"""Ports on which nobody speaks plain HTTP; 7130 is Moonraker's own."""
_SCHEMES: Final = frozenset({"http", "https"})
_DEEPEST: Final = 3
"""A pasted address may end in a page of the web interface; so many parts are taken off."""
_LONGEST: Final = 2000


def addresses(text: str, *, port: int) -> tuple[str, ...]:
    """Return the base URLs that an address may mean, the likeliest first; none ends in "/".

    text: "printer.local", "192.168.1.5:5000", "[fe80::1]:5000" or a whole URL. A host alone is
    tried at the server's own `port`, then behind a proxy at 80 and 443. Of a URL with a path,
    the shorter paths are tried too: people paste the page they are looking at.
    Returns nothing for what cannot be read. Raises ValueError when a user or password is part of
    the address: they would be stored and shown as if they were none.
    """
    text = text.strip()[:_LONGEST]
    schemed = "://" in text
    bare_v6 = not schemed and text.count(":") > 1 and not text.startswith("[")
    parts = _split(text if schemed else f"//[{text}]" if bare_v6 else f"//{text}")
    if parts is None or (schemed and parts.scheme not in _SCHEMES):
        return ()
    if parts.username is not None or parts.password is not None:
        raise ValueError("an address with a login in it")
    return tuple(
        dict.fromkeys(
            f"{scheme}://{authority}{path}"
            for path in _paths(parts.path)
            for scheme, authority in _origins(parts, schemed=schemed, port=port)
        )
    )


def _split(text: str) -> SplitResult | None:
    try:
        parts = urlsplit(text)
        usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    if not usable or any(char.isspace() or not char.isprintable() for char in parts.netloc):
        return None
    return parts


def _origins(parts: SplitResult, *, schemed: bool, port: int) -> list[tuple[str, str]]:
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else str(parts.hostname)
    if parts.port is not None:
        authority = f"{host}:{parts.port}"
        if schemed:
            return [(parts.scheme, authority)]
        if parts.port in _SECURE_PORTS:
            return [("https", authority), ("http", authority)]
        return [("http", authority), ("https", authority)]
    if not schemed:
        return [("http", f"{host}:{port}"), ("http", host), ("https", host)]
    if parts.scheme == "https":
        return [("https", host)]
    return [("http", host), ("https", host)]  # many proxies answer http with "use https"


def _paths(path: str) -> list[str]:
    segments = [segment for segment in path.split("/") if segment][:_DEEPEST]
    return ["".join(f"/{one}" for one in segments[:n]) for n in range(len(segments), -1, -1)]


def host_in(url: str) -> str | None:
    """Return the host of a URL without port and brackets; None when there is none."""
    parts = _split(url)
    return parts.hostname if parts is not None else None


def at_host(url: str, host: str) -> str:
    """Return the same URL at another host; scheme, port and path stay."""
    parts = urlsplit(url)
    authority = f"[{host}]" if ":" in host else host
    if parts.port is not None:
        authority = f"{authority}:{parts.port}"
    return parts._replace(netloc=authority).geturl()
