"""Recording rules and alerts are valid, and each alert is tested and documented."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.observe.busy_day import happen, metrics_of_a_new_daemon
from tests.observe.prometheus import ROOT, RULES, promtool, tool
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
def test_an_alert_links_to_what_to_do(alert: str) -> None:
    rules = (RULES / "alerts.yml").read_text(encoding="utf-8")
    rule = rules.split(f"alert: {alert}\n")[1].split("- alert:")[0]
    url = re.search(
        r'runbook_url: "{{ with \$externalLabels.docs }}{{ . }}{{ else }}docs{{ end }}/(.+\.md)#(\w+)"', rule
    )

    assert url is not None
    page = (ROOT / "docs" / url[1]).read_text(encoding="utf-8")
    assert url[2] == alert.lower()
    assert f'runbook: "{url[0].split(chr(34))[1]}" }}' in rule, "the dashboard links to the value of this label"
    assert re.search(rf"^#+ {alert}$", page, re.MULTILINE)


def test_a_link_begins_where_the_external_label_says(tmp_path: Path) -> None:
    case = f"""
rule_files: [{RULES}/recording.yml, {RULES}/alerts.yml]
tests:
  - interval: 1m
    external_labels: {{ docs: "https://wiki.example/docs" }}
    input_series: [{{ series: 'up{{job="freisteller",instance="studio"}}', values: "0x10" }}]
    alert_rule_test:
      - eval_time: 5m
        alertname: FreistellerDown
        exp_alerts:
          - exp_labels:
              severity: page
              runbook: "https://wiki.example/docs/operations.md#freistellerdown"
              job: freisteller
              instance: studio
            exp_annotations:
              summary: "Freisteller on studio does not answer"
              description: "Nothing is taken in and nothing is finished. Photos wait in inbox/, none is lost."
              runbook_url: "https://wiki.example/docs/operations.md#freistellerdown"
"""
    (tmp_path / "case.yml").write_text(case, encoding="utf-8")

    result = promtool("test", "rules", str(tmp_path / "case.yml"))

    assert result.returncode == 0, result.stdout + result.stderr


def test_alertmanager_takes_the_example_and_it_names_only_alerts_that_exist() -> None:
    example = ROOT / "grafana" / "alertmanager.yml"
    command = [tool("amtool", "prometheus-alertmanager"), "check-config", str(example)]

    result = subprocess.run(command, capture_output=True, check=False)

    assert result.returncode == 0, result.stdout + result.stderr
    named: set[str] = set()
    for prefix, several, one in re.findall(r"(Freisteller)\(([\w|]+)\)|(Freisteller\w+)", example.read_text("utf-8")):
        named |= {prefix + name for name in several.split("|")} if several else {one}
    assert named <= set(ALERTS)


@pytest.mark.parametrize("name", ["recording.yml", "alerts.yml"])
def test_a_rule_asks_only_for_series_that_exist(name: str) -> None:
    text = (RULES / name).read_text(encoding="utf-8")
    expressions = re.findall(r"expr: (?:\|\n((?:\s{10,}.*\n)+)|(.*)\n)", text)

    used = {series for block, line in expressions for series in series_in(block or line)}

    assert used
    assert used <= known_series() | set(RECORDED) | {"up", "ALERTS"}
