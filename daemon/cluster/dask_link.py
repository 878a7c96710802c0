"""The door to Dask: carries errands to the workers of a scheduler, and is such a worker."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import distributed
from distributed.security import Security

from daemon.cluster.connection_faults import why_not_connected
from daemon.cluster.link import LinkLost, SeenWorker, TlsFiles

CONNECT_SECONDS = 10.0
ASK_SECONDS = 15.0
"""A scheduler that does not answer for so long is away: where a cable is pulled, nobody says so for minutes."""
TOLD = "freisteller"
"""Under this name a worker's heartbeat has what it says of itself."""
AGAIN_SECONDS = 2.0


def _security(tls: TlsFiles | None) -> Security | None:
    if tls is None:
        return None
    files = {"tls_ca_file": str(tls.ca_file)}
    for side in ("client", "worker"):
        files |= {f"tls_{side}_cert": str(tls.cert), f"tls_{side}_key": str(tls.key)}
    return Security(require_encryption=True, **files)


class DaskLink:
    """A client of a scheduler. It is a `Link`; the methods are explained there."""

    def __init__(self, scheduler: str, tls: TlsFiles | None, run: Callable[[bytes], bytes]) -> None:
        """run: what workers call with an errand, a function of a module that they have, too.

        Raises LinkLost if the scheduler does not answer.
        """
        self._run = run
        self._lock = threading.Lock()
        self._sent: dict[str, distributed.Future] = {}
        logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost, the pool says
        try:
            self._client = distributed.Client(
                scheduler, security=_security(tls), timeout=CONNECT_SECONDS, set_as_default=False, name="freisteller"
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise LinkLost(why_not_connected(error)) from error

    def workers(self) -> Sequence[SeenWorker]:
        """The workers that there are."""
        if self._client.status != "running":
            raise LinkLost(f"the connection is {self._client.status}")
        try:
            # Not `scheduler_info`: it waits for ever, and tells what it knew before if the connection breaks.
            ask = self._client.scheduler.identity
            found = self._client.sync(ask, n_workers=-1, callback_timeout=ASK_SECONDS)["workers"]
        except Exception as error:
            raise LinkLost(str(error) or type(error).__name__) from error
        return [_seen(address, each) for address, each in found.items()]

    def send(self, address: str, key: str, content: bytes, ended: Callable[[bytes | None, str], None]) -> None:
        """Run an errand on this worker alone."""
        try:
            future = self._client.submit(
                self._run, content, key=key, workers=[address], allow_other_workers=False, pure=False, retries=0
            )
        except Exception as error:
            raise LinkLost(str(error) or type(error).__name__) from error
        with self._lock:
            self._sent[key] = future
        future.add_done_callback(lambda done: self._ended(key, done, ended))

    def forget(self, key: str) -> None:
        """Nobody waits for this errand any more."""
        with self._lock:
            future = self._sent.pop(key, None)
        if future is not None:
            with suppress(Exception):
                future.cancel(force=True)
            with suppress(Exception):
                future.release()

    def close(self) -> None:
        """Let go."""
        with suppress(Exception):
            self._client.close(timeout=2)

    def _ended(self, key: str, future: Any, ended: Callable[[bytes | None, str], None]) -> None:
        answer, why = None, future.status
        if future.status == "finished":
            try:
                answer = future.result(timeout=CONNECT_SECONDS)
            except Exception as error:  # noqa: BLE001 - it was lost after all
                why = str(error) or type(error).__name__
        elif future.status == "error":
            with suppress(Exception):
                fault = future.exception(timeout=CONNECT_SECONDS)
                why = f"{type(fault).__name__}: {fault}"
        with self._lock:
            self._sent.pop(key, None)
        ended(answer, why)


def _seen(address: str, each: Mapping[str, Any]) -> SeenWorker:
    told = each.get("metrics", {}).get(TOLD)
    return SeenWorker(
        address,
        str(each.get("name", address)),
        str(each.get("host", "")),
        int(each.get("nthreads", 1)),
        float(each.get("last_seen", 0.0)),
        told if isinstance(told, Mapping) else {},
    )


async def serve(
    scheduler: str,
    tls: TlsFiles | None,
    name: str,
    threads: int,
    *,
    told: Callable[[], Mapping[str, Any]],
    stop: threading.Event,
    on_change: Callable[[str], None],
) -> None:
    """Be a worker until `stop`, and join again whenever the scheduler was away.

    told: what it says of itself, with each heartbeat. on_change: is told "joined", or why it is not joined.
    """
    said = ""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="freisteller-worker-") as scratch:
        while not stop.is_set():
            worker = distributed.Worker(
                scheduler,
                nthreads=threads,
                name=name,
                security=_security(tls),
                host=None if tls else "127.0.0.1",  # without TLS nobody else may reach it
                memory_limit=0,  # photos are bounded by our own budget, and each by its process
                local_directory=scratch,
                metrics={TOLD: lambda _: dict(told())},
                death_timeout=CONNECT_SECONDS,
                dashboard=False,
                dashboard_address="127.0.0.1:0",  # its pages have no login, and Dask opens them even so
            )
            try:
                await worker
                on_change("joined")
                said = ""
                while worker.status == distributed.Status.running and not stop.is_set():
                    await asyncio.sleep(0.2)
            except Exception as error:  # noqa: BLE001 - whatever it is, the next try may do better
                if (why := why_not_connected(error)) != said:
                    said = why
                    on_change(why)
            else:
                if not stop.is_set():
                    on_change("the scheduler is away")
            with suppress(Exception):
                await worker.close(timeout=5, executor_wait=False)
            for _ in range(int(AGAIN_SECONDS / 0.2)):
                if stop.is_set():
                    break
                await asyncio.sleep(0.2)
