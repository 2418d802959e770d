"""Who may speak to a simulated Moonraker: keys, users with tokens that age, one-shot tokens."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOKEN_LIFE_S: Final = 3600.0
ONESHOT_LIFE_S: Final = 5.0


class Logins:
    """The authorization component. Time is the machine's."""

    def __init__(
        self,
        now: Callable[[], float],
        *,
        api_key: str | None,
        users: Mapping[str, str],
        trusted: bool,
        force_logins: bool,
    ) -> None:
        self._now = now
        self.api_key = api_key
        self.users = dict(users)
        self.trusted = trusted
        self.force_logins = force_logins
        self._tokens: dict[str, float] = {}
        self._refresh: set[str] = set()
        self._oneshots: dict[str, float] = {}
        self.logins = 0

    @property
    def lets_anybody_in(self) -> bool:
        """Whether a request from here needs nothing."""
        return self.trusted and not (self.force_logins and self.users)

    def info(self) -> dict[str, object]:
        """Answer `access.info`."""
        return {
            "default_source": "moonraker",
            "available_sources": ["moonraker"],
            "login_required": self.force_logins and bool(self.users),
            "trusted": self.lets_anybody_in,
        }

    def log_in(self, body: Mapping[str, object]) -> dict[str, object] | None:
        """Answer `access.login`; None for a wrong password."""
        name = str(body.get("username"))
        if name not in self.users or self.users[name] != body.get("password"):
            return None
        self.logins += 1
        refresh = secrets.token_hex(24)
        self._refresh.add(refresh)
        return {
            "username": name,
            "token": self._new_token(),
            "refresh_token": refresh,
            "source": "moonraker",
            "action": "user_logged_in",
        }

    def renew(self, body: Mapping[str, object]) -> dict[str, object] | None:
        """Answer `access.refresh_jwt`."""
        if body.get("refresh_token") not in self._refresh:
            return None
        return {"username": "", "token": self._new_token(), "action": "user_jwt_refresh"}

    def _new_token(self) -> str:
        token = secrets.token_hex(24)
        self._tokens[token] = self._now() + TOKEN_LIFE_S
        return token

    def expire(self, *, refresh: bool = False) -> None:
        """Let all tokens run out."""
        self._tokens.clear()
        if refresh:
            self._refresh.clear()

    def oneshot(self) -> str:
        """Return a token for one request within five seconds."""
        token = secrets.token_hex(16)
        self._oneshots[token] = self._now() + ONESHOT_LIFE_S
        return token

    def refusal(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
        """Return why a request is not let in, None for one that is."""
        if (token := query.get("token")) is not None:
            return None if self._oneshots.pop(token, 0.0) > self._now() else "Unauthorized"
        if (bearer := headers.get("Authorization", "")).startswith("Bearer "):
            return self.token_refusal(bearer.removeprefix("Bearer "))
        if (key := headers.get("X-Api-Key")) is not None:
            return self.key_refusal(key)
        return None if self.lets_anybody_in else "Unauthorized"

    def key_refusal(self, key: object) -> str | None:
        """Check an API key."""
        if self.api_key is not None and key == self.api_key:
            return None
        return "Invalid API Key"

    def token_refusal(self, token: object) -> str | None:
        """Check an access token."""
        return None if self._tokens.get(str(token), 0.0) > self._now() else "JWT Decode Error"
