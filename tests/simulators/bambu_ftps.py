"""FTPS as the printers do it: implicit TLS, one session, data lines that must resume it.

Blocking sockets on threads: OpenSSL tells only a blocking server whether a session was reused.
"""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile
from custom_components.printernizer.engine.errors import Refused

_BLOCK = 32 * 1024
_WAIT_S = 10.0


class FtpsServer:
    """Listens on 127.0.0.1 and serves the machine's files."""

    def __init__(self, simulator: Any) -> None:
        self._simulator = simulator
        self._context = simulator.certificate.context()
        self._socket: socket.socket | None = None
        self.port = 0
        self.require_reuse = True
        self.pasv_address = (10, 99, 99, 99)
        """An address nobody can route to: the client must take the control line's host."""
        self.final_delay_s = 0.0
        self.final_code = "226 Transfer complete"
        self.cut_after: int | None = None
        """Bytes of a download or upload after which the data line breaks, once."""
        self.full_after: int | None = None
        """Bytes of an upload after which the card is full: it hangs up first, then says why."""
        self.full_word = "552 Insufficient storage space."
        self.size_error = 0
        """What SIZE is wrong by."""
        self.pause_s = 0.0
        """Wait between blocks: a slow printer."""
        self.ranges = True
        self.renames = "over"
        """What RNTO does where a file is: "over" it, "beside" only, or "never" known at all."""
        self.refuses: dict[str, str] = {}
        """What it answers to these verbs, instead of doing them."""
        self.die_after: int | None = None
        """Bytes of an upload after which the whole server is gone."""
        self.reached = threading.Event()
        """Set when an upload has brought `tell_after` bytes."""
        self.tell_after = 1
        self.greeting = "220 (vsFTPd 3.0.3)"
        self.folders = {"/", "/cache", "/timelapse", "/model", "/image", "/ipcam", "/logger"}
        self.log: list[str] = []
        self.sent = 0
        self.offsets: list[int] = []
        """Where each download was asked to begin."""
        self._inside: set[_Conversation] = set()
        self.most_sessions = 0
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []

    def start(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", self.port))
        self.port = self._socket.getsockname()[1]
        self._spawn(self._accept)

    def stop(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

        for thread in self._threads:
            thread.join(3)

    def _spawn(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True, name="ftps")
        self._threads = [one for one in self._threads if one.is_alive()]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        assert self._socket is not None
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            self._spawn(self._serve, plain)

    def _serve(self, plain: socket.socket) -> None:
        self._open.add(plain)
        plain.settimeout(_WAIT_S)
        # Two answers in a row would wait for the acknowledgement of the first: 40 ms.
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            line = self._context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        finally:
            self._open.discard(plain)
        self._open.add(line)
        conversation = _Conversation(self, self._simulator, line)
        self._inside.add(conversation)
        self.most_sessions = max(self.most_sessions, self.sessions)
        try:
            conversation.run()
        except OSError, ValueError:
            pass
        finally:
            self.leave(conversation)
            self._open.discard(line)
            line.close()

    @property
    def sessions(self) -> int:
        """How many are logged in, or about to be."""
        return len(self._inside)

    def leave(self, conversation: _Conversation) -> None:
        """Count one that is over no more."""
        self._inside.discard(conversation)

    def die(self) -> None:
        """Be gone in the middle of everything."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        for line in list(self._open):
            with contextlib.suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)

    def hold(self, line: socket.socket) -> None:
        """Remember a line, to be cut with all others."""
        self._open = {line for line in self._open if line.fileno() >= 0} | {line}

    def wrap_data(self, plain: socket.socket) -> ssl.SSLSocket:
        """Secure a data line."""
        secured: ssl.SSLSocket = self._context.wrap_socket(plain, server_side=True)
        return secured


class _Conversation:
    def __init__(self, server: FtpsServer, simulator: Any, line: ssl.SSLSocket) -> None:
        self._server = server
        self._simulator = simulator
        self._machine = simulator.machine
        self._line = line
        self._name = ""
        self._in = False
        self._offset = 0
        self._passive: socket.socket | None = None
        self._from: str | None = None

    def run(self) -> None:
        self._say(self._server.greeting)
        reader = self._line.makefile("rb")
        while row := reader.readline(4096):
            verb, _, argument = row.decode("utf-8", "replace").rstrip("\r\n").partition(" ")
            verb = verb.upper()
            self._server.log.append(f"{verb} {argument}" if verb != "PASS" else "PASS")
            if verb == "QUIT":
                # Before it is said: whoever hears it may come again at once.
                self._server.leave(self)
                self._say("221 Goodbye.")
                return
            if (answer := self._server.refuses.get(verb)) is not None:
                self._say(answer)
                continue
            if not self._in and verb not in {"USER", "PASS"}:
                self._say("530 Please login with USER and PASS.")
                continue
            method = getattr(self, f"_{verb.lower()}", None)
            if method is None:
                self._say("500 Unknown command.")
            else:
                method(argument)

    def _say(self, text: str) -> None:
        self._line.sendall(text.encode() + b"\r\n")

    def _user(self, name: str) -> None:
        self._name = name
        self._say("331 Please specify the password.")

    def _pass(self, password: str) -> None:
        self._in = self._name == "bblp" and password == self._simulator.access_code
        self._say("230 Login successful." if self._in else "530 Login incorrect.")

    def _type(self, _: str) -> None:
        self._say("200 Switching to Binary mode.")

    def _pbsz(self, _: str) -> None:
        self._say("200 PBSZ set to 0.")

    def _prot(self, _: str) -> None:
        self._say("200 PROT now Private.")

    def _opts(self, _: str) -> None:
        self._say("200 Always in UTF8 mode.")

    def _rest(self, offset: str) -> None:
        if not self._server.ranges:
            self._say("502 REST not supported.")
            return
        self._offset = int(offset)
        self._say(f"350 Restart position accepted ({offset}).")

    def _size(self, path: str) -> None:
        file = self._file(path)
        self._say(
            f"213 {len(file.content) + self._server.size_error}"
            if file
            else "550 Could not get file size."
        )

    def _dele(self, path: str) -> None:
        try:
            self._machine.remove(_absolute(path))
        except Refused:
            self._say("550 Delete operation failed.")
        else:
            self._say("250 Delete operation successful.")

    def _cwd(self, path: str) -> None:
        known = _absolute(path) in self._server.folders
        self._say("250 Directory changed." if known else "550 Failed to change directory.")

    def _rnfr(self, path: str) -> None:
        if self._server.renames == "never":
            self._say("500 Unknown command.")
            return
        self._from = _absolute(path) if self._file(path) else None
        self._say("350 Ready for RNTO." if self._from else "550 RNFR command failed.")

    def _rnto(self, path: str) -> None:
        old, new = self._from, _absolute(path)
        self._from = None
        if old is None:
            self._say("503 RNFR required first.")
            return
        if self._server.renames == "beside" and new in self._machine.files:
            self._say("553 File exists.")
            return
        file = self._machine.files[old]
        self._machine.remove(old)
        self._machine.store(replace(file, path=new))
        self._say("250 Rename successful.")

    def _pasv(self, _: str) -> None:
        if self._passive is not None:
            self._passive.close()
        self._passive = socket.create_server(("127.0.0.1", 0))
        self._passive.settimeout(_WAIT_S)
        port = self._passive.getsockname()[1]
        numbers = ",".join(map(str, (*self._server.pasv_address, port >> 8, port & 255)))
        self._say(f"227 Entering Passive Mode ({numbers}).")

    def _data(self) -> ssl.SSLSocket | None:
        if self._passive is None:
            self._say("425 Use PORT or PASV first.")
            return None
        plain, _ = self._passive.accept()
        self._passive.close()
        self._passive = None
        plain.settimeout(_WAIT_S)
        # As small as a printer's: what was sent then tells what was asked for.
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BLOCK)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            data = self._server.wrap_data(plain)
        except OSError:
            self._say("426 Failure reading network stream.")
            return None
        if self._server.require_reuse and not data.session_reused:
            data.close()
            self._say("522 SSL connection failed: session reuse required")
            return None
        return data

    def _list(self, path: str) -> None:
        folder = _absolute(path or "/")
        if folder not in self._server.folders:
            self._say("550 Failed to change directory.")
            return
        self._say("150 Here comes the directory listing.")
        data = self._data()
        if data is None:
            return
        rows = [_row(name, 4096, 0.0, folder=True) for name in self._subfolders(folder)]
        rows += [
            _row(file.name, len(file.content), file.modified, folder=False)
            for file in self._machine.files.values()
            if file.path.rsplit("/", 1)[0] == folder.rstrip("/")
        ]
        data.sendall("".join(rows).encode())
        self._end(data)

    def _subfolders(self, folder: str) -> list[str]:
        base = folder.rstrip("/") + "/"
        return sorted(
            item.removeprefix(base)
            for item in self._server.folders
            if item != folder and item.startswith(base) and "/" not in item.removeprefix(base)
        )

    def _retr(self, path: str) -> None:
        file = self._file(path)
        if file is None:
            self._say("550 Failed to open file.")
            return
        self._say("150 Opening BINARY mode data connection.")
        data = self._data()
        if data is None:
            return
        self._server.offsets.append(self._offset)
        content, self._offset = file.content[self._offset :], 0
        for start in range(0, len(content), _BLOCK):
            block = content[start : start + _BLOCK]
            if (cut := self._server.cut_after) is not None and start + len(block) >= cut:
                self._server.cut_after = None
                data.sendall(block[: max(0, cut - start)])
                data.close()
                self._say("426 Failure writing network stream.")
                return
            try:
                data.sendall(block)
            except OSError:
                data.close()
                _forget_tls_error()
                self._say("426 Failure writing network stream.")
                return
            self._server.sent += len(block)
            time.sleep(self._server.pause_s)
        self._end(data)

    def _stor(self, path: str) -> None:
        target = _absolute(path)
        if not self._simulator.wire.storage:
            self._say("553 Could not create file.")
            return
        self._say("150 Ok to send data.")
        data = self._data()
        if data is None:
            return
        self._server.hold(data)
        content = bytearray()
        complaint = None
        try:
            while complaint is None and (block := _receive(data)):
                content += block
                complaint = self._fault(len(content))
                time.sleep(self._server.pause_s)
        except OSError:
            complaint = "426 Failure reading network stream."
        if complaint is not None:
            data.close()
            _forget_tls_error()
        # It is written in place: what came before a fault lies there.
        try:
            self._machine.store(
                VirtualFile(path=target, content=bytes(content), modified=time.time())
            )
        except Refused:
            self._machine.files.pop(target, None)
            data.close()
            complaint = "552 Disk full."
        if complaint is None:
            self._end(data)
        else:
            self._say(complaint)

    def _fault(self, moved: int) -> str | None:
        """Return what to break an upload off with after so many bytes."""
        server = self._server
        if moved >= server.tell_after:
            server.reached.set()
        if server.die_after is not None and moved >= server.die_after:
            server.die()
        if server.cut_after is not None and moved >= server.cut_after:
            server.cut_after = None
            return "426 Failure reading network stream."
        if server.full_after is not None and moved >= server.full_after:
            return server.full_word
        return None

    def _end(self, data: ssl.SSLSocket) -> None:
        with contextlib.suppress(OSError):
            data.settimeout(1.0)
            data.unwrap()
        data.close()
        _forget_tls_error()
        time.sleep(self._server.final_delay_s)
        self._say(self._server.final_code)

    def _file(self, path: str) -> VirtualFile | None:
        found: VirtualFile | None = self._machine.files.get(_absolute(path))
        return found


def _forget_tls_error() -> None:
    """Empty OpenSSL's list of errors, which the next line of this thread would trip over."""
    line = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="x"
    )
    with contextlib.suppress(ssl.SSLWantReadError):
        line.do_handshake()


def _receive(data: ssl.SSLSocket) -> bytes:
    try:
        return data.recv(_BLOCK)
    except ssl.SSLEOFError:
        return b""


def _absolute(path: str) -> str:
    return "/" + path.strip("/")


def _row(name: str, size: int, modified: float, *, folder: bool) -> str:
    when = datetime.fromtimestamp(modified or 315532800, UTC)
    recent = (datetime.now(UTC) - when).days < 180
    stamp = when.strftime("%b %d %H:%M" if recent else "%b %d  %Y")
    rights = "drwxr-xr-x" if folder else "-rw-r--r--"
    return f"{rights}    1 1000     1000     {size:10d} {stamp} {name}\r\n"
