"""The series that operations look at."""

import threading

import pytest

from daemon.engines.contract import ServerHealth
from daemon.observe import series
from daemon.observe.gpu import GpuReading
from daemon.observe.labels import ENDS, FAILURES, GRADES, IGNORED, POSTPONEMENTS, RECOVERIES, SOURCES, STAGES
from daemon.observe.metrics import Metrics
from tests.observe.scrape import samples, value


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("1.2.3", models=("RMBG-2.0",), servers=("http://gpu1:8188",))


def test_the_version_is_a_label_of_a_constant(metrics: Metrics) -> None:
    assert value(metrics, "build_info", version="1.2.3") == 1


def test_every_known_label_set_starts_at_zero(metrics: Metrics) -> None:
    for end in ENDS:
        assert value(metrics, "jobs_total", grade=end) == 0
        assert value(metrics, "job_duration_seconds_count", grade=end) == 0
    for stage in STAGES:
        assert value(metrics, "stage_duration_seconds_count", stage=stage) == 0
        assert value(metrics, "stage_cpu_seconds_total", stage=stage) == 0
    for name, label, words in (
        ("photos_seen_total", "source", SOURCES),
        ("photos_ignored_total", "reason", IGNORED),
        ("failures_total", "reason", FAILURES),
        ("postponed_total", "reason", POSTPONEMENTS),
        ("recovered_jobs_total", "how", RECOVERIES),
    ):
        for word in words:
            assert value(metrics, name, **{label: word}) == 0
    assert value(metrics, "attempts_total", model="RMBG-2.0") == 0
    assert value(metrics, "attempt_failures_total", model="RMBG-2.0", reason="recipe_refused") == 0
    for name in ("engine_up", "engine_queue_length", "engine_busy_seconds_total"):
        assert value(metrics, name, server="http://gpu1:8188") == 0


def test_grades_are_labelled_in_ascii(metrics: Metrics) -> None:
    assert GRADES == ("sehr_gut", "gut", "ungenuegend")
    assert metrics.exposition().isascii()


def test_verdicts_know_every_pair_of_two_grades_and_no_other(metrics: Metrics) -> None:
    pairs = {(labels["from"], labels["to"]) for labels, _ in samples(metrics, "verdicts_total")}

    assert len(pairs) == 6
    assert all(before != after for before, after in pairs)


def test_a_photo_that_only_a_scan_found_is_a_missed_event(metrics: Metrics) -> None:
    for found_by in ("event", "scan", "startup"):
        metrics.photo_seen(found_by)

    assert [value(metrics, "photos_seen_total", source=by) for by in ("event", "scan", "startup")] == [1, 1, 1]
    assert value(metrics, "missed_events_total") == 1


def test_the_wait_for_a_whole_file_is_the_first_stage_of_a_photo(metrics: Metrics) -> None:
    metrics.completeness_waited(2.5)

    assert value(metrics, "completeness_wait_seconds_sum") == 2.5
    assert value(metrics, "stage_duration_seconds_sum", stage="completeness") == 2.5


def test_a_finished_photo_is_counted_with_its_grade_duration_attempts_and_gain(metrics: Metrics) -> None:
    metrics.job_finished("gut", 12.5, 3, 0.2, at=1000.0)

    assert value(metrics, "jobs_total", grade="gut") == 1
    assert value(metrics, "job_duration_seconds_sum", grade="gut") == 12.5
    assert value(metrics, "attempts_per_job_sum") == 3
    assert value(metrics, "score_gain_sum") == pytest.approx(0.2)
    assert value(metrics, "last_success_timestamp_seconds") == 1000.0


def test_a_failed_photo_is_no_success(metrics: Metrics) -> None:
    metrics.job_finished("failed", 0.1, 0, None, at=1000.0)
    metrics.count(series.FAILURES, reason="bad_photo")

    assert value(metrics, "jobs_total", grade="failed") == 1
    assert value(metrics, "failures_total", reason="bad_photo") == 1
    assert value(metrics, "last_success_timestamp_seconds") == 0


def test_a_photo_that_never_came_to_an_engine_does_not_make_the_attempts_look_fewer(metrics: Metrics) -> None:
    metrics.job_finished("failed", 0.1, 0, None, at=1000.0)

    assert value(metrics, "attempts_per_job_count") == 0


def test_an_attempt_without_an_alpha_counts_as_attempt_and_as_failure_but_not_as_score(metrics: Metrics) -> None:
    metrics.attempt("RMBG-2.0", None, "recipe_refused")

    assert value(metrics, "attempts_total", model="RMBG-2.0") == 1
    assert value(metrics, "attempt_failures_total", model="RMBG-2.0", reason="recipe_refused") == 1
    assert value(metrics, "score_count", model="RMBG-2.0") == 0


def test_a_score_at_a_grade_limit_is_in_the_bucket_that_ends_there(metrics: Metrics) -> None:
    metrics.attempt("RMBG-2.0", 0.85, None)

    assert value(metrics, "score_bucket", model="RMBG-2.0", le="0.8") == 0
    assert value(metrics, "score_bucket", model="RMBG-2.0", le="0.85") == 1


