"""Replays recordings: adapts requests to another server, and strips answers of everything that differs each time.

All files go below a folder of this run, so that a real server's own files and prompts are not touched.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import cv2
import numpy as np
import requests
import websocket

from tests.engines.comfyui_double import RECORDINGS, Double
from tests.engines.conformance import drawn_photo
from tests.engines.double_version import (
    BACKGROUND_NODES,
    CANCEL,
    CANONICAL_IDS,
    DEPENDENCY_CYCLE,
    JOBS,
    MISSING_NODE_TYPE,
    SEC_FETCH_SITE,
    STRICT_PROMPT,
    Version,
    parsed,
)

Json = Any  # parsed JSON, of any shape

REAL = os.environ.get("FREISTELLER_TEST_COMFYUI", "")
"""The URL of a real server to replay against, "" for the double."""

EXCHANGES: dict[str, Json] = json.loads((RECORDINGS / "exchanges.json").read_text("utf-8"))
EVENTS: dict[str, Json] = json.loads((RECORDINGS / "events.json").read_text("utf-8"))

NEWER: dict[str, Json] = json.loads((RECORDINGS / "newer.json").read_text("utf-8"))["exchanges"]
"""What was recorded of ComfyUI 0.33.0."""

SINCE: dict[str, Version] = {
    "cancel": CANCEL, "jobs": JOBS, "prompt_id": CANONICAL_IDS, "prompt_bad_background": BACKGROUND_NODES,
    "prompt_bad_cycle": DEPENDENCY_CYCLE, "prompt_bad_no_class_type": MISSING_NODE_TYPE,
    "prompt_bad_unknown_class": MISSING_NODE_TYPE, "prompt_bad_prompt_is_a_list": STRICT_PROMPT,
    "models_background": BACKGROUND_NODES, "origin_null": SEC_FETCH_SITE, "sec_fetch": SEC_FETCH_SITE,
}  # fmt: skip
"""Since which version a recording in NEWER is true, by the start of its name. The others are true of all versions."""

REPLACED = {
    "prompt_bad_cycle": "prompt_bad_cycle",
    "prompt_bad_no_class_type": "prompt_bad_no_class_type",
    "prompt_bad_unknown_class": "prompt_bad_unknown_class",
    "prompt_bad_prompt_list": "prompt_bad_prompt_is_a_list",
    "prompt_bad_own_id_and_error": "prompt_id_number",
}
"""Recordings in EXCHANGES that are no longer true, and what was recorded in their place."""

PICTURES = (
    "astro.jpg", "proxy.jpg [temp]", "jobs/a/astro.jpg", "grün.png", "corrupt.png", "notes.txt", "half.jpg",
    "broken.png",
)  # fmt: skip
NEVER_THE_SAME = ("traceback", "current_inputs", "timestamp", "tooltip", "meta", "create_time")
ONLY_SETS = ("current_outputs", "executed")
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def since(newer: str) -> Version:
    """Since which version a recording in NEWER is true."""
    return next((version for start, version in SINCE.items() if newer.startswith(start)), (0,))


@dataclass
class Subject:
    """The server that recordings are replayed against. double: None for a real server."""

    url: str
    double: Double | None
    folder: str
    version: Version

    @classmethod
    def at(cls, url: str, double: Double | None) -> "Subject":
        system = requests.get(f"{url.rstrip('/')}/system_stats", timeout=60).json()["system"]
        folder = f"freisteller-contract/{uuid.uuid4().hex[:8]}"
        return cls(url.rstrip("/"), double, folder, parsed(system["comfyui_version"]))

    def use_new_folder(self) -> None:
        """Go on with new pictures under new names, of which this server has computed nothing, and with an idle queue.

        A prompt of an earlier test that still waits would otherwise load our new pictures before we do.
        """
        deadline = time.monotonic() + 600
        while any(self.folder in json.dumps(items) for items in self.queue().values()):
            assert time.monotonic() < deadline, "the prompts of earlier tests do not end"
            time.sleep(0.1)
        self.folder = f"freisteller-contract/{uuid.uuid4().hex[:8]}"
        self.upload_pictures()

    def queue(self) -> dict[str, Json]:
        body: dict[str, Json] = requests.get(f"{self.url}/queue", timeout=60).json()
        return body

    def exchange(self, name: str) -> Json:
        """The recording of that name, or what replaces it in this server's version."""
        newer = REPLACED.get(name)
        return NEWER[newer] if newer and self.version >= since(newer) else EXCHANGES[name]

    def send(self, exchange: Json) -> requests.Response:
        """Send the recorded request, with its files in this run's folder."""
        asked = exchange["request"]
        body, headers = asked["body"], dict(asked.get("headers", {}))
        content: bytes | None = None
        if isinstance(body, dict) and "multipart" in body:
            headers["Content-Type"] = "multipart/form-data; boundary=contract"
            content = self._multipart(body["multipart"])
        elif isinstance(body, str):
            content = body.encode()
        elif body is not None:
            content = json.dumps(self._moved(body)).encode()
        if "Origin" in headers:
            headers["Origin"] = headers["Origin"].replace("127.0.0.1:8188", urlsplit(self.url).netloc)
        if content is not None and "Content-Type" not in headers:
            headers["Content-Type"] = "application/json"
        return requests.request(
            asked["method"], self.url + asked["path"], params=asked["query"], data=content, headers=headers, timeout=30
        )

    def upload(self, name: str, content: bytes) -> None:
        """Upload a picture to the place that `_moved` gives it."""
        plain, _, annotation = name.partition(" [")
        folder, _, last = f"{self.folder}/{plain}".rpartition("/")
        answer = requests.post(
            f"{self.url}/upload/image",
            data={"type": annotation.rstrip("]") or "input", "subfolder": folder, "overwrite": "true"},
            files={"image": (last, content)},
            timeout=30,
        )
        answer.raise_for_status()

    def upload_pictures(self) -> None:
        """Upload the pictures that the recorded prompts load, in a version that no server has cached."""
        photo = drawn_photo(shift=int(np.random.default_rng().integers(30)))
        photo[:4, :4] = np.random.default_rng().integers(0, 255, (4, 4, 3))
        png, jpeg = (cv2.imencode(kind, photo)[1].tobytes() for kind in (".png", ".jpg"))
        spoilt = {"corrupt.png": png[:40], "notes.txt": b"hello", "half.jpg": jpeg[: len(jpeg) // 2]}
        data = png.index(b"IDAT") + 6
        spoilt["broken.png"] = png[:data] + b"\xff" + png[data + 1 :]  # a kind of compressed block that there is not
        for name in PICTURES:
            self.upload(name, spoilt.get(name, png))

    def finished(self, prompt_id: str) -> bool:
        return prompt_id in requests.get(f"{self.url}/history/{prompt_id}", timeout=60).json()

    def listen(self, client_id: str) -> "Listener":
        return Listener("ws" + self.url.removeprefix("http") + f"/ws?clientId={client_id}")

    def stripped(self, answer: Json) -> Json:
        """An answer without ids, times, paths and this run's folder."""
        return _stripped(json.loads(json.dumps(answer).replace(f"{self.folder}/", "").replace(self.folder, "")))

    def _moved(self, body: Json) -> Json:
        if isinstance(body, dict):
            return {name: self._moved(value) for name, value in body.items()}
        if isinstance(body, list):
            return [self._moved(value) for value in body]
        return f"{self.folder}/{body}" if body in PICTURES else body

    def _multipart(self, parts: list[Json]) -> bytes:
        lines: list[bytes] = []
        leaves = any("../" in part.get("part_header", "") for part in parts)  # with a sub-folder it would not
        if not leaves and not any(part.get("name") == "subfolder" for part in parts):
            parts = [{"name": "subfolder", "value": ""}, *parts]
        for part in parts:
            lines.append(b"--contract")
            if "name" in part:
                value = str(part["value"])
                if part["name"] == "subfolder" and not value.startswith(("/", "..")):
                    value = f"{self.folder}/uploads/{value}".rstrip("/")
                lines += [f'Content-Disposition: form-data; name="{part["name"]}"'.encode(), b"", value.encode()]
            else:
                header = part["part_header"].encode()
                kind = f"Content-Type: {part['content_type']}".encode()
                lines += [
                    header,
                    kind,
                    b"",
                    b"x" * part["binary_bytes"],
                ]  # uploads of the same recorded size get the same bytes
        return b"\r\n".join([*lines, b"--contract--", b""])


class Listener:
    """The client's end of an event socket."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=60, suppress_origin=True)

    def say(self, message: str) -> None:
        self._socket.send(message)

    def next(self) -> tuple[str, Json]:
        while True:
            message = self._socket.recv()
            if isinstance(message, str):
                frame = json.loads(message)
                return frame["type"], frame["data"]

    def until_end(self, prompt_id: str) -> list[tuple[str, Json]]:
        """All frames up to the last one of that prompt."""
        return self._until(
            lambda kind, data: kind == "executing" and data["node"] is None and data["prompt_id"] == prompt_id
        )

    def until_idle(self, finished: Callable[[], bool]) -> list[tuple[str, Json]]:
        """All frames until the queue was filled, is empty again, and `finished()` is true.

        A status with an empty queue may come first: the late end of the prompt before.
        """
        counts: list[int] = []

        def idle(kind: str, data: Json) -> bool:
            if kind != "status":
                return False
            counts.append(data["status"]["exec_info"]["queue_remaining"])
            return counts[-1] == 0 and any(counts) and finished()

        return self._until(idle)

    def until_lost(self) -> list[tuple[str, Json]]:
        """All frames until the connection ends without a close frame."""
        frames: list[tuple[str, Json]] = []
        try:
            while True:
                frames.append(self.next())
        except (websocket.WebSocketConnectionClosedException, ConnectionError):
            return frames

    def _until(self, last: Callable[[str, Json], bool]) -> list[tuple[str, Json]]:
        frames: list[tuple[str, Json]] = []
        while not frames or not last(*frames[-1]):
            frames.append(self.next())
        return frames

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Listener":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def comparable_frames(frames: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """Frames without marks and without status, whose counts include everybody's prompts."""
    return [(kind, _stripped(data)) for kind, data in frames if kind not in ("mark", "send", "status")]


def _stripped(value: Json, name: str = "") -> Json:
    if isinstance(value, dict):
        return {
            UUID.sub("<id>", key): _stripped(inner, key) for key, inner in value.items() if key not in NEVER_THE_SAME
        }
    if isinstance(value, list):
        kept = [_stripped(inner) for inner in value]
        return sorted(kept, key=str) if name in ONLY_SETS else kept
    if name in ("prompt_id", "number", "sid"):
        return f"<{name}>"
    if isinstance(value, str):
        text = UUID.sub("<id>", value)
        text = re.sub(r"_temp_[a-z]{5}_\d{5}_", "_temp_<letters>_<n>_", text)
        text = re.sub(r"^(?!ComfyUI_temp)(\w+)_\d{5}_\.", r"\1_<n>_.", text)
        return re.sub(r"'[^']*/input/", "'<comfy>/input/", text)
    return value


def without_noise(frames: list[Json]) -> list[tuple[str, Json]]:
    """Recorded frames in the form of `comparable_frames`. Progress was recorded without its repeated ids."""
    return comparable_frames([(kind, data) for kind, data in frames])


def only_recorded_progress(frames: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """Live frames, reduced to the parts of progress_state that the recordings kept."""
    kept = ("value", "max", "state")
    return [
        (
            kind,
            {**data, "nodes": {key: {name: node[name] for name in kept} for key, node in data["nodes"].items()}}
            if kind == "progress_state"
            else data,
        )
        for kind, data in frames
    ]
