"""A ComfyUI server for tests: real HTTP and WebSocket on loopback, behaving like the recorded ComfyUI 0.3.64.

With `Double(version="0.33.0")` it behaves like that newer version; see double_version.py.

In a test: `with Double() as double:`, then `double.url`, `double.faults`, `double.inferences`. In a process of its own:
`python -m tests.engines.comfyui_double --port 8188 --seconds 0.5 --fault load_seconds=3`. At run time,
`POST /_double/faults {"hold": true}` sets faults, and `GET /_double/state` says what happened.
"""

import argparse
import json
import signal
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path
from socket import SO_REUSEADDR, SOL_SOCKET, socket
from types import TracebackType
from typing import Any, Self

from tests.engines.double_connection import reset
from tests.engines.double_faults import Faults
from tests.engines.double_files import FileName
from tests.engines.double_node_runner import Inference
from tests.engines.double_routes import Routes
from tests.engines.double_version import BACKGROUND_NODES, PREVIEW_OUTPUT, parsed
from tests.engines.double_worker import Worker

RECORDINGS = Path(__file__).parent / "recordings"
WEIGHTS = {
    "RMBG-2.0": "RMBG-2.0/model.safetensors",
    "INSPYRENET": "INSPYRENET/inspyrenet.safetensors",
    "BEN": "BEN/BEN_Base.pth",
    "BEN2": "BEN2/BEN2_Base.pth",
    "BiRefNet-HR": "BiRefNet/BiRefNet-HR.safetensors",
}


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # this server is there for connections that end in the middle


class Request:
    """A request as it arrived, with header names in lower case."""

    def __init__(self, method: str, path: str, headers: dict[str, str]) -> None:
        self.method = method
        self.path = path
        self.headers = headers

    def __repr__(self) -> str:
        return f"{self.method} {self.path}"


