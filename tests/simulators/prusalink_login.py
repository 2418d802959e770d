"""How a PrusaLink checks a login: written from the protocol sheet, knows nothing of the driver."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()


def _fields(header: str) -> dict[str, str]:
    pairs = re.findall(r'(\w+)=(?:"([^"]*)"|([^,\s]+))', header.partition(" ")[2])
    return {name.lower(): quoted or bare for name, quoted, bare in pairs}


@dataclass(frozen=True)
class Verdict:
    """Let in, or turned away with a status and a challenge."""

    status: int = 200
    challenge: str | None = None
    text: str = ""


LET_IN = Verdict()


@dataclass
class BuddyLogin:
    """The firmware: RFC 2069, user `maker`; the key is the password."""

    password: str
    now: Callable[[], float]
    life_s: float = 300.0
    old_firmware: bool = False
    """It rejects an answer that names `algorithm` or `qop`."""
    allow_digest: bool = True
    _boot: str = field(default_factory=lambda: secrets.token_hex(4))

    def check(self, method: str, target: str, headers: Mapping[str, str]) -> Verdict:
        """Judge one request."""
        if "X-Api-Key" in headers:
            if self.password and headers["X-Api-Key"] == self.password:
                return LET_IN
            return Verdict(401, 'ApiKey realm="Printer API"', "Unauthorized")
        given = _fields(headers.get("Authorization", ""))
        if not self.password or not given or not self.allow_digest:
            return self._refusal(stale=False)
        if self.old_firmware and given.keys() - {"username", "realm", "nonce", "uri", "response"}:
            return self._refusal(stale=False)
        nonce = given.get("nonce", "")
        proof = _md5(_md5("maker", "Printer API", self.password), nonce, _md5(method, target))
        if given.get("username") != "maker" or given.get("uri") != target:
            return self._refusal(stale=False)
        if given.get("response") != proof:
            return self._refusal(stale=False)
        return LET_IN if self._fresh(nonce) else self._refusal(stale=True)

    def _fresh(self, nonce: str) -> bool:
        if not re.fullmatch(r"[0-9a-f]{16}", nonce) or not nonce.startswith(self._boot):
            return False
        return 0 <= self.now() - int(nonce[8:], 16) <= self.life_s

    def _refusal(self, *, stale: bool) -> Verdict:
        nonce = f"{self._boot}{int(self.now()):08x}"
        said = f'Digest realm="Printer API", nonce="{nonce}", stale={"true" if stale else "false"}'
        return Verdict(401, said, "Unauthorized")

    def reboot(self) -> None:
        """Forget every nonce given out."""
        self._boot = secrets.token_hex(4)


@dataclass
class PiLogin:
    """The daemon: MD5-sess, nonces bound to the User-Agent, an API key of its own."""

    username: str
    password: str
    api_key: str
    now: Callable[[], float]
    life_s: float = 60.0
    _secret: str = field(default_factory=lambda: secrets.token_hex(16))

    def _token(self, agent: str, window: int) -> str:
        return hashlib.sha256(f"{self._secret}{agent}{window}".encode()).hexdigest()

    def check(self, method: str, target: str, headers: Mapping[str, str]) -> Verdict:
        """Judge one request."""
        if "X-Api-Key" in headers:
            if headers["X-Api-Key"] == self.api_key:
                return LET_IN
            return Verdict(403, None, "Bad X-Api-Key.")
        agent = headers.get("User-Agent", "")
        window = int(self.now() // self.life_s)
        given = _fields(headers.get("Authorization", ""))
        if not given:
            return self._refusal(agent, window, "")
        nonce = given.get("nonce", "")
        if nonce not in {self._token(agent, window), self._token(agent, window - 1)}:
            return self._refusal(agent, window, ",stale=true")
        secret = _md5(self.username, "Administrator", self.password)
        session = _md5(secret, nonce, given.get("cnonce", ""))
        proof = _md5(
            session,
            nonce,
            given.get("nc", ""),
            given.get("cnonce", ""),
            "auth",
            _md5(method, given.get("uri", "")),
        )
        right = (
            given.get("username") == self.username
            and given.get("qop") == "auth"
            and given.get("algorithm") == "MD5-sess"
            and given.get("opaque") == self._opaque
            and given.get("uri") == target
            and given.get("response") == proof
        )
        return LET_IN if right else self._refusal(agent, window, "")

    @property
    def _opaque(self) -> str:
        return hashlib.sha256(self._secret.encode()).hexdigest()

    def _refusal(self, agent: str, window: int, stale: str) -> Verdict:
        said = (
            f'Digest realm="Administrator",qop="auth",algorithm="MD5-sess",'
            f'nonce="{self._token(agent, window)}",opaque="{self._opaque}"{stale}'
        )
        return Verdict(401, said, "Unauthorized")

    def reboot(self) -> None:
        """Forget every nonce given out."""
        self._secret = secrets.token_hex(16)
