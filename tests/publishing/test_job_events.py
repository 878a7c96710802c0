"""What is counted when a job ends."""

from daemon.jobs import Job
from daemon.observe.metrics import Metrics
from daemon.publishing.job_events import JobEvents
from tests.observe.scrape import value


def test_a_photo_that_fails_again_after_a_retry_is_counted_as_such() -> None:
    metrics = Metrics("1.2.3")
    events = JobEvents(metrics, lambda: 1_800_000_000.0, (), ())

    for round_number in (0, 1, 2):
        events.failed(Job("a", "a.jpg", round=round_number), "It is damaged.", "bad_photo", 0.1)

    assert value(metrics, "jobs_total", grade="failed") == 3
    assert value(metrics, "failed_again_total") == 2
