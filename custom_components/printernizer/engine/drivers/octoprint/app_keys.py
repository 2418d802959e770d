"""Asks OctoPrint for a key of our own: its user confirms it there with one click.

    if await offered(url, session):
        handshake = await ask(url, session, "Home Assistant")
        while (key := await poll(handshake, session)) is None: ...   # once a second

A request is dropped after five seconds without a poll. The key may be revoked there by itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...errors import AccessDenied, Garbled
from .address import Address, target_of
from .client import DEFAULT_PACE, Client, error_of, parse_object
from .reading import text
from .session import own_session

if TYPE_CHECKING:
    from aiohttp import ClientSession

    from .client import Pace

_PROBE: Final = "/plugin/appkeys/probe"
_REQUEST: Final = "/plugin/appkeys/request"
_TOKEN: Final = re.compile(r"[0-9A-Za-z_-]{4,128}")
_KEY: Final = re.compile(r"[!-~]{8,256}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Handshake:
    """A request that waits for its answer. Its URLs hold a token: they are shown to nobody else."""

    poll_url: str = field(repr=False)
    dialogue_url: str | None = field(repr=False)
    """Where the user says yes in the browser; servers before 1.8 ask by themselves."""
    base: str
    fingerprint: str | None = None


async def offered(
    url: str,
    session: ClientSession,
    *,
    fingerprint: str | None = None,
    pace: Pace = DEFAULT_PACE,
) -> bool:
    """Whether this server gives out keys. Raises Unreachable, CertificateChanged, Garbled."""
    address = Address.parse(url)
    async with own_session(session) as http:
        client = Client(http, address, api_key="", pace=pace, fingerprint=fingerprint)
        answer = await client.request("GET", _PROBE)
        if answer.status in {502, 503, 504}:
            raise error_of(answer)
        return answer.status == 204


async def ask(
    url: str,
    session: ClientSession,
    app: str,
    *,
    fingerprint: str | None = None,
    pace: Pace = DEFAULT_PACE,
) -> Handshake:
    """Ask for a key under the name of an application. Raises what `offered` does, and Refused."""
    address = Address.parse(url)
    async with own_session(session) as http:
        client = Client(http, address, api_key="", pace=pace, fingerprint=fingerprint)
        answer = await client.request("POST", _REQUEST, body={"app": app})
        if answer.status != 201:
            raise error_of(answer, {404: "not_supported"})
        said = parse_object(answer)
    token = text(said, "app_token", 200)
    if token is None or not _TOKEN.fullmatch(token):
        raise Garbled("a request for a key without its token")
    # Never the addresses it names: they are those of its own house.
    dialogue = target_of("plugin", "appkeys", "auth", token)
    return Handshake(
        poll_url=address.base + target_of("plugin", "appkeys", "request", token),
        dialogue_url=address.base + dialogue if text(said, "auth_dialog", 2048) else None,
        base=address.base,
        fingerprint=fingerprint,
    )


async def poll(
    handshake: Handshake, session: ClientSession, *, pace: Pace = DEFAULT_PACE
) -> str | None:
    """Return the key, or None while nobody has answered. Raises AccessDenied when refused."""
    async with own_session(session) as http:
        client = Client(
            http,
            Address.parse(handshake.base),
            api_key="",
            pace=pace,
            fingerprint=handshake.fingerprint,
        )
        answer = await client.request("GET", handshake.poll_url.removeprefix(handshake.base))
    if answer.status == 202:
        return None
    if answer.status == 404:
        raise AccessDenied("the request for a key was refused, or nobody answered it in time")
    if answer.status != 200:
        raise error_of(answer)
    key = text(parse_object(answer), "api_key", 512)
    if key is None or not _KEY.fullmatch(key):
        raise Garbled("an answer without a key")
    return key
