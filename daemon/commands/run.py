"""`freisteller run`: the daemon, and what it tells the person who started it."""

import signal
import sys
import threading
import time
from collections.abc import Callable

from rich.console import Console

from daemon.commands.samples import drop_samples
from daemon.commands.terminal import ending_line
from daemon.logs import journald, log
from daemon.publishing.job_events import JobEnd
from daemon.service.lifecycle import Daemon
from daemon.service.os_signals import heed
from daemon.settings import Settings


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

    reread: the settings as they are now, for SIGHUP.
    1: a photo failed or is still open after `once`, or a fault of our own ended the run.
    """
    on_terminal = sys.stderr.isatty()
    text = settings.log.format == "text" or (settings.log.format == "auto" and on_terminal)
    # On a terminal each photo has its line already; the log then only adds what is out of the ordinary.
    quiet = text and settings.log.format == "auto" and settings.log.level == "info"
    log.set_up("warning" if quiet else settings.log.level, settings.log.format, sys.stderr)
    new_root = not settings.root_path.exists()
    printing = threading.Lock()

    in_journal = journald.reads(sys.stderr)  # under systemd the log has a line per photo, and one is enough

    def tell(ending: JobEnd) -> None:
        if not in_journal:
            with printing:
                out.print(ending_line(ending))

    def say(line: str) -> None:
        with printing:
            out.print(line, markup=False)

    stopped = threading.Event()
    ready_to_stop: list[Daemon] = []

    def stop() -> None:
        stopped.set()
        for running in ready_to_stop:
            running.stop()

    def reload() -> None:
        for running in ready_to_stop:
            running.reload()

    heed(stop, reload)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    daemon = Daemon(settings, on_end=tell, print_line=say, reread=reread, clock=clock)
    ready_to_stop.append(daemon)
    if stopped.is_set():
        daemon.stop()
    root = settings.root_path
    say(f"Drop photos into   {daemon.parts.folders.inbox}")
    say(f"Results appear in  {root}/sehr_gut, gut, ungenügend   (what cannot be done: failed; originals: archiv)")
    say(f"Engine: {settings.engine_in_use}.   Stop with Ctrl-C.")
    if samples and new_root:
        dropped = drop_samples(daemon.parts.folders.inbox)
        say(f"{len(dropped)} sample photos are on their way." if dropped else "No samples: scikit-image is missing.")
    summary = daemon.run(once=once)
    if summary.open:
        say(f"{summary.open} photos are still to do; the next start goes on with them.")
    for sentence in summary.wrong_orders:
        say(sentence)
    say(f"Done: {summary.done}, failed: {summary.failed}.")
    left = summary.failed or summary.open or summary.wrong_orders
    return 1 if summary.broken or (once and left) else 0
