"""The HTTP side of one ComfyUI server: every request that is ever sent, and what can go wrong with one.

The only importer of requests. Every request has a time limit; none sends an Origin, which newer servers refuse;
nothing comes from the environment (no proxy, no .netrc that would replace the token).
"""

import contextlib
import queue
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import requests

from daemon.engines.comfyui import error_mapping, replies
from daemon.engines.comfyui.graph import Prompt
from daemon.errors import EngineAway, EngineMisconfigured
from daemon.settings import ServerSettings

LONG_READ = 4  # times the usual limit, for the requests that carry a picture or wait for a busy server's validation
MODEL_FOLDER = "rmbg"


class ResultGone(Exception):
    """The server reports a result whose file is no longer there. Answer: compute it again, under another name."""


class Http:
    """One server's routes. Safe to share among threads: each request borrows a session of its own."""

    def __init__(self, settings: ServerSettings, limit_seconds: float) -> None:
        """limit_seconds: the longest silence, and the longest wait for a connection."""
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
        self._verify: bool | str = settings.ca_file or True
        self._closed = False
        self._idle: queue.LifoQueue[requests.Session] = queue.LifoQueue()

    def __repr__(self) -> str:
        return f"Http({self.name})"  # never the token

    def credentials(self) -> dict[str, str]:
        """The headers that say who we are, for the event socket; secret."""
        prepared = requests.Request("GET", self.base, headers=self._headers, auth=self._basic).prepare()
        return {"Authorization": prepared.headers["Authorization"]} if "Authorization" in prepared.headers else {}

    @property
    def ca_file(self) -> str:
        """The certificate authority's file, "" for the usual ones."""
        return self._verify if isinstance(self._verify, str) else ""

    def memory(self) -> replies.Memory:
        """GET /system_stats: alive, and with how much memory. Raises EngineAway or EngineMisconfigured, as all here."""
        try:
            return replies.read_memory(self._json(self._send("GET", "/system_stats")))
        except ValueError as error:
            raise EngineMisconfigured(
                f"{self.name} answers, but not like ComfyUI ({error}); correct its url."
            ) from error

    def inputs(self, node_class: str) -> Mapping[str, replies.Input] | None:
        """GET /object_info/{class}: what each of its inputs takes; None: no such node."""
        return replies.read_inputs(self._json(self._send("GET", f"/object_info/{node_class}")), node_class)

    def weights(self) -> frozenset[str] | None:
        """GET /models/rmbg: the weight files that are there; None where the server does not tell."""
        answer = self._send("GET", f"/models/{MODEL_FOLDER}", answers=(404,))
        body = self._json(answer) if answer.status_code == 200 else None
        return frozenset(str(name).replace("\\", "/") for name in body) if isinstance(body, list) else None

    def queue(self) -> replies.Queue:
        """GET /queue."""
        try:
            return replies.read_queue(self._json(self._send("GET", "/queue")))
        except ValueError as error:
            raise EngineAway(f"{self.name} answers /queue with something else ({error}).") from error

    def history(self, prompt_id: str, sink: str) -> replies.Finished | None:
        """GET /history/{id}: how that prompt ended; None where it has not, or is not known."""
        return replies.read_history(self._json(self._send("GET", f"/history/{prompt_id}")), prompt_id, sink)

    def submit(self, prompt: Prompt, prompt_id: str, client_id: str, model: str) -> None:
        """POST /prompt. Raises what `faults.of_rejection` makes of a refusal; a 5xx may still have queued it.

        Raises QueuedAllTheSame where the server took it and yet says that a node that is to work cannot.
        """
        payload = {"prompt": prompt, "prompt_id": prompt_id, "client_id": client_id}
        answer = self._send("POST", "/prompt", payload, answers=(400,), long=True)
        body = self._json(answer)
        if answer.status_code == 400:
            raise error_mapping.of_rejection(body, self.name, model)
        told = body.get("node_errors") if isinstance(body, dict) else None
        if isinstance(told, dict) and any(node["inputs"] for node_id, node in prompt.items() if node_id in told):
            raise error_mapping.QueuedAllTheSame(str(error_mapping.of_rejection(body, self.name, model)))

    def upload(self, picture: bytes, subfolder: str, name: str) -> str:
        """POST /upload/image, replacing what has that name. Returns LoadImage's name for it."""
        answer = self._send(
            "POST",
            "/upload/image",
            data={"type": "input", "subfolder": subfolder, "overwrite": "true"},
            files={"image": (name, picture, "image/jpeg")},
            long=True,
        )
        body = self._json(answer)
        if not isinstance(body, dict) or not body.get("name"):
            raise EngineAway(f"{self.name} did not say where it put an upload.")
        folder = str(body.get("subfolder") or "").replace("\\", "/").strip("/")
        return f"{folder}/{body['name']}" if folder else str(body["name"])

    def view(self, image: replies.StoredImage) -> bytes:
        """GET /view: the file of a result. Raises ResultGone where there is none any more."""
        where = {"filename": image.filename, "subfolder": image.subfolder, "type": image.type}
        answer = self._send("GET", "/view", params=where, answers=(404,), long=True)
        if answer.status_code == 404:
            raise ResultGone(f"{self.name} has no {image.filename} any more")
        return answer.content

    def dequeue(self, prompt_ids: Sequence[str]) -> None:
        """POST /queue: take prompts that still wait out of the queue; a running one is not touched."""
        self._send("POST", "/queue", {"delete": list(prompt_ids)})

    def interrupt(self, prompt_id: str) -> None:
        """POST /interrupt, with the id: without it, whatever runs would be hit, somebody else's prompt included."""
        self._send("POST", "/interrupt", {"prompt_id": prompt_id})

    def forget(self, prompt_ids: Sequence[str]) -> None:
        """POST /history: delete these entries."""
        self._send("POST", "/history", {"delete": list(prompt_ids)})

    def free(self) -> None:
        """POST /free: drop the node objects, and with them the models that the RMBG nodes hold."""
        self._send("POST", "/free", {"unload_models": True, "free_memory": True})

    def close(self) -> None:
        """Let go of the connections; of one in use as soon as it is not."""
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
            session.verify = self._verify
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
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        answers: Sequence[int] = (),
        long: bool = False,
    ) -> requests.Response:
        """One request, at once. Statuses other than 2xx and `answers` are raised as the fault they stand for."""
        limits = (self._limit, self._limit * (LONG_READ if long else 1))
        try:
            with self._session() as session:
                answer = session.request(
                    method,
                    self.base + path,
                    json=payload,
                    params=params,
                    data=data,
                    files=files,
                    timeout=limits,
                    allow_redirects=False,
                )
        except requests.exceptions.SSLError as error:
            raise EngineMisconfigured(f"{self.name}: its certificate is not trusted; set its ca_file.") from error
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema) as error:
            raise EngineMisconfigured(f"{self.name}: its url is not valid.") from error
        except requests.exceptions.Timeout as error:
            raise EngineAway(f"{self.name} does not answer within {limits[1]:g} s.") from error
        except requests.exceptions.RequestException as error:
            raise EngineAway(f"{self.name} cannot be reached.") from error
        except OSError as error:  # requests raises it bare for a certificate file that is not there
            raise EngineMisconfigured(f"{self.name}: {error}") from error
        if 200 <= answer.status_code < 300 or answer.status_code in answers:
            return answer
        raise error_mapping.of_status(answer.status_code, path, self.name)

    def _json(self, answer: requests.Response) -> Any:  # Any: read by `replies`, which doubts all of it
        try:
            return answer.json()
        except requests.exceptions.JSONDecodeError as error:
            raise EngineAway(f"{self.name} answers something that is not JSON; is it ComfyUI?") from error
