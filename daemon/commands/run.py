"""`freisteller run`: the daemon, and what it prints for the person who started it."""

import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from rich.console import Console

from daemon.commands.lines_for_people import LinesForPeople
from daemon.commands.samples import drop_samples
from daemon.errors import BadSettings
from daemon.logs import log
from daemon.observe.labels import public_name
from daemon.service.bounded_end import END_SECONDS, break_off_late_end, in_another_thread
from daemon.service.lifecycle import Daemon
from daemon.service.os_signals import handle_signals
from daemon.settings import Settings
from daemon.settings.http_section import HttpSettings
from daemon.settings.settings_source import SettingsSource
from daemon.words.counted import counted

NO_SAMPLES = "There are no sample photos here. To fetch them, type:"
FETCH_SAMPLES = f"{sys.executable} -m daemon.commands.samples"
STOPPED_AT_ONCE = b"Stopped at once. Nothing is lost: all photos go on at the next start.\n"


def run_daemon(
    settings: Settings,
    out: Console,
    *,
    once: bool,
    samples: bool,
    source: SettingsSource,
    clock: Callable[[], float] = time.time,
) -> int:
    """Run until stopped or, with `once`, until all is done. Returns the exit code.

    source: where the settings are read again, for SIGHUP.
    The exit code is 1 if the run ended by a fault of our own or if, with `once`, a photo failed or is still open.
    """
    lines = LinesForPeople(settings.log, out)
    requests = _Requests(settings, lines)
    handle_signals(requests.stop, requests.reload, partial(_say_at_once, lines.shown))
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return in_another_thread(
        partial(_run, settings, lines, requests, once=once, samples=samples, source=source, clock=clock)
    )


def _run(
    settings: Settings,
    lines: LinesForPeople,
    requests: "_Requests",
    *,
    once: bool,
    samples: bool,
    source: SettingsSource,
    clock: Callable[[], float],
) -> int:
    new_root = not settings.root_path.exists()
    daemon = Daemon(settings, on_end=lines.ended, reread=source.read, clock=clock)
    daemon.parts.shop_sending.flags = source.words
    try:
        refuse_taken_port(settings.http.bind)
    except BadSettings:
        daemon.close()
        raise
    requests.go_to(daemon)
    _greet(settings, lines, daemon.parts.journal.counts().open)
    if samples and new_root:
        count = len(drop_samples(daemon.parts.folders.inbox))
        what = f"{counted(count, 'sample photo')} {'is' if count == 1 else 'are'} on the way." if count else NO_SAMPLES
        lines.tell("samples", what, count=count)
        if not count:
            lines.show(f"  {FETCH_SAMPLES}")
    summary = daemon.run(once=once)
    for sentence in summary.wrong_orders:
        lines.show(sentence)
    left = f" {go_on(summary.open)} at the next start." if summary.open else ""
    ends = {"done": summary.done, "failed": summary.failed, "open": summary.open}
    lines.tell("stopped", f"Done: {summary.done:,}, failed: {summary.failed:,}.{left}", **ends)
    unfinished = summary.failed or summary.open or summary.wrong_orders
    return 1 if summary.broken or (once and unfinished) else 0


def _greet(settings: Settings, lines: LinesForPeople, left_over: int) -> None:
    """Say where things are; paths look as the user wrote them. left_over: photos of an earlier run."""
    root, column = settings.root.rstrip("/") or "/", len("Results appear in  ")
    what = f"{settings.root_path}: photos dropped into inbox/ are cut out."
    log.log("started", what, people=False, engine=settings.engine_in_use, left_over=left_over)
    lines.show(f"Drop photos into   {root}/inbox", column)
    lines.show(f"Results appear in  {root}/sehr_gut, gut, ungenügend", column)
    lines.show(f"{'':<{column}}(photos that fail: failed, originals: archiv)", column)
    lines.show(page_line(settings.http), column)
    lines.show(f"Engine             {engine_text(settings)}", column)
    lines.show("Stop with Ctrl-C.")
    if left_over:
        lines.tell("left_over", f"{go_on(left_over, ' of last time')}.", count=left_over)


def engine_text(settings: Settings) -> str:
    """The engine in use, in a few words."""
    if settings.engine_in_use == "local":
        return f"built in, model {settings.engine.local.model}"
    return ", ".join(public_name(server.url) for server in settings.comfyui.servers)


def _say_at_once(shown: bool) -> None:
    """Runs in a signal handler, so it may not wait for anybody's lock."""
    if shown:
        with suppress(OSError):
            os.write(sys.stdout.fileno(), b"\r" + STOPPED_AT_ONCE)


def refuse_taken_port(bind: str) -> None:
    """Raises BadSettings if another program has the port, so nobody is greeted with its address."""
    host, _, port = bind.rpartition(":")
    if not bind or port == "0":
        return
    with suppress(socket.gaierror):  # the opening of the port tells that
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(address)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    return
                raise BadSettings(
                    f"Another program has the port {bind}, perhaps another Freisteller. Stop that one, or choose "
                    f"another port: type FREISTELLER__HTTP__BIND={host}:{int(port) % 65535 + 1} before the command, "
                    "or set bind under [http]."
                ) from error


def go_on(count: int, which: str = "") -> str:
    """How many photos go on, e.g. "1 photo of last time goes on"."""
    return f"{counted(count, 'photo')}{which} {'goes' if count == 1 else 'go'} on"


def page_line(http: HttpSettings) -> str:
    """Where the pages are, or how to get them, in one line."""
    if not http.bind:
        return 'No pages: to look and decide in a browser, set bind = "127.0.0.1:9108" under [http] in the settings.'
    host, _, port = http.bind.rpartition(":")
    if host in ("0.0.0.0", "[::]", "::"):  # all of this machine's addresses
        host = socket.gethostname()
    url = http.public_url or f"http://{host}:{port}"
    if port == "0" and not http.public_url:
        return "Look and decide in a browser; at which port, a line will say (in the log: http_listening)."
    return f"Look and decide at {url}/review"


def stop_text(running: int, stop_seconds: float) -> str:
    """What a stop does now. running: how many photos are in work."""
    if not running:
        return "Stopping."
    goes = "gets" if running == 1 else "get"
    return (
        f"Stopping; {counted(running, 'photo')} in work {goes} up to {stop_seconds:.0f} s to end. "
        "Ctrl-C again ends at once, and nothing is lost."
    )


class _Requests:
    """What signals ask of the daemon. A stop that comes while it is still being opened counts as soon as it is open."""

    def __init__(self, settings: Settings, lines: LinesForPeople) -> None:
        self._settings = settings
        self._lines = lines
        self._daemon: Daemon | None = None
        self._stopped = threading.Event()
        break_off_late_end(self._stopped, self._limit_seconds)

    def go_to(self, daemon: Daemon) -> None:
        self._daemon = daemon
        break_off_late_end(daemon.stopping, self._limit_seconds)  # it may also end by itself
        if self._stopped.is_set():
            daemon.stop()

    def stop(self) -> None:
        self._stopped.set()
        if self._daemon:
            self._lines.clear_echo()
            self._lines.tell("stopping", stop_text(self._daemon.parts.dispatch.running, self._stop_seconds()))
            self._daemon.stop()

    def reload(self) -> None:
        if self._daemon:
            self._daemon.reloading.ask()

    def _limit_seconds(self) -> float:
        return self._stop_seconds() + END_SECONDS

    def _stop_seconds(self) -> float:
        settings = self._daemon.parts.settings.now if self._daemon else self._settings
        return settings.dispatch.stop_seconds
