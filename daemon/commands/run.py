"""`freisteller run`: the daemon, and what it prints for the person who started it."""

import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from rich.console import Console

from daemon.commands.samples import drop_samples
from daemon.commands.terminal import job_end_line
from daemon.errors import BadSettings
from daemon.logs import journald, log
from daemon.publishing.job_events import JobEnd
from daemon.service.bounded_end import END_SECONDS, break_off_late_end, in_another_thread
from daemon.service.lifecycle import Daemon
from daemon.service.os_signals import handle_signals
from daemon.settings import Settings
from daemon.settings.http_section import HttpSettings
from daemon.words.counted import counted

NO_SAMPLES = f"There are no sample photos here. To fetch them: {sys.executable} -m daemon.commands.samples"


def run_daemon(
    settings: Settings,
    out: Console,
    *,
    once: bool,
    samples: bool,
    reread: Callable[[], Settings],
    clock: Callable[[], float] = time.time,
) -> int:
    """Run until stopped or, with `once`, until all is done. Returns the exit code.

    reread: gives the settings as they are now, for SIGHUP.
    The exit code is 1 if the run ended by a fault of our own or if, with `once`, a photo failed or is still open.
    """
    _set_up_log(settings)
    requests = _Requests(settings)
    handle_signals(requests.stop, requests.reload)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    return in_another_thread(
        partial(_run, settings, out, requests, once=once, samples=samples, reread=reread, clock=clock)
    )


def _run(
    settings: Settings,
    out: Console,
    requests: "_Requests",
    *,
    once: bool,
    samples: bool,
    reread: Callable[[], Settings],
    clock: Callable[[], float],
) -> int:
    new_root = not settings.root_path.exists()
    has_line_in_log = journald.reads(sys.stderr)  # under systemd the log has a line for each photo, and one is enough

    def print_line(line: str) -> None:
        out.print(line, markup=False)

    def print_end(job_end: JobEnd) -> None:
        if not has_line_in_log:
            out.print(job_end_line(job_end))

    daemon = Daemon(settings, on_end=print_end, print_line=print_line, reread=reread, clock=clock)
    try:
        refuse_taken_port(settings.http.bind)
    except BadSettings:
        daemon.close()
        raise
    requests.go_to(daemon)
    inbox = daemon.parts.folders.inbox
    print_line(f"Drop photos into   {inbox}")
    root = settings.root_path
    print_line(f"Results appear in  {root}/sehr_gut, gut, ungenügend   (failed photos: failed, originals: archiv)")
    print_line(page_line(settings.http))
    print_line(f"Engine: {settings.engine_in_use}.   Stop with Ctrl-C.")
    if left_over := daemon.parts.journal.counts().open:
        print_line(f"{go_on(left_over, ' of last time')}.")
    if samples and new_root:
        count = len(drop_samples(inbox))
        print_line(f"{count} sample photos are on their way." if count else NO_SAMPLES)
    summary = daemon.run(once=once)
    if summary.open:
        print_line(f"{go_on(summary.open)} at the next start.")
    for sentence in summary.wrong_orders:
        print_line(sentence)
    print_line(f"Done: {summary.done}, failed: {summary.failed}.")
    left = summary.failed or summary.open or summary.wrong_orders
    return 1 if summary.broken or (once and left) else 0


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
        return "Look and decide in a browser: the log line http_listening says at which port."
    return f"Look and decide at   {url}/review"


class _Requests:
    """What signals ask of the daemon. A stop that comes while it is still being opened counts as soon as it is open."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
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
            self._daemon.stop()

    def reload(self) -> None:
        if self._daemon:
            self._daemon.reloading.ask()

    def _limit_seconds(self) -> float:
        settings = self._daemon.parts.settings.now if self._daemon else self._settings
        return settings.dispatch.stop_seconds + END_SECONDS


def _set_up_log(settings: Settings) -> None:
    """On a terminal each photo has its line already, so the log shows warnings only, unless the settings say more."""
    on_terminal = settings.log.format == "auto" and sys.stderr.isatty()
    level = "warning" if on_terminal and settings.log.level == "info" else settings.log.level
    log.set_up(level, settings.log.format, sys.stderr)
