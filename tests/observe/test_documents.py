"""docs/metrics.md and the program list the same series."""

from dataclasses import dataclass
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.observe.busy_day import happen, metrics_of_a_new_daemon

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Series:
    """One family: what a row of the document and the page must agree on."""

    name: str
    kind: str
    labels: str
    help: str


def documented() -> list[Series]:
    found = []
    for line in (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 4:
            found.append(Series(cells[0].strip("`"), cells[1], cells[2].replace("`", ""), cells[3]))
    return found


def exposed() -> list[Series]:
    metrics = metrics_of_a_new_daemon()
    happen(metrics, now=1_800_000_000.0)
    found = []
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = {label: None for sample in family.samples for label in sample.labels if label != "le"}
        assert family.samples, f"{name} has no sample: let busy_day feed it"
        found.append(Series(name, family.type, ", ".join(labels), family.documentation))
    return found


def test_every_series_is_documented_with_its_type_labels_and_help() -> None:
    assert set(documented()) == set(exposed())


def test_no_series_is_documented_twice() -> None:
    names = [series.name for series in documented()]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("series", exposed(), ids=lambda series: series.name)
def test_a_series_keeps_prometheus_naming_rules(series: Series) -> None:
    assert series.name.startswith(("freisteller_", "process_"))
    assert (series.kind == "counter") == series.name.endswith("_total")
    assert not any(unit in series.name for unit in ("_ms", "milliseconds", "_percent", "_mb", "megabytes", "_minutes"))
    assert series.help.endswith(".")
