"""HTTP digest login, as far as PrusaLink needs it: pure, no sockets.

Two kinds are met. The firmware (Buddy) asks in the oldest form, RFC 2069: no qop, no opaque, no
algorithm, and old versions reject an answer that names any of them. The Raspberry Pi daemon asks
in the form of RFC 7616 with `MD5-sess` and `qop=auth`. The answer therefore repeats exactly what
the challenge named and adds nothing. What is hashed is the request target as it goes over the
wire, percent-encoding and query included.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_PARAMETER: Final = re.compile(r'([A-Za-z][A-Za-z0-9_-]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}
_LONGEST_HEADER: Final = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class Challenge:
    """What a server wants to see proved. `None`: it did not name it, and must not be told it."""

    realm: str
    nonce: str
    opaque: str | None = None
    algorithm: str | None = None
    qop: bool = False
    """Whether it offers `qop=auth`."""
    stale: bool = False
    """The password was right, only the nonce is too old."""


def parse_challenge(headers: Iterable[str]) -> Challenge | None:
    """Return the digest challenge among `WWW-Authenticate` values, or None when there is none.

    None too for a kind that we cannot answer (another hash, `auth-int` alone).
    """
    for header in headers:
        scheme, _, rest = header[:_LONGEST_HEADER].strip().partition(" ")
        if scheme.lower() != "digest":
            continue
        fields = {
            match[1].lower(): match[3] if match[2] is None else _unescaped(match[2])
            for match in _PARAMETER.finditer(rest)
        }
        if (challenge := _challenge_of(fields)) is not None:
            return challenge
    return None


def _challenge_of(fields: dict[str, str]) -> Challenge | None:
    algorithm = fields.get("algorithm")
    if algorithm is not None and algorithm.upper().removesuffix("-SESS") not in _HASHES:
        return None
    offers = fields.get("qop")
    auth = offers is not None and "auth" in {word.strip() for word in offers.split(",")}
    if "realm" not in fields or "nonce" not in fields or (offers is not None and not auth):
        return None
    return Challenge(
        realm=fields["realm"],
        nonce=fields["nonce"],
        opaque=fields.get("opaque"),
        algorithm=algorithm,
        qop=auth,
        stale=fields.get("stale", "").lower() == "true",
    )


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def authorization(
    challenge: Challenge,
    *,
    username: str,
    password: str,
    method: str,
    target: str,
    count: int = 1,
    client_nonce: str = "",
) -> str:
    """Return the `Authorization` value that answers a challenge.

    `target` is the raw request target. `count` is how often this nonce was used, this time
    included; it and `client_nonce` matter only where the challenge offers qop or a session hash.
    """
    algorithm = (challenge.algorithm or "MD5").upper()
    session = algorithm.endswith("-SESS")

    def digest(text: str) -> str:
        name = _HASHES[algorithm.removesuffix("-SESS")]
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    secret = digest(f"{username}:{challenge.realm}:{password}")
    if session:
        secret = digest(f"{secret}:{challenge.nonce}:{client_nonce}")
    request = digest(f"{method}:{target}")
    used = f"{count:08x}"
    middle = f"{used}:{client_nonce}:auth:" if challenge.qop else ""
    answer = digest(f"{secret}:{challenge.nonce}:{middle}{request}")

    fields = [
        f"username={_quoted(username)}",
        f"realm={_quoted(challenge.realm)}",
        f"nonce={_quoted(challenge.nonce)}",
        f"uri={_quoted(target)}",
        f"response={_quoted(answer)}",
    ]
    if challenge.algorithm is not None:
        fields.append(f"algorithm={challenge.algorithm}")
    if challenge.opaque is not None:
        fields.append(f"opaque={_quoted(challenge.opaque)}")
    if challenge.qop:
        fields += ["qop=auth", f"nc={used}"]
    if challenge.qop or session:
        fields.append(f"cnonce={_quoted(client_nonce)}")
    return "Digest " + ", ".join(fields)
