"""The driver for Bambu Lab printers on the local network."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from ...errors import Garbled
from ...printer import PrinterIdentity
from ..base import MAIN_CAMERA
from .camera import JpegCamera, StreamCamera
from .certificate import Pin
from .client import open_line
from .commander import Commander, PendingStart
from .hands import BambuObjects
from .messages import Messages
from .models import CameraKind
from .session import BambuSession
from .state import StateReader
from .storage import BambuStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...workshop.clock import Clock
    from ..base import Camera

MQTT_PORT: Final = 8883
FTPS_PORT: Final = 990
CAMERA_PORT: Final = 6000


class BambuDriver:
    """How to reach one printer: its address and its LAN access code.

    `serial` may be None: the certificate tells it. `fingerprint` is the SHA-256 of the
    certificate to insist on; None trusts the first one, and `identity.fingerprint` says which.
    """

    def __init__(
        self,
        host: str,
        serial: str | None = None,
        access_code: str = "",
        *,
        clock: Clock,
        fingerprint: str | None = None,
        mqtt_port: int = MQTT_PORT,
        ftps_port: int = FTPS_PORT,
        camera_port: int = CAMERA_PORT,
    ) -> None:
        self._host = host
        self._access_code = access_code
        self._clock = clock
        self._ports = (mqtt_port, ftps_port, camera_port)
        self._pin = Pin(fingerprint, serial)
        self._states = StateReader()
        self._pending = PendingStart()

    def __repr__(self) -> str:
        return f"BambuDriver({self._host!r})"

    def _serial(self) -> str:
        serial = self._pin.serial or self._pin.presented_serial
        if serial is None:
            raise Garbled("the certificate does not name the serial number")
        return serial

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[BambuSession]:
        """Open a line. Raises Unreachable, AccessDenied, WrongPrinter or Garbled."""
        self._states.forget()
        messages = Messages(self._states)
        commander = Commander(messages, self._clock, self._pending)
        async with open_line(
            self._host, self._ports[0], self._pin, self._access_code, serial_of=self._serial
        ) as line:
            session = BambuSession(line, messages, commander, self._clock)
            messages.on_reply = session.replied
            try:
                await session.open()
                session.equip(self._identity(session, messages))
                self._furnish(session, messages, commander)
                yield session
            finally:
                await session.close()
                for camera in session.cameras.values():
                    if isinstance(camera, JpegCamera):
                        await camera.close()

    def _furnish(self, session: BambuSession, messages: Messages, commander: Commander) -> None:
        """Add the parts that have lines of their own."""
        storage = BambuStorage(
            self._host,
            self._ports[1],
            self._pin,
            self._access_code,
            self._clock,
            status=lambda: messages.status,
        )
        session.storage = session.job_picture = storage
        session.objects = BambuObjects(commander, storage)
        if (camera := self._camera(session)) is not None:
            session.cameras = {MAIN_CAMERA: camera}

    def _camera(self, session: BambuSession) -> Camera | None:
        """RTSPS needs live view to be switched on at the printer; the report says whether."""
        kind = session.model.camera
        url = session.fact("ipcam", "rtsp_url")
        if isinstance(url, str) and url not in {"", "disable"}:
            return StreamCamera(self._host, self._access_code)
        if kind is CameraKind.JPEG and session.fact("ipcam", "ipcam_dev") != "0":
            return JpegCamera(self._host, self._ports[2], self._pin, self._access_code)
        return None

    def _identity(self, session: BambuSession, messages: Messages) -> PrinterIdentity:
        return PrinterIdentity(
            serial=self._serial(),
            maker="Bambu Lab",
            model=messages.builder.model.product,
            firmware=messages.builder.firmware,
            hardware=session.hardware,
            address=self._host,
            fingerprint=self._pin.fingerprint,
        )
