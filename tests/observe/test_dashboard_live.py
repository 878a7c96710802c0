"""Sends photos through a daemon while Prometheus scrapes it, until every panel of the dashboard has an answer."""

import math
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from daemon.observe.gpu import Gpus
from daemon.observe.machine import Machine
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import eventually, free_port, promtool, scraping
from tests.observe.scripted_nvml import ScriptedNvml
from tests.observe.test_dashboard import filled_in, queries

ACCIDENT = re.compile(
    "(failed_again|quarantined|workers_lost|collisions|fallbacks|missed_events|attempt_failures)_total|DCGM_"
)
"""What this day does not bring, so that its lines are left out. test_dashboard.py brings all of it."""


@pytest.mark.slow
def test_a_daemon_at_work_has_an_answer_for_every_panel(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    with Double() as one, Double() as other:
        settings = load(
            flags={
                "root": str(tmp_path / "hot"),
                "state_dir": str(tmp_path / "state"),
                "http": {"bind": bind},
                "comfyui": {"servers": [{"url": one.url}, {"url": other.url}], "probe_seconds": 0.5},
                "intake": {"quiet_seconds": 0.1, "scan_seconds": 0.5},
                "strategy": {"max_attempts": 2},
            }
        )
        daemon = Daemon(settings)
        machine = Machine(daemon.parts.metrics, {"root": tmp_path}, Gpus(ScriptedNvml), every_seconds=0.3)
        work = threading.Thread(target=daemon.run)
        work.start()
        machine.start()
        try:
            open_queries, page = _watch(tmp_path, bind, daemon)
        finally:
            machine.close()
            daemon.stop()
            work.join()

    complaints = promtool("check", "metrics", given=page)
    assert open_queries == set()
    assert (complaints.returncode, complaints.stdout + complaints.stderr) == (0, b"")


def _watch(folder: Path, bind: str, daemon: Daemon) -> tuple[set[str], bytes]:
    """Drop a file now and then, until every query has a number. Returns the queries without one, and the page."""
    open_queries = {query.expression for query in queries() if not ACCIDENT.search(query.expression)}
    dropped = 0

    with scraping(folder, [bind]) as prometheus:

        def all_answered() -> bool:
            nonlocal dropped
            if dropped < 40:
                _drop(folder / "hot" / "inbox", dropped)
                dropped += 1
            for query in sorted(open_queries):
                if any(math.isfinite(sample.value) for sample in prometheus.query(filled_in(query))):
                    open_queries.discard(query)
            return not open_queries

        eventually(all_answered)
    return open_queries, daemon.parts.metrics.exposition()


def _drop(inbox: Path, number: int) -> None:
    """Every fifth file is no photo, and one photo has no subject, so that it is tried again."""
    if number % 5 == 4:
        inbox.joinpath(f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more than a beginning")
    elif number % 5 == 3:
        noise = np.random.default_rng(number).integers(0, 255, (120, 160, 3), np.uint8)
        save_photo(inbox / f"{number}.jpg", noise)
    else:
        save_photo(inbox / f"{number}.jpg", drawn_photo(160, 120, number))
