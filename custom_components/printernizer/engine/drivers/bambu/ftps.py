"""FTPS to a printer: implicit TLS, data lines that resume the control line's session.

Blocking, for a thread. Built on ftplib with what printers need and it does not do: TLS before
the greeting, session reuse on the data line, no waiting for a farewell that never comes.
"""

from __future__ import annotations

import ftplib
import socket
import ssl
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, override

from ...errors import AccessDenied, DriverError, Garbled, Refused, Unreachable
from .certificate import NotTrusted, Pin

if TYPE_CHECKING:
    from collections.abc import Buffer, Iterator

CONNECT_S: Final = 10.0
STALL_S: Final = 30.0
"""How long a transfer may stand still."""
FINAL_S: Final = 75.0
"""How long the last word may take: H2D machines were seen to need over half a minute."""
BLOCK: Final = 128 * 1024
"""Bytes per step. TLS hands out 16 KB at a time: they are gathered, so that the disk and whoever
waits for progress are troubled less often."""
_LIST_LIMIT: Final = 2 << 20
_ROWS: Final = 10_000
_REPLY_LINES: Final = 200
TIDY_S: Final = 5.0
"""How long the printer may take to hear that a transfer was called off."""
_NO_RANGES: Final = frozenset({"500", "501", "502", "504", "550", "554"})
_UNKNOWN: Final = frozenset({"500", "501", "502", "504"})
_STORAGE: Final = {"552": "storage_full", "553": "storage_missing"}
_FULL: Final = frozenset({"451", "452", "552"})
"""No room, and (451) a write on the printer that failed: vsftpd says no more of a full card."""
_FULL_WORDS: Final = ("space", "full", "quota")


class Stopped(Exception):
    """A transfer that nobody wants any more."""


