"""The double's HTTP routes and its upgrade to a websocket, statuses and bodies as recorded."""

import contextlib
import hashlib
import json
import re
import socket
import time
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.engines.double_socket import EventSocket, accept_key
from tests.engines.double_validation import Validator, without
from tests.engines.double_worker import FileName, file_name

if TYPE_CHECKING:
    from tests.engines.comfyui_double import Double

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
MAX_UPLOAD = 104857600
FEATURES = {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD}
KINDS = ("input", "temp", "output")
STORED_AT = "Sun, 22 Nov 2026 20:23:45 GMT"
REMARK = {
    "type": "required_input_missing",
    "message": "Required input is missing",
    "details": "image",
    "extra_info": {},
}
CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Trouble(Exception):
    """What aiohttp makes of an exception in a route: 500, and the connection is closed."""


class Routes(BaseHTTPRequestHandler):
    """One connection. `double` is set by a subclass per server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    double: "Double"

    def log_message(self, format: str, *args: Any) -> None:
        pass  # tests read what was asked from `double.requests`

    def setup(self) -> None:
        super().setup()
        self.double.connections.add(self.connection)

    def finish(self) -> None:
        self.double.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        double, faults = self.double, self.double.faults
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_UPLOAD:
            self._answer(413, f"Maximum request body size {MAX_UPLOAD} exceeded.".encode(), TEXT_TYPE)
            self.close_connection = True
            return
        self.body = self.rfile.read(length)
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = parts.path
        if path.startswith("/_double/"):
            self._control(path)
            return
        if not path.startswith(double.prefix):
            self._answer(404)
            return
        path = path.removeprefix(double.prefix).removeprefix("/api")
        headers = {name.lower(): value for name, value in self.headers.items()}
        double.note_request(self.command, path, headers)
        if any(path.startswith(hung) or hung == "*" for hung in faults.hang_paths):
            double.wait_until(lambda: double.down or not faults.hang_paths, 3600)
            self.close_connection = True
            return
        if faults.slow_seconds:
            time.sleep(faults.slow_seconds)
        if double.token and headers.get("authorization") != f"Bearer {double.token}":
            self._answer(401)
            return
        if faults.status and (not faults.status_paths or any(path.startswith(one) for one in faults.status_paths)):
            elsewhere = {"Location": "/elsewhere"} if 300 <= faults.status < 400 else {}
            self._answer(faults.status, b"in trouble", TEXT_TYPE, elsewhere)
            return
        if path != "/system_stats" and faults.happens("blips"):
            self._answer(503, b"a moment", TEXT_TYPE)
            return
        if self._foreign_origin():
            self._answer(403)
            return
        try:
            self._route(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception:  # noqa: BLE001 - aiohttp answers any exception of a route like this
            self.close_connection = True
            self._answer(500, b"500 Internal Server Error\n\nServer got itself in trouble", TEXT_TYPE)

    def _route(self, path: str) -> None:
        gets: dict[str, Callable[[], None]] = {
            "/ws": self._upgrade, "/system_stats": self._system_stats, "/queue": self._get_queue, "/view": self._view,
            "/prompt": self._get_prompt, "/features": lambda: self._json(FEATURES), "/history": self._get_history,
        }  # fmt: skip
        posts: dict[str, Callable[[], None]] = {
            "/prompt": self._post_prompt, "/queue": self._post_queue, "/history": self._post_history,
            "/interrupt": self._interrupt, "/free": self._free, "/upload/image": self._upload,
        }  # fmt: skip
        reading = self.command in ("GET", "HEAD")
        if reading and path in gets:
            gets[path]()
        elif not reading and path in posts:
            posts[path]()
        elif reading and path.startswith("/history/"):
            self._get_history(unquote(path.removeprefix("/history/")))
        elif reading and path.startswith("/object_info"):
            self._object_info(path.removeprefix("/object_info").strip("/"))
        elif reading and path == "/models/rmbg":
            self._json(self.double.weight_files())
        elif path in gets or path in posts:
            self._answer(405, b"405: Method Not Allowed", TEXT_TYPE)
        else:
            self._answer(404)

    # Reading

    def _system_stats(self) -> None:
        memory = {"vram_total": 25276063744, "vram_free": 23866134528}
        device = {"name": "cpu", "type": "cpu", "index": None, **memory, "torch_vram_total": 0, "torch_vram_free": 0}
        system = {"os": "posix", "ram_total": 25276063744, "ram_free": 23866134528, "comfyui_version": "0.3.64"}
        self._json({"system": system, "devices": [device]})

    def _get_queue(self) -> None:
        self._json(self.double.worker.queue())

    def _get_prompt(self) -> None:
        self._json({"exec_info": {"queue_remaining": self.double.worker.remaining()}})

    def _get_history(self, prompt_id: str | None = None) -> None:
        history, faults = self.double.worker.history, self.double.faults
        if prompt_id is None:
            newest = int(self.query.get("max_items", len(history)))
            self._json(dict(list(history.items())[-newest:] if newest else []))
        elif prompt_id not in history:
            self._json({})
        elif faults.happens("late_status"):
            self._json({prompt_id: {**history[prompt_id], "status": None, "outputs": {}}})
        else:
            self._json({prompt_id: history[prompt_id]})

    def _object_info(self, node_class: str) -> None:
        known = self._validator().object_info
        if not node_class:
            self._json(dict(known))
        else:
            self._json({node_class: known[node_class]} if node_class in known else {})

    def _view(self) -> None:
        name, kind = self.query.get("filename", ""), self.query.get("type", "output")
        folder = self.query.get("subfolder", "")
        if not name:
            self._answer(404)
            return
        if name.startswith("/") or ".." in name or kind not in KINDS:
            self._answer(400)
            return
        if ".." in folder.split("/"):
            self._answer(403)
            return
        where = file_name(name) if name.endswith("]") else (kind, folder, name)
        content = self.double.files.get(where)
        if content is None:
            self._answer(404)
            return
        tag = f'"{hashlib.sha1(content).hexdigest()[:16]}-{len(content):x}"'
        headers = {"Etag": tag, "Last-Modified": STORED_AT, "Content-Disposition": f'filename="{where[2]}"'}
        kinds = {"png": "image/png", "jpg": "image/jpeg", "txt": "text/plain"}
        media_type = kinds.get(where[2].rpartition(".")[2], "application/octet-stream")
        if tag == self.headers.get("If-None-Match") or self.headers.get("If-Modified-Since") == STORED_AT:
            self._answer(304, b"", media_type, headers)
            return
        headers["Accept-Ranges"] = "bytes"
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            self._answer(206, content[first : last + 1], media_type, headers)
        else:
            self._answer(200, content, media_type, headers)

    # Doing

    def _post_prompt(self) -> None:
        double, faults = self.double, self.double.faults
        body = json.loads(self.body)
        if not isinstance(body, dict) or "prompt" not in body:
            error = {"type": "no_prompt", "message": "No prompt provided", "details": "No prompt provided"}
            self._json({"error": {**error, "extra_info": {}}, "node_errors": {}}, 400)
            return
        prompt = body["prompt"] if body["prompt"] != [] else {}
        if "number" in body:
            float(body["number"])
        if faults.strict_ids and not CANONICAL.fullmatch(str(body.get("prompt_id", ""))):
            error = {"type": "invalid_prompt_id", "message": "prompt_id must be a canonical UUID", "details": ""}
            self._json({"error": {**error, "extra_info": {}}, "node_errors": {}}, 400)
            return
        verdict = self._validator().judge(prompt, body.get("partial_execution_targets"))
        if verdict.error:
            self._json({"error": verdict.error, "node_errors": verdict.node_errors}, 400)
            return
        prompt_id, number = double.worker.put(body, prompt, verdict.outputs)
        if faults.happens("unanswered_prompts"):
            double.wait_until(lambda: prompt_id in double.worker.history or faults.hold)
            self.close_connection = True
            return
        remarks = {
            node_id: {"errors": [REMARK], "dependent_outputs": [], "class_type": prompt[node_id]["class_type"]}
            for node_id in faults.remarked_nodes
        }
        self._json({"prompt_id": prompt_id, "number": number, "node_errors": {**verdict.node_errors, **remarks}})

    def _post_queue(self) -> None:
        body = json.loads(self.body)
        if body.get("clear"):
            self.double.worker.dequeue(None)
        if "delete" in body:
            self.double.worker.dequeue([str(one) for one in body["delete"]])
        self._answer(200)

    def _post_history(self) -> None:
        body = json.loads(self.body)
        if body.get("clear"):
            self.double.worker.forget(None)
        if "delete" in body:
            self.double.worker.forget([str(one) for one in body["delete"]])
        self._answer(200)

    def _interrupt(self) -> None:
        try:
            body = json.loads(self.body)
        except ValueError:
            body = {}
        self.double.worker.interrupt(body.get("prompt_id") if isinstance(body, dict) else None)
        self._answer(200)

    def _free(self) -> None:
        if json.loads(self.body).get("free_memory"):
            self.double.worker.free()
        self._answer(200)

    def _upload(self) -> None:
        fields = _multipart(self.headers.get("Content-Type", ""), self.body)
        if "image" not in fields:
            self._answer(400)
            return
        nothing: tuple[str | None, bytes] = (None, b"")
        name, content = fields["image"]
        kind = fields.get("type", nothing)[1].decode() or "input"
        folder = fields.get("subfolder", nothing)[1].decode()
        if name is None or kind not in KINDS:
            raise Trouble
        if ".." in f"{folder}/{name}".split("/") or folder.startswith("/") or name.startswith("/"):
            self._answer(400)
            return
        files = self.double.files
        inside = _place(kind, folder, name)[1]
        if "/" in name and not any(f"{known[1]}/".startswith(f"{inside}/") for known in files if known[0] == kind):
            raise Trouble  # a folder in the name is not made
        stored = name
        if fields.get("overwrite", nothing)[1].decode() not in ("true", "1"):
            stem, dot, ending = name.rpartition(".")
            count = 1
            while files.get(_place(kind, folder, stored), content) != content:
                stored = f"{stem} ({count}){dot}{ending}"
                count += 1
        if self.double.faults.happens("corrupt_uploads"):
            content = b"\x89PNG\r\n\x1a\n rubbish"
        if self.double.faults.happens("mislaid_uploads"):
            files.pop(_place(kind, folder, stored), None)
        else:
            files[_place(kind, folder, stored)] = content
        self._json({"name": stored, "subfolder": folder, "type": kind})

    def _upgrade(self) -> None:
        double = self.double
        key = self.headers.get("Sec-WebSocket-Key")
        if not key:
            text = b'No WebSocket UPGRADE hdr: None\n Can "Upgrade" only to "WebSocket".'
            self._answer(400, text, TEXT_TYPE)
            return
        if double.faults.no_sockets:
            self._answer(503)
            return
        self.send_response(101, "Switching Protocols")
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "upgrade")
        self.send_header("Sec-WebSocket-Accept", accept_key(key))
        self.close_connection = True
        client_id = self.query.get("clientId") or hashlib.md5(key.encode()).hexdigest()
        events = EventSocket(self.connection)
        double.worker.sessions.deaf = double.faults.deaf
        with events.held():  # who has the answer is known, and misses nothing
            double.worker.sessions.join(client_id, events)
            self.end_headers()
            self.wfile.flush()
        double.note_change()
        with contextlib.suppress(OSError):
            double.worker.greet(client_id)
            first = True
            while (message := events.receive()) is not None:
                with contextlib.suppress(ValueError, AttributeError):
                    if first and json.loads(message).get("type") == "feature_flags":
                        events.send("feature_flags", FEATURES)
                first = False
        double.worker.sessions.leave(client_id)
        double.note_change()

    # The double's own

    def _control(self, path: str) -> None:
        double = self.double
        if path == "/_double/faults" and self.command == "POST":
            double.set_faults(json.loads(self.body))
        elif path == "/_double/restart" and self.command == "POST":
            double.forget_all()
        elif path == "/_double/load":  # little to make and to send: a benchmark asks for it all the time
            self._json({"begun": len(double.inferences), "busy_seconds": double.busy_seconds})
            return
        state = {
            "faults": asdict(double.faults),
            "inferences": [asdict(inference) for inference in double.inferences],
            "requests": len(double.requests),
            "busy_seconds": double.busy_seconds,
            "files": sorted("/".join(name) for name in double.files),
            "history": len(double.worker.history),
        }
        self._json(state)

    def _validator(self) -> Validator:
        double, faults = self.double, self.double.faults
        known = without(double.object_info, faults.missing_nodes, faults.missing_models)
        return Validator(known, lambda name: file_name(str(name)) in double.files)

    def _foreign_origin(self) -> bool:
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "")
        loopback = host.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")
        return bool(origin) and loopback and urlsplit(str(origin)).netloc != host

    def _json(self, body: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(body).encode(), JSON_TYPE)

    def _answer(self, status: int, body: bytes = b"", kind: str = "", headers: dict[str, str] | None = None) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            for name, value in (headers or {}).items():
                self.send_header(name, value.encode().decode("latin-1"))
            if status == 405:
                self.send_header("Allow", "GET,HEAD")
            if self.close_connection:
                self.send_header("Connection", "close")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()


def _multipart(content_type: str, body: bytes) -> dict[str, tuple[str | None, bytes]]:
    """Field -> (file name or None, content). File names in raw UTF-8, or as RFC 5987 has it."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    if not content_type.startswith("multipart/") or not found:
        return {}
    fields: dict[str, tuple[str | None, bytes]] = {}
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        text = head.decode("utf-8", "surrogateescape")
        name = re.search(r'[; ]name="([^"]*)"', text)
        plain = re.search(r'filename="([^"]*)"', text)
        extended = re.search(r"filename\*=utf-8''([^\s;]+)", text, re.IGNORECASE)
        file = unquote(extended[1]) if extended else plain[1] if plain else None
        if name:
            fields[name[1]] = (file, content.removesuffix(b"\r\n"))
    return fields


def _place(kind: str, folder: str, name: str) -> FileName:
    """Where an upload goes; a name may bring a folder of its own."""
    inside, _, last = name.rpartition("/")
    return kind, "/".join(part for part in (folder, inside) if part), last


def reset(connection: socket.socket) -> None:
    """End a connection as a killed process does: no goodbye."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()
