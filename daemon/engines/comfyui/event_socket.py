"""The event socket of one ComfyUI server: hints that a prompt moved, so that polling may be slow.

The only importer of websocket. Nothing here is trusted: whoever waits asks the history again sooner or later, so a lost
socket costs seconds, never a photo. Each connection has a client id of its own: a server that sees one id twice
stops talking to both sockets.
"""

import contextlib
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import websocket

from daemon.engines.comfyui.http_client import Http

SILENT_SECONDS = 30.0  # between two signs of life that we ask for; a server by itself sends none
CALM_SECONDS = 1.0  # between two tries to connect
DEAF_AFTER = 3  # prompts in a row that ended without a word: a socket that is open, and dead


class Socket(Protocol):
    """What is used of a websocket."""

    def recv(self) -> str | bytes:
        """The next message. Raises on time-out and loss."""

    def ping(self) -> None:
        """Ask for a sign of life. Raises on loss."""

    def abort(self) -> None:
        """End the connection now, and a `recv` in another thread with it; a hung server would never say goodbye."""

    def shutdown(self) -> None:
        """Let go of it."""


class Hint:
    """What is heard of one prompt. started_at: by the clock; None while it waits its turn, or nothing is heard.

    client_id: the connection that it was posted under; "" where that is not known.
    """

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.started_at: float | None = None
        self._moved = threading.Event()

    def expect(self, client_id: str) -> None:
        """From now on it is of a prompt that is posted under this connection; "" = of one that was posted before."""
        self.client_id, self.started_at = client_id, None
        self._moved.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until something may have happened, at most so long. Returns whether there was a hint."""
        moved = self._moved.wait(seconds)
        self._moved.clear()
        return moved

    def wake(self) -> None:
        """End the wait."""
        self._moved.set()


class Events:
    """One server's event socket, kept open by one thread."""

    def __init__(self, name: str, connect: Callable[[str], Socket], clock: Callable[[], float]) -> None:
        """connect: client id -> an open socket; raises OSError or WebSocketException."""
        self._name = name
        self._connect = connect
        self._clock = clock
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._hints: dict[str, Hint] = {}
        self._client_id = uuid.uuid4().hex
        self._socket: Socket | None = None
        self._thread: threading.Thread | None = None
        self._connections = 0
        self._unheard = 0

    @property
    def client_id(self) -> str:
        """The id to post prompts with: this connection's, or one that nobody listens to (never none at all, for a
        prompt without one is told to every client of the server)."""
        return self._client_id

    @property
    def connected(self) -> bool:
        """Whether the socket is open, as far as anybody knows."""
        return self._socket is not None

    @property
    def heard(self) -> bool:
        """Whether the end of a prompt will be told: connected, and not silent about one prompt after another."""
        return self.connected and self._unheard < DEAF_AFTER

    @property
    def reconnects(self) -> int:
        """How often a lost socket was opened again."""
        return max(0, self._connections - 1)

    def start(self) -> None:
        """Open the socket in the background."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name=f"events-{self._name}", daemon=True)
            self._thread.start()

    @contextlib.contextmanager
    def watch(self, prompt_id: str) -> Iterator[Hint]:
        """Hear of one prompt while inside; enter before posting it."""
        hint = Hint(self._client_id)
        with self._lock:
            self._hints[prompt_id] = hint
        try:
            yield hint
        finally:
            with self._lock:
                if self._hints.get(prompt_id) is hint:
                    del self._hints[prompt_id]

    def note_end(self, hint: Hint) -> None:
        """A prompt is over; had it been posted under this connection, its start should have been told."""
        if hint.client_id == self._client_id:
            self._unheard = 0 if hint.started_at is not None else self._unheard + 1

    def wake_all(self) -> None:
        """Make everybody look again."""
        with self._lock:
            for hint in self._hints.values():
                hint.wake()

    def close(self) -> None:
        """Stop listening, and end every wait."""
        self._stop.set()
        socket = self._socket
        if socket is not None:
            with contextlib.suppress(OSError, websocket.WebSocketException):
                socket.abort()
        self.wake_all()

    def _listen(self) -> None:
        while not self._stop.is_set():
            client_id = uuid.uuid4().hex
            try:
                socket = self._connect(client_id)
            except (OSError, websocket.WebSocketException):
                self._stop.wait(CALM_SECONDS)
                continue
            self._client_id, self._socket = client_id, socket
            self._connections += 1
            self._unheard = 0
            self.wake_all()  # what was posted before will not be told to this socket: look now
            with contextlib.suppress(OSError, websocket.WebSocketException):
                self._hear(socket)
            self._socket = None
            socket.shutdown()
            self.wake_all()
            self._stop.wait(CALM_SECONDS / 10)

    def _hear(self, socket: Socket) -> None:
        while not self._stop.is_set():
            try:
                message = socket.recv()
            except websocket.WebSocketTimeoutException:
                socket.ping()  # on a dead connection this fails, or the next one does
                continue
            if isinstance(message, str):
                self._take(message)

    def _take(self, message: str) -> None:
        try:
            frame: Any = json.loads(message)  # Any: parsed JSON of somebody else's program
            kind, told = frame["type"], frame["data"]
            if kind == "status":
                self._wake_orphans()
                return
            prompt_id, node = told.get("prompt_id"), told.get("node")
        except (ValueError, TypeError, KeyError, AttributeError):
            return
        with self._lock:
            hint = self._hints.get(prompt_id)
        if hint is None:  # somebody else's prompt, or a frame that names none
            return
        if kind in ("execution_start", "executing") and hint.started_at is None:
            hint.started_at = self._clock()
        # The history entry is written before this last frame, but after execution_success.
        if kind == "executing" and node is None:
            hint.wake()

    def _wake_orphans(self) -> None:
        """Prompts that were posted under an earlier connection hear of nothing but the queue's length."""
        with self._lock:
            for hint in self._hints.values():
                if hint.client_id != self._client_id:
                    hint.wake()


def socket_to(http: Http, limit_seconds: float) -> Callable[[str], Socket]:
    """How to open the event socket of the server behind `http`: same address, prefix, secrets and authority."""
    address = "ws" + http.base.removeprefix("http") + "/ws"

    def connect(client_id: str) -> Socket:
        socket = websocket.create_connection(
            f"{address}?clientId={client_id}",
            timeout=limit_seconds,
            header=[f"{name}: {value}" for name, value in http.credentials().items()],
            sslopt={"ca_certs": http.ca_file} if http.ca_file else {},
            suppress_origin=True,
            # The library would take a proxy from the environment; it looks at "none for any host" only if one is named.
            http_proxy_host="unused",
            http_no_proxy=["*"],
            redirect_limit=0,
        )
        socket.settimeout(SILENT_SECONDS)
        opened: Socket = socket
        return opened

    return connect
