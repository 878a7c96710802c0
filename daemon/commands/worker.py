"""`freisteller worker`: works on photos of a daemon that runs on another machine."""

import asyncio
import signal
import socket
import threading
import time
from collections.abc import Callable
from functools import partial

from daemon.cluster import on_worker
from daemon.errors import BadSettings
from daemon.logs import log
from daemon.service.choose_engine import build_engine, cores, memory_for, workers_for
from daemon.service.cluster_link import NEEDS_EXTRA, tls_files
from daemon.settings import Settings
from daemon.words.counted import counted


def run_worker(settings: Settings, name: str, threads: int, print_line: Callable[[str], None]) -> None:
    """Work for the daemon of the settings' cluster, on this machine and with its engine, until a signal.

    name: "" = this machine's. threads: how many photos at once; 0 = as many as the engine can use. A signal hands back
    what is not done within dispatch.stop_seconds. Raises BadSettings.
    """
    try:
        from daemon.cluster.dask_link import serve
    except ModuleNotFoundError as error:
        raise BadSettings(NEEDS_EXTRA) from error
    tls = tls_files(settings.cluster)
    name = name or socket.gethostname()
    engine = build_engine(settings, print_line, f"worker-{name}")
    machine = on_worker.FarMachine(settings, engine, name, memory_for(settings), cores())
    on_worker.be(machine)
    threads = threads or workers_for(settings, engine)
    stop = threading.Event()

    def end(*_: object) -> None:
        machine.leaving.set()
        threading.Thread(target=_leave, args=(machine, stop, settings.dispatch.stop_seconds), daemon=True).start()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    print_line(
        f"The worker {name} works on {counted(threads, 'photo')} at once, for the daemon of {settings.root_path}."
    )
    try:
        on_change = partial(_tell, settings.cluster.scheduler, print_line)
        scheduler = settings.cluster.scheduler
        asyncio.run(serve(scheduler, tls, name, threads, told=machine.told, stop=stop, on_change=on_change))
    finally:
        machine.close()
    print_line("The worker has ended.")


def _leave(machine: on_worker.FarMachine, stop: threading.Event, seconds: float) -> None:
    """Wait until nothing is in work here, but no longer than so many seconds, and end then."""
    until = time.monotonic() + seconds
    while machine.running and time.monotonic() < until:
        time.sleep(0.1)
    machine.close()  # what still asks an engine or a process is handed back
    until = time.monotonic() + 5.0
    while machine.running and time.monotonic() < until:
        time.sleep(0.05)
    time.sleep(0.5)  # what was done last is on its way
    stop.set()


def _tell(scheduler: str, print_line: Callable[[str], None], how: str) -> None:
    joined = how == "joined"
    text = f"Joined the scheduler {scheduler}." if joined else f"Not joined to {scheduler}: {how}. Trying again."
    print_line(text)
    log.log("cluster_joined" if joined else "cluster_not_joined", text, scheduler=scheduler)
