"""Opens the web socket of a ComfyUI server, and bounds what comes over it. Only this module imports websocket."""

from collections.abc import Callable
from typing import Any, Protocol

import websocket

from daemon.engines.comfyui.http_client import HttpClient

SILENT_SECONDS = 30.0  # silence after which we send a ping; the server sends none by itself
MOST_BYTES = 32 << 20
"""Of one message. Events have a few kilobytes. A server may also send us pictures that nobody asked for: 2048 x 2048
pixels of noise with alpha have 16 MB."""
_FRAGMENT_BYTES = 64 << 10  # that each fragment counts for at least: to join very many small ones takes very long
_PARTS_OF_A_MESSAGE = (websocket.ABNF.OPCODE_CONT, websocket.ABNF.OPCODE_TEXT, websocket.ABNF.OPCODE_BINARY)

LOST = (OSError, websocket.WebSocketException)
"""Errors of a server that is away, or of a connection that ended."""
Silence = websocket.WebSocketTimeoutException
NotText = websocket.WebSocketPayloadException


class TooLarge(websocket.WebSocketProtocolException):
    """A message is larger than any event. Answer: drop the connection, and open another one."""


class Socket(Protocol):
    """The part of a websocket that we use."""

    def recv(self) -> str | bytes:
        """The next message. Raises if the time limit passes or the connection is lost."""

    def ping(self) -> None:
        """Ask for a sign of life. Raises if the connection is lost."""

    def abort(self) -> None:
        """End the connection now, and also a `recv` in another thread. A hung server would never close it."""

    def shutdown(self) -> None:
        """Release the socket."""


def opener(http: HttpClient, limit_seconds: float) -> Callable[[str], Socket]:
    """A function that opens the event socket of `http`'s server, with the same address, secrets and authority."""
    address = "ws" + http.base.removeprefix("http") + "/ws"

    def connect(client_id: str) -> Socket:
        socket = websocket.create_connection(
            f"{address}?clientId={client_id}",
            class_=_BoundedSocket,
            timeout=limit_seconds,
            header=[f"{name}: {value}" for name, value in http.credentials().items()],
            sslopt={"ca_certs": http.ca_file} if http.ca_file else {},
            suppress_origin=True,
            # Without a named proxy the library takes one from the environment and does not read http_no_proxy.
            http_proxy_host="unused",
            http_no_proxy=["*"],
            redirect_limit=0,
            skip_utf8_validation=True,  # the library looks at each byte in Python; `recv` decodes them all at once
        )
        socket.settimeout(SILENT_SECONDS)
        opened: Socket = socket
        return opened

    return connect


class _BoundedFrames(websocket.frame_buffer):
    """Refuses a frame when its header tells a length that is too large, before its content is read."""

    def recv_length(self) -> None:
        super().recv_length()
        if self.length is not None and self.length > MOST_BYTES:
            raise TooLarge(f"a frame of {self.length} bytes")


class _BoundedSocket(websocket.WebSocket):
    """Refuses a message whose fragments are too many, or too large together."""

    def __init__(self, *arguments: Any, **more: Any) -> None:  # Any: passed on as they are
        super().__init__(*arguments, **more)
        self.frame_buffer = _BoundedFrames(self._recv, skip_utf8_validation=True)
        self._message_bytes = 0

    def recv(self) -> str | bytes:
        try:
            message: str | bytes = super().recv()
        except UnicodeDecodeError as error:
            raise NotText(f"it is no UTF-8: {error}") from error
        return message

    def recv_frame(self) -> Any:  # Any: as in the library
        frame = super().recv_frame()  # type: ignore[no-untyped-call]
        if frame.opcode in _PARTS_OF_A_MESSAGE:
            self._message_bytes += max(len(frame.data), _FRAGMENT_BYTES)
            if self._message_bytes > MOST_BYTES:
                raise TooLarge(f"a message of more than {MOST_BYTES} bytes, or of very many fragments")
            if frame.fin:
                self._message_bytes = 0
        return frame
