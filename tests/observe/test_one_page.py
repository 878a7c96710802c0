"""Each trouble pages once, and its end is told: with the real Prometheus, the real Alertmanager and a daemon."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.commands.journal_of_root import journal_of_root
from daemon.commands.retry import retry_jobs
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.alertmanager import Pager, paging
from tests.observe.prometheus import Prometheus, eventually, free_port
from tests.test_full_state_disk import fill, small_disk


@contextmanager
def daemon_at_work(folder: Path, bind: str, *doubles: Double) -> Iterator[Settings]:
    settings = load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "http": {"bind": bind},
            "comfyui": {"servers": [{"url": double.url} for double in doubles], "probe_seconds": 0.5},
            "intake": {"quiet_seconds": 0.1, "scan_seconds": 0.5, "patience_seconds": 1},
            "dispatch": {"postpone_seconds": 0.3},
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

    def drop_hopeless_photos(self) -> None:
        for number in range(HOPELESS):
            photo = save_photo(self.root.parent / "whole.jpg", drawn_photo(160, 120, number)).read_bytes()
            (self.root / "inbox" / f"half {number}.jpg").write_bytes(photo[: len(photo) // 2])

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
        assert self.holds(NOTHING_WAITS)
        assert eventually(lambda: len(self.told()) > before + 1), f"nobody heard of the end of {alert}"
        assert self.told()[before:] == told(kind, alert)

    def told(self) -> list[tuple[str, str, str]]:
        return self.pager.notices(self.instance)


HOPELESS = 4
NOTHING_WAITS = "(freisteller_queue_length + freisteller_jobs_in_progress == 0) and (freisteller_root_reachable == 1)"
LONG = "(time() - (freisteller_queue_oldest_timestamp_seconds > 0)) > 18"
"""Longer than a photo may wait before FreistellerStuck and FreistellerPhotoTooOld would fire."""

FULL_FOR_LONG = f'{LONG} or min_over_time(freisteller_obstacle{{reason="state_disk_full"}}[18s]) == 1'
"""The same; a photo in work cannot be put back to those that wait while the journal cannot be written."""


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
@pytest.mark.parametrize("which", ["hot", "state"])
def test_a_full_disk_is_told_once(tmp_path: Path, which: str) -> None:
    bind = f"127.0.0.1:{free_port()}"
    with (
        contextmanager(small_disk)(tmp_path / which, 16) as disk,
        Double() as double,
        daemon_at_work(tmp_path, bind, double) as settings,
        paging(tmp_path, [bind]) as (prometheus, pager),
    ):
        studio = Studio(settings.root_path, bind, prometheus, pager)
        assert studio.holds("freisteller_engine_up == 1")

        def disk_fills() -> None:
            double.faults.hold = True  # so that the photo is in work when there is no more room for its result
            studio.drop_a_photo()
            assert studio.holds("freisteller_jobs_in_progress == 1")
            fill(disk)
            double.faults.hold = False

        studio.suffers(disk_fills, (disk / "ballast").unlink, ("page", "FreistellerNoRoom"), lasts=FULL_FOR_LONG)


@pytest.mark.slow
def test_one_server_of_two_is_a_ticket_and_photos_that_fail_again_after_a_retry_are_no_news(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    with (
        Double() as one,
        Double() as other,
        daemon_at_work(tmp_path, bind, one, other) as settings,
        paging(tmp_path, [bind]) as (prometheus, pager),
    ):
        studio = Studio(settings.root_path, bind, prometheus, pager)
        assert studio.holds("min(freisteller_engine_up) == 1")
        studio.suffers(other.die, other.revive, ("ticket", "FreistellerServerDown"))
        studio.suffers(studio.drop_hopeless_photos, lambda: None, ("page", "FreistellerManyFailures"))

        before = studio.told()
        taken, _ = retry_jobs(settings, None)
        assert len(taken) == HOPELESS
        assert studio.holds(f"min_over_time(freisteller_failed_again_total[8s]) == {HOPELESS}")
        assert studio.told() == before


@pytest.mark.slow
def test_a_daemon_that_is_away_is_told_once(tmp_path: Path) -> None:
    bind = f"127.0.0.1:{free_port()}"
    with Double() as double, paging(tmp_path, [bind]) as (_, pager):

        def told_so_far() -> int:
            return len(pager.notices(bind))

        with daemon_at_work(tmp_path, bind, double):
            save_photo(tmp_path / "hot" / "inbox" / "1.jpg", drawn_photo(160, 120))
        assert eventually(lambda: told_so_far() == 1)
        with daemon_at_work(tmp_path, bind, double):
            assert eventually(lambda: told_so_far() == 2)
        assert pager.notices(bind) == told("page", "FreistellerDown")
