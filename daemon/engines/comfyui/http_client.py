"""The HTTP client of one ComfyUI server: sends every request and turns its failures into error classes.

Every answer has a limit of time and of size. No request sends an Origin, because newer servers refuse it. Nothing comes
from the environment: no proxy, and no .netrc, which would replace the token.
"""

import contextlib
import json
import queue
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import requests

from daemon.engines.comfyui import error_mapping, replies
from daemon.engines.comfyui.answer_limits import MOST_ANSWER_SILENCES, limit_answers
from daemon.engines.comfyui.graph import SINK_ID, Prompt, wired
from daemon.engines.comfyui.upload_names import name_to_load
from daemon.errors import EngineAway, EngineMisconfigured
from daemon.settings import ServerSettings

LONG_READ = 4  # times the usual limit, for requests that carry a picture or wait while a busy server validates a prompt
MOST_PICTURE_BYTES = 64 << 20  # the largest mask, 4096 x 4096 pixels in RGB, has 48 MiB even if it is not compressed
MOST_JSON_BYTES = 32 << 20  # the largest one is /queue: about 10 KiB for each prompt that anybody has waiting there
READ_BYTES = 64 << 10


class ResultGone(Exception):
    """The server reports a result whose file no longer exists. Answer: compute it again, under another name."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer."""

    status: int
    content: bytes


