"""Recording rules and alerts are valid, and each alert is tested and documented."""

import re
from pathlib import Path

import pytest

from tests.observe.busy_day import happen, metrics_of_a_new_daemon
from tests.observe.prometheus import ROOT, RULES, promtool
from tests.observe.series import known_series, series_in

ALERTS = re.findall(r"alert: (\w+)", (RULES / "alerts.yml").read_text(encoding="utf-8"))
RECORDED = re.findall(r"record: (\S+)", (RULES / "recording.yml").read_text(encoding="utf-8"))
CASES = [RULES / "tests.yml", RULES / "tests-of-weeks.yml"]


def test_prometheus_takes_every_rule_without_complaint() -> None:
    result = promtool("check", "rules", "--lint-fatal", "recording.yml", "alerts.yml")

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_the_rules_do_what_their_cases_say(cases: Path) -> None:
    result = promtool("test", "rules", str(cases))

    assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_takes_the_configuration_that_we_ship() -> None:
    result = promtool("check", "config", "--syntax-only", str(ROOT / "grafana" / "prometheus.yml"))

    assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_finds_nothing_to_complain_about_in_the_page() -> None:
    metrics = metrics_of_a_new_daemon()
    happen(metrics, now=1_800_000_000.0)

    result = promtool("check", "metrics", given=metrics.exposition())

    assert (result.returncode, result.stdout + result.stderr) == (0, b"")


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_a_case_in_which_it_fires(alert: str) -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in CASES)

    assert re.search(rf"alertname: {alert}\n\s+exp_alerts:\n\s+- exp_labels:", text)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_tells_people_what_to_do(alert: str) -> None:
    rules = (RULES / "alerts.yml").read_text(encoding="utf-8")
    rule = rules.split(f"alert: {alert}\n")[1].split("- alert:")[0]
    operations = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")

    assert f'runbook: "docs/operations.md#{alert.lower()}"' in rule
    assert f"### {alert}\n" in operations


@pytest.mark.parametrize("name", ["recording.yml", "alerts.yml"])
def test_a_rule_asks_only_for_series_that_exist(name: str) -> None:
    text = (RULES / name).read_text(encoding="utf-8")
    expressions = re.findall(r"expr: (?:\|\n((?:\s{10,}.*\n)+)|(.*)\n)", text)

    used = {series for block, line in expressions for series in series_in(block or line)}

    assert used
    assert used <= known_series() | set(RECORDED) | {"up"}
