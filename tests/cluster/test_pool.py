"""The pool gives each photo a place on a fit worker, knows what was lost with a worker, and blames nobody else."""

import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import MappingProxyType

import pytest

from daemon.cluster.known_worker import NoFitWorker, PhotoLost
from daemon.cluster.link import LinkLost, SeenWorker
from daemon.cluster.pool import FIRST_LOOK_SECONDS, Pool
from daemon.cluster.tallies import MOST_NAMES, ClusterTotals, Tallies, Tally

VERSION = "1.2.3"


def never() -> bool:
    return False


class Wire:
    """A link whose workers and answers a test decides on."""

    def __init__(self) -> None:
        self.there: dict[str, SeenWorker] = {}
        self.away = ""
        self.sent: dict[str, tuple[str, Callable[[bytes | None, str], None]]] = {}
        self.arrived = threading.Condition()
        self.forgotten: list[str] = []

    def add(
        self, name: str, threads: int = 1, seen: float = 1.0, told: Mapping[str, object] = MappingProxyType({})
    ) -> None:
        self.there[name] = SeenWorker(name, name, "host", threads, seen, {"version": VERSION, **told})

    def workers(self) -> Sequence[SeenWorker]:
        if self.away:
            raise LinkLost(self.away)
        return list(self.there.values())

    def send(self, address: str, key: str, content: bytes, ended: Callable[[bytes | None, str], None]) -> None:
        with self.arrived:
            self.sent[content.decode()] = address, ended
            self.arrived.notify_all()

    def forget(self, key: str) -> None:
        self.forgotten.append(key)

    def close(self) -> None:
        pass

    def where(self, job: str) -> str:
        """On which worker a photo is, as soon as it is on one."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: job in self.sent, 10)
            return self.sent[job][0]

    def fail(self, job: str, why: str) -> None:
        self.where(job)
        self.sent.pop(job)[1](None, why)

    def answer(self, job: str) -> None:
        self.where(job)
        self.sent.pop(job)[1](b"done " + job.encode(), "")


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pool(wire: Wire, clock: Clock) -> Pool:
    return Pool(lambda: wire, VERSION, lambda: 60.0, clock)


@pytest.fixture
def photos(pool: Pool) -> "Photos":
    return Photos(pool)


class Photos:
    """Photos that go through a pool, each in a thread of its own."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def go(self, job: str, avoid: Sequence[str] = ()) -> "Future[bytes]":
        going: Future[bytes] = Future()
        threading.Thread(target=self._carry_into, args=(going, job, avoid), daemon=True).start()
        return going

    def _carry_into(self, going: "Future[bytes]", job: str, avoid: Sequence[str]) -> None:
        try:
            going.set_result(self._carry(job, avoid))
        except (NoFitWorker, PhotoLost) as error:
            going.set_exception(error)

    def _carry(self, job: str, avoid: Sequence[str]) -> bytes:
        with self._pool.placed(job, avoid, never) as place:
            answer = self._pool.send(place, job, f"job-{job}", job.encode())
        self._pool.count_done(place)
        return answer