class Double:
    """One server. Uploads and output files survive `restart`; queue, history, models and temp files do not."""

    def __init__(
        self,
        port: int = 0,
        token: str = "",
        prefix: str = "",
        certificate: Path | None = None,
        version: str = "0.3.64",
    ) -> None:
        """certificate: a PEM file with a key. If it is given, the server speaks TLS."""
        self.version_text = version
        self.version = parsed(version)
        self.flags = ["main.py", "--cpu"]
        self.background_models: list[str] = []
        """The files below models/background_removal."""
        self.certificate = certificate
        self.token = token
        self.prefix = prefix
        self.faults = Faults()
        self.object_info = self._declared_nodes()
        self.files: dict[FileName, bytes] = {}
        self.connections: set[socket] = set()
        self.requests: list[Request] = []
        self.down = True
        self.port = port
        self._kept_port: socket | None = None  # bound while we are down
        self._changed = threading.Condition()
        self._past: list[Inference] = []
        self._past_seconds = 0.0
        self.worker = self._new_worker()

    @property
    def url(self) -> str:
        return f"{'https' if self.certificate else 'http'}://127.0.0.1:{self.port}{self.prefix}"

    @property
    def inferences(self) -> list[Inference]:
        """Every run of a model node, also of those before a restart."""
        return [*self._past, *self.worker.inferences]

    @property
    def busy_seconds(self) -> float:
        return self._past_seconds + self.worker.busy_seconds

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.die()
        self._free_port()

    def start(self) -> None:
        routes = type("BoundRoutes", (Routes,), {"double": self})
        self._listener = _Listener(("127.0.0.1", self.port), routes)
        self.port = self._listener.server_address[1]
        self._free_port()
        if self.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.certificate)
            # The connection's own thread does the handshake, not the one that accepts connections.
            self._listener.socket = context.wrap_socket(
                self._listener.socket, server_side=True, do_handshake_on_connect=False
            )
        self.down = False
        threading.Thread(
            target=self._listener.serve_forever, kwargs={"poll_interval": 0.02}, name="double-http", daemon=True
        ).start()
        self.worker.start()

    def die(self) -> None:
        """Die as after kill -9: connections end without a word, and new ones are refused."""
        if self.down:
            return
        self.down = True
        self.worker.stop()
        self._listener.shutdown()
        self._listener.server_close()
        self._keep_port()
        for connection in list(self.connections):
            reset(connection)
        self.note_change()

    def _keep_port(self) -> None:
        """Refuse connections, but let no other program of this machine have the port until we are back."""
        kept = socket()
        kept.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        with suppress(OSError):  # somebody was faster
            kept.bind(("127.0.0.1", self.port))
        self._kept_port = kept

    def _free_port(self) -> None:
        if self._kept_port:
            self._kept_port.close()
            self._kept_port = None

    def revive(self) -> None:
        """Start again after `die`. Uploads and outputs are still there; everything else is forgotten."""
        self._replace_worker()
        self.start()

    def restart(self) -> None:
        self.die()
        self.revive()

    def forget_all(self) -> None:
        """Restart so quickly that nobody sees the port closed. Sockets drop, and everything is forgotten."""
        self.worker.stop()
        self._replace_worker()
        self.worker.start()
        for connection in list(self.connections):
            reset(connection)

    def drop_sockets(self) -> None:
        """End every event socket. The server goes on."""
        self.worker.sessions.drop_all()

    def set_faults(self, faults: dict[str, Any]) -> None:
        with self._changed:
            for name, value in faults.items():
                if not hasattr(self.faults, name):
                    raise ValueError(f"no such fault: {name}")
                setattr(self.faults, name, value)
            self.worker.sessions.deaf = self.faults.deaf
            self._changed.notify_all()

    def note_request(self, method: str, path: str, headers: dict[str, str]) -> None:
        with self._changed:
            self.requests.append(Request(method, path, headers))
            self._changed.notify_all()

    def note_change(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait_until(self, happened: Callable[[], bool], seconds: float = 60.0) -> bool:
        """Wait until `happened()` is true, at most so many seconds. Asks whenever something happens at this server."""
        with self._changed:
            return self._changed.wait_for(happened, seconds)

    def wait_for_socket(self) -> bool:
        """Wait until a client has an event socket."""
        return self.wait_until(lambda: self.worker.sessions.count() > 0)

    def asked(self, method: str, path: str) -> int:
        """How many requests there were for routes that begin with `path`."""
        return sum(1 for each in list(self.requests) if each.method == method and each.path.startswith(path))

    def weight_files(self) -> list[str]:
        return [file for model, file in WEIGHTS.items() if model not in self.faults.missing_weights]

    def _declared_nodes(self) -> dict[str, Any]:
        nodes: dict[str, Any] = json.loads((RECORDINGS / "object_info.json").read_text("utf-8"))
        if self.version >= BACKGROUND_NODES:
            nodes |= json.loads((RECORDINGS / "newer.json").read_text("utf-8"))["object_info"]
        if self.version >= PREVIEW_OUTPUT:
            nodes["PreviewImage"] |= {"output": ["IMAGE"], "output_is_list": [False], "output_name": ["IMAGE"]}
        return nodes

    def _replace_worker(self) -> None:
        self._past += self.worker.inferences
        self._past_seconds += self.worker.busy_seconds
        for name in [name for name in self.files if name[0] == "temp"]:
            del self.files[name]
        self.worker = self._new_worker()

    def _new_worker(self) -> Worker:
        worker = Worker(self.faults, self.files, self._changed, self.version)
        worker.die = self.die
        return worker


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="comfyui_double", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.0, help="service time of one prompt")
    parser.add_argument("--version", default="0.3.64", help="the version of ComfyUI to play")
    parser.add_argument("--token", default="")
    parser.add_argument("--prefix", default="")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME=JSON")
    given = parser.parse_args(arguments)
    double = Double(given.port, given.token, given.prefix, version=given.version)
    faults = dict(fault.split("=", 1) for fault in given.fault)
    double.set_faults({"seconds": given.seconds, **{name: json.loads(value) for name, value in faults.items()}})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with double:
        print(double.url, flush=True)  # noqa: T201 - the process that started us reads the port here
        while not stop.is_set() and not double.down:
            time.sleep(0.2)


if __name__ == "__main__":
    main()
