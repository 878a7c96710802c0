"""Tries once to deliver a notice: by a POST to a URL, or to a program that reads it.

One time limit holds for the whole try. We do not use requests here: its limits hold for each read, so a server that
sends a byte now and then could keep a try busy for hours.
"""

import base64
import hashlib
import hmac
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import unquote, urlsplit

from daemon import __version__
from daemon.settings import HookSettings

AGAIN_STATUSES = frozenset({408, 425, 429})  # and every 5xx: a later try may succeed
SIGNATURE = "X-Freisteller-Signature"
# Nothing of our own environment, since it holds secrets.
ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}


class Undelivered(Exception):
    """A try failed. reason: the short name for metrics. again: whether a later try may succeed.

    Its text holds no secret.
    """

    def __init__(self, text: str, reason: str, again: bool) -> None:
        super().__init__(text)
        self.reason = reason
        self.again = again


def deliver(hook: HookSettings, event: str, payload: bytes, limit_seconds: float, quiet: bool = True) -> None:
    """Try once. quiet: throw away what a program prints. Raises Undelivered if the notice did not get through."""
    if hook.command:
        _run(hook, event, payload, limit_seconds, quiet)
    else:
        _post(hook, payload, limit_seconds)


def _run(hook: HookSettings, event: str, payload: bytes, limit_seconds: float, quiet: bool) -> None:
    output = subprocess.DEVNULL if quiet else None
    try:
        process = subprocess.Popen(
            hook.command,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            cwd="/",
            env={**ENVIRONMENT, "FREISTELLER_EVENT": event},
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise Undelivered(f"{hook.command[0]} cannot be started: {why}.", "refused", again=False) from error
    try:
        process.communicate(payload, timeout=limit_seconds)
    except subprocess.TimeoutExpired as error:
        text = f"{hook.command[0]} was killed after {limit_seconds:g} s."
        raise Undelivered(text, "timeout", again=True) from error
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # together with all programs that it started
            process.communicate()
    if process.returncode:
        text = f"{hook.command[0]} ended with code {process.returncode}."
        raise Undelivered(text, "refused", again=True)


def _post(hook: HookSettings, payload: bytes, limit_seconds: float) -> None:
    parts = urlsplit(hook.url.get_secret_value())
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + limit_seconds
    connection: HTTPConnection | None = None
    timer: threading.Timer | None = None
    try:
        connection = _connection(hook, limit_seconds)
        connection.connect()
        # The limit of the socket holds for each read; this one holds for all of the request.
        timer = threading.Timer(max(0.0, deadline - time.monotonic()), _shut_down, (connection.sock,))
        timer.daemon = True
        timer.start()
        connection.request("POST", path, payload, _headers(hook, payload))
        status = connection.getresponse().status
    except ssl.SSLCertVerificationError as error:
        text = f"The certificate of {parts.hostname} is not trusted; set ca_file of the hook."
        raise Undelivered(text, "refused", again=False) from error
    except UnicodeError as error:
        text = f"The url or a header of {hook.title} holds characters that HTTP cannot carry."
        raise Undelivered(text, "refused", again=False) from error
    except (OSError, HTTPException) as error:
        if time.monotonic() >= deadline or isinstance(error, TimeoutError):
            text = f"{parts.hostname} did not answer within {limit_seconds:g} s."
            raise Undelivered(text, "timeout", again=True) from error
        text = f"{parts.hostname} cannot be reached: {_why(error)}."
        raise Undelivered(text, "unreachable", again=True) from error
    finally:
        if timer is not None:
            timer.cancel()
        if connection is not None:
            connection.close()
    if not 200 <= status < 300:
        hint = "; set the url of the hook to where it redirects" if 300 <= status < 400 else ""
        again = status in AGAIN_STATUSES or status >= 500
        raise Undelivered(f"{parts.hostname} answers {status}{hint}.", "refused", again)


def _connection(hook: HookSettings, limit_seconds: float) -> HTTPConnection:
    """A connection that is not open yet. Raises Undelivered if the ca_file cannot be used."""
    parts = urlsplit(hook.url.get_secret_value())
    host = parts.hostname or ""
    if parts.scheme == "http":
        return HTTPConnection(host, parts.port, timeout=limit_seconds)
    try:
        context = ssl.create_default_context(cafile=hook.ca_file or None)
    except OSError as error:
        text = f"The ca_file {hook.ca_file} of {hook.title} cannot be used: {_why(error)}."
        raise Undelivered(text, "refused", again=False) from error
    return HTTPSConnection(host, parts.port, timeout=limit_seconds, context=context)


def signature(secret: str, payload: bytes, at: int) -> str:
    """What proves that a POST is ours, and from when: "t=" Unix seconds ",v1=" HMAC-SHA256 of seconds, dot and body."""
    signed = hmac.new(secret.encode(), str(at).encode() + b"." + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


def _headers(hook: HookSettings, payload: bytes) -> dict[str, str]:
    parts = urlsplit(hook.url.get_secret_value())
    headers = {"Content-Type": "application/json", "User-Agent": f"freisteller/{__version__}"}
    if secret := hook.secret.get_secret_value():
        headers[SIGNATURE] = signature(secret, payload, int(time.time()))
    if hook.token.get_secret_value():
        headers["Authorization"] = f"Bearer {hook.token.get_secret_value()}"
    elif parts.username:
        login = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers | {name: value.get_secret_value() for name, value in hook.headers.items()}


def _shut_down(connected: socket.socket) -> None:
    with suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _why(error: Exception) -> str:
    """What went wrong. Never the text of the error itself, since it may hold what was sent."""
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else type(error).__name__
