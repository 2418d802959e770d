"""TLS to a printer: no authority vouches for it, so its certificate is compared, not verified.

Its common name is the serial number; there is no host name in it. What is pinned is the SHA-256
of the certificate, learnt at first use. Every check is made on the very socket that will carry
the access code, between the handshake and the first byte: a code never goes to a stranger.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from typing import TYPE_CHECKING, Any, Final, override

from ...errors import CertificateChanged, Garbled, Unreachable, WrongPrinter

if TYPE_CHECKING:
    from collections.abc import Iterator

_COMMON_NAME: Final = bytes.fromhex("0603550403")
_SEQUENCE: Final = 0x30
_EXPLICIT_VERSION: Final = 0xA0
_STRINGS: Final = frozenset({0x0C, 0x13, 0x14, 0x16})
_LIMIT: Final = 16384
HANDSHAKE_S: Final = 15.0
"""A small controller takes a second or two; more is a line that is broken."""
_FLOOD: Final = 4 << 20
"""Bytes without one whole message in them, after which a printer is no longer listened to."""


class NotTrusted(ssl.SSLError):
    """The certificate is not the one expected. An OSError, so that libraries let it through."""


class Pin:
    """The certificate a printer is known by: given, or learnt from the first connection."""

    def __init__(self, fingerprint: str | None, serial: str | None) -> None:
        self.fingerprint = fingerprint.replace(":", "").lower() if fingerprint else None
        self.serial = serial
        self.presented: str | None = None
        """Fingerprint of the certificate seen last."""
        self.presented_serial: str | None = None
        self.error: WrongPrinter | Garbled | None = None
        """Why the last certificate was not accepted."""
        self.context: ssl.SSLContext | None = None
        self.legacy_context: ssl.SSLContext | None = None

    def check(self, certificate: bytes | None) -> None:
        """Accept a certificate (DER) or raise CertificateChanged, WrongPrinter or Garbled."""
        if not certificate:
            raise Garbled("the printer presents no certificate")
        self.presented = hashlib.sha256(certificate).hexdigest()
        self.presented_serial = common_name(certificate)
        if self.serial is not None and self.presented_serial not in {None, self.serial}:
            raise WrongPrinter(
                "another printer answers at this address",
                key="wrong_serial",
                expected=self.serial,
                found=self.presented_serial or "",
            )
        if self.fingerprint is not None and self.fingerprint != self.presented:
            raise CertificateChanged(
                "the certificate is not the one known", fingerprint=self.presented
            )

    def trust(self) -> None:
        """Keep to the certificate seen last: a login on it has succeeded."""
        if self.fingerprint is None:
            self.fingerprint = self.presented

    async def prepare(self) -> None:
        """Build the TLS contexts. Off the loop: OpenSSL reads its configuration from disk."""
        if self.context is None:
            self.context = await asyncio.to_thread(_context, self)
            self.legacy_context = await asyncio.to_thread(_context, self, newest=False)


class PinnedSocket(ssl.SSLSocket):
    """A TLS socket that checks the certificate as part of its handshake."""

    unread = 0

    @override
    def do_handshake(self, block: bool = False) -> None:
        timeout = self.gettimeout()
        if timeout != 0:
            self.settimeout(HANDSHAKE_S)
        super().do_handshake(block)
        self.settimeout(timeout)
        pin = _pin_of(self.context)
        pin.error = None
        try:
            pin.check(self.getpeercert(binary_form=True))
        except (WrongPrinter, Garbled) as err:
            pin.error = err
            self.close()
            raise NotTrusted(str(err)) from err

    @override
    def recv(self, buflen: int = 1024, flags: int = 0) -> bytes:
        received = super().recv(buflen, flags)
        self.unread += len(received)
        if self.unread > _FLOOD:
            raise ConnectionAbortedError("the printer sends without end")
        return received


class _PinnedContext(ssl.SSLContext):
    """A context that carries the pin its sockets are checked against."""

    sslsocket_class = PinnedSocket
    pin: Pin


def _pin_of(context: ssl.SSLContext) -> Pin:
    assert isinstance(context, _PinnedContext)
    return context.pin


def _context(pin: Pin, *, newest: bool = True) -> ssl.SSLContext:
    context = _PinnedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not newest:
        # The tickets of TLS 1.3 break session reuse on several models' FTPS.
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.pin = pin
    return context


async def open_pinned(
    host: str, port: int, pin: Pin, timeout_s: float
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a TLS stream whose certificate was checked. Raises Unreachable or WrongPrinter."""
    await pin.prepare()
    plain = ssl_context_for_streams(pin)
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(
                host, port, ssl=plain, server_hostname=""
            )
    except OSError as err:
        raise Unreachable("no TLS connection") from err
    try:
        pin.check(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    except BaseException:
        writer.transport.abort()
        raise
    return reader, writer


def ssl_context_for_streams(pin: Pin) -> ssl.SSLContext:
    """Return the prepared context; streams wrap it themselves, and `open_pinned` checks."""
    assert pin.context is not None
    return pin.context


def common_name(certificate: bytes) -> str | None:
    """Return the common name of a certificate's subject (DER), or None.

    A walk over the outer structure only: version, serial, algorithm, issuer, validity, subject.
    """
    try:
        body = _content(_content(certificate[:_LIMIT])[0])[0]
        fields = [field for field in _fields(body) if field[0] != _EXPLICIT_VERSION]
        subject = fields[4][1]
    except IndexError, ValueError:
        return None
    start = subject.rfind(_COMMON_NAME)
    if start < 0:
        return None
    try:
        tag, value = next(_fields(subject[start + len(_COMMON_NAME) :]))
        name = value.decode("utf-8")
    except IndexError, ValueError, StopIteration:
        return None
    return name if tag in _STRINGS and 0 < len(name) <= 64 and name.isprintable() else None


def _content(data: bytes) -> tuple[bytes, Any]:
    tag, value = next(_fields(data), (0, b""))
    if tag != _SEQUENCE:
        raise ValueError("not a sequence")
    return value, None


def _fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (tag, content) of each element. Raises IndexError or ValueError on nonsense."""
    at = 0
    while at < len(data):
        tag, size = data[at], data[at + 1]
        at += 2
        if size & 0x80:
            count = size & 0x7F
            if not 1 <= count <= 3:
                raise ValueError("a length beyond any certificate")
            size = int.from_bytes(data[at : at + count])
            at += count
        if at + size > len(data):
            raise ValueError("cut short")
        yield tag, data[at : at + size]
        at += size
