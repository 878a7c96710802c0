"""Runs the real Alertmanager with our example, beside a Prometheus with our rules in which a minute is a second."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.observe.prometheus import ROOT, Prometheus, free_port, is_ready, running, scraping, tool
from tests.observe.receiver import Receiver


def in_seconds(rules: str) -> str:
    """Our rules with seconds for minutes.

    What a busy machine would break stays: how old a heartbeat, a scan or a test picture may be. A daemon may miss a few
    scrapes. Two scrapes lie within four seconds, whatever happens.
    """
    for was, becomes in (("> 900)", "> 15)"), ("> 43200", "> 6")):
        assert was in rules or "record:" in rules, was
        rules = rules.replace(was, becomes)
    rules = rules.replace('up{job="freisteller"} == 0\n        for: 2m', 'up{job="freisteller"} == 0\n        for: 40s')
    rules = re.sub(r"\[(\d+)m\]", lambda found: f"[{max(4, int(found[1]))}s]", rules)
    rules = rules.replace("keep_firing_for: 1m", "keep_firing_for: 8s")
    return re.sub(r"for: (\d+)m", r"for: \1s", rules)


class Pager:
    """What Alertmanager sent, in order."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def notices(self, instance: str) -> list[tuple[str, str, str]]:
        """(page or ticket, firing or resolved, name of the alert) of each alert in each notice about this instance."""
        told = []
        for body, path in zip(list(self._receiver.bodies), list(self._receiver.paths), strict=False):
            for alert in body["alerts"]:
                assert alert["annotations"]["runbook_url"].startswith("docs/operations")
                if alert["labels"]["instance"] == instance:
                    told.append((path.strip("/"), alert["status"], alert["labels"]["alertname"]))
        return told


@contextmanager
def paging(folder: Path, targets: Sequence[str]) -> Iterator[tuple[Prometheus, Pager]]:
    """Both servers, and what comes at the two receivers of the example. Skips the test where one is not installed."""
    port = free_port()
    with Receiver(200) as receiver:
        example = (ROOT / "grafana" / "alertmanager.yml").read_text(encoding="utf-8")
        example = example.replace("http://127.0.0.1:9199", receiver.url.removesuffix("/hook"))
        example = example.replace("group_wait: 30s", "group_wait: 2s").replace(
            "group_interval: 5m", "group_interval: 1s"
        )
        (folder / "alertmanager.yml").write_text(example, encoding="utf-8")
        command = [
            tool("prometheus-alertmanager", "prometheus-alertmanager"),
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'alertmanager'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=warn",
        ]
        base = f"http://127.0.0.1:{port}"
        with (
            running(command, folder / "alertmanager.log", lambda: is_ready(base)),
            scraping(folder, targets, in_seconds, f"127.0.0.1:{port}") as prometheus,
        ):
            yield prometheus, Pager(receiver)
