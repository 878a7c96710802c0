"""Fetches the rest of one file from one address, and believes nothing that the server says of it.

The time of a silence is limited, and so is the slowness of a server that only seems alive; bytes are counted. What a
source gives is proven by its sum, which the caller checks.
"""

import contextlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3

from daemon.engines.onnx.kept_part import KeptPart, PartNote
from daemon.engines.onnx.proven_weights import Promise

READ_BYTES = 256 << 10
MOST_BYTES = 8 << 30
"""Of a file whose size nobody promises: no model that we know has more than a gigabyte."""

_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})


class SourceFailed(Exception):
    """This source does not have the file as it was promised. Answer: go to the next source."""


class SourceAway(SourceFailed):
    """The source cannot be reached, is busy, or broke off. Answer: ask it again after a while, then the next source."""

    def __init__(self, message: str, after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds
        """How long the server wants to be left alone."""


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How long a source is waited for.

    slow_bytes: if fewer arrive in slow_seconds, the source is as good as silent. back_offs: before each new try that
    follows one without a single byte. most_tries: of one source, however many bytes each try brings.
    """

    connect_seconds: float = 10.0
    silent_seconds: float = 30.0
    slow_seconds: float = 60.0
    slow_bytes: int = 60 << 10
    back_offs: tuple[float, ...] = (1.0, 3.0, 9.0)
    most_tries: int = 50


OnBytes = Callable[[int, int | None], None]
"""Told after each piece: bytes that are there, and bytes of the whole file, None = not known."""


def shown_url(url: str) -> str:
    """A URL for people: without the name and password that it may carry."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch_rest(
    url: str,
    part: KeptPart,
    promise: Promise,
    limits: FetchLimits,
    on_bytes: OnBytes,
    make_room: Callable[[int], None],
) -> None:
    """Append to `part` what it lacks, from `url`. Then it has as many bytes as the file should have.

    make_room: called with the number of bytes that will come, before the first one; it may raise.
    Raises SourceAway, and what arrived so far is kept; SourceFailed; OSError of the disk.
    """
    note = part.note()
    if note.sum != promise.sum:  # a part of something else: another version of the model, or of nobody knows what
        part.begin(PartNote(promise.sum, url))
        note = part.note()
    had = part.size
    if promise.size_bytes is not None and had >= promise.size_bytes:
        if had > promise.size_bytes:
            part.begin(PartNote(promise.sum, url))
        else:
            return
    headers = {"Accept-Encoding": "identity"}
    if had := part.size:
        headers["Range"] = f"bytes={had}-"
        if note.url == url and note.validator:
            headers["If-Range"] = note.validator
    with _answers(url, headers, limits) as answer:
        if answer.status_code == 416 and answer.headers.get("Content-Range") == f"bytes */{had}":
            return  # it is whole; an earlier run ended before it could say so
        if had and not _answers_range(answer, had):
            part.begin(PartNote(promise.sum, url))
            raise SourceAway("it does not send the rest of the file, so all of it is fetched again")
        total = _total_bytes(answer, promise)
        came_from = PartNote(promise.sum, url, _validator(answer))
        if answer.status_code == 206:
            part.came_from(came_from)
        else:
            part.begin(came_from)
        make_room((total or 0) - part.size)
        _append(answer, part, total, limits, on_bytes)


def _append(
    answer: requests.Response, part: KeptPart, total: int | None, limits: FetchLimits, on_bytes: OnBytes
) -> None:
    size = part.size
    most = MOST_BYTES if total is None else total
    window_began, window_size = time.monotonic(), size
    on_bytes(size, total)
    while some := _read(answer):
        if size + len(some) > most:
            part.begin(PartNote())
            raise SourceFailed("it sends more bytes than it promised")
        part.append(some)
        size += len(some)
        on_bytes(size, total)
        if time.monotonic() - window_began > limits.slow_seconds:
            if size - window_size < limits.slow_bytes:
                raise SourceAway(f"fewer than {limits.slow_bytes} bytes came in {limits.slow_seconds:g} s")
            window_began, window_size = time.monotonic(), size
    if total is not None and size < total:
        raise SourceAway(f"the connection broke off after {size} of {total} bytes")


