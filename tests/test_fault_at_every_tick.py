"""Our own code fails at each effect of a mixed load, one effect at a time: that photo waits, the others arrive.

`WAYS` names the effects on the way of each thing in the load, and a test holds that table against an undisturbed run.
Of its pairs (effect, thing), those in `DISTURBED` are disturbed: a step in which two things are alike, e.g. a PNG and a
JPEG that are cut out, is disturbed for one of them. One thread does all that the daemon's threads do, so what leaves a
call here would have ended the daemon.
"""

import errno
import itertools
import os
import re
import sqlite3
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from daemon.commands.retry import retry_jobs
from daemon.errors import EngineAway
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.intake.admission import Admission
from daemon.intake.event_listener import EventListener
from daemon.jobs import Recipe
from daemon.people.bad_orders import BadOrders
from daemon.people.put_backs import PutBacks
from daemon.people.retries import Retries
from daemon.service.lifecycle import Daemon
from daemon.service.task_runner import TaskRunner
from daemon.states import LONGEST_POSTPONE_SECONDS, State
from tests.doubles import Clock, ScriptedEngine
from tests.mixed_load import copy_of, drop_new_photos, earlier_photos, people_act
from tests.test_crash_at_every_step import files_below

pytestmark = pytest.mark.usefixtures("deaf")

GRADES = ("sehr_gut", "gut", "ungenügend")
MOST_TURNS = 12
MOST_STARTS = 40  # in one turn; a photo that is started again and again at once would use them up
TAKEN = (Effect.ADMIT, Effect.CLAIM)
CUT = (Effect.RECORD_CONTENT, Effect.ASK_ENGINE, Effect.KEEP_ALPHA, Effect.RECORD_ATTEMPT, Effect.DECIDE)
WRITTEN = (Effect.MAKE_STAGING, Effect.WRITE_RESULT, Effect.KEEP_RESULT, Effect.STAGE_REPORT)
PUBLISHED = (Effect.PUBLISH, Effect.RECORD_RESULTS, Effect.ARCHIVE, Effect.COMPLETE, Effect.CLEAR)
GIVEN_UP = (Effect.GIVE_UP, Effect.MOVE_TO_FAILED, Effect.RECORD_PLACES, Effect.CLEAR)
PUT_BACK = (Effect.PUT_ASIDE, Effect.REQUEUE, Effect.ORIGINAL_INTO_WORK, Effect.END_PUT_BACK)
REPLACED = (Effect.ARCHIVE_EARLIER_RESULT,)
SENT = (Effect.RECEIVE_UPLOAD, Effect.CLEAR_UPLOAD)
CHOSEN = (Effect.TAKE_ATTEMPT, Effect.REMOVE_EARLIER_RESULT, Effect.FORGET_EARLIER_RESULT)
BROUGHT_BACK = (Effect.BRING_BACK_RESULT, Effect.BRING_BACK_ORIGINAL, Effect.REINSTATE)
DEEDS = (Effect.BEGIN_DEED, Effect.END_DEED, *BROUGHT_BACK)
ELSEWHERE = {
    Effect.FINISH_CLAIM,
    Effect.GIVE_BACK,
    Effect.KEEP_CORRECTIONS,
    Effect.REMOVE_ORDER_NOTE,
    Effect.BRING_COMPANION,
    Effect.KEEP_FAILED_FILE,
    Effect.REMOVE_FAILED_FILE,
    Effect.CLOSE_FAILURE,
    Effect.TELL_LEFT_ALONE,
    Effect.WRITE_SHEET,
    *SENT,
    *CHOSEN,
    *DEEDS,
}
"""Effects on things that are not in the load; `tests/hotfolder/test_fences.py` has them."""
ALL = (*TAKEN, *CUT, *WRITTEN, *PUBLISHED)
ROUND = (*CUT, *WRITTEN, *PUBLISHED)
WAYS = {
    "plain": ALL,
    "camera": ALL,
    "ordered": ALL,
    "waits": (*ALL, Effect.POSTPONE),
    "pages": ALL,
    "same": ALL,
    "twin": (*TAKEN, Effect.RECORD_CONTENT, Effect.ARCHIVE, Effect.LEAVE_OUT, Effect.CLEAR),
    "letter": (*TAKEN, *GIVEN_UP),
    "clear": (*TAKEN, Effect.RECORD_CONTENT, *GIVEN_UP),
    "result": (*PUT_BACK, *REPLACED, *ROUND),
    "original": (*PUT_BACK, *REPLACED, *ROUND),
    "failed": (*PUT_BACK, Effect.REMOVE_NOTE, *ROUND),
    "again": (Effect.TAKE_BACK, Effect.REQUEUE, *ROUND),
    "moved": (Effect.BRING_ALONG, Effect.RECORD_VERDICT),
    "wrong": (Effect.WRITE_ORDER_NOTE,),
    "known": (Effect.ADOPT, Effect.CLEAR),
}
"""The effects on the way of each thing, by the stem of its name."""
DISTURBED = {
    **WAYS,
    "camera": (),
    "ordered": (),
    "waits": (Effect.POSTPONE,),
    "pages": (Effect.ASK_ENGINE, Effect.KEEP_ALPHA, Effect.RECORD_ATTEMPT, Effect.WRITE_RESULT, Effect.KEEP_RESULT),
    "same": (Effect.RECORD_CONTENT, Effect.DECIDE, Effect.PUBLISH),
    "original": (*PUT_BACK, *REPLACED),
    "failed": (*PUT_BACK, Effect.REMOVE_NOTE),
    "again": (Effect.TAKE_BACK, Effect.REQUEUE),
}
"""What is left of that without steps in which two things are alike."""
PAIRS = [(effect, kind) for kind, effects in DISTURBED.items() for effect in effects]


