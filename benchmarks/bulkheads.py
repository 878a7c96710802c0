"""Whether one bad file, one fault or one neighbour stops the others: hostile things arrive while photos are worked on.

The daemon is the real command, two ComfyUI servers are doubles in processes of their own, and small photos (JPEG, PNG,
TIFF) come all the time, in folders with orders, while people move results and put some back. One after the other, each
thing of `hostile_things.py` happens. A prober in a process of its own asks /healthz every 50 ms.

The table says of each thing what became of it; how long the other photos took from drop to result (median / longest)
before and while it was there; the longest pause between two finished photos; the longest time between two good answers
of /healthz; and the most memory that the daemon and its children held. The times are in seconds.

stopped_others counts a thing if no photo was finished for longer than BOUND_SECONDS + BOUND_FACTOR x the longest delay
of the first, undisturbed seconds. Where a server or a disk is away, a photo is postponed by some seconds, and a busy
machine makes anything take a few times as long; nothing of that takes longer than this. Seconds during which the thing
itself makes work impossible do not count: a share is away, or a daemon was killed and is not back yet. Nor does anybody
ask its health then. A thing also counts if the daemon ended by itself, or had to be started again for work to go on.
As root, the hot folder and the state directory get disks of their own; other users leave some things out.
Run: `.venv/bin/python benchmarks/bulkheads.py [--things NAME,NAME] [--seconds 6] [--list]`. Last line: one JSON object.
"""

import argparse
import itertools
import json
import shutil
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from benchmarks import hostile_photos  # noqa: E402 - the checkout is no installed package
from benchmarks.hostile_things import SLOW, THINGS, LeftOut, Stage, Thing, place_of  # noqa: E402
from benchmarks.soak import mount_tmpfs  # noqa: E402
from benchmarks.steady_load import Balance, Load, Shot, contents  # noqa: E402
from benchmarks.watched_daemon import ComfyUI, Prober, WatchedDaemon, mount_loop_disk  # noqa: E402
from tests.observe.prometheus import free_port  # noqa: E402

BOUND_SECONDS, BOUND_FACTOR = 10.0, 3.0
CALM_SECONDS = 2.0  # between two things
LONGEST_REST_SECONDS = 30.0  # for the photos that the last thing kept waiting
UNDISTURBED_SECONDS = 15.0  # at the start
MOST_FACTOR = 3.0  # a thing whose files wait is watched at most so many times longer than asked
GIVEN_UP_SECONDS = 20.0  # after the bound, a daemon that finishes nothing is started again
LONGEST_STANDSTILL_SECONDS = 90.0  # at the end: so long nothing was finished, and it is given up
SETTLED_SECONDS = 2.0  # what people put back last is on its way between two folders for a moment
MOST_LETTERS = 120  # of a reason, in the table
DISK_MB, STATE_MB = 2048, 256


@dataclass(frozen=True)
class Row:
    """One thing, as the table shows it. Delays and pauses are in seconds; None = nothing to measure."""

    thing: str
    became: str
    before: tuple[float, float] | None
    during: tuple[float, float] | None
    pause: float
    gap: float
    peak_mb: float
    stopped: str = ""
    """Why it counts as having stopped the others; "" = it did not."""

    def __str__(self) -> str:
        fault = f"  STOPPED OTHERS: {self.stopped}" if self.stopped else ""
        return (
            f"{self.thing:<22}{_pair(self.before):>12}{_pair(self.during):>13}{self.pause:>8.1f}{self.gap:>9.2f}"
            f"{self.peak_mb:>9.0f}  {self.became}{fault}"
        )


HEAD = f"{'thing':<22}{'before':>12}{'during':>13}{'pause':>8}{'healthz':>9}{'peak MB':>9}  what became of it"


def _pair(delays: tuple[float, float] | None) -> str:
    return f"{delays[0]:.1f} / {delays[1]:.1f}" if delays else "-"


def delays(shots: Sequence[Shot], now: float) -> tuple[float, float] | None:
    """Median and longest time from drop to result; photos without one count with the time until now."""
    found = [shot.delay(now) for shot in shots if shot.failed_at is None]
    return (statistics.median(found), max(found)) if found else None


def overlap(since: float, until: float, from_then: float, to_then: float) -> float:
    """How many seconds two times share."""
    return max(0.0, min(until, to_then) - max(since, from_then))


