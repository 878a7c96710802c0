"""The double's HTTP routes and its upgrade to a websocket. Statuses and bodies are as recorded."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from urllib.parse import unquote

from tests.engines import double_jobs
from tests.engines.double_connection import MAX_UPLOAD, TEXT_TYPE, Connection
from tests.engines.double_files import file_name, upload, view
from tests.engines.double_socket import TEXT, ServerSocket, accept_key
from tests.engines.double_validation import Validator, without
from tests.engines.double_version import BACKGROUND_NODES, CANCEL, CANONICAL_IDS, JOBS, MODEL_TAGS, STRICT_PROMPT

FEATURES = {"supports_preview_metadata": True, "max_upload_size": MAX_UPLOAD}
NEWER_FEATURES = {"extension": {"manager": {"supports_v4": True}}, "node_replacements": True, "assets": False}
INVALID_ID = {
    "type": "invalid_prompt_id",
    "message": "prompt_id must be a valid UUID",
    "details": "prompt_id must be a UUID string in canonical lowercase hyphenated form; omit it to let the server "
    "generate one",
    "extra_info": {},
}
REMARK = {
    "type": "required_input_missing",
    "message": "Required input is missing",
    "details": "image",
    "extra_info": {},
}


class Routes(Connection):
    """The routes that read, the routes that act, and the double's own."""

    def route(self, path: str) -> None:
        gets: dict[str, Callable[[], None]] = {
            "/ws": self._upgrade, "/system_stats": self._system_stats, "/queue": self._get_queue,
            "/view": self._view_file, "/prompt": self._get_prompt, "/features": lambda: self._json(self._features()),
            "/history": self._get_history,
        }  # fmt: skip
        posts: dict[str, Callable[[], None]] = {
            "/prompt": self._post_prompt, "/queue": self._post_queue, "/history": self._post_history,
            "/interrupt": self._interrupt, "/free": self._free, "/upload/image": self._upload_file,
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
        elif reading and path == "/models/background_removal" and self.double.version >= BACKGROUND_NODES:
            self._json(self.double.background_models)
        elif path.startswith("/jobs") and self.below_api and self.double.version >= JOBS:
            self._jobs(path.removeprefix("/jobs"), reading)
        elif path in gets or path in posts:
            self._answer(405, b"405: Method Not Allowed", TEXT_TYPE)
        else:
            self._answer(404)

    def _jobs(self, path: str, reading: bool) -> None:
        worker = self.double.worker
        if reading:
            status, body = double_jobs.read(worker, path, self.query)
        elif path.endswith("/cancel") and self.double.version >= CANCEL:
            status, body = double_jobs.cancel(worker, path, self.body)
        else:
            self._answer(405, b"405: Method Not Allowed", TEXT_TYPE)
            return
        self._json(body, status)

    # Routes that read

    def _features(self) -> dict[str, object]:
        newer = NEWER_FEATURES if self.double.version >= CANONICAL_IDS else {}
        tags = {"supports_model_type_tags": True} if self.double.version >= MODEL_TAGS else {}
        return {**FEATURES, **newer, **tags}

    def _system_stats(self) -> None:
        memory = {"vram_total": 25276063744, "vram_free": 23866134528}
        device = {"name": "cpu", "type": "cpu", "index": None, **memory, "torch_vram_total": 0, "torch_vram_free": 0}
        system = {
            "os": "posix",
            "ram_total": 25276063744,
            "ram_free": 23866134528,
            "comfyui_version": self.double.version_text,
            "argv": self.double.flags,
        }
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

    def _view_file(self) -> None:
        self._reply(view(self.double.files, self.query, dict(self.headers)))

    # Routes that act

    def _post_prompt(self) -> None:
        double, faults = self.double, self.double.faults
        body = json.loads(self.body)
        if not isinstance(body, dict) or "prompt" not in body:
            error = {"type": "no_prompt", "message": "No prompt provided", "details": "No prompt provided"}
            self._json({"error": {**error, "extra_info": {}}, "node_errors": {}}, 400)
            return
        prompt = body["prompt"] if body["prompt"] != [] or double.version >= STRICT_PROMPT else {}
        if "number" in body:
            float(body["number"])
        if double.version >= CANONICAL_IDS and body.get("prompt_id") is None:
            body.pop("prompt_id", None)
        elif double.version >= CANONICAL_IDS and not double_jobs.CANONICAL.fullmatch(str(body["prompt_id"])):
            self._json({"error": INVALID_ID, "node_errors": {}}, 400)
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

    def _upload_file(self) -> None:
        double = self.double
        self._reply(upload(double.files, self.headers.get("Content-Type", ""), self.body, double.faults))

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
        events = ServerSocket(self.connection)
        double.worker.sessions.deaf = double.faults.deaf
        with events.held():  # once a client has its answer, the server knows it, and it misses no event
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
                        events.send("feature_flags", self._features())
                first = False
        double.worker.sessions.leave(client_id)
        double.note_change()

    # The double's own routes

    def control(self, path: str) -> None:
        double = self.double
        if path == "/_double/faults" and self.command == "POST":
            double.set_faults(json.loads(self.body))
        elif path == "/_double/say" and self.command == "POST":
            self._say(**json.loads(self.body))
        elif path == "/_double/restart" and self.command == "POST":
            double.forget_all()
        elif path == "/_double/load":  # a short answer, because a benchmark asks for it all the time
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

    def _say(self, text: str, repeat: int = 1, opcode: int = TEXT, promised_bytes: int = 0) -> None:
        """Send a frame to every event socket, or only the start of one that promises more bytes than it has."""
        payload = repeat * text.encode("utf-8", "surrogateescape")
        with contextlib.suppress(OSError):
            self.double.worker.sessions.tell_frame(opcode, payload, promised_bytes)

    def _validator(self) -> Validator:
        double, faults = self.double, self.double.faults
        known = without(double.object_info, faults.missing_nodes, faults.missing_models)
        if loader := known.get("LoadBackgroundRemovalModel"):
            loader["input"]["required"]["bg_removal_name"][1]["options"] = list(double.background_models)
        return Validator(known, lambda name: file_name(str(name)) in double.files, double.version)