def test_a_photo_goes_to_a_worker_and_comes_back(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one")
    pool.look()

    going = photos.go("a")
    wire.answer("a")

    assert going.result(10) == b"done a"
    assert [(worker.done, worker.running) for worker in pool.state().workers] == [(1, 0)]
    assert wire.forgotten == ["job-a"]


def test_no_worker_gets_more_photos_than_it_has_threads(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one", threads=2)
    wire.add("two", threads=1)
    pool.look()

    going = [photos.go(job) for job in "abc"]
    places = sorted(wire.where(job) for job in "abc")
    waiting = photos.go("d")

    assert places == ["one", "one", "two"]
    assert not waiting.done()
    assert "d" not in wire.sent
    wire.answer("a")
    assert wire.where("d") == "one" or wire.where("d") == "two"
    for job in "bcd":
        wire.answer(job)
    assert [each.result(10) for each in (*going, waiting)] == [b"done a", b"done b", b"done c", b"done d"]


def test_a_photo_that_was_alone_on_a_worker_that_is_gone_is_blamed(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one")
    pool.look()
    going = photos.go("a")
    wire.where("a")

    wire.there.clear()
    pool.look()

    with pytest.raises(PhotoLost) as lost:
        going.result(10)
    assert (lost.value.blamed, lost.value.worker) == (True, "one")


def test_of_several_photos_on_a_worker_that_is_gone_none_is_blamed_and_each_runs_alone_next(
    wire: Wire, pool: Pool, photos: Photos
) -> None:
    wire.add("one", threads=2)
    pool.look()
    going = [photos.go("a"), photos.go("b")]
    wire.where("a"), wire.where("b")
    wire.there.clear()
    pool.look()
    for each in going:
        with pytest.raises(PhotoLost) as lost:
            each.result(10)
        assert not lost.value.blamed

    wire.sent.clear()
    wire.add("two", threads=4)
    pool.look()
    other = photos.go("innocent")
    wire.where("innocent")
    again = photos.go("a")

    assert not again.done()
    assert "a" not in wire.sent, "a suspect is never beside another photo"
    wire.answer("innocent")
    assert wire.where("a") == "two"
    late = photos.go("late")
    assert "late" not in wire.sent, "nor is another one put beside it"
    wire.answer("a")
    wire.answer("late")
    assert [each.result(10) for each in (other, again, late)] == [b"done innocent", b"done a", b"done late"]


def test_a_worker_that_is_not_heard_of_loses_its_photos_and_gets_none_until_it_is_heard_again(
    wire: Wire, pool: Pool, clock: Clock, photos: Photos
) -> None:
    wire.add("one", seen=1.0)
    pool.look()
    going = photos.go("a")
    wire.where("a")

    clock.now += 61
    pool.look()

    with pytest.raises(PhotoLost):
        going.result(10)
    assert [worker.set_aside for worker in pool.state().workers] == ["silent"]
    with pytest.raises(NoFitWorker):
        photos.go("b").result(10)
    wire.add("one", seen=2.0)
    pool.look()
    assert [worker.set_aside for worker in pool.state().workers] == [""]


def test_the_clock_of_the_scheduler_does_not_matter(wire: Wire, pool: Pool, clock: Clock) -> None:
    wire.add("one", seen=-1e9)
    pool.look()
    clock.now += 59
    wire.add("one", seen=-1e9 + 1)
    pool.look()
    clock.now += 59

    assert [worker.set_aside for worker in pool.state().workers] == [""]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"version": "1.2.2"}, "other_version"),
        ({"set_aside": "root_away"}, "root_away"),
        ({"set_aside": "engine_away"}, "engine_away"),
        ({"set_aside": "leaving"}, "leaving"),
    ],
)
def test_a_worker_that_is_not_fit_gets_no_photos(
    wire: Wire, pool: Pool, photos: Photos, told: dict[str, str], why: str
) -> None:
    wire.add("one", told=told)
    pool.look()

    assert [worker.set_aside for worker in pool.state().workers] == [why]
    with pytest.raises(NoFitWorker):
        photos.go("a").result(10)


def test_a_worker_of_somebody_else_gets_no_photos(wire: Wire, pool: Pool) -> None:
    wire.there["one"] = SeenWorker("one", "one", "host", 8, 1.0)
    pool.look()

    assert [worker.set_aside for worker in pool.state().workers] == ["other_version"]
    assert pool.threads == 0


def test_a_worker_that_gave_a_photo_back_rests_and_the_photo_goes_to_another(
    wire: Wire, pool: Pool, clock: Clock, photos: Photos
) -> None:
    wire.add("one", threads=4)
    wire.add("two")
    pool.look()

    pool.rest(pool.state().workers[0], "engine_away")

    going = photos.go("a", avoid=["one"])
    assert wire.where("a") == "two"
    wire.answer("a")
    going.result(10)
    assert [worker.set_aside for worker in pool.state().workers] == ["engine_away", ""]
    clock.now += 31
    assert [worker.set_aside for worker in pool.state().workers] == ["", ""]


