"""Two daemons at work while Prometheus scrapes them: every panel has an answer, for each of them, over a restart."""

import math
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import numpy as np
import pytest

from daemon.observe.gpu import Gpus
from daemon.observe.machine import Machine
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import Prometheus, Sample, eventually, free_port, promtool, scraping
from tests.observe.scripted_nvml import ScriptedNvml
from tests.observe.test_dashboard import Query, filled_in, first_screen, panels, queries

ACCIDENT = re.compile(
    "(failed_again|quarantined|workers_lost|collisions|fallbacks|missed_events|attempt_failures)_total|DCGM_"
    r"|cluster_photos_given_back_total|sum by \(instance\) \(freisteller_cluster"
)
"""What this day does not bring, so that its lines are left out. test_dashboard.py brings all of it."""

COUNT = re.compile(r"^(?!.*(?:histogram_quantile| / )).*(?:rate|increase)\(")
"""Asks how many, not how long, how good or which share: these may be 0."""


@pytest.mark.slow
def test_a_daemon_at_work_has_an_answer_for_every_panel_also_after_a_restart(tmp_path: Path) -> None:
    bind, quiet = (f"127.0.0.1:{free_port()}" for _ in range(2))
    every = [query for query in queries() if not ACCIDENT.search(query.expression)]
    with Double() as one, Double() as other, ExitStack() as stack:
        comfyui = {"servers": [{"url": one.url}, {"url": other.url}], "probe_seconds": 0.5}
        stack.enter_context(at_work(tmp_path / "quiet", quiet, {}, Gpus()))
        prometheus = stack.enter_context(scraping(tmp_path, [bind, quiet]))
        for _ in range(2):
            with at_work(tmp_path / "busy", bind, comfyui, Gpus(ScriptedNvml)) as daemon:
                day = Day(tmp_path / "busy" / "hot" / "inbox", prometheus)
                assert day.unanswered(every, bind) == set()
                assert names_of_two_lines(day, every) == []
                assert lines_of_nothing(day, every) == []
                page = daemon.parts.metrics.exposition()
        silent = day.unanswered([query for query in every if is_for_any_daemon(query)], quiet)

    complaints = promtool("check", "metrics", given=page)
    assert silent == set()
    assert (complaints.returncode, complaints.stdout + complaints.stderr) == (0, b"")


def is_for_any_daemon(query: Query) -> bool:
    """Whether it says something of a daemon that has no photos, ComfyUI or GPU: a figure, or that there is none."""
    titles = {panel["title"] for panel in first_screen()} - {"Alerts", "Photos an hour"}
    return query.panel in titles or "0 * freisteller_build_info" in query.expression


@contextmanager
def at_work(folder: Path, bind: str, comfyui: Mapping[str, object], gpus: Gpus) -> Iterator[Daemon]:
    """comfyui: its settings; none = the built-in engine, whether it has weights or not."""
    flags: dict[str, object] = {
        "root": str(folder / "hot"),
        "state_dir": str(folder / "state"),
        "http": {"bind": bind},
        "intake": {"quiet_seconds": 0.1, "scan_seconds": 0.5},
        "strategy": {"max_attempts": 2},
    }
    daemon = Daemon(load(flags=flags | ({"comfyui": comfyui} if comfyui else {})))
    machine = Machine(daemon.parts.metrics, {"root": folder}, gpus, every_seconds=0.3)
    work = threading.Thread(target=daemon.run)
    work.start()
    machine.start()
    try:
        yield daemon
    finally:
        machine.close()
        daemon.stop()
        work.join()


class Day:
    """Files that come now and then, and what Prometheus answers meanwhile."""

    def __init__(self, inbox: Path, prometheus: Prometheus) -> None:
        self._inbox = inbox
        self._prometheus = prometheus
        self._dropped = 0

    def unanswered(self, wanted: list[Query], instance: str) -> set[Query]:
        """Wait until each query has a number about this daemon; returns those that never had one."""
        silent = set(wanted)

        def all_answered() -> bool:
            if self._inbox.is_dir() and self._dropped < 40:
                self._drop()
            for panel in sorted({query.panel for query in silent}):
                asked = [query for query in wanted if query.panel == panel]
                silent.difference_update(query for query in asked if self._tells(self._numbers(query), instance))
            return not silent

        eventually(all_answered)
        return silent

    def lines(self, query: Query) -> list[tuple[Sample, float]]:
        """What the panel draws of the last minute: each line with its last value, and its greatest one."""
        now = time.time()
        expression = filled_in(query.expression)
        data = self._prometheus.ask(
            "/api/v1/query_range", query=expression, start=f"{now - 60}", end=f"{now}", step="1"
        )
        assert isinstance(data, dict)
        found = []
        for each in data["result"]:
            numbers = [float(value) for _, value in each["values"] if math.isfinite(float(value))]
            if numbers:
                found.append((Sample(each["metric"], numbers[-1]), max(numbers)))
        return found

    def _numbers(self, query: Query) -> list[Sample]:
        found = self._prometheus.query(filled_in(query.expression))
        return [sample for sample in found if math.isfinite(sample.value)]

    def _tells(self, samples: list[Sample], instance: str) -> bool:
        """A sum over all daemons, and the words for "no alert", name no instance."""
        return any(sample.labels.get("instance", instance) == instance for sample in samples)

    def _drop(self) -> None:
        """Every fifth file is no photo, and one photo has no subject, so that it is tried again."""
        number = self._dropped
        self._dropped += 1
        if number % 5 == 4:
            self._inbox.joinpath(f"{number}.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more than a beginning")
        elif number % 5 == 3:
            noise = np.random.default_rng(number).integers(0, 255, (120, 160, 3), np.uint8)
            save_photo(self._inbox / f"{number}.jpg", noise)
        else:
            save_photo(self._inbox / f"{number}.jpg", drawn_photo(160, 120, number))


def names_of_two_lines(day: Day, wanted: list[Query]) -> list[tuple[str, str]]:
    """(panel, name) of lines that nobody can tell apart."""
    tables = {panel["title"] for panel in panels() if panel["type"] == "table"}
    names = [(query.panel, query.name_of(line)) for query in wanted for line, _ in day.lines(query)]
    return [each for each, times in Counter(names).items() if times > 1 and each[0] not in tables]


def lines_of_nothing(day: Day, wanted: list[Query]) -> list[tuple[str, str]]:
    """(panel, name) of counts that stay 0 and fill a legend, but for the words that say that there was nothing."""
    others = {panel["title"] for panel in panels() if panel in first_screen() or panel["type"] == "heatmap"}
    counts = [query for query in wanted if query.panel not in others and COUNT.search(query.expression)]
    lines = [(query, line, most) for query in counts for line, most in day.lines(query)]
    return [
        (query.panel, query.name_of(line)) for query, line, most in lines if not most and "version" not in line.labels
    ]
