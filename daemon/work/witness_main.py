"""The program of the process in which a witness looks at photos: networks of the built-in engine, on the processor."""

import select
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path

from daemon.engines.onnx.lone_networks import LoneNetworks
from daemon.work import kept_memory
from daemon.work.worker_calls import Call, Reply, become_a_worker, encoded

SEE = "see"
STAGE = "witness"
_IDLE_SECONDS = 10.0  # without a photo, after which others may have the memory: a network is loaded again in 0.1 s


def serve(channel: Connection, daemon: int) -> None:
    """Answer calls until the channel closes. daemon: its process id."""
    become_a_worker()
    networks, calls = LoneNetworks(), select.poll()
    calls.register(channel.fileno(), select.POLLIN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the daemon is gone, or wants no more
        while Path(f"/proc/{daemon}").exists():
            if not calls.poll(_IDLE_SECONDS * 1000):
                networks.forget()
                kept_memory.give_back()
            call = channel.recv()
            channel.send_bytes(encoded(_answer(networks, call)))


def _answer(networks: LoneNetworks, call: Call) -> Reply:
    """Do what was asked for; there is one word only. Whatever it raises is the answer."""
    assert call.name == SEE
    began, cpu_began = time.perf_counter(), time.process_time()
    try:
        steps = networks.see(*call.values)
    except Exception as error:  # noqa: BLE001 - the daemon decides what it means
        return Reply(None, error, error.__cause__, traceback.format_exc())
    return Reply(steps, stages=((STAGE, time.perf_counter() - began, time.process_time() - cpu_began),))