class HttpClient:
    """One server's routes. Threads may share it: each request borrows a session for itself.

    Every request raises EngineAway or EngineMisconfigured if it fails.
    """

    def __init__(self, settings: ServerSettings, limit_seconds: float) -> None:
        """limit_seconds: the longest silence during a request, and the longest wait for a connection."""
        parts = urlsplit(settings.url)
        host = parts.netloc.rpartition("@")[2]
        self.name = f"{host}{parts.path.rstrip('/')}"
        self.base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._limit = limit_seconds
        self._headers = {"Accept-Encoding": "identity"}
        if settings.token.get_secret_value():
            self._headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        password = settings.password.get_secret_value() or unquote(parts.password or "")
        self._basic = (unquote(parts.username), password) if parts.username else None
        self.ca_file = settings.ca_file
        """The certificate authority's file, "" for the usual authorities."""
        self._closed = False
        self._idle: queue.LifoQueue[requests.Session] = queue.LifoQueue()

    def __repr__(self) -> str:
        return f"HttpClient({self.name})"  # never the token

    def credentials(self) -> dict[str, str]:
        """The headers that authenticate us, for the event socket. They are secret."""
        prepared = requests.Request("GET", self.base, headers=self._headers, auth=self._basic).prepare()
        return {"Authorization": prepared.headers["Authorization"]} if "Authorization" in prepared.headers else {}

    def memory(self) -> replies.Memory:
        """GET /system_stats. An answer shows that the server is alive, and how much memory it has."""
        try:
            return replies.read_memory(self._json(self._send("GET", "/system_stats")))
        except ValueError as error:
            raise EngineMisconfigured(
                f"{self.name} answers /system_stats, but not like ComfyUI ({error}). Correct its url in the settings."
            ) from error

    def inputs(self, node_class: str) -> Mapping[str, replies.Input] | None:
        """GET /object_info/{class}: what each input accepts. None if the server has no such node."""
        return replies.read_inputs(self._json(self._send("GET", f"/object_info/{node_class}")), node_class)

    def weights(self, folder: str) -> frozenset[str] | None:
        """GET /models/{folder}: the weight files in that folder. None if the server does not say."""
        answer = self._send("GET", f"/models/{quote(folder)}", expected=(404,))
        body = self._json(answer) if answer.status == 200 else None
        return frozenset(str(name).replace("\\", "/") for name in body) if isinstance(body, list) else None

    def queue(self) -> replies.Queue:
        """GET /queue."""
        try:
            return replies.read_queue(self._json(self._send("GET", "/queue")))
        except ValueError as error:
            raise EngineAway(f"{self.name} answers /queue, but not like ComfyUI ({error}).") from error

    def history(self, prompt_id: str) -> replies.FinishedPrompt | None:
        """GET /history/{id}: how that prompt ended. None if it has not ended or is unknown."""
        return replies.read_history(self._json(self._send("GET", f"/history/{prompt_id}")), prompt_id, SINK_ID)

    def submit(self, prompt: Prompt, prompt_id: str, client_id: str, model: str) -> None:
        """POST /prompt. After a 5xx, which raises EngineAway, the server may still have queued the prompt.

        Raises the error that `error_mapping.of_rejection` makes of a rejection, and QueuedDespiteErrors if the server
        queued the prompt although it says that a wired node has errors.
        """
        payload = {"prompt": prompt, "prompt_id": prompt_id, "client_id": client_id}
        answer = self._send("POST", "/prompt", payload, expected=(400,), long=True)
        body = self._json(answer)
        if answer.status == 400:
            raise error_mapping.of_rejection(body, self.name, model)
        errors = body.get("node_errors") if isinstance(body, dict) else None
        if isinstance(errors, dict) and errors.keys() & wired(prompt).keys():
            raise error_mapping.QueuedDespiteErrors(str(error_mapping.of_rejection(body, self.name, model)))

    def upload(self, picture: bytes, name: str) -> str:
        """POST /upload/image, into temp/, which a restart of the server wipes. Replaces a file of the same name.

        Returns LoadImage's name for the picture.
        """
        answer = self._send(
            "POST",
            "/upload/image",
            data={"type": "temp", "overwrite": "true"},
            files={"image": (name, picture, "image/jpeg")},
            long=True,
        )
        body = self._json(answer)
        if not isinstance(body, dict) or not body.get("name"):
            raise EngineAway(f"{self.name} took an upload, but did not say under which name.")
        return name_to_load(str(body["name"]), str(body.get("subfolder") or ""), str(body.get("type") or "temp"))

    def view(self, image: replies.StoredImage) -> bytes:
        """GET /view: the content of a result file. Raises ResultGone if the file no longer exists."""
        query = {"filename": image.filename, "subfolder": image.subfolder, "type": image.type}
        answer = self._send("GET", "/view", query=query, expected=(404,), long=True, most_bytes=MOST_PICTURE_BYTES)
        if answer.status == 404:
            raise ResultGone(f"{self.name} no longer has {image.filename}")
        return answer.content

    def dequeue(self, prompt_ids: Sequence[str]) -> None:
        """POST /queue: remove waiting prompts from the queue. A running prompt is not touched."""
        self._send("POST", "/queue", {"delete": list(prompt_ids)})

    def interrupt(self, prompt_id: str) -> None:
        """POST /interrupt, always with the id: without it, the server stops whatever runs, also somebody else's."""
        self._send("POST", "/interrupt", {"prompt_id": prompt_id})

    def forget(self, prompt_ids: Sequence[str]) -> None:
        """POST /history: delete these entries."""
        self._send("POST", "/history", {"delete": list(prompt_ids)})

    def free(self) -> None:
        """POST /free: drop the node objects, and with them the models that the RMBG nodes hold."""
        self._send("POST", "/free", {"unload_models": True, "free_memory": True})

    def close(self) -> None:
        """Close the idle connections. A connection in use is closed when its request ends."""
        self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()

    @contextlib.contextmanager
    def _session(self) -> Iterator[requests.Session]:
        try:
            session = self._idle.get_nowait()
        except queue.Empty:
            session = requests.Session()
            session.trust_env = False
            session.headers.update(self._headers)
            session.auth = self._basic
            session.verify = self.ca_file or True
            for scheme in ("http://", "https://"):
                adapter = requests.adapters.HTTPAdapter()
                limit_answers(adapter.poolmanager)
                session.mount(scheme, adapter)
        try:
            yield session
        finally:
            self._idle.put(session)
            if self._closed:
                self.close()

    def _send(
        self,
        method: str,
        path: str,
        payload: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        expected: Sequence[int] = (),
        long: bool = False,
        most_bytes: int = MOST_JSON_BYTES,
    ) -> HttpAnswer:
        """Send one request, once. Raises the matching error for a status other than 2xx and `expected`."""
        limits = (self._limit, self._limit * (LONG_READ if long else 1))
        try:
            with (
                self._session() as session,
                session.request(
                    method,
                    self.base + path,
                    json=payload,
                    params=query,
                    data=data,
                    files=files,
                    timeout=limits,
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                answer = HttpAnswer(response.status_code, self._read(response, path, most_bytes))
        except requests.exceptions.SSLError as error:
            raise EngineMisconfigured(f"The certificate of {self.name} is not trusted. Set its ca_file.") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise EngineMisconfigured(f"The url of {self.name} is not valid. Correct it in the settings.") from error
        except requests.exceptions.Timeout as error:
            whole = limits[1] * MOST_ANSWER_SILENCES
            raise EngineAway(
                f"{self.name} does not answer within {limits[1]:g} s, or not completely within {whole:g} s."
            ) from error
        except requests.exceptions.RequestException as error:
            raise error_mapping.ServerGone(f"{self.name} cannot be reached.") from error
        except OSError as error:  # requests raises a plain OSError if the certificate file does not exist
            raise EngineMisconfigured(f"{self.name}: {error}") from error
        if 200 <= answer.status < 300 or answer.status in expected:
            return answer
        raise error_mapping.of_status(answer.status, path, self.name)

    def _read(self, response: requests.Response, path: str, most_bytes: int) -> bytes:
        content = bytearray()
        try:
            for part in response.iter_content(READ_BYTES):
                content += part
                if len(content) > most_bytes:
                    raise EngineAway(f"{self.name} answers {path} with more than {most_bytes >> 20} MiB.")
        except requests.exceptions.ConnectionError as error:  # what requests makes of a time-out while it reads a body
            raise requests.exceptions.Timeout from error
        return bytes(content)

    def _json(self, answer: HttpAnswer) -> Any:  # Any: the JSON of a foreign program
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise EngineAway(f"{self.name} answers something that is not JSON. Is it ComfyUI?") from error
