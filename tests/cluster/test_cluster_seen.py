"""What a daemon shows Prometheus of real workers, also of one that is killed with its photos."""

import os
import signal
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon.service.choose_engine import cores
from tests.cluster.real_cluster import Cluster
from tests.observe.prometheus import free_port

pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow


class Page:
    """The daemon's page of metrics."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def of(self, name: str) -> dict[str, float]:
        """The samples of a series by the value of their only label, if they have one; {} as long as nobody answers."""
        try:
            with urllib.request.urlopen(self._url, timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return {}
        found = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        return {
            "".join(sample.labels.values()): sample.value
            for sample in found
            if sample.name == f"freisteller_cluster_{name}"
        }


def test_a_worker_that_is_killed_with_photos_is_counted_and_its_photos_are_done_elsewhere(cluster: Cluster) -> None:
    port = free_port()
    cluster.settings.write_text(cluster.settings.read_text().replace('bind = ""', f'bind = "127.0.0.1:{port}"'))
    page = Page(port)
    cluster.scheduler()
    first = cluster.worker("one")
    cluster.daemon()
    cluster.wait(lambda: page.of("workers").get("fit") == 1, "the worker on the page")
    assert page.of("worker_cores") == {"one": cores()}
    assert page.of("worker_memory_bytes")["one"] > 0
    tries = cluster.root / ".freisteller" / "tries"
    cluster.drop("a.jpg", "b.jpg", "c.jpg")
    cluster.wait(lambda: tries.is_dir() and any(tries.glob("*/*")), "a photo on the worker")

    os.killpg(first.pid, signal.SIGKILL)
    first.wait(30)
    cluster.wait(lambda: page.of("workers_lost_total")["gone"] == 1, "the loss on the page")
    assert page.of("worker_threads") == {}
    cluster.worker("one")
    cluster.wait(lambda: len(cluster.lines("job_done")) == 3, "all photos")

    by_worker = [line.get("worker") for line in cluster.lines("job_done")]
    cluster.wait(lambda: page.of("photos_total") == {"": by_worker.count("one")}, "the last photo on the page")
    assert page.of("photos_lost_total") == {"gone": 1, "silent": 0, "scheduler_away": 0, "not_run": 0}
    assert page.of("worker_photos_total") == {"one": by_worker.count("one")}
