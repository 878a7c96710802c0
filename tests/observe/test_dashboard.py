"""The dashboard is well-formed, asks only for series that exist, and shows something in every panel."""

import json
import math
import re
import time
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.observe.busy_day import happen, metrics_of_a_new_daemon
from tests.observe.prometheus import ROOT, Sample, eventually, scraping
from tests.observe.series import known_series, series_in
from tests.observe.test_rules import RECORDED
from tests.web.ports import watched_site, web_server

Json = dict[str, Any]  # Any: Grafana's JSON model is Grafana's business


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel."""

    panel: str
    expression: str


def dashboard() -> Json:
    text = (ROOT / "grafana" / "dashboards" / "freisteller.json").read_text(encoding="utf-8")
    loaded: Json = json.loads(text)
    return loaded


def panels() -> list[Json]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries() -> list[Query]:
    return [Query(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]]


def filled_in(expression: str) -> str:
    """The expression as Grafana sends it with everything selected."""
    for name, value in (("$__rate_interval", "10s"), ("$__range", "1m")):
        expression = expression.replace(name, value)
    return re.sub(r"\$(instance|server|model)\b", ".*", expression)


def test_it_has_the_rows_that_operations_look_for() -> None:
    titles = [panel["title"].split(":")[0] for panel in dashboard()["panels"] if panel["type"] == "row"]

    assert titles == ["Now", "RED", "Quality", "Flow", "USE", "Intake"]


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
    placed = [(panel["id"], panel["gridPos"]) for panel in dashboard()["panels"]]
    assert len({number for number, _ in placed}) == len(placed)
    for (first, one), (second, other) in combinations(placed, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (first, second)
    assert all(place["x"] + place["w"] <= 24 for _, place in placed)


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.panel)
def test_a_panel_asks_only_for_series_that_exist(query: Query) -> None:
    used = series_in(query.expression)

    assert used
    assert used <= known_series() | set(RECORDED) | {"ALERTS"}


@pytest.mark.slow
def test_prometheus_has_an_answer_for_every_panel(tmp_path: Path) -> None:
    metrics = metrics_of_a_new_daemon()
    status = web_server(watched_site(metrics))
    host, port = status.start()
    open_queries = set(queries())
    try:
        with scraping(tmp_path, [f"{host}:{port}"]) as prometheus:

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
