"""Lists the series of a daemon, and the series in an expression."""

import re

from prometheus_client.parser import text_string_to_metric_families

from tests.observe.busy_day import happen, metrics_of_a_new_daemon

_NAME = re.compile(r"[a-z_]+:[a-z_]+:[a-z0-9_]+|\b(?:freisteller|process)_[a-z_]+\b|\bup\b|\bALERTS\w*\b|\bDCGM_\w+\b")


def known_series() -> set[str]:
    """Every sample name of a daemon on a busy day, e.g. with _bucket, _sum and _count."""
    metrics = metrics_of_a_new_daemon()
    happen(metrics, now=1_800_000_000.0)
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {sample.name for family in families for sample in family.samples}


def series_in(expression: str) -> set[str]:
    """The names of series in a PromQL expression of ours."""
    return set(_NAME.findall(re.sub(r'"[^"]*"', '""', expression)))
