"""Addresses of web pages as people paste and share them: checked, and always written one way.

Nothing is looked up. What comes out is plain ASCII, leads to the web and nowhere else, and holds
no password: it may be shown, clicked and kept.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from .errors import NotAllowed

LONGEST_ADDRESS: Final = 2_000
"""Characters. Browsers take more, but nobody shares more; PostgreSQL's index takes 2700 bytes."""
_PORTS: Final = {"http": 80, "https": 443}
_SECRETS: Final = re.compile(
    r"(access_?token|api_?key|auth|auth_?token|id_?token|jwt|pass|passwd|password|pwd|refresh_?token"
    r"|secret|session|session_?id|sid|sig|signature|token)",
    re.IGNORECASE,
)
"""Names of parameters that let in whoever has them."""
_TRACKERS: Final = re.compile(r"(utm_\w+|fbclid|gclid|igshid|mc_cid|mc_eid|msclkid)", re.IGNORECASE)
"""Names of parameters that say who shared a link, and not what it leads to."""
_HOST: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
_SHARED: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_PATH_SAFE: Final = "/%:@!$&'()*+,;=-._~"
_QUERY_SAFE: Final = _PATH_SAFE + "?[]"


def web_address(given: str) -> str:
    """Return an address as it is kept: http or https, ASCII, without password and trackers.

    Letters of other scripts in the host come out as Punycode, so that a look-alike of a known
    site does not look like it. Raises NotAllowed(key="bad_url"), without the address in it.
    """
    text = given.strip(" \t\r\n")
    if not text or len(text) > LONGEST_ADDRESS:
        raise _bad(f"it has {len(text)} characters")
    # Browsers read "\" as "/", and would go elsewhere than this reads.
    if not text.isprintable() or " " in text or "\\" in text:
        raise _bad("it has characters that no address has")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _bad("it cannot be read") from None
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise _bad("it does not lead to the web")
    host = _host(parts.hostname or "", literal="[" in parts.netloc)
    if port is not None and port != _PORTS[scheme]:
        host = f"{host}:{port}"
    address = urlunsplit(
        (
            scheme,
            host,
            _encoded(parts.path, _PATH_SAFE) or "/",
            _query(parts.query),
            "" if _tells_secrets(parts.fragment) else _encoded(parts.fragment, _QUERY_SAFE),
        )
    )
    if len(address) > LONGEST_ADDRESS:
        raise _bad(f"it has {len(address)} characters when written out")
    return address


def host_of(address: str) -> str:
    """Return the host of an address that `web_address` made."""
    return urlsplit(address).hostname or ""


def words_of(address: str) -> str:
    """Return the words in an address that people can read: "cute dragon" of "/123-cute-dragon".

    Its host and path where there are none. May hold any character: it was percent-encoded.
    """
    parts = urlsplit(address)
    last = unquote(parts.path.rstrip("/").rpartition("/")[2])
    words = re.sub(r"^\d+[-_]+|\.\w{1,5}$", "", last)
    words = re.sub(r"[-_+\s]+", " ", words).strip()
    if re.search(r"[^\W\d_]{2}", words) and ":" not in words:
        return words
    return f"{parts.netloc}{unquote(parts.path)}".rstrip("/")


def shared(text: str) -> tuple[str | None, str]:
    """Part what an app shares into the first web address in it, as it stands there, and the rest.

    "Cute dragon https://example.org/1" is how most apps put it.
    """
    found = _SHARED.search(text)
    if found is None:
        return None, " ".join(text.split())
    rest = text[: found.start()] + " " + text[found.end() :]
    return found.group(), " ".join(rest.split())


def _bad(why: str) -> NotAllowed:
    return NotAllowed(f"not an address of a web page: {why}", key="bad_url")


def _host(given: str, *, literal: bool) -> str:
    if literal:
        try:
            # Without a zone, which says something on one machine only.
            return f"[{ipaddress.IPv6Address(given.partition('%')[0]).compressed}]"
        except ValueError:
            raise _bad("it has no host") from None
    try:
        # The older rules of internationalised names; what they do not know is refused.
        host = given.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        raise _bad("its host is no name") from None
    if len(host) > 253 or not _HOST.fullmatch(host):
        raise _bad("its host is no name")
    return host


def _encoded(text: str, safe: str) -> str:
    # A "%" that encodes nothing would be read differently by everybody.
    return quote(re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", text), safe=safe, errors="replace")


def _name(parameter: str) -> str:
    return unquote(parameter.partition("=")[0]).strip()


def _query(query: str) -> str:
    kept = (
        parameter
        for parameter in query.split("&")
        if not _SECRETS.fullmatch(_name(parameter)) and not _TRACKERS.fullmatch(_name(parameter))
    )
    return "&".join(_encoded(parameter, _QUERY_SAFE) for parameter in kept if parameter)


def _tells_secrets(fragment: str) -> bool:
    return any(_SECRETS.fullmatch(_name(part)) for part in re.split("[&?]", fragment))