def test_a_model_that_the_settings_do_not_name_has_all_its_series_from_its_first_attempt(metrics: Metrics) -> None:
    metrics.attempt("u2netp", 0.7, None)

    assert value(metrics, "attempt_failures_total", model="u2netp", reason="engine_full") == 0


def test_an_error_text_never_becomes_a_label(metrics: Metrics) -> None:
    metrics.count(series.FAILURES, reason="cup (2).jpg: unexpected end of file")
    metrics.count(series.PHOTOS_IGNORED, 2, reason="Ünknown\n")

    assert value(metrics, "failures_total", reason="other") == 1
    assert value(metrics, "photos_ignored_total", reason="other") == 2
    assert b"cup" not in metrics.exposition()


def test_a_password_in_a_server_url_never_becomes_a_label() -> None:
    metrics = Metrics("1", servers=("https://studio:hunter2@gpu1:8188/comfy/?token=abc",))
    metrics.engine((ServerHealth("https://studio:hunter2@gpu1:8188/comfy/?token=abc", up=True),))

    assert value(metrics, "engine_up", server="https://gpu1:8188/comfy") == 1
    assert b"hunter2" not in metrics.exposition()
    assert b"abc" not in metrics.exposition()


def test_nothing_waiting_has_no_oldest_photo(metrics: Metrics) -> None:
    metrics.queue(waiting=4, running=2, oldest_admitted_at=500.0)
    busy = [value(metrics, name) for name in ("queue_length", "jobs_in_progress", "queue_oldest_timestamp_seconds")]
    metrics.queue(waiting=0, running=0, oldest_admitted_at=None)

    assert busy == [4, 2, 500.0]
    assert value(metrics, "queue_oldest_timestamp_seconds") == 0
    assert value(metrics, "queue_length") == 0
    assert value(metrics, "jobs_in_progress") == 0


def test_a_server_shows_the_figures_that_it_reports_and_no_other(metrics: Metrics) -> None:
    metrics.engine(
        (
            ServerHealth("http://gpu1:8188", up=True, running=2, memory_total_bytes=24_000, memory_free_bytes=6_000),
            ServerHealth("http://gpu2:8188", up=False, message="away"),
        )
    )

    assert value(metrics, "engine_up", server="http://gpu1:8188") == 1
    assert value(metrics, "engine_queue_length", server="http://gpu1:8188") == 2
    assert value(metrics, "engine_memory_free_bytes", server="http://gpu1:8188", device="all") == 6_000
    assert value(metrics, "engine_up", server="http://gpu2:8188") == 0
    assert len(samples(metrics, "engine_memory_total_bytes")) == 1


def test_a_test_picture_that_never_came_back_right_says_so_from_the_start(metrics: Metrics) -> None:
    health = ServerHealth("http://gpu1:8188", up=True, tested=("BEN2", "RMBG-2.0"), canaries=(("BEN2", 9.0),))
    metrics.engine((health,))

    assert value(metrics, "canary_success_timestamp_seconds", server="http://gpu1:8188", model="RMBG-2.0") == 0
    assert value(metrics, "canary_success_timestamp_seconds", server="http://gpu1:8188", model="BEN2") == 9.0


def test_a_server_that_is_gone_loses_its_series_for_good(metrics: Metrics) -> None:
    both = (
        ServerHealth(
            "http://gpu1:8188",
            up=True,
            memory_total_bytes=24_000,
            memory_free_bytes=6_000,
            circuit="closed",
            reconnects=1,
            canaries=(("RMBG-2.0", 12.0),),
        ),
        ServerHealth("http://gpu2:8188", up=True),
    )
    metrics.engine(both)

    metrics.engine(both[1:])
    metrics.engine_busy("http://gpu1:8188", 2.0)  # the last answer of the server
    page = metrics.exposition().decode()
    metrics.engine(both)
    metrics.engine_busy("http://gpu1:8188", 0.5)

    assert "gpu1" not in page
    assert 'engine_up{server="http://gpu2:8188"} 1.0' in page
    assert value(metrics, "engine_busy_seconds_total", server="http://gpu1:8188") == 0.5


def test_a_verdict_of_a_person_is_counted_in_its_direction(metrics: Metrics) -> None:
    metrics.count(series.VERDICTS, **{"from": "gut", "to": "sehr_gut"})

    assert value(metrics, "verdicts_total", **{"from": "gut", "to": "sehr_gut"}) == 1
    assert value(metrics, "verdicts_total", **{"from": "sehr_gut", "to": "gut"}) == 0


def test_a_servers_work_and_its_lost_connections_add_up(metrics: Metrics) -> None:
    for reconnects in (1, 2):
        metrics.engine_busy("http://gpu1:8188", 0.75)
        metrics.engine((ServerHealth("http://gpu1:8188", up=True, reconnects=reconnects),))

    assert value(metrics, "engine_busy_seconds_total", server="http://gpu1:8188") == 1.5
    assert value(metrics, "engine_reconnects_total", server="http://gpu1:8188") == 2