class Trial:
    """One daemon, and everything that happens to it."""

    def __init__(self, stage: Stage, prober: Prober, seconds: float) -> None:
        """seconds: how long each thing is watched at least."""
        self.stage = stage
        self.bound = BOUND_SECONDS
        self.calm: list[Shot] = []
        """Photos that came and were finished while nothing happened."""
        self._prober = prober
        self._seconds = seconds

    def rest(self, seconds: float) -> None:
        """Wait until earlier photos are done, let nothing happen, and remember how long photos take then."""
        earlier, deadline = self.stage.load.open_shots(), time.monotonic() + LONGEST_REST_SECONDS
        while any(shot in earlier for shot in self.stage.load.open_shots()) and time.monotonic() < deadline:
            time.sleep(0.1)
        began = time.monotonic()
        time.sleep(seconds)
        shots = list(self.stage.load.ledger.shots.values())
        self.calm += [shot for shot in shots if shot.dropped_at >= began and shot.done_at]

    def settle_bound(self) -> None:
        """Take the bound from what was seen so far."""
        shots = list(self.stage.load.ledger.shots.values())
        undisturbed = delays(shots, time.monotonic())
        self.bound = BOUND_SECONDS + BOUND_FACTOR * (undisturbed[1] if undisturbed else 0.0)
        self.calm += [shot for shot in shots if shot.done_at and shot not in self.calm]

    def run(self, thing: Thing) -> Row:
        """Let it happen, watch, put back what it changed, and wait until the others have gone on."""
        stage, daemon = self.stage, self.stage.daemon
        stage.hostile, stage.said, stage.after = {}, "", ExitStack()
        by_itself, daemon.peak_mb, before = daemon.by_itself, 0.0, delays(self.calm, time.monotonic())
        began = time.monotonic()
        with stage.after:
            try:
                thing.act(stage)
            except LeftOut as reason:
                stage.said = f"left out: {reason}"
            at_least = began + max(self._seconds, thing.seconds or 0.0)
            at_most = began + MOST_FACTOR * self._seconds + thing.outage
            while (now := time.monotonic()) < at_least or (now < at_most and not self._are_settled()):
                time.sleep(0.1)
        released = time.monotonic()
        stopped = "" if self._goes_on(released) else "only a restart let work go on"
        ended = time.monotonic()
        if stopped:
            daemon.restart()
        pause = max(0.0, self._longest_pause(began, ended) - thing.outage)
        if daemon.by_itself > by_itself:
            stopped = "the daemon ended by itself"
        elif pause > self.bound and not stopped:
            stopped = f"no photo for {pause:.0f} s"
        shots = [
            shot
            for shot in list(stage.load.ledger.shots.values())
            if shot.dropped_at <= released and (shot.done_at or ended) >= began
        ]
        gap = self._longest_gap(began, ended)
        return Row(thing.name, self._became(), before, delays(shots, ended), pause, gap, daemon.peak_mb, stopped)

    def _are_settled(self) -> bool:
        return all(place_of(self.stage, content) for content in self.stage.hostile)

    def _goes_on(self, since: float) -> bool:
        """Wait until a photo that was dropped from now on is finished. Returns False if none is for too long."""
        load, deadline = self.stage.load, since + self.bound + GIVEN_UP_SECONDS
        while time.monotonic() < deadline:
            if any(shot.dropped_at > since and shot.done_at for shot in list(load.ledger.shots.values())):
                return True
            latest = max(load.ledger.finished_at, default=0.0)  # 0 = a slow machine has finished none yet
            if len(load.open_shots()) > 30 and latest > since + self._seconds:
                return True  # none is dropped, because so many wait; but they are worked off
            time.sleep(0.1)
        return False

    def _longest_pause(self, began: float, ended: float) -> float:
        """The longest time between two finished photos, without the seconds during which there was no daemon."""
        finished = [at for at in list(self.stage.load.ledger.finished_at) if began <= at <= ended]
        return max(
            later - earlier - sum(overlap(earlier, later, *away) for away in self.stage.daemon.away)
            for earlier, later in itertools.pairwise([began, *finished, ended])
        )

    def _longest_gap(self, began: float, ended: float) -> float:
        """The longest gap of /healthz that is not the time without a daemon."""
        away = self.stage.daemon.away
        gaps = self._prober.gaps(began, ended)
        counted = [gap.seconds for gap in gaps if not any(overlap(gap.since, gap.until, *time) for time in away)]
        return max(counted, default=0.0)

    def _became(self) -> str:
        """How many files met which end, each with the first reason, and what the thing says itself."""
        stage = self.stage
        places = [place_of(stage, content) or "still on its way" for content in stage.hostile]
        ends: dict[str, list[str]] = {}
        for place in places:
            ends.setdefault(place.partition(":")[0], []).append(place)
        counted = [f"{len(same)} {same[0][:MOST_LETTERS]}" for _, same in sorted(ends.items())]
        return "; ".join([stage.said, *counted] if stage.said else counted)


def wait_for_the_rest(load: Load) -> None:
    """Wait until every photo was answered, and nothing is in work; on a busy machine that takes its time."""
    load.stop_dropping()
    moved_at = idle_since = time.monotonic()
    open_before = len(load.open_shots())
    while time.monotonic() < min(moved_at + LONGEST_STANDSTILL_SECONDS, idle_since + SETTLED_SECONDS):
        time.sleep(0.2)
        if load.busy():
            idle_since = time.monotonic()
        if (still_open := len(load.open_shots())) != open_before:
            moved_at, open_before = time.monotonic(), still_open