def test_a_scheduler_that_is_away_blames_no_photo(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one")
    pool.look()
    going = photos.go("a")
    wire.where("a")

    wire.away = "connection refused"
    pool.look()

    with pytest.raises(PhotoLost) as lost:
        going.result(10)
    assert not lost.value.blamed
    assert (pool.state().connected, pool.state().fault, pool.state().workers) == (False, "connection refused", ())
    with pytest.raises(NoFitWorker):
        photos.go("a").result(10)
    wire.away = ""
    wire.sent.clear()
    pool.look()
    again = photos.go("a")
    wire.answer("a")
    assert again.result(10) == b"done a"


def test_an_answer_that_comes_too_late_changes_nothing(wire: Wire, pool: Pool, clock: Clock, photos: Photos) -> None:
    wire.add("one")
    pool.look()
    going = photos.go("a")
    wire.where("a")
    zombie = wire.sent.pop("a")[1]
    clock.now += 61
    pool.look()
    with pytest.raises(PhotoLost):
        going.result(10)
    wire.add("two", seen=5.0)
    pool.look()
    again = photos.go("a")
    wire.where("a")

    zombie(b"of the zombie", "")

    assert not again.done()
    wire.answer("a")
    assert again.result(10) == b"done a"


def test_a_look_that_fails_is_repeated(wire: Wire, pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.cluster.pool.LOOK_SECONDS", 0.01)
    looks, seen_again = [], threading.Event()

    def on_look() -> None:
        looks.append(len(pool.state().workers))
        if len(looks) == 1:
            wire.add("one")
            raise RuntimeError("a bug of whoever looks")
        seen_again.set()

    pool.start(on_look)

    assert seen_again.wait(10)
    pool.close()
    assert looks[:2] == [0, 1]


def test_a_pool_that_is_closed_lets_nobody_wait(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one")
    pool.look()
    on_it, waiting = photos.go("a"), photos.go("b")
    with wire.arrived:
        assert wire.arrived.wait_for(lambda: wire.sent, 10)

    pool.close()

    with pytest.raises((PhotoLost, NoFitWorker)):
        on_it.result(10)
    with pytest.raises((PhotoLost, NoFitWorker)):
        waiting.result(10)


def lost(going: "Future[bytes]") -> PhotoLost:
    with pytest.raises(PhotoLost) as met:
        going.result(10)
    return met.value


def test_what_a_worker_did_is_remembered_when_it_ends_and_joins_again(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one", told={"cores": 4})
    pool.look()
    first = photos.go("a")
    wire.answer("a")
    first.result(10)
    on_it = photos.go("b")
    wire.where("b")
    wire.there.clear()
    pool.look()
    lost(on_it)

    wire.there["elsewhere"] = SeenWorker("elsewhere", "one", "host", 1, 9.0, {"version": VERSION})
    pool.look()
    pool.look()
    again = photos.go("c")
    wire.answer("c")
    again.result(10)

    (worker,) = pool.state().workers
    assert (worker.address, worker.done, worker.lost) == ("elsewhere", 2, 1)
    assert pool.totals() == ClusterTotals({"one": Tally(2, 1)}, 2, {"gone": 1}, {"gone": 1})


def test_photos_that_were_lost_with_a_worker_are_counted_once_whoever_notices_it_first(
    wire: Wire, pool: Pool, clock: Clock, photos: Photos
) -> None:
    wire.add("one", threads=2)
    pool.look()
    going = [photos.go("a"), photos.go("b")]
    wire.where("a"), wire.where("b")
    zombies = [wire.sent[job][1] for job in "ab"]
    clock.now += 61
    pool.look()
    for zombie in zombies:
        zombie(None, "cancelled")
    wire.there.clear()
    pool.look()
    wire.away = "connection refused"
    pool.look()
    for each in going:
        lost(each)

    totals = pool.totals()
    assert (totals.lost, totals.workers_lost) == ({"silent": 2}, {"silent": 1})
    assert totals.by_worker == {"one": Tally(0, 2)}


def test_a_worker_that_ends_without_a_photo_is_no_loss(wire: Wire, pool: Pool) -> None:
    wire.add("one")
    pool.look()
    wire.there.clear()
    pool.look()

    assert pool.totals() == ClusterTotals()


@pytest.mark.parametrize(("why", "counted"), [("cancelled", "scheduler_away"), ("TypeError: no", "not_run")])
def test_a_photo_that_no_worker_answered_is_counted_by_why(
    wire: Wire, pool: Pool, photos: Photos, why: str, counted: str
) -> None:
    wire.add("one")
    pool.look()
    going = photos.go("a")
    wire.fail("a", why)

    assert not lost(going).blamed
    assert (pool.totals().lost, pool.totals().workers_lost) == ({counted: 1}, {})


def test_a_scheduler_that_goes_away_loses_each_photo_once(wire: Wire, pool: Pool, photos: Photos) -> None:
    wire.add("one")
    pool.look()
    going = photos.go("a")
    wire.where("a")
    wire.away = "connection refused"
    pool.look()
    wire.fail("a", "cancelled")
    lost(going)

    assert pool.totals() == ClusterTotals({"one": Tally(0, 1)}, 0, {"scheduler_away": 1})


def test_a_photo_whose_way_breaks_while_the_scheduler_goes_away_is_lost_once(clock: Clock) -> None:
    class Breaking(Wire):
        on_send: Callable[[], None]

        def send(self, address: str, key: str, content: bytes, ended: Callable[[bytes | None, str], None]) -> None:
            self.away = "connection refused"
            self.on_send()
            raise LinkLost("it broke")

    wire = Breaking()
    pool = Pool(lambda: wire, VERSION, lambda: 60.0, clock)
    wire.on_send = pool.look
    wire.add("one")
    pool.look()

    lost(Photos(pool).go("a"))

    assert pool.totals() == ClusterTotals({"one": Tally(0, 1)}, 0, {"scheduler_away": 1})


def test_a_photo_that_was_given_back_was_not_done(wire: Wire, pool: Pool) -> None:
    wire.add("one")
    pool.look()

    pool.rest(pool.state().workers[0], "root_away")

    assert pool.totals() == ClusterTotals(given_back={"root_away": 1})


def test_names_that_never_come_again_are_forgotten_one_day() -> None:
    tallies = Tallies()
    tallies.photo_done("first")
    for number in range(MOST_NAMES):
        tallies.photo_done(f"pod-{number}")

    totals = tallies.totals()
    assert (len(totals.by_worker), totals.done) == (MOST_NAMES, MOST_NAMES + 1)
    assert tallies.of("first") == Tally()


@pytest.mark.parametrize("nonsense", ["many", -1, None, [], 1.5])
def test_nonsense_that_a_worker_tells_harms_nobody(wire: Wire, pool: Pool, nonsense: object) -> None:
    wire.add("one", told={"cores": nonsense, "memory_bytes": nonsense})
    pool.look()

    (worker,) = pool.state().workers
    assert (worker.cores, worker.memory_bytes) == (0, 0)


def test_a_worker_tells_its_cores_and_memory(wire: Wire, pool: Pool) -> None:
    wire.add("one", told={"cores": 16, "memory_bytes": 64 << 30})
    pool.look()

    (worker,) = pool.state().workers
    assert (worker.cores, worker.memory_bytes) == (16, 64 << 30)


def test_a_scheduler_that_lets_us_in_and_says_nothing_keeps_no_photo_waiting() -> None:
    """As one that was stopped: Dask waits for its first words for ever."""
    now, silent = [0.0], threading.Event()

    def connect() -> Wire:
        silent.wait(60)
        raise LinkLost("it never said a word")

    pool = Pool(connect, VERSION, lambda: 60.0, lambda: now[0])
    pool.start(lambda: None)
    with ThreadPoolExecutor(1) as executor:
        asked = executor.submit(pool.has_fit, never)
        with pytest.raises(TimeoutError):
            asked.result(0.2)
        now[0] = FIRST_LOOK_SECONDS
        assert asked.result(10) is False
    silent.set()
    pool.close()