class Telling:
    """A tick that knows whom each effect concerns, and raises when it is told to."""

    def __init__(self) -> None:
        self.met: Counter[tuple[Effect, str]] = Counter()
        self.raised = 0
        self.victim: tuple[Effect, str] | None = None
        self.skip = 0
        self.most = 0
        self.trouble: Exception = RuntimeError("a bug")
        self._at = threading.local()

    def __call__(self, effect: Effect) -> None:
        pair = effect, self.kinds[-1] if self.kinds else ""
        self.met[pair] += 1
        if pair == self.victim and self.met[pair] > self.skip and self.raised < self.most:
            self.raised += 1
            raise self.trouble

    @property
    def kinds(self) -> list[str]:
        """What this thread is at, the innermost last."""
        if not hasattr(self._at, "kinds"):
            self._at.kinds = []
        kinds: list[str] = self._at.kinds
        return kinds

    @contextmanager
    def at(self, name: str) -> Iterator[None]:
        self.kinds.append(PurePosixPath(name).stem)
        try:
            yield
        finally:
            self.kinds.pop()

    def listen(self, monkeypatch: pytest.MonkeyPatch, name_of: Callable[[str], str]) -> None:
        """Hear which photo each call is about. name_of: the name of a job's photo, by its id."""

        def told(of: type, method: str, name: Callable[[Any], str]) -> None:
            real = getattr(of, method)

            def call(part: object, about: object, *rest: object, **keywords: object) -> object:
                with self.at(name(about)):
                    return real(part, about, *rest, **keywords)

            monkeypatch.setattr(of, method, call)

        def locked(method: str) -> None:
            real = getattr(JobLocks, method)

            @contextmanager
            def hold(locks: JobLocks, job_id: str) -> Iterator[object]:
                with self.at(name_of(job_id)), real(locks, job_id) as answer:
                    yield answer

            monkeypatch.setattr(JobLocks, method, hold)

        told(BadOrders, "in_force", lambda source: source.name)
        told(Admission, "admit", lambda arrival: arrival.name)
        told(Admission, "refuse", lambda reject: reject.name)
        told(PutBacks, "answer", lambda source: source.name)
        told(TaskRunner, "run", lambda job: job.name)
        told(Retries, "try_again", name_of)
        locked("held")
        locked("trying")


