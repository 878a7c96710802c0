"""Notices on their way to hooks are retried, limited and counted, and nothing waits for them."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.notify.hooks import MOST_WAITING, Hooks
from daemon.notify.notices import Notice, Origin
from daemon.observe.metrics import Metrics
from daemon.settings import NotifySettings
from tests.observe.prometheus import eventually, free_port
from tests.observe.receiver import Receiver
from tests.observe.scrape import samples, value

SECRET = "s3cret-path-7f"


class Office:
    """Hooks with their metrics, with short back-offs."""

    def __init__(self, *hooks: dict[str, object], **settings: object) -> None:
        self.metrics = Metrics("1")
        self.settings = NotifySettings.model_validate({"hooks": hooks, "limit_seconds": 20, **settings})
        self.hooks = Hooks(self.settings, Origin("1", "studio", "/srv"), self.metrics, first_backoff_seconds=0.01)

    def send(self, event: str = "failed", number: int = 0) -> None:
        self.hooks.send(Notice(event, f"notice {number}", 0.0, {"number": number}))  # type: ignore[arg-type]

    def failures(self, hook: str) -> float:
        found = samples(self.metrics, "notification_failures_total")
        return sum(count for labels, count in found if labels["hook"] == hook)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


def test_a_hook_hears_only_of_what_it_wants(receiver: Receiver) -> None:
    office = Office({"name": "a", "url": receiver.url, "on": ["paused", "resumed"]})

    office.send("failed")
    office.send("paused", 1)
    office.hooks.close()

    assert [body["event"] for body in receiver.bodies] == ["paused"]
    assert value(office.metrics, "notifications_total", hook="a", event="paused") == 1
    assert value(office.metrics, "notifications_total", hook="a", event="failed") == 0


def test_a_server_with_errors_gets_the_same_notice_again() -> None:
    with Receiver(500, 503, 200) as receiver:
        office = Office({"name": "a", "url": receiver.url})
        office.send()
        assert eventually(lambda: len(receiver.bodies) == 3)
        office.hooks.close()

    assert receiver.bodies[0] == receiver.bodies[1] == receiver.bodies[2]
    assert office.failures("a") == 0


def test_a_server_that_refuses_is_not_asked_again_and_only_a_count_and_a_line_follow(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with Receiver(404) as receiver:
        office = Office({"name": "chat", "url": f"{receiver.url}/{SECRET}", "token": SECRET})
        office.send()
        assert eventually(lambda: office.failures("chat") == 1)
        office.hooks.close()

    assert len(receiver.bodies) == 1
    assert value(office.metrics, "notification_failures_total", hook="chat", reason="refused") == 1
    assert [record.__dict__["action"] for record in caplog.records] == ["notification_failed"]
    assert "chat did not get the notice failed: 127.0.0.1 answers 404." in caplog.text
    assert SECRET not in caplog.text


def test_a_notice_is_given_up_after_its_last_try(caplog: pytest.LogCaptureFixture) -> None:
    office = Office({"name": "a", "url": f"http://127.0.0.1:{free_port()}/{SECRET}"}, tries=3)

    office.send()
    assert eventually(lambda: office.failures("a") == 1)
    office.hooks.close()

    assert value(office.metrics, "notification_failures_total", hook="a", reason="unreachable") == 1
    assert caplog.records[0].__dict__["fields"]["tries"] == 3
    assert SECRET not in caplog.text


def test_nothing_waits_for_a_server_that_hangs_and_other_hooks_get_their_notices(receiver: Receiver) -> None:
    with Receiver(hang=True) as hanging:
        office = Office({"name": "slow", "url": hanging.url}, {"name": "quick", "url": receiver.url})
        began = time.process_time()
        for number in range(MOST_WAITING + 20):
            office.send(number=number)
        spent = time.process_time() - began
        assert eventually(lambda: len(receiver.bodies) >= MOST_WAITING)
        dropped = value(office.metrics, "notification_failures_total", hook="slow", reason="queue_full")
        hanging.released.set()
        hanging.hang = False
        office.hooks.close()

    assert spent < 5
    assert 19 <= dropped <= 20  # the thread may hold one already
    assert [body["number"] for body in receiver.bodies] == sorted(body["number"] for body in receiver.bodies)


def test_a_stop_sends_what_waits_without_back_off_and_ends_soon(receiver: Receiver) -> None:
    with Receiver(hang=True) as hanging:
        office = Office({"name": "slow", "url": hanging.url}, {"name": "quick", "url": receiver.url})
        for number in range(5):
            office.send(number=number)
        began = time.monotonic()
        office.hooks.close(seconds=1.0)

        assert [body["number"] for body in receiver.bodies] == [0, 1, 2, 3, 4]
        assert time.monotonic() - began < 15


def test_a_reload_keeps_hooks_that_are_the_same_and_ends_those_that_are_gone(receiver: Receiver) -> None:
    with Receiver() as other:
        office = Office({"name": "a", "url": receiver.url}, {"name": "b", "url": other.url})
        office.send(number=1)
        kept = tuple(hook for hook in office.settings.hooks if hook.name == "a")
        office.hooks.use_settings(office.settings.model_copy(update={"hooks": kept}))
        office.send(number=2)
        office.hooks.close()
        assert eventually(lambda: len(other.bodies) == 1)

    assert [body["number"] for body in receiver.bodies] == [1, 2]


def test_a_hook_may_be_a_program(tmp_path: Path) -> None:
    office = Office({"name": "mail", "command": ["/bin/sh", "-c", f"cat >> {tmp_path}/got"]})

    office.send(number=1)
    office.send(number=2)
    office.hooks.close()

    assert (tmp_path / "got").read_text().count('"event": "failed"') == 2


def test_each_series_of_a_hook_starts_at_zero(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    office = Office({"url": "https://chat.example/x"})

    assert value(office.metrics, "notifications_total", hook="chat.example", event="batch_done") == 0
    assert value(office.metrics, "notification_failures_total", hook="chat.example", reason="timeout") == 0
