"""Each trouble pages once, and its end is told: with the real Prometheus, the real Alertmanager and a daemon."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.commands.journal_of_root import journal_of_root
from daemon.engines.contract import ServerHealth
from daemon.observe import series
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.alertmanager import Pager, paging
from tests.observe.busy_day import SERVERS, metrics_of_a_new_daemon, server_in_use
from tests.observe.prometheus import Prometheus, eventually, free_port
from tests.web.ports import watched_site, web_server


@contextmanager
def daemon_at_work(folder: Path, bind: str, double: Double) -> Iterator[Settings]:
    settings = load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "http": {"bind": bind},
            "comfyui": {"servers": [{"url": double.url}], "probe_seconds": 0.5},
            "intake": {"quiet_seconds": 0.1, "scan_seconds": 0.5},
            "strategy": {"max_attempts": 1, "ladder": [{"model": "RMBG-2.0"}]},
        }
    )
    daemon = Daemon(settings)
    work = threading.Thread(target=daemon.run)
    work.start()
    try:
        yield settings
    finally:
        daemon.stop()
        work.join()


def told(kind: str, alert: str) -> list[tuple[str, str, str]]:
    """One notice, and one of its end."""
    return [(kind, "firing", alert), (kind, "resolved", alert)]


class Studio:
    """A daemon, its pager, and what happens to them."""

    def __init__(self, root: Path, instance: str, prometheus: Prometheus, pager: Pager) -> None:
        self.root = root
        self.instance = instance
        self.pager = pager
        self._prometheus = prometheus
        self._photos = 0

    def holds(self, expression: str) -> bool:
        """Wait until this expression has a result."""
        return eventually(lambda: bool(self._prometheus.query(expression)))

    def drop_a_photo(self) -> None:
        self._photos += 1
        save_photo(self.root / "inbox" / f"{self._photos}.jpg", drawn_photo(160, 120, self._photos))

    def suffers(
        self, begin: Callable[[], object], end: Callable[[], object], notice: tuple[str, str], lasts: str = ""
    ) -> None:
        """One trouble, which is told once, and its end once.

        It lasts until it is told and this expression has a result, and is over when no photo waits any more.
        """
        kind, alert = notice
        before = len(self.told())
        begin()
        assert eventually(lambda: len(self.told()) > before), f"nobody heard of {alert}"
        assert not lasts or self.holds(lasts)
        end()
        assert self.holds(
            "(freisteller_queue_length + freisteller_jobs_in_progress == 0) and freisteller_root_reachable == 1"
        )
        assert eventually(lambda: len(self.told()) > before + 1), f"nobody heard of the end of {alert}"
        assert self.told()[before:] == told(kind, alert)

    def told(self) -> list[tuple[str, str, str]]:
        return self.pager.notices(self.instance)


NOTHING_WAITS = "(freisteller_queue_length + freisteller_jobs_in_progress == 0) and (freisteller_root_reachable == 1)"
LONG = "(time() - (freisteller_queue_oldest_timestamp_seconds > 0)) > 18"
"""Longer than a photo may wait before FreistellerStuck and FreistellerPhotoTooOld would fire."""


@pytest.mark.slow
def test_a_daemon_in_trouble_pages_once_for_each_trouble(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    with (
        Double() as double,
        daemon_at_work(tmp_path, bind, double) as settings,
        paging(tmp_path, [bind]) as (prometheus, pager),
    ):
        studio = Studio(tmp_path / "hot", bind, prometheus, pager)
        assert studio.holds("freisteller_engine_up == 1")

        def engine_dies() -> None:
            double.die()
            studio.drop_a_photo()

        def node_goes() -> None:
            double.faults.missing_nodes = ["RMBG"]
            double.restart()
            studio.drop_a_photo()

        def node_comes_back() -> None:
            double.faults.missing_nodes = []
            double.restart()

        def person_pauses() -> None:
            with journal_of_root(settings) as journal:
                journal.pause(time.time())
            studio.drop_a_photo()

        def person_resumes() -> None:
            with journal_of_root(settings) as journal:
                journal.resume()

        away = tmp_path / "away"
        studio.suffers(engine_dies, double.revive, ("page", "FreistellerNoEngine"), lasts=LONG)
        studio.suffers(node_goes, node_comes_back, ("page", "FreistellerEngineMisconfigured"))
        studio.suffers(
            lambda: studio.root.rename(away),
            lambda: away.rename(studio.root),
            ("page", "FreistellerRootUnreachable"),
        )
        studio.suffers(person_pauses, person_resumes, ("ticket", "FreistellerPausedLong"))


@pytest.mark.slow
def test_a_full_disk_is_told_once_and_so_is_one_server_of_two(tmp_path: Path) -> None:
    """What two daemons would export, in registries of their own: nobody fills a disk here."""
    full, halved = metrics_of_a_new_daemon(), metrics_of_a_new_daemon()
    sites = [web_server(watched_site(metrics)) for metrics in (full, halved)]
    there = True
    try:
        addresses = ["{}:{}".format(*site.start()) for site in sites]
        with paging(tmp_path, addresses) as (_, pager):

            def turn(goal: Callable[[], bool]) -> bool:
                """The daemons turn; while there is trouble, one finds no room for a photo and one misses a server."""
                for metrics in (full, halved):
                    up = there or metrics is full
                    metrics.engine([server_in_use(SERVERS[0], time.time(), 0), ServerHealth(SERVERS[1], up)])
                    metrics.set(series.ROOT_REACHABLE, True)
                    metrics.set(series.HEARTBEAT, time.time())
                    metrics.set(series.LAST_SCAN, time.time())
                    metrics.set(series.DISK_SIZE, 100 << 30, mount="root")
                    metrics.set(series.DISK_FREE, (50 << 30) if there or metrics is halved else 0, mount="root")
                full.queue(waiting=0 if there else 5, running=0, oldest_admitted_at=None if there else began)
                if not there:
                    full.count(series.POSTPONED, reason="no_room")
                return goal()

            def notices() -> list[list[tuple[str, str, str]]]:
                return [pager.notices(address) for address in addresses]

            began = time.time()
            eventually(lambda: turn(lambda: time.time() - began > 3))
            there = False
            eventually(lambda: turn(lambda: all(notices()) and time.time() - began > 22))
            there = True
            eventually(lambda: turn(lambda: all(len(each) > 1 for each in notices())))

            assert notices() == [told("page", "FreistellerNoRoom"), told("ticket", "FreistellerServerDown")]
    finally:
        for site in sites:
            site.close()
