"""The dashboard is well-formed, asks only for series that exist, and shows something in every panel."""

import json
import math
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from daemon.cluster.tallies import ClusterTotals
from daemon.cluster.worker_state import SET_ASIDE, ClusterState
from daemon.observe.labels import OBSTACLES
from daemon.service.cluster_figures import ClusterFigures
from tests.observe.busy_day import CLUSTER, happen, metrics_of_a_new_daemon
from tests.observe.prometheus import ROOT, Sample, eventually, scraping
from tests.observe.series import known_series, series_in
from tests.observe.test_rules import RECORDED
from tests.web.ports import watched_site, web_server

Json = dict[str, Any]  # Any: Grafana's JSON model is Grafana's business


DCGM = {
    "DCGM_FI_DEV_GPU_UTIL": 40,
    "DCGM_FI_DEV_FB_USED": 9000,
    "DCGM_FI_DEV_FB_FREE": 3000,
    "DCGM_FI_DEV_POWER_USAGE": 180,
}
"""What NVIDIA's dcgm-exporter says of a GPU on another machine, in per cent, MiB and watts."""


OPTIONS = {
    "bargauge": {
        "reduceOptions",
        "orientation",
        "displayMode",
        "valueMode",
        "showUnfilled",
        "minVizWidth",
        "minVizHeight",
    },
    "heatmap": {
        "calculate",
        "color",
        "exemplars",
        "filterValues",
        "legend",
        "rowsFrame",
        "showValue",
        "tooltip",
        "yAxis",
    },
    "stat": {
        *("reduceOptions", "orientation", "colorMode", "graphMode", "justifyMode", "textMode"),
        *("showPercentChange", "wideLayout"),
    },
    "state-timeline": {"legend", "mergeValues", "rowHeight", "showValue", "tooltip"},
    "table": {"cellHeight", "footer", "frameIndex", "showHeader"},
    "timeseries": {"legend", "tooltip"},
}
"""For each kind of panel, the options that Grafana's schema demands, or whose default would look different."""
FORMATS = {"table": "table", "heatmap": "heatmap"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel. legend: with {{label}} in it."""

    panel: str
    expression: str
    legend: str = ""

    def name_of(self, sample: Sample) -> str:
        """What the legend calls it."""
        return re.sub(r"\{\{(\w+)\}\}", lambda found: sample.labels.get(found[1], ""), self.legend).strip()


def dashboard() -> Json:
    text = (ROOT / "grafana" / "dashboards" / "freisteller.json").read_text(encoding="utf-8")
    loaded: Json = json.loads(text)
    return loaded


def rows() -> list[Json]:
    return [panel for panel in dashboard()["panels"] if panel["type"] == "row"]


def first_screen() -> list[Json]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def panels() -> list[Json]:
    return [*first_screen(), *(panel for row in rows() for panel in row["panels"])]


def queries() -> list[Query]:
    return [
        Query(panel["title"], target["expr"], target["legendFormat"])
        for panel in panels()
        for target in panel["targets"]
    ]


def filled_in(expression: str) -> str:
    """The expression as Grafana sends it with everything selected."""
    for name, value in (("$__rate_interval", "10s"), ("$__range", "1m"), ("offset 1w", "offset 3s")):
        expression = expression.replace(name, value)
    return re.sub(r"\$(instance|server|model)\b", ".*", expression)


def test_the_first_screen_has_what_somebody_woken_up_looks_for() -> None:
    titles = [panel["title"] for panel in first_screen()]

    assert titles == [
        *("Alerts", "What is in the way", "Paused", "Servers that work", "State of each server", "Room on the disks"),
        *("Room in bytes", "Oldest photo that waits", "Last result", "Photos an hour"),
    ]
    places = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in first_screen()]
    assert places == sorted(places), "a phone shows one panel below the other, in the order of their places"
    assert max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in first_screen()) <= 20


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: str(panel["title"]))
def test_a_panel_is_as_grafana_wants_it_and_says_so_if_it_has_nothing_to_show(panel: Json) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    steps = [step["value"] for step in defaults["thresholds"]["steps"]]

    assert panel["options"].keys() >= OPTIONS[panel["type"]]
    assert panel["type"] == "state-timeline" or defaults["noValue"]
    assert steps[0] is None
    assert steps[1:] == sorted(steps[1:])
    for target in panel["targets"]:
        assert target["range"] != target["instant"], "one of both"
        assert target.get("format", "time_series") == FORMATS.get(panel["type"], "time_series")


def test_everything_else_is_in_rows_that_open_when_somebody_wants_them() -> None:
    assert [(row["title"], row["collapsed"]) for row in rows()] == [
        *(("Flow", True), ("Quality", True), ("Servers", True), ("Cluster", True), ("Process", True))
    ]


def test_every_reason_has_words_on_the_board() -> None:
    rules = (ROOT / "grafana" / "rules" / "recording.yml").read_text(encoding="utf-8")
    numbers = {int(number) for number in re.findall(r"\) \* 0 \+ (\d+)$", rules, re.MULTILINE)}
    (words,) = first_screen()[1]["fieldConfig"]["defaults"]["mappings"]

    assert {f"{number}" for number in {0, *numbers}} == words["options"].keys()
    assert tuple(re.findall(r'freisteller_obstacle\{reason="(\w+)"\} == 1\) \* 0', rules)) == OBSTACLES


def test_each_alert_links_to_what_to_do() -> None:
    links = re.findall(r"\$\{__data\.fields\.(\w+)\}", json.dumps(first_screen()[0]))

    assert links == ["runbook"]


def test_every_legend_names_the_instance_unless_it_is_about_all() -> None:
    for panel in panels():
        for target in panel["targets"]:
            legend = target["legendFormat"]
            assert "{{instance}}" in legend or legend.startswith("all ") or panel["type"] == "heatmap", legend


@pytest.mark.parametrize(
    "series",
    [
        *("paused", "bad_orders", "engine_paused_models", "notification_failures_total", "journal_damaged_total"),
        *("canary_success_timestamp_seconds", "put_back_total", "batches_done_total"),
        *("cluster_scheduler_up", "cluster_worker_set_aside", "cluster_worker_cores", "cluster_worker_memory_bytes"),
        *("cluster_worker_photos_total", "cluster_photos_lost_total", "cluster_workers_lost_total"),
    ],
)
def test_what_a_person_has_to_know_is_on_the_board(series: str) -> None:
    assert any(f"freisteller_{series}" in series_in(query.expression) for query in queries())


def test_it_can_be_read_for_one_instance_server_or_model() -> None:
    names = [variable["name"] for variable in dashboard()["templating"]["list"]]

    assert names == ["datasource", "instance", "server", "model"]


def test_its_first_data_source_is_the_provisioned_one() -> None:
    provisioned = (ROOT / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text(encoding="utf-8")
    variable = dashboard()["templating"]["list"][0]

    assert f"uid: {variable['current']['value']}\n" in provisioned


def test_every_panel_takes_the_chosen_data_source_and_says_what_it_shows() -> None:
    for panel in panels():
        sources = {panel["datasource"]["uid"], *(target["datasource"]["uid"] for target in panel["targets"])}
        assert sources == {"${datasource}"}, panel["title"]
        assert panel["description"].endswith("."), panel["title"]


def test_no_two_panels_share_a_number_or_a_place() -> None:
    numbers = [panel["id"] for panel in (*rows(), *panels())]
    assert len(set(numbers)) == len(numbers)
    for together in (dashboard()["panels"], *(row["panels"] for row in rows())):
        for one, other in combinations([panel["gridPos"] for panel in together], 2):
            beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
            above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
            assert beside or above, (one, other)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels())


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.panel)
def test_a_panel_asks_only_for_series_that_exist(query: Query) -> None:
    used = series_in(query.expression)

    assert used
    assert used <= known_series() | set(RECORDED) | {"ALERTS", "ALERTS_FOR_STATE", "up"} | DCGM.keys()


@pytest.mark.slow
def test_a_quiet_daemon_without_gpu_or_test_picture_says_so_in_place_of_an_empty_panel(tmp_path: Path) -> None:
    status = web_server(watched_site(metrics_of_a_new_daemon()))
    host, port = status.start()
    told = {query for query in queries() if "label_replace(0 * freisteller_build_info" in query.expression}
    told |= {query for query in queries() if query.panel in {panel["title"] for panel in first_screen()[:4]}}
    silent = set(told)
    try:
        with scraping(tmp_path, [f"{host}:{port}"]) as prometheus:

            def all_told() -> bool:
                silent.difference_update(
                    {query for query in silent if _answered(prometheus.query(filled_in(query.expression)))}
                )
                return not silent

            eventually(all_told)
    finally:
        status.close()

    assert len(told) > 12
    assert silent == set()


@pytest.mark.slow
def test_the_board_has_words_for_each_worker_a_scheduler_that_is_away_and_no_cluster_at_all(tmp_path: Path) -> None:
    aside = [replace(CLUSTER.workers[0], name=why, set_aside=why) for why in SET_ASIDE]
    busy = replace(CLUSTER, workers=(CLUSTER.workers[0], *aside))
    with ExitStack() as stack:
        instances = []
        for state in (busy, ClusterState(False, "timed out"), None):
            page = metrics_of_a_new_daemon()
            if state is not None:
                ClusterFigures(page, "tls://render-1:8786", time.monotonic).show(state, ClusterTotals())
            status = web_server(watched_site(page))
            instances.append("{}:{}".format(*status.start()))
            stack.callback(status.close)
        prometheus = stack.enter_context(scraping(tmp_path, instances))
        (query,) = (query for query in queries() if query.panel == "State of each worker")
        lines: set[tuple[int, str, str]] = set()

        def all_there() -> bool:
            lines.clear()
            for sample in prometheus.query(filled_in(query.expression)):
                words = _words_of("State of each worker", sample.value)
                lines.add((instances.index(sample.labels["instance"]), sample.labels["worker"], words))
            return {number for number, *_ in lines} == {0, 1, 2}

        eventually(all_there)

    assert lines == {
        (0, "the scheduler", "answers"),
        (0, "render-1", "gets photos"),
        (0, "leaving", "is asked to end"),
        (0, "engine_away", "reaches no engine"),
        (0, "root_away", "does not see the hot folder"),
        (0, "other_version", "has another version"),
        (0, "silent", "is silent"),
        (1, "the scheduler", "does not answer"),
        (2, "without a cluster", "no cluster here"),
    }


def _words_of(title: str, value: float) -> str:
    (panel,) = (panel for panel in panels() if panel["title"] == title)
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    return str(mapping["options"][f"{value:.0f}"]["text"])


@pytest.mark.slow
def test_prometheus_has_an_answer_for_every_panel(tmp_path: Path) -> None:
    metrics = metrics_of_a_new_daemon()
    status = web_server(watched_site(metrics))
    host, port = status.start()
    open_queries = set(queries())
    try:
        with dcgm_exporter() as exporter, scraping(tmp_path, [f"{host}:{port}", exporter]) as prometheus:

            def all_answered() -> bool:
                happen(metrics, time.time())
                answered = {query for query in open_queries if _answered(prometheus.query(filled_in(query.expression)))}
                open_queries.difference_update(answered)
                return not open_queries

            eventually(all_answered)
            rules: Any = prometheus.ask("/api/v1/rules")  # Any: Prometheus' JSON
    finally:
        status.close()

    assert open_queries == set()
    assert {rule["health"] for group in rules["groups"] for rule in group["rules"]} == {"ok"}


def _answered(samples: list[Sample]) -> bool:
    """Whether a person sees a line: at least one number."""
    return any(math.isfinite(sample.value) for sample in samples)


@contextmanager
def dcgm_exporter() -> Iterator[str]:
    """Its host:port."""
    page = "".join(f'{name}{{gpu="0",Hostname="gpu1"}} {value}\n' for name, value in DCGM.items()).encode()

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