def prepared(things: Sequence[Thing]) -> dict[str, hostile_photos.Files]:
    """The files of these things, drawn before anything is measured."""
    names = {thing.name for thing in things}
    files = {name: draw() for name, draw in hostile_photos.FILES.items() if name in names}
    if any(name.startswith("worker") for name in names):
        files[SLOW] = hostile_photos.slow_photos()
    return files


def trial(stack: ExitStack, folder: Path, things: Sequence[Thing], seconds: float) -> Trial:
    """Everything in its place, and started."""
    files = prepared(things)
    (folder / "disk").mkdir()
    (folder / "state").mkdir()
    disk = mount_loop_disk(stack, folder / "disk.img", folder / "disk", DISK_MB)
    own_state_disk = mount_tmpfs(stack, folder / "state", STATE_MB)
    root, reserved, reserved_at = folder / "hot", None, 0
    if disk:
        reserved = folder / "disk" / "bad sector.jpg"
        reserved_at = disk.lay_at_its_end(reserved, hostile_photos.encoded(".jpg", 1000, 750, 99))
        (folder / "disk" / "hot").mkdir()
        root = folder / "disk" / "hot"
    stop = threading.Event()
    servers = [ComfyUI(free_port(), stop) for _ in range(2)]
    for server in servers:
        stack.callback(server.wait)
    stack.callback(stop.set)
    bind = f"127.0.0.1:{free_port()}"
    daemon = WatchedDaemon(folder, root, [server.url for server in servers], bind)
    stack.callback(daemon.close)
    load = Load(root)
    (root / "inbox").mkdir(parents=True)
    daemon.start()
    daemon.watch()
    stack.enter_context(load)
    prober = Prober(stack, f"http://{bind}/healthz", folder / "answers")
    return Trial(Stage(load, daemon, servers, files, disk, reserved, reserved_at, own_state_disk), prober, seconds)


def chosen(names: str) -> list[Thing]:
    """The things of these names. Ends the program if there is no such thing."""
    known = {thing.name: thing for thing in THINGS}
    wanted = names.split(",") if names else list(known)
    if unknown := [name for name in wanted if name not in known]:
        raise SystemExit(f"No such thing: {', '.join(unknown)}. --list names them all.")
    return [known[name] for name in wanted]


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--things", default="", metavar="NAME,NAME", help="only these")
    parser.add_argument("--seconds", type=float, default=6.0, help="how long each thing is watched at least")
    parser.add_argument("--undisturbed", type=float, default=UNDISTURBED_SECONDS, help="seconds before the first thing")
    parser.add_argument("--keep", action="store_true", help="keep the folder and its log")
    parser.add_argument("--list", action="store_true", help="name all things")
    given = parser.parse_args(arguments)
    things = chosen(given.things)
    if given.list:
        print("\n".join(thing.name for thing in things))
        return
    folder = Path(tempfile.mkdtemp(prefix="bulkheads-"))
    hostile: dict[str, str] = {}
    rows: list[Row] = []
    try:
        with ExitStack() as stack:
            began = time.monotonic()
            test = trial(stack, folder, things, given.seconds)
            test.rest(given.undisturbed)
            test.settle_bound()
            print(f"Started and drawn in {time.monotonic() - began - given.undisturbed:.0f} s. ", end="")
            print(f"A thing stops the others if no photo is finished for {test.bound:.1f} s.")
            print(HEAD, flush=True)
            for thing in things:
                test.rest(CALM_SECONDS)
                rows.append(test.run(thing))
                hostile |= test.stage.hostile
                print(rows[-1], flush=True)
            load = test.stage.load
            wait_for_the_rest(load)
            test.stage.daemon.close()
            balance = load.balance()
            left = contents(load.root)
            gone = [f"{name} (hostile) is nowhere" for content, name in hostile.items() if content not in left]
            report(rows, balance, gone, load, time.monotonic() - began)
    finally:
        if given.keep:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def report(rows: Sequence[Row], balance: Balance, gone: Sequence[str], load: Load, seconds: float) -> None:
    """Print what is wrong in the end, and the figures."""
    lost = (*balance.lost, *gone)
    for fault in (*balance.innocent_in_failed, *lost, *balance.doubled)[:40]:
        print(f"  ! {fault}")
    doings = f"{load.put_backs} put back and {load.verdicts} moved by people"
    print(f"{balance.photos} photos, {doings}, in {seconds / 60:.1f} minutes.")
    line = {
        "things": sum("left out" not in row.became for row in rows),
        "stopped_others": sum(bool(row.stopped) for row in rows),
        "longest_health_gap_seconds": round(max((row.gap for row in rows), default=0.0), 2),
        "innocent_in_failed": len(balance.innocent_in_failed),
        "lost": len(lost),
        "doubled": len(balance.doubled),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
