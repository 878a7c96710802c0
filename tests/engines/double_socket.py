"""The event sockets of the double: WebSocket framing (RFC 6455), and ComfyUI's sessions, one socket per client id."""

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from typing import Any

MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def accept_key(key: str) -> str:
    return base64.b64encode(hashlib.sha1(key.encode() + MAGIC).digest()).decode()


class ServerSocket:
    """The server's end of one websocket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Delay everything that is to be sent until the block ends."""
        with self._sending:
            yield

    def send(self, kind: str, data: dict[str, Any]) -> None:
        self.send_frame(TEXT, json.dumps({"type": kind, "data": data}).encode())

    def receive(self) -> bytes | None:
        """The next text. None if the socket is closed. Answers pings."""
        while True:
            head = self._read(2)
            if head is None:
                return None
            opcode, length = head[0] & 0x0F, head[1] & 0x7F
            if length >= 126:
                extended = self._read(2 if length == 126 else 8)
                if extended is None:
                    return None
                length = int.from_bytes(extended, "big")
            rest = self._read(4 + length)  # a client always masks
            if rest is None or opcode == CLOSE:
                return None
            mask, payload = rest[:4], rest[4:]
            clear = bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
            if opcode == PING:
                self.send_frame(PONG, clear)
            elif opcode == TEXT:
                return clear

    def reset(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def send_frame(self, opcode: int, payload: bytes, promised_bytes: int = 0) -> None:
        """Send any frame, also one that ComfyUI never sends. promised_bytes: a length that its head lies about."""
        length = promised_bytes or len(payload)
        head = bytes([0x80 | opcode]) + (
            bytes([length]) if length < 126 else struct.pack(">BH", 126, length) if length < 65536
            else struct.pack(">BQ", 127, length)
        )  # fmt: skip
        with self._sending:
            self._connection.sendall(head + payload)

    def send_raw(self, content: bytes) -> None:
        """Send bytes that need not be whole frames."""
        with self._sending:
            self._connection.sendall(content)

    def _read(self, count: int) -> bytes | None:
        """Exactly so many bytes. None at the end of the stream."""
        read = b""
        while len(read) < count:
            try:
                part = self._connection.recv(count - len(read))
            except OSError:
                return None
            if not part:
                return None
            read += part
        return read


class Sessions:
    """Client id -> socket. A second socket under one id takes over. When the first one ends, the second is removed."""

    def __init__(self) -> None:
        self._sockets: dict[str, ServerSocket] = {}
        self._lock = threading.Lock()
        self.deaf = False
        """If True, sockets stay open and nothing is sent."""

    def join(self, client_id: str, connection: ServerSocket) -> None:
        with self._lock:
            self._sockets[client_id] = connection

    def leave(self, client_id: str) -> None:
        with self._lock:
            self._sockets.pop(client_id, None)

    def count(self) -> int:
        with self._lock:
            return len(self._sockets)

    def client_ids(self) -> list[str]:
        with self._lock:
            return list(self._sockets)

    def drop_all(self) -> None:
        """End every socket without a close frame."""
        with self._lock:
            sockets = list(self._sockets.values())
        for connection in sockets:
            connection.reset()

    def tell_frame(self, opcode: int, payload: bytes, promised_bytes: int = 0) -> None:
        """Send a frame to every client."""
        with self._lock:
            sockets = list(self._sockets.values())
        for connection in sockets:
            connection.send_frame(opcode, payload, promised_bytes)

    def flood(self, head: bytes, more: bytes, seconds: float, pause: float) -> bool:
        """Send every client `head`, then `more` again and again. Returns whether all end their connections in time."""
        with self._lock:
            sockets = list(self._sockets.values())
        until = time.monotonic() + seconds
        for connection in sockets:
            try:
                connection.send_raw(head)
                while time.monotonic() < until:
                    connection.send_raw(more)
                    time.sleep(pause)
            except OSError:
                continue
            return False
        return bool(sockets)

    def tell(self, kind: str, data: dict[str, Any], client_id: str | None) -> None:
        """Send to that client, or to all clients if it is None. A client that is not connected misses the event."""
        with self._lock:
            everybody = dict(self._sockets)
        for name, connection in everybody.items():
            if client_id in (None, name) and not self.deaf:
                try:
                    connection.send(kind, data)
                except OSError:
                    self.leave(name)