def _read(answer: requests.Response) -> bytes:
    """Some bytes, as soon as there are any; b"" at the end."""
    try:
        return bytes(answer.raw.read1(READ_BYTES, decode_content=False))
    except urllib3.exceptions.TimeoutError as error:
        raise SourceAway("the server fell silent") from error
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:  # ValueError: of a broken chunk
        raise SourceAway("the connection broke off") from error


@contextlib.contextmanager
def _answers(url: str, headers: dict[str, str], limits: FetchLimits) -> Iterator[requests.Response]:
    """The answer to a GET, its body not yet read. Proxies come from the environment, as for other programs."""
    timeout = (limits.connect_seconds, limits.silent_seconds)
    with contextlib.ExitStack() as stack:
        try:
            session = stack.enter_context(requests.Session())
            answer = stack.enter_context(session.get(url, headers=headers, timeout=timeout, stream=True))
        except requests.exceptions.SSLError as error:
            raise SourceFailed(
                "its certificate is not trusted (REQUESTS_CA_BUNDLE names authorities of your own)"
            ) from error
        except requests.exceptions.ProxyError as error:
            raise SourceAway("the proxy of the environment (HTTPS_PROXY, HTTP_PROXY) lets nothing through") from error
        except requests.exceptions.Timeout as error:
            raise SourceAway("no answer in time") from error
        except requests.exceptions.ConnectionError as error:
            raise SourceAway("it cannot be reached") from error
        except (requests.exceptions.RequestException, ValueError) as error:  # too many redirects, no URL at all
            raise SourceFailed(f"it cannot be asked ({type(error).__name__})") from error
        if url.startswith("https:") and not answer.url.startswith("https:"):
            raise SourceFailed("it leads to an address without encryption")
        if answer.status_code in _BUSY:
            raise SourceAway(f"the server answers {answer.status_code}", _retry_after(answer))
        if answer.status_code not in ((200, 206, 416) if "Range" in headers else (200,)):
            raise SourceFailed(f"the server answers {answer.status_code}")
        yield answer


def _answers_range(answer: requests.Response, had: int) -> bool:
    """Whether the answer is the rest that we asked for, or all of the file."""
    if answer.status_code == 206:
        return answer.headers.get("Content-Range", "").startswith(f"bytes {had}-")
    return answer.status_code == 200


def _total_bytes(answer: requests.Response, promise: Promise) -> int | None:
    """Bytes of the whole file by what the server says, None = it does not say. Raises SourceFailed for a bad answer."""
    if answer.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise SourceFailed("it sends the file packed, though we asked for it as it is")
    length = answer.headers.get("Content-Length", "")
    total = int(length) if re.fullmatch(r"\d{1,15}", length) else None
    if answer.status_code == 206:
        named = answer.headers.get("Content-Range", "").rpartition("/")[2]
        total = int(named) if re.fullmatch(r"\d{1,15}", named) else None
    if promise.size_bytes is None:
        return total
    if total is not None and total != promise.size_bytes:
        raise SourceFailed(f"its file has {total} bytes instead of {promise.size_bytes}")
    return promise.size_bytes


def _validator(answer: requests.Response) -> str:
    """What If-Range may name: a strong ETag, else the date of the last change; "" = neither."""
    tag = str(answer.headers.get("ETag", ""))
    if tag and not tag.startswith("W/"):
        return tag
    return str(answer.headers.get("Last-Modified", ""))


def _retry_after(answer: requests.Response) -> float:
    """The seconds that the server wants to be left alone, 0 = it does not say."""
    wanted = str(answer.headers.get("Retry-After", ""))
    if re.fullmatch(r"\d{1,9}", wanted):
        return float(wanted)
    try:
        return max(0.0, parsedate_to_datetime(wanted).timestamp() - time.time())
    except ValueError:
        return 0.0
