"""MQTT to one printer: moves bytes, matches replies to commands, and nothing else.

aiomqtt works on the loop; only its connecting runs in a thread, and ends before `connect`
does. Every message goes out with QoS 1: printers neglect others when busy.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

import aiomqtt
from paho.mqtt.reasoncodes import ReasonCode

from ...errors import AccessDenied, Unreachable
from .certificate import PinnedSocket

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .certificate import Pin
    from .commands import Command
    from .messages import Reply

USER: Final = "bblp"
KEEP_ALIVE_S: Final = 30
LOGIN_S: Final = 10.0
ECHO_S: Final = 10.0
"""How long the printer may take to answer a command."""
ACK_S: Final = 10.0
_BAD_LOGIN: Final = frozenset({4, 5, 134, 135})
"""Wrong name or password, not authorised: of MQTT 3.1.1 and as paho translates them."""
_QUEUE: Final = 256
_IN_FLIGHT: Final = 1000
"""Acknowledgements come late or never; a full window must not stop the next command."""


class Line:
    """A live MQTT connection."""

    def __init__(self, client: aiomqtt.Client, serial: str, socket: PinnedSocket | None) -> None:
        self._client = client
        self._request = f"device/{serial}/request"
        self._socket = socket
        self._sequence = secrets.randbelow(1 << 20) + 1
        self._waiting: dict[str, asyncio.Future[Reply]] = {}
        self._dropped = asyncio.Event()

    async def payloads(self) -> AsyncIterator[bytes]:
        """Yield every report. Raises Unreachable when the connection drops."""
        try:
            async for message in self._client.messages:
                if self._socket is not None:
                    self._socket.unread = 0
                payload = message.payload
                if isinstance(payload, bytes):
                    yield payload
        except aiomqtt.MqttError as err:
            raise Unreachable("the printer closed the line") from err
        finally:
            self._dropped.set()

    async def send(self, command: Command) -> str:
        """Send without waiting for an answer; returns its sequence number."""
        self._sequence += 1
        sequence = str(self._sequence)
        await self._publish(command, sequence)
        return sequence

    async def ask(self, command: Command) -> Reply | None:
        """Send and wait for the printer's echo; None when none came in time."""
        self._sequence += 1
        sequence = str(self._sequence)
        answer: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[sequence] = answer
        try:
            async with asyncio.timeout(ECHO_S):
                await self._publish(command, sequence)
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._waiting[sequence]

    async def _publish(self, command: Command, sequence: str) -> None:
        numbered = {name: {"sequence_id": sequence, **body} for name, body in command.items()}
        publishing = asyncio.ensure_future(
            self._client.publish(self._request, json.dumps(numbered), qos=1, timeout=ACK_S)
        )
        dropped = asyncio.ensure_future(self._dropped.wait())
        try:
            await asyncio.wait({publishing, dropped}, return_when=asyncio.FIRST_COMPLETED)
            if not publishing.done():
                raise Unreachable("the line is down")
            publishing.result()
        except aiomqtt.MqttCodeError as err:
            raise Unreachable("the line is down") from err
        except aiomqtt.MqttError:
            # No acknowledgement: they get lost on a busy printer. The echo decides.
            return
        finally:
            for wait in (publishing, dropped):
                wait.cancel()
            await asyncio.gather(publishing, dropped, return_exceptions=True)

    def answered(self, reply: Reply) -> None:
        """Hand a reply to whoever waits for it; others' commands are not ours to judge."""
        waiting = self._waiting.get(reply.sequence)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)


@asynccontextmanager
async def open_line(
    host: str,
    port: int,
    pin: Pin,
    access_code: str,
    *,
    serial_of: Callable[[], str],
) -> AsyncIterator[Line]:
    """Log in and subscribe to the reports.

    `serial_of` is asked once the certificate is known. Raises Unreachable, AccessDenied,
    WrongPrinter or CertificateChanged.
    """
    await pin.prepare()
    client = _Client(
        host,
        port,
        username=USER,
        password=access_code,
        identifier=f"printernizer-{secrets.token_hex(6)}",
        tls_context=pin.context,
        tls_insecure=True,
        keepalive=KEEP_ALIVE_S,
        timeout=LOGIN_S,
        max_queued_incoming_messages=_QUEUE,
        max_inflight_messages=_IN_FLIGHT,
    )
    client.pending_calls_threshold = _IN_FLIGHT
    await _log_in(client, pin)
    try:
        pin.trust()
        serial = serial_of()
        try:
            await client.subscribe(f"device/{serial}/report", qos=0)
        except aiomqtt.MqttError as err:
            raise Unreachable("the printer takes no subscription", key="too_many_clients") from err
        yield Line(client, serial, client.socket)
    finally:
        await _close(client)


class _Client(aiomqtt.Client):
    """aiomqtt that notices a broker that hangs up instead of answering the login."""

    def _on_disconnect(
        self,
        client: Any,
        userdata: Any,
        flags: Any,
        reason_code: ReasonCode,
        properties: Any = None,
    ) -> None:
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("hung up"))
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    @property
    def socket(self) -> PinnedSocket | None:
        """The TLS socket in use."""
        socket = self._client.socket()
        return socket if isinstance(socket, PinnedSocket) else None

    def hang_up(self) -> None:
        """Drop the connection at once, whatever state it is in."""
        self._client.disconnect()
        socket = self.socket
        if socket is not None:
            self._client.loop_write()
        if self._misc_task is not None:
            self._misc_task.cancel()


async def _log_in(client: _Client, pin: Pin) -> None:
    entering = asyncio.ensure_future(client.__aenter__())
    try:
        # Not `shield`: it tells the log of what fails behind somebody who left.
        await asyncio.wait([entering])
        entering.result()
    except asyncio.CancelledError:
        # Connecting runs in a thread that cannot be stopped; what it opens must be closed.
        await asyncio.wait([entering])
        if entering.exception() is None:
            await _close(client)
        else:
            client.hang_up()
        raise
    except aiomqtt.MqttCodeError as err:
        client.hang_up()
        raise _rejected(err) from err
    except aiomqtt.MqttError as err:
        client.hang_up()
        if pin.error is not None:
            error, pin.error = pin.error, None
            raise error from err
        if str(err) == "hung up":
            raise Unreachable("the printer hangs up at the login", key="too_many_clients") from err
        raise Unreachable("no MQTT connection") from err


def _rejected(err: aiomqtt.MqttCodeError) -> AccessDenied | Unreachable:
    code = err.rc.value if isinstance(err.rc, ReasonCode) else err.rc
    if code in _BAD_LOGIN:
        return AccessDenied("the printer does not accept the access code")
    return Unreachable("the printer refuses the login")


async def _close(client: _Client) -> None:
    try:
        await client.__aexit__(None, None, None)
    except aiomqtt.MqttError:
        client.hang_up()
