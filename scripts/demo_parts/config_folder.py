"""A Home Assistant configuration folder, ready to use: owner, language, printers, no questions.

Home Assistant would ask for all of this on its first start. The files under `.storage` are
written as it writes them itself; formats read from Home Assistant 2026.10.4.
"""

from __future__ import annotations

import base64
import importlib.util
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import bcrypt
import jwt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DOMAIN: Final = "printernizer"
STAND_INS: Final = "stand_ins"
"""Folder for `PYTHONPATH`, see `_write_stand_ins`."""
_TOKEN_DAYS: Final = 3650

# Nothing that asks the internet, announces itself or listens on the network of the machine.
_QUIET: Final = """\
homeassistant:
  media_dirs:
    local: {media}
logger:
  default: warning
  logs:
    custom_components.printernizer: info
"""
_FULL: Final = """\
frontend:
history:
logbook:
recorder:
  commit_interval: 5
  exclude:
    entities: {unrecorded}
automation: {automations}
script:
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """Who lives there."""

    name: str = "Demo"
    username: str = "demo"
    password: str = "demo"  # noqa: S105 - printed for everybody to use, on 127.0.0.1 only


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """A printer as Home Assistant keeps it: what its config flow would have written."""

    title: str
    unique_id: str
    data: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class House:
    """A folder and what goes into it."""

    folder: Path
    integration: Path
    """The integration in the working tree; it is linked, not copied."""
    port: int
    entries: Sequence[Entry] = ()
    owner: Owner = field(default_factory=Owner)
    language: str = "en"
    full: bool = True
    """With frontend, history and automations; without, it starts in half the time."""
    automations: Sequence[Mapping[str, Any]] = ()
    unrecorded: Sequence[str] = ()
    """Entities whose attributes are too long for the recorder."""
    extra_yaml: str = ""

    def build(self) -> str:
        """Write the folder; returns a token for its API that does not expire."""
        components = self.folder / "custom_components"
        components.mkdir(parents=True)
        (components / DOMAIN).symlink_to(self.integration)
        self.folder.joinpath("automations.yaml").write_text(json.dumps(list(self.automations)))
        media = self.folder / "media"
        media.mkdir()
        text = _QUIET.format(media=json.dumps(str(media))) + self.extra_yaml
        if self.full:
            unrecorded = json.dumps(list(self.unrecorded))
            text += _FULL.format(automations="!include automations.yaml", unrecorded=unrecorded)
        self.folder.joinpath("configuration.yaml").write_text(text)
        _write_stand_ins(self.folder / STAND_INS)
        storage = self.folder / ".storage"
        storage.mkdir(mode=0o700)
        token = _write_owner(storage, self.owner)
        _write(storage, "onboarding", _ONBOARDED, version=4)
        _write(storage, "http", _address(self.port), version=2, minor=2)
        _write(storage, "core.config", _where(self.language, self.port), minor=4)
        _write(storage, "core.config_entries", _entries(self.entries), minor=5)
        return token


_VOICE: Final = {"pymicro_vad": "MicroVad", "pyspeex_noise": "AudioProcessor"}


def _write_stand_ins(folder: Path) -> None:
    """Let Home Assistant import its voice pipeline where that has no wheels.

    Nothing here uses it, but listing the actions for the frontend imports every platform, that
    one too, and fails as a whole. A microphone would find that there is nobody at home.
    """
    folder.mkdir()
    for module, name in _VOICE.items():
        if importlib.util.find_spec(module) is None:
            folder.joinpath(f"{module}.py").write_text(f"class {name}:\n    pass\n")


_ONBOARDED: Final = {"done": ["user", "core_config", "analytics", "integration"]}


def _write(storage: Path, key: str, data: object, *, version: int = 1, minor: int = 1) -> None:
    text = json.dumps({"version": version, "minor_version": minor, "key": key, "data": data})
    storage.joinpath(key).write_text(text)


def _address(port: int) -> dict[str, Any]:
    """Where Home Assistant listens, as confirmed.

    In YAML it would be taken for a trial: Home Assistant goes back to port 8123 by itself when
    nobody confirms it in its settings within five minutes.
    """
    stable = {
        "server_host": ["127.0.0.1"],
        "server_port": port,
        "cors_allowed_origins": [],
        "login_attempts_threshold": -1,
        "ip_ban_enabled": False,
        "ssl_profile": "modern",
        "use_x_frame_options": True,
        "created_at": datetime.now(UTC).isoformat(),
        "error": None,
        "error_message": None,
    }
    return {"stable": stable, "pending": None, "yaml_migration_done": True}


def _where(language: str, port: int) -> dict[str, Any]:
    return {
        "latitude": 52.52,
        "longitude": 13.405,
        "elevation": 34,
        "unit_system_v2": "metric",
        "location_name": "Werkstatt" if language == "de" else "Workshop",
        "time_zone": "Europe/Berlin",
        "external_url": None,
        "internal_url": f"http://127.0.0.1:{port}",
        "currency": "EUR",
        "country": "DE",
        "language": language,
        "radius": 100,
    }


def _entries(entries: Sequence[Entry]) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "entries": [
            {
                "created_at": now,
                "data": dict(entry.data),
                "discovery_keys": {},
                "disabled_by": None,
                "domain": DOMAIN,
                "entry_id": secrets.token_hex(16),
                "minor_version": 1,
                "modified_at": now,
                "options": dict(entry.options),
                "pref_disable_new_entities": False,
                "pref_disable_polling": False,
                "source": "user",
                "subentries": [],
                "title": entry.title,
                "unique_id": entry.unique_id,
                "version": 1,
            }
            for entry in entries
        ]
    }


def _write_owner(storage: Path, owner: Owner) -> str:
    user, credential = secrets.token_hex(16), secrets.token_hex(16)
    token, key = secrets.token_hex(16), secrets.token_hex(64)
    hashed = bcrypt.hashpw(owner.password.encode(), bcrypt.gensalt(rounds=10))
    kept = {"username": owner.username, "password": base64.b64encode(hashed).decode()}
    _write(storage, "auth_provider.homeassistant", {"users": [kept]})
    person = {"id": user, "group_ids": ["system-admin"], "is_owner": True, "is_active": True}
    now = datetime.now(UTC).isoformat()
    _write(
        storage,
        "auth",
        {
            "users": [
                person | {"name": owner.name, "system_generated": False, "local_only": False}
            ],
            "groups": [
                {"id": "system-admin", "name": "Administrators"},
                {"id": "system-users", "name": "Users"},
                {"id": "system-read-only", "name": "Read Only"},
            ],
            "credentials": [
                {
                    "id": credential,
                    "user_id": user,
                    "auth_provider_type": "homeassistant",
                    "auth_provider_id": None,
                    "data": {"username": owner.username},
                }
            ],
            "refresh_tokens": [
                {
                    "id": token,
                    "user_id": user,
                    "client_id": None,
                    "client_name": "Printernizer demo",
                    "client_icon": None,
                    "token_type": "long_lived_access_token",
                    "created_at": now,
                    "access_token_expiration": _TOKEN_DAYS * 86400.0,
                    "token": secrets.token_hex(64),
                    "jwt_key": key,
                    "last_used_at": None,
                    "last_used_ip": None,
                    "expire_at": None,
                    "credential_id": None,
                    "version": None,
                }
            ],
        },
    )
    moment = int(time.time())
    claims = {"iss": token, "iat": moment, "exp": moment + _TOKEN_DAYS * 86400}
    return jwt.encode(claims, key, algorithm="HS256")
