"""Reads a page of metrics as a scrape does."""

from prometheus_client.parser import text_string_to_metric_families

from daemon.observe.metrics import Metrics

Labels = dict[str, str]


def samples(metrics: Metrics, name: str) -> list[tuple[Labels, float]]:
    """Every sample with this name, without the prefix, as a scrape sees it."""
    families = text_string_to_metric_families(metrics.exposition().decode())
    return [(s.labels, s.value) for family in families for s in family.samples if s.name == f"freisteller_{name}"]


def value(metrics: Metrics, name: str, **labels: str) -> float:
    """The one sample with exactly these labels."""
    found = [number for given, number in samples(metrics, name) if given == labels]
    assert len(found) == 1, f"{name} {labels}: {found}"
    return found[0]