class Run:
    """One load, and all that the daemon and people do about it."""

    def __init__(self, folder: Path, earlier: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.settings = copy_of(earlier, folder)
        self.root = self.settings.root_path
        self.tick = Telling()
        self.refused: list[str] = []
        self._clock = Clock()
        drop_new_photos(self.root / "inbox")
        people_act(self.root)
        self.tick.listen(monkeypatch, lambda job_id: self._daemon.parts.journal.row(job_id).job.name)
        self._runtime = Runtime(self._clock, self.tick)

    def disturb(self, effect: Effect, kind: str, trouble: Exception, times: int) -> None:
        """Raise before an effect of one thing, so many times; of a file with two pages, at the second one."""
        self.tick.victim, self.tick.trouble, self.tick.most = (effect, kind), trouble, times
        self.tick.skip = 1 if kind == "pages" and effect in DISTURBED["pages"] else 0

    def go(self) -> None:
        """Let the daemon work until nothing happens any more."""
        away = itertools.count()

        def no_engine_at_first(_: Recipe) -> None:
            if self.tick.kinds[-1] == "waits" and not next(away):
                raise EngineAway("The engine is away.")

        engine = ScriptedEngine(no_engine_at_first)
        self._daemon = Daemon(self.settings, engine=engine, tick=self.tick, clock=self._clock)
        try:
            self._daemon.recover()
            for turn in range(MOST_TURNS):
                before = self.tick.met.total()
                self._turn(retries=turn < 3)
                if self.tick.met.total() == before:
                    return
        finally:
            self._daemon.close()

    def _turn(self, retries: bool) -> None:
        parts = self._daemon.parts
        assert parts.inbox_loop.turn(urgent=True) is not None
        if retries and (failed := self._failed("again.png")):
            self.refused += retry_jobs(self.settings, failed, self._runtime)[1]
        for _ in range(MOST_STARTS):
            if parts.dispatch.start_next() is None:
                break
            while parts.dispatch.running:
                threading.Event().wait(0.001)
        parts.verdicts.turn(settle_seconds=0)
        parts.recovery.clear_leftovers()
        self._clock.advance(LONGEST_POSTPONE_SECONDS)

    def _failed(self, name: str) -> list[str]:
        rows = self._daemon.parts.journal.rows(State.FAILED)
        return [row.job.id for row in rows if row.job.name == name and row.job.round == 0]

    def outcome(self) -> dict[str, list[str]]:
        """Where each thing is in the end: all its files outside of our own folder, by the stem of its name."""
        found: dict[str, list[str]] = defaultdict(list)
        for place in files_below(self.root):
            if not place.startswith(".freisteller/"):
                kind = re.sub("(-p[0-9]|-[0-9]|-earlier)*$", "", place.rpartition("/")[2].partition(".")[0])
                if kind == "freisteller":  # an order, or the note on it, is its folder's
                    kind = place.split("/")[-2]
                found["same" if kind == "twin" else kind].append(place.replace("b/twin", "a/same"))
        return {kind: sorted(places) for kind, places in found.items()}

    def left(self) -> list[str]:
        """What is left in our own folder."""
        ours = files_below(self.root / ".freisteller")
        return [place for place in ours if place not in ("lock", "root.json", "lease.json")]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventListener, "listen", lambda *_: None)
        earlier_photos(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EventListener, "listen", lambda *_: None)
        run = Run(tmp_path_factory.mktemp("undisturbed"), earlier, patch)
        run.go()
    return run


def test_every_effect_is_in_the_load(undisturbed: Run) -> None:
    met: dict[str, set[Effect]] = defaultdict(set)
    for effect, kind in undisturbed.tick.met:
        met[kind].add(effect)

    assert set(Effect) - ELSEWHERE == {effect for effect, _ in undisturbed.tick.met}
    assert met == {kind: set(effects) for kind, effects in WAYS.items()}
    assert undisturbed.left() == []


