"""The event socket of one ComfyUI server. Its events say when a prompt moved, so that we need to poll only seldom.

Nobody relies on an event: whoever waits also asks the history again sooner or
later, so a lost socket costs seconds, but never a photo. Each connection uses a new client id, because a server that
sees one id twice stops sending to both sockets.
"""

import contextlib
import json
import logging
import threading
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from daemon.engines.comfyui.web_socket import LOST, NotText, Silence, Socket, TooLarge
from daemon.logs import log

NOTICE_SECONDS = 2.0  # from the death of a server to the end of its connection here, on a busy machine
RECONNECT_SECONDS = 1.0  # between two attempts to connect
DEAF_AFTER = 3  # prompts in a row that ended without any event: the socket is open, but dead


class Hint:
    """What the events say about one prompt.

    client_id: the connection under which the prompt was posted, "" if unknown.
    started_at: when the prompt started, by the clock. None while it waits for its turn, or if no event came.
    """

    def __init__(self, client_id: str) -> None:
        self.client_id = client_id
        self.started_at: float | None = None
        self._moved = threading.Event()

    def expect(self, client_id: str) -> None:
        """Start anew, for a prompt that is posted under this connection. "" = for one that was posted earlier."""
        self.client_id, self.started_at = client_id, None
        self._moved.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until the prompt may have moved, but at most so many seconds. Returns whether `wake` ended the wait."""
        moved = self._moved.wait(seconds)
        self._moved.clear()
        return moved

    def wake(self) -> None:
        """End the wait."""
        self._moved.set()


class EventSocket:
    """One server's event socket. One thread keeps it open."""

    def __init__(self, name: str, connect: Callable[[str], Socket], clock: Callable[[], float]) -> None:
        """connect: takes a client id and returns an open socket. Raises one of LOST."""
        self._name = name
        self._connect = connect
        self._clock = clock
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._hints: dict[str, Hint] = {}
        self.client_id = uuid.uuid4().hex
        """The id to post prompts with. Nobody listens to it before the first connection; still, post with it: the
        server sends the events of a prompt without an id to every client."""
        self._socket: Socket | None = None
        self._thread: threading.Thread | None = None
        self._connections = 0
        self._silent_prompts = 0
        self._logged: set[str] = set()  # the kinds of odd events that were logged

    @property
    def connected(self) -> bool:
        """Whether the socket is open, as far as we know."""
        return self._socket is not None

    @property
    def announces_ends(self) -> bool:
        """Whether to expect an event when a prompt ends: connected, and not silent about several prompts in a row."""
        return self.connected and self._silent_prompts < DEAF_AFTER

    @property
    def reconnects(self) -> int:
        """How often a lost socket was opened again."""
        return max(0, self._connections - 1)

    @property
    def connection(self) -> tuple[str, bool]:
        """The present connection, to be compared by `was_lost`."""
        return self.client_id, self.connected

    def was_lost(self, connection: tuple[str, bool]) -> bool:
        """Whether that connection has ended. Waits a moment, because its end may be noticed after what ended it."""
        deadline = self._clock() + NOTICE_SECONDS
        while self.connection == connection and self._clock() < deadline and not self._stop.wait(0.02):
            pass
        return self.connection != connection

    def start(self) -> None:
        """Open the socket in the background."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name=f"events-{self._name}", daemon=True)
            self._thread.start()

    @contextlib.contextmanager
    def watch(self, prompt_id: str) -> Iterator[Hint]:
        """Collect the events of one prompt during the block. Enter it before you post the prompt."""
        hint = Hint(self.client_id)
        with self._lock:
            self._hints[prompt_id] = hint
        try:
            yield hint
        finally:
            with self._lock:
                if self._hints.get(prompt_id) is hint:
                    del self._hints[prompt_id]

    def record_end(self, hint: Hint) -> None:
        """Note that a prompt ended. If it was posted under this connection, an event should have told of its start."""
        if hint.client_id == self.client_id:
            self._silent_prompts = 0 if hint.started_at is not None else self._silent_prompts + 1

    def _wake_all(self) -> None:
        """Make everybody who waits look again."""
        with self._lock:
            for hint in self._hints.values():
                hint.wake()

    def close(self) -> None:
        """Stop listening, and end every wait."""
        self._stop.set()
        socket = self._socket
        if socket is not None:
            with contextlib.suppress(*LOST):
                socket.abort()
        self._wake_all()

    def _listen(self) -> None:
        """Keep a socket open until the end. Whatever goes wrong with a connection, the next one is opened."""
        while not self._stop.is_set():
            before = self._connections
            try:
                self._listen_once()
            except LOST:  # the server is away, or ended the connection
                pass
            except Exception as error:  # noqa: BLE001 - a library that meets an odd answer must not end the thread
                self._log_odd(error)
            self._stop.wait(RECONNECT_SECONDS if self._connections == before else RECONNECT_SECONDS / 10)

    def _listen_once(self) -> None:
        """Open a socket and listen until it ends. Afterwards, even if this thread ends, it does not count as open."""
        client_id = uuid.uuid4().hex
        socket = self._connect(client_id)
        try:
            self.client_id, self._socket = client_id, socket
            self._connections += 1
            self._silent_prompts = 0
            self._wake_all()  # this socket gets no events of earlier prompts, so their waits must look now
            self._receive(socket)
        finally:
            self._socket = None
            self._wake_all()
            socket.shutdown()

    def _receive(self, socket: Socket) -> None:
        while not self._stop.is_set():
            try:
                message = socket.recv()
                if isinstance(message, str) and message:
                    self._handle(message)
            except Silence:
                socket.ping()  # on a dead connection this ping fails, or the next one does
            except LOST as error:
                if isinstance(error, (NotText, TooLarge)):
                    self._log_odd(error)
                if not isinstance(error, NotText):  # that is dropped, like an event of an odd shape
                    raise
            except Exception as error:  # noqa: BLE001 - an event is the JSON of a foreign program, of any shape or depth
                self._log_odd(error)

    def _handle(self, message: str) -> None:
        """Tell the prompt that an event is about. Raises anything if the event has an odd shape."""
        frame: Any = json.loads(message)  # Any: the JSON of a foreign program
        kind, data = frame["type"], frame["data"]
        if kind == "status":
            self._wake_earlier()
            return
        prompt_id, node = data.get("prompt_id"), data.get("node")
        with self._lock:
            hint = self._hints.get(prompt_id)
        if hint is None:  # somebody else's prompt, or a frame that names no prompt
            return
        if kind in ("execution_start", "executing") and hint.started_at is None:
            hint.started_at = self._clock()
        # The server writes the history entry after execution_success, but before this last frame.
        if kind == "executing" and node is None:
            hint.wake()

    def _log_odd(self, error: Exception) -> None:
        """Log that an event was dropped, once for each kind of error: a server may send the same one all day."""
        kind = type(error).__name__
        if kind not in self._logged:
            self._logged.add(kind)
            text = f"{self._name} sends odd events, which are ignored ({kind}: {str(error)[:200]})."
            log.log("odd_event", text, level=logging.WARNING, server=self._name, kind=kind)

    def _wake_earlier(self) -> None:
        """Wake the waits for prompts of an earlier connection. They get no events but changes of the queue's length."""
        with self._lock:
            for hint in self._hints.values():
                if hint.client_id != self.client_id:
                    hint.wake()
