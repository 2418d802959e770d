"""A small MQTT 3.1.1 broker over TLS, with the habits of a printer's.

It takes any subscription without complaint, speaks only on its own topic, has few places, and
hangs up on the one too many.
"""

import asyncio
import contextlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14
ACCEPTED, NOT_AUTHORISED = 0, 5


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    size, head = len(body), bytearray([kind << 4 | flags])
    while True:
        size, digit = divmod(size, 128)
        head.append(digit | (0x80 if size else 0))
        if not size:
            return bytes(head) + body


def _text(data: bytes, at: int) -> tuple[bytes, int]:
    end = at + 2 + int.from_bytes(data[at : at + 2])
    return data[at + 2 : end], end


@dataclass(eq=False)
class Client:
    """One connected client."""

    writer: asyncio.StreamWriter
    name: str = ""
    topics: set[str] = field(default_factory=set)
    next_id: int = 1

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message with QoS 0."""
        head = len(topic).to_bytes(2) + topic.encode()
        if not self.writer.is_closing():
            self.writer.write(_packet(PUBLISH, head + payload))


class Broker:
    """Listens on 127.0.0.1. `on_request` is called with what arrives for the printer."""

    def __init__(
        self,
        context: ssl.SSLContext,
        serial: str,
        access_code: str,
        on_request: Callable[[Client, bytes, int], None],
    ) -> None:
        self._context = context
        self.serial = serial
        self.access_code = access_code
        self._on_request = on_request
        self._server: asyncio.Server | None = None
        self.port = 0
        self.clients: list[Client] = []
        self.names: list[str] = []
        """Client ids of every login, in order."""
        self.places = 4
        self.open = True
        """False hangs up on whoever comes: the machine is off."""
        self.answer = ACCEPTED
        """What a good login is answered with."""
        self.drop_on_request_topic = False
        self.ack_delay_s = 0.0
        self.lose_acks = False

    @property
    def report_topic(self) -> str:
        return f"device/{self.serial}/report"

    @property
    def request_topic(self) -> str:
        return f"device/{self.serial}/request"

    async def start(self) -> None:
        """Listen; the second time on the same port."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every line."""
        if self._server is not None:
            self._server.close()
            self.cut()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 2)
            self._server = None

    def cut(self) -> None:
        """Drop every client without a word."""
        for client in list(self.clients):
            client.writer.transport.abort()

    def publish(self, payload: bytes) -> None:
        """Send a report to everyone who listens to this printer."""
        for client in self.clients:
            if self.report_topic in client.topics or "#" in client.topics:
                client.publish(self.report_topic, payload)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = Client(writer)
        try:
            if self.open and await self._welcome(reader, client):
                self.clients.append(client)
                while True:
                    kind, flags, body = await self._read(reader)
                    if kind == DISCONNECT or not await self._answer(client, kind, flags, body):
                        break
        except asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, IndexError:
            pass
        finally:
            if client in self.clients:
                self.clients.remove(client)
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
        first = (await reader.readexactly(1))[0]
        size = shift = 0
        while True:
            digit = (await reader.readexactly(1))[0]
            size |= (digit & 0x7F) << shift
            shift += 7
            if not digit & 0x80:
                break
        return first >> 4, first & 0xF, await reader.readexactly(size)

    async def _welcome(self, reader: asyncio.StreamReader, client: Client) -> bool:
        kind, _, body = await self._read(reader)
        if kind != CONNECT:
            return False
        _, at = _text(body, 0)
        flags = body[at + 1]
        name, at = _text(body, at + 4)
        user, at = _text(body, at) if flags & 0x80 else (b"", at)
        password, at = _text(body, at) if flags & 0x40 else (b"", at)
        if len(self.clients) >= self.places:
            return False
        good = user == b"bblp" and hmac.compare_digest(password, self.access_code.encode())
        code = self.answer if good else NOT_AUTHORISED
        client.writer.write(_packet(CONNACK, bytes([0, code])))
        await client.writer.drain()
        client.name = name.decode()
        if good:
            self.names.append(client.name)
        return good

    async def _answer(self, client: Client, kind: int, flags: int, body: bytes) -> bool:
        write = client.writer.write
        if kind == SUBSCRIBE:
            topic, _ = _text(body, 2)
            if topic.decode() == self.request_topic and self.drop_on_request_topic:
                return False
            client.topics.add(topic.decode())
            write(_packet(SUBACK, body[:2] + b"\0"))
        elif kind == UNSUBSCRIBE:
            topic, _ = _text(body, 2)
            client.topics.discard(topic.decode())
            write(_packet(UNSUBACK, body[:2]))
        elif kind == PINGREQ:
            write(_packet(PINGRESP, b""))
        elif kind == PUBLISH:
            topic, at = _text(body, 0)
            qos = flags >> 1 & 3
            if qos:
                if self.ack_delay_s:
                    await asyncio.sleep(self.ack_delay_s)
                if not self.lose_acks:
                    write(_packet(PUBACK, body[at : at + 2]))
                at += 2
            if topic.decode() == self.request_topic:
                self._on_request(client, body[at:], qos)
        return True