def bugs(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The lines of the log that tell of the trouble, without those that say what became of a photo in the end."""
    actions = ("job_failed",)
    return [
        record.getMessage()
        for record in caplog.records
        if "a bug" in record.getMessage() and getattr(record, "action", "") not in actions
    ]


@pytest.mark.parametrize(("effect", "kind"), PAIRS)
def test_a_fault_that_comes_once_changes_nothing_in_the_end(
    tmp_path: Path,
    earlier: Path,
    undisturbed: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    effect: Effect,
    kind: str,
) -> None:
    run = Run(tmp_path, earlier, monkeypatch)
    run.disturb(effect, kind, RuntimeError("a bug"), times=1)

    run.go()

    assert run.tick.raised == 1
    assert run.outcome() == undisturbed.outcome()
    assert run.left() == []
    told = bugs(caplog)
    assert len(told + run.refused) == 1  # who asks for a retry reads it on the terminal
    assert all(kind in line for line in told)


NEVER_TAKEN = frozenset({Effect.ADMIT, Effect.CLAIM})
"""On the way into work, and so on the way to failed/ as well: the file waits in the inbox."""
NEVER_MOVED = frozenset({Effect.GIVE_UP, Effect.MOVE_TO_FAILED})
"""On the way to failed/ itself: the file waits in work."""
NOT_HEARD = frozenset({Effect.TAKE_BACK, Effect.BRING_ALONG})
"""What a person asked for is not done."""
ALREADY_THERE = frozenset(
    {
        *(Effect.RECORD_RESULTS, Effect.ARCHIVE, Effect.COMPLETE, Effect.CLEAR, Effect.ADOPT, Effect.LEAVE_OUT),
        *(Effect.RECORD_PLACES, Effect.POSTPONE, Effect.END_PUT_BACK, Effect.RECORD_VERDICT),
    }
)
"""Its files are where people find them already, or get there all the same."""


def ends_in(effect: Effect, kind: str) -> str:
    """The folder in which a thing ends that our code stumbles over each time: "done" = one of the grade folders."""
    if effect in NEVER_TAKEN:
        return "inbox"
    if effect in NEVER_MOVED:
        return ".freisteller"
    if kind in ("letter", "clear") or (kind, effect) in (("again", Effect.REQUEUE), ("again", Effect.TAKE_BACK)):
        return "failed"
    if (kind, effect) == ("twin", Effect.ARCHIVE):
        return "failed"
    return "done" if effect in ALREADY_THERE | NOT_HEARD else "failed"


@pytest.mark.parametrize(("effect", "kind"), PAIRS)
def test_a_fault_that_comes_each_time_stops_nobody_else(
    tmp_path: Path,
    earlier: Path,
    undisturbed: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    effect: Effect,
    kind: str,
) -> None:
    run = Run(tmp_path, earlier, monkeypatch)
    run.disturb(effect, kind, RuntimeError("a bug"), times=10**6)

    run.go()

    pair = {"same": "same", "twin": "same"}.get(kind, kind)  # the two are equal, and either may come first
    found, expected = run.outcome(), undisturbed.outcome()
    mine = found.pop(pair, [])
    expected.pop(pair)
    assert found == expected
    folders = {"done" if place.partition("/")[0] in GRADES else place.partition("/")[0] for place in mine}
    folders |= {".freisteller" for place in run.left() if kind in place}
    assert ends_in(effect, kind) in folders
    if ends_in(effect, kind) == "failed" and kind not in ("letter", "clear", "again"):
        notes = [note.read_text("utf-8") for note in (run.root / "failed").rglob(f"{kind}*.txt")]
        (note,) = (note for note in notes if "RuntimeError: a bug" in note)
        assert "please report it" in note
    told = bugs(caplog)
    assert len(told) <= 2  # where two parts of the daemon meet it one after the other
    assert all(kind in line for line in told)
    assert told or run.refused


SAMPLE = [(Effect.CLAIM, "plain"), (Effect.DECIDE, "plain"), (Effect.PUBLISH, "pages"), (Effect.REQUEUE, "original")]
TROUBLES = [OSError(errno.EIO, os.strerror(errno.EIO)), sqlite3.OperationalError("a bug"), MemoryError("a bug")]


@pytest.mark.parametrize("trouble", TROUBLES, ids=repr)
@pytest.mark.parametrize(("effect", "kind"), SAMPLE)
def test_another_kind_of_fault_that_comes_once_changes_nothing_either(
    tmp_path: Path,
    earlier: Path,
    undisturbed: Run,
    monkeypatch: pytest.MonkeyPatch,
    effect: Effect,
    kind: str,
    trouble: Exception,
) -> None:
    run = Run(tmp_path, earlier, monkeypatch)
    run.disturb(effect, kind, trouble, times=1)

    run.go()

    assert run.outcome() == undisturbed.outcome()
    assert run.left() == []
