"""The HTTP client of one ComfyUI server: sends every request and turns its failures into error classes.

Every answer has a limit of time and of size. No request sends an Origin, because newer servers refuse it. Nothing comes
from the environment: no proxy, and no .netrc, which would replace the token. Each photo takes five requests; the
library requests, which is built on urllib3, takes twice the processor time for each.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

import urllib3
from urllib3 import exceptions

from daemon.engines.comfyui import error_mapping, replies
from daemon.engines.comfyui.answer_limits import MOST_ANSWER_SILENCES, limited_pool
from daemon.engines.comfyui.graph import SINK_ID, Prompt, wired
from daemon.engines.comfyui.upload_names import name_to_load
from daemon.errors import EngineAway, EngineMisconfigured, Said, said_of
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
    """One server's routes. Threads may share it: each request borrows a connection for itself.

    Every request raises EngineAway or EngineMisconfigured if it fails.
    """

    def __init__(self, settings: ServerSettings, limit_seconds: float) -> None:
        """limit_seconds: the longest silence during a request, and the longest wait for a connection."""
        parts = urlsplit(settings.url)
        host = parts.netloc.rpartition("@")[2]
        self.name = f"{host}{parts.path.rstrip('/')}"
        self.base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._limit = limit_seconds
        self._path = parts.path.rstrip("/")
        self._credentials: dict[str, str] = {}
        if settings.token.get_secret_value():
            self._credentials["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        if parts.username:
            password = settings.password.get_secret_value() or unquote(parts.password or "")
            basic = b64encode(f"{unquote(parts.username)}:{password}".encode("latin-1", "xmlcharrefreplace"))
            self._credentials["Authorization"] = f"Basic {basic.decode()}"
        self.ca_file = settings.ca_file
        """The certificate authority's file, "" for the usual authorities."""
        self._pool: urllib3.HTTPConnectionPool | None = None

    def __repr__(self) -> str:
        return f"HttpClient({self.name})"  # never the token

    def credentials(self) -> dict[str, str]:
        """The headers that authenticate us, for the event socket. They are secret."""
        return dict(self._credentials)

    def memory(self) -> replies.Memory:
        """GET /system_stats. An answer shows that the server is alive, and how much memory it has."""
        try:
            return replies.read_memory(self._json(self._send("GET", "/system_stats")))
        except ValueError as error:
            raise EngineMisconfigured(Said("system_stats_odd", server=self.name, detail=error)) from error

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
            raise EngineAway(Said("queue_odd", server=self.name, detail=error)) from error

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
            raise error_mapping.QueuedDespiteErrors(said_of(error_mapping.of_rejection(body, self.name, model)))

    def upload(self, picture: bytes, name: str) -> str:
        """POST /upload/image, into temp/, which a restart of the server wipes. Replaces a file of the same name.

        Returns LoadImage's name for the picture.
        """
        image = (name, picture, "image/jpeg")
        form: Mapping[str, str | tuple[str, bytes, str]] = {"type": "temp", "overwrite": "true", "image": image}
        content, kind = urllib3.encode_multipart_formdata(form)
        answer = self._send("POST", "/upload/image", content=content, kind=kind, long=True)
        body = self._json(answer)
        if not isinstance(body, dict) or not body.get("name"):
            raise EngineAway(Said("upload_without_name", server=self.name))
        return name_to_load(str(body["name"]), str(body.get("subfolder") or ""), str(body.get("type") or "temp"))

    def view(self, image: replies.StoredImage) -> bytes:
        """GET /view: the content of a result file. Raises ResultGone if the file no longer exists."""
        query = {"filename": image.filename, "subfolder": image.subfolder, "type": image.type}
        answer = self._send("GET", "/view", query=query, expected=(404,), long=True, most_bytes=MOST_PICTURE_BYTES)
        if answer.status == 404:
            raise ResultGone(Said("result_no_longer_there", server=self.name, file=image.filename))
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
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    def _send(
        self,
        method: str,
        path: str,
        payload: Mapping[str, object] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        kind: str = "application/json",
        expected: Sequence[int] = (),
        long: bool = False,
        most_bytes: int = MOST_JSON_BYTES,
    ) -> HttpAnswer:
        """Send one request, once. Raises the matching error for a status other than 2xx and `expected`.

        content: of this kind, in place of a payload.
        """
        silence = self._limit * (LONG_READ if long else 1)
        headers = {"Accept": "*/*", "Accept-Encoding": "identity", **self._credentials}
        if payload is not None:
            content = json.dumps(payload).encode()
        if content is not None:
            headers["Content-Type"] = kind
        with self._translated(silence):
            self._pool = pool = self._pool or limited_pool(self.base, self.ca_file)
            response = pool.urlopen(
                method,
                f"{self._path}{path}?{urlencode(query)}" if query else f"{self._path}{path}",
                body=content,
                headers=headers,
                timeout=urllib3.Timeout(connect=self._limit, read=silence),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            with response:  # what was not read of it is not for the next request
                answer = HttpAnswer(response.status, self._read(response, path, most_bytes))
        if 200 <= answer.status < 300 or answer.status in expected:
            return answer
        raise error_mapping.of_status(answer.status, path, self.name)

    @contextmanager
    def _translated(self, silence: float) -> Iterator[None]:
        """Turn what the library raises into our errors. silence: the longest one that was allowed, in seconds."""
        try:
            yield
        except exceptions.SSLError as error:
            raise EngineMisconfigured(Said("certificate_not_trusted", server=self.name)) from error
        except ValueError as error:  # also of what cannot be in a header
            raise EngineMisconfigured(Said("server_url_invalid", server=self.name)) from error
        except exceptions.NewConnectionError as error:  # the library counts it among the time-outs
            raise error_mapping.ServerGone(Said("server_unreachable", server=self.name)) from error
        except exceptions.TimeoutError as error:
            whole = silence * MOST_ANSWER_SILENCES
            raise EngineAway(
                Said("server_silent", server=self.name, seconds=f"{silence:g}", whole=f"{whole:g}")
            ) from error
        except exceptions.HTTPError as error:
            raise error_mapping.ServerGone(Said("server_unreachable", server=self.name)) from error
        except OSError as error:  # the certificate file does not exist
            raise EngineMisconfigured(Said("server_error", server=self.name, detail=error)) from error

    def _read(self, response: urllib3.BaseHTTPResponse, path: str, most_bytes: int) -> bytes:
        content = bytearray()
        for part in response.stream(READ_BYTES):
            content += part
            if len(content) > most_bytes:
                raise EngineAway(Said("answer_too_large", server=self.name, path=path, n=most_bytes >> 20))
        return bytes(content)

    def _json(self, answer: HttpAnswer) -> Any:  # Any: the JSON of a foreign program
        try:
            return json.loads(answer.content)
        except (ValueError, RecursionError) as error:
            raise EngineAway(Said("not_json", server=self.name)) from error