def test_each_accident_of_a_photo_is_counted_once(metrics: Metrics) -> None:
    metrics.count(series.POSTPONED, reason="engine_away")
    metrics.count(series.RECOVERED_JOBS, how="resumed")
    metrics.count(series.QUARANTINED)
    metrics.count(series.COLLISIONS)

    assert value(metrics, "postponed_total", reason="engine_away") == 1
    assert value(metrics, "recovered_jobs_total", how="resumed") == 1
    assert value(metrics, "quarantined_total") == 1
    assert value(metrics, "collisions_total") == 1


def test_the_breaker_has_three_states_and_no_fourth(metrics: Metrics) -> None:
    metrics.engine((ServerHealth("http://gpu1:8188", up=True, circuit="open"),))

    assert value(metrics, "engine_circuit_state", server="http://gpu1:8188") == 2
    with pytest.raises(KeyError):
        metrics.engine((ServerHealth("http://gpu1:8188", up=True, circuit="ajar"),))


def test_a_gpu_that_is_gone_loses_its_series(metrics: Metrics) -> None:
    metrics.gpus((GpuReading("0", 0.5, 4, 8, 120.0), GpuReading("1", 0.1, 1, 8, None)))
    assert value(metrics, "gpu_utilization_ratio", gpu="1") == 0.1
    assert [labels for labels, _ in samples(metrics, "gpu_power_watts")] == [{"gpu": "0"}]

    metrics.gpus((GpuReading("0", 0.25, 4, 8, 60.0),))
    assert value(metrics, "gpu_utilization_ratio", gpu="0") == 0.25
    assert len(samples(metrics, "gpu_utilization_ratio")) == 1


def test_gauges_of_intake_and_host_show_the_last_value(metrics: Metrics) -> None:
    metrics.set(series.PHOTOS_INCOMPLETE, 3)
    metrics.set(series.LAST_SCAN, 10.0)
    metrics.set(series.HEARTBEAT, 11.0)
    metrics.set(series.ROOT_REACHABLE, True)
    metrics.set(series.DISK_FREE, 5, mount="root")
    metrics.set(series.DISK_SIZE, 50, mount="root")
    metrics.engine((ServerHealth("http://gpu1:8188", up=True, canaries=(("RMBG-2.0", 12.0),)),))

    assert value(metrics, "photos_incomplete") == 3
    assert value(metrics, "last_scan_timestamp_seconds") == 10.0
    assert value(metrics, "heartbeat_timestamp_seconds") == 11.0
    assert value(metrics, "root_reachable") == 1
    assert value(metrics, "disk_free_bytes", mount="root") == 5
    assert value(metrics, "disk_size_bytes", mount="root") == 50
    assert value(metrics, "canary_success_timestamp_seconds", server="http://gpu1:8188", model="RMBG-2.0") == 12.0


def test_two_daemons_in_one_process_share_no_series() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.count(series.COLLISIONS)

    assert value(one, "collisions_total") == 1
    assert value(other, "collisions_total") == 0


def test_memory_and_open_files_of_the_process_are_there(metrics: Metrics) -> None:
    page = metrics.exposition().decode()

    assert "\nprocess_resident_memory_bytes " in page
    assert "\nprocess_open_fds " in page
    assert "\nprocess_start_time_seconds " in page


def test_the_page_has_no_creation_times(metrics: Metrics) -> None:
    metrics.attempt("RMBG-2.0", 0.5, None)

    assert b"_created" not in metrics.exposition()


def test_counts_from_many_threads_add_up(metrics: Metrics) -> None:
    def count() -> None:
        for _ in range(200):
            metrics.stage("signs", 0.01)
            metrics.attempt("BEN2", 0.5, None)

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert value(metrics, "stage_duration_seconds_count", stage="signs") == 1600
    assert value(metrics, "attempts_total", model="BEN2") == 1600


def test_a_pause_names_since_when_and_by_whom_as_long_as_it_lasts(metrics: Metrics) -> None:
    shown = []
    for at, who in ((5.0, "anna"), (5.0, "anna"), (9.0, "EXAMPLE\\ben"), (None, "")):
        metrics.paused(at, who)
        shown.append((value(metrics, "paused"), samples(metrics, "paused_timestamp_seconds")))

    anna, ben = [({"who": "anna"}, 5.0)], [({"who": "EXAMPLE\\ben"}, 9.0)]
    assert shown == [(1, anna), (1, anna), (1, ben), (0, [])]


@pytest.mark.parametrize(("who", "shown"), [("", "unknown"), ("a sentence with spaces", "other"), ("x" * 99, "other")])
def test_what_is_no_login_never_becomes_a_label(metrics: Metrics, who: str, shown: str) -> None:
    metrics.paused(5.0, who)

    assert samples(metrics, "paused_timestamp_seconds") == [({"who": shown}, 5.0)]