class Ftps(ftplib.FTP):
    """One session. Use as `with ftps.session(host, port, code):`."""

    def __init__(self, pin: Pin) -> None:
        super().__init__(timeout=CONNECT_S)
        self.encoding = "utf-8"
        self._pin = pin
        self._lines = 0
        self._data: socket.socket | None = None
        self.began = False
        """Whether the printer has taken up the last transfer: from then on a file is changed."""
        self.stopped = False
        self.broken_off = False
        self.leftover: str | None = None
        """A piece of a file that could not be removed, because the line broke."""

    @property
    def _context(self) -> ssl.SSLContext:
        assert self._pin.legacy_context is not None
        return self._pin.legacy_context

    @contextmanager
    def session(self, host: str, port: int, user: str, code: str) -> Iterator[Ftps]:
        """Log in, and out at the end. Errors of the library leave as ours."""
        try:
            with self.translated():
                self._enter(host, port)
                self.login(user, code)
                for command in ("PBSZ 0", "PROT P", "TYPE I"):
                    self.voidcmd(command)
                assert self.sock is not None
                self.sock.settimeout(STALL_S)
                yield self
            with suppress(*_BROKEN):
                self.sock.settimeout(2.0)
                self.quit()
        finally:
            # Also after a login that failed: printers have few places, and free them late.
            self.close()

    def _enter(self, host: str, port: int) -> None:
        self.host = host
        with socket.create_connection((host, port), CONNECT_S) as plain:
            self.af = plain.family
            self.sock = self._context.wrap_socket(plain, server_hostname=host)
        self.file = self.sock.makefile("r", encoding="utf-8", errors="replace")
        self.welcome = self.getresp()

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Turn what ftplib, sockets and TLS raise into our errors."""
        try:
            yield
        except DriverError:
            raise
        except NotTrusted as err:
            raise self._pin.error or Garbled("an unusable certificate") from err
        except ftplib.error_perm as err:
            raise _refusal(str(err)) from err
        except ftplib.error_temp as err:
            if str(err)[:3] == "452":
                raise Refused(str(err)[4:84], key="storage_full") from err
            crowded = str(err)[:3] in {"421", "425"}
            key = "too_many_clients" if crowded else None
            raise Unreachable(f"the printer breaks off: {str(err)[:80]}", key=key) from err
        except ftplib.Error as err:
            raise Garbled("an answer that is not FTP", payload=str(err).encode()[:200]) from err
        except (OSError, EOFError) as err:
            raise Unreachable("the file line broke") from err

    def stop(self) -> None:
        """Call a transfer off from another thread; what it wrote is still tidied up."""
        self.stopped = True
        self._hang_up(self._data)

    def break_off(self) -> None:
        """End it from another thread: whatever waits, fails at once."""
        self.stopped = self.broken_off = True
        self._hang_up(self._data, self.sock)

    @staticmethod
    def _hang_up(*lines: socket.socket | None) -> None:
        for line in lines:
            if line is not None:
                with suppress(OSError):
                    socket.socket.shutdown(line, socket.SHUT_RDWR)

    # -- what ftplib lacks ---------------------------------------------------------------------

    @override
    def putcmd(self, line: str) -> None:
        self._lines = 0
        super().putcmd(line)

    @override
    def getline(self) -> str:
        self._lines += 1
        if self._lines > _REPLY_LINES:
            raise ftplib.error_proto("an answer without end")  # noqa: S321 - inside TLS
        return super().getline()

    @override
    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        self.began = False
        plain, size = super().ntransfercmd(cmd, rest)
        self.began = True
        assert isinstance(self.sock, ssl.SSLSocket)
        self._data = plain
        try:
            secured = self._context.wrap_socket(
                plain, server_hostname=self.host, session=self.sock.session
            )
        except BaseException:
            plain.close()
            raise
        self._data = secured
        secured.settimeout(STALL_S)
        return secured, size

    # -- what is done with it ------------------------------------------------------------------

    def size_of(self, path: str) -> int | None:
        """Return the size of a file, or None when there is none."""
        try:
            return self.size(path)
        except ftplib.error_perm as err:
            if str(err).startswith("550"):
                return None
            raise

    def listing(self, path: str) -> list[str]:
        """Return the lines of a folder."""
        data = self.transfercmd(f"LIST {path}")
        content = bytearray()
        with data:
            room = memoryview(bytearray(BLOCK))
            while count := _received(data, room):
                content += room[:count]
                if len(content) > _LIST_LIMIT:
                    break
        self.finish()
        return content.decode("utf-8", "replace").splitlines()[:_ROWS]

    @contextmanager
    def reading(self, path: str, offset: int) -> Iterator[ssl.SSLSocket]:
        """Open a file for reading from an offset. Raises Refused where ranges are not known."""
        try:
            data = self.transfercmd(f"RETR {path}", rest=offset or None)
        except ftplib.error_perm as err:
            if offset and str(err)[:3] in _NO_RANGES and self.size_of(path) is not None:
                raise Refused("no ranged reads", key="not_supported") from err
            raise
        with data:
            assert isinstance(data, ssl.SSLSocket)
            yield data

    def read_range(self, path: str, offset: int, count: int) -> bytes:
        """Return a piece of a file, at most `count` bytes."""
        content = bytearray()
        room = memoryview(bytearray(min(BLOCK, count)))
        with self.reading(path, offset) as data:
            while len(content) < count:
                got = _received(data, room[: count - len(content)])
                if not got:
                    break
                content += room[:got]
        # We hung up in the middle, and the printer complains of it: that is its right.
        with suppress(ftplib.error_temp, ftplib.error_perm):
            self.finish()
        return bytes(content)

    def blocks(self, path: str, offset: int) -> Iterator[memoryview]:
        """Yield a file from an offset to its end; a block is good until the next one."""
        room = memoryview(bytearray(BLOCK))
        with self.reading(path, offset) as data:
            while count := _received(data, room):
                yield room[:count]
        self.finish()

    def renames(self, path: str) -> bool:
        """Whether it knows how to rename: asked about any path, which stays as it is."""
        try:
            self.sendcmd(f"RNFR {path}")
        except ftplib.error_perm as err:
            if str(err)[:3] in _UNKNOWN:
                return False
            if str(err)[:3] != "550":
                raise
        return True

    def has_folder(self, path: str) -> bool:
        """Whether there is such a folder."""
        try:
            self.cwd(path)
        except ftplib.error_perm:
            return False
        return True

    def store(self, path: str, blocks: Iterator[Buffer]) -> str | None:
        """Write a file; returns the printer's complaint, if it has one after the last byte.

        The final word may come late or wrong: the size decides, not it. Raises what `blocks`
        raises, and Stopped.
        """
        data = self.transfercmd(f"STOR {path}")
        failed: Exception | None = None
        with data:
            assert isinstance(data, ssl.SSLSocket)
            try:
                self._send(data, blocks)
            except Exception as err:  # noqa: BLE001 - raised below, once the line is in order
                failed = err
        if self.stopped:
            failed = Stopped()
        if failed is not None:
            self._forget_tls_error()
            if isinstance(failed, OSError):
                # Why, stands on the control line: a full card hangs up first and explains after.
                self._last_word()
            else:
                with suppress(*_BROKEN):
                    self.finish(TIDY_S)
            raise failed
        try:
            self._last_word()
        except TimeoutError:
            return "no last word"
        except ftplib.error_temp as err:
            return str(err)
        return None

    def _last_word(self) -> None:
        """Wait for the word after an upload. Raises Refused(key="storage_full")."""
        try:
            self.finish()
        except ftplib.error_temp as err:
            if str(err)[:3] in _FULL:
                raise Refused(str(err)[4:84], key="storage_full") from err
            raise

    def _send(self, data: ssl.SSLSocket, blocks: Iterator[Buffer]) -> None:
        for block in blocks:
            if self.stopped:
                raise Stopped
            data.sendall(block)
        _say_farewell(data)
        self._forget_tls_error()

    def _forget_tls_error(self) -> None:
        """Empty OpenSSL's list of errors for this thread.

        What a broken data line left there would otherwise be reported by the next read of the
        control line, which is well (seen with Python 3.14.8 and OpenSSL 3).
        """
        line = self._context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO())
        with suppress(ssl.SSLWantReadError):
            line.do_handshake()

    def finish(self, timeout_s: float = FINAL_S) -> None:
        """Wait for the word after a transfer."""
        assert self.sock is not None
        self._lines = 0
        self._data = None
        self.sock.settimeout(timeout_s)
        try:
            self.voidresp()
        finally:
            self.sock.settimeout(STALL_S)


_BROKEN: Final = (OSError, EOFError, ftplib.Error)


def _received(data: socket.socket, room: memoryview) -> int:
    """Fill `room` as far as bytes come; returns how many, 0 at the end.

    A data line that ends without TLS's farewell has ended all the same. What breaks after some
    bytes is told at the next reading: those bytes are good.
    """
    got = 0
    try:
        while got < len(room):
            count = data.recv_into(room[got:])
            if not count:
                break
            got += count
    except ssl.SSLEOFError:
        pass
    except OSError:
        if not got:
            raise
    return got


def _say_farewell(data: ssl.SSLSocket) -> None:
    """Send TLS's close without waiting for the printer's, which often never comes."""
    data.settimeout(0)
    with suppress(OSError, ValueError):
        data.unwrap()


def _refusal(answer: str) -> DriverError:
    code, reason = answer[:3], answer[4:84]
    if code == "530":
        return AccessDenied("the printer does not accept the access code")
    if code == "522":
        return Unreachable("the printer did not recognise the resumed TLS session")
    if code in {"550", "553"} and any(word in reason.casefold() for word in _FULL_WORDS):
        return Refused(reason, key="storage_full")
    if code in _STORAGE:
        return Refused(reason or "the storage takes nothing", key=_STORAGE[code])
    if code == "550":
        return Refused(reason or "no such file", key="file_missing")
    return Refused(reason or answer[:80])
