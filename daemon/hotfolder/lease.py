"""One daemon per hot folder across machines: a file on the share that its holder renews, for locks stay on one machine.

Nobody's clock is compared with another's: a lease is alive while it is seen to change, by the onlooker's own clock.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from daemon.disk import open_below
from daemon.errors import AlreadyRunning, FreistellerError, RootAway

NAME = "lease.json"
BEAT_SECONDS = 5.0
STALE_SECONDS = 30.0  # no beat for so long, and it is over; its holder stops working well before
LOOK_SECONDS = 0.5
_FIXED_BYTES = 512  # always as long, so that it can be written over in place


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lease. token: of one run. beats: how often it was renewed.

    boot: of the kernel that it runs on, with the namespace that its pid counts in.
    """

    token: str
    host: str
    pid: int
    boot: str
    since: str
    beats: int = 0

    def __str__(self) -> str:
        return f"on {self.host}, pid {self.pid}, since {self.since}"


def awake_seconds() -> float:
    """Seconds that go on while the machine sleeps, and that no correction of its clock changes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def this_process() -> Holder:
    """Ourselves, as others read of us."""
    token = uuid.uuid4().hex
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        boot += f" {Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:  # a locked down /proc: then we know no process as one of this machine, and wait for each
        boot = token
    return Holder(token, os.uname().nodename, os.getpid(), boot, time.strftime("%Y-%m-%d %H:%M:%S"))


def is_alive(pid: int) -> bool:
    """Whether there is such a process where we are; it may be another one of that number."""
    return pid != os.getpid() and Path(f"/proc/{pid}").exists()


class Lease:
    """Taken when it is made, renewed from `keep` on, given back by `release`."""

    def __init__(
        self,
        folder: Path,
        *,
        locked: bool,
        say: Callable[[str], None],
        me: Holder | None = None,
        clock: Callable[[], float] = awake_seconds,
        sleep: Callable[[float], object] = time.sleep,
        alive: Callable[[int], bool] = is_alive,
    ) -> None:
        """Take the lease of the hot folder whose private folder this is.

        locked: whether we hold the folder's lock, so that nobody else on this kernel is alive. say: told that we wait.
        Raises AlreadyRunning where somebody else is seen to renew it.
        """
        self._path = folder / NAME
        self._me = me or this_process()
        self._clock = clock
        self._sleep = sleep
        self._alive = alive
        self._renewed_at: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._take(locked, say)

    @property
    def sure(self) -> bool:
        """Whether nobody else can have taken it meanwhile: it was renewed lately, or needs no renewing yet."""
        return self._renewed_at is None or self._clock() - self._renewed_at < STALE_SECONDS / 2

    def refuse_unless_sure(self) -> None:
        """Raises RootAway where we may not touch the hot folder until the lease is renewed."""
        if not self.sure:
            raise RootAway(f"{self._path} could not be renewed for some time; another machine may have taken over.")

    def keep(self, check: Callable[[], None], lost: Callable[[str], None]) -> None:
        """Renew it from now on. check: raises where the hot folder is not there. lost: told, once, who has it now."""

        def serve() -> None:
            while not self._stop.wait(BEAT_SECONDS):
                with suppress(FreistellerError, OSError):  # the share is away: then it is not renewed
                    check()
                    other = self.beat()
                    if other is not None:
                        lost(f"Another Freisteller ({other}) has taken over {self._path.parent.parent}; this one ends.")
                        return

        self._renewed_at = self._clock()
        self._thread = threading.Thread(target=serve, name="lease", daemon=True)
        self._thread.start()

    def beat(self) -> Holder | None:
        """Renew it once; returns who else has it. Raises OSError where it cannot be reached."""
        found = _read(self._path)
        if found is None:
            with suppress(FileExistsError):
                self._create()
            found = _read(self._path)
        if found is not None and found.token != self._me.token:
            return found
        began = self._clock()  # what others see is not older than this
        self._me = replace(self._me, beats=self._me.beats + 1)
        _write_over(self._path, self._me)
        self._renewed_at = began
        return None

    def release(self) -> None:
        """Give it back, if it is still ours."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(OSError):
            found = _read(self._path)
            if found is not None and found.token == self._me.token:
                self._path.unlink()

    def _take(self, locked: bool, say: Callable[[str], None]) -> None:
        while True:
            with suppress(FileExistsError):
                self._create()
                return
            holder, content = _read(self._path), _content(self._path)
            if holder is None and content is None:
                continue  # given back at this moment
            if holder is not None and holder.boot == self._me.boot and locked and not self._alive(holder.pid):
                _write_over(self._path, self._me)  # its holder is dead: nobody has its number, and we have its lock
                return
            if self._is_stale(holder, content, say) and self._take_over(content):
                return

    def _is_stale(self, holder: Holder | None, content: bytes | None, say: Callable[[str], None]) -> bool:
        """Watch it; False where it went away. Raises AlreadyRunning where it changed."""
        who = str(holder) if holder else "unknown"
        say(f"{self._path.parent.parent} was used by another Freisteller ({who}). Waiting whether it still is …")
        began = self._clock()
        while self._clock() - began < STALE_SECONDS:
            self._sleep(LOOK_SECONDS)
            now = _content(self._path)
            if now is None:
                return False
            if now != content:
                raise AlreadyRunning(
                    f"The hot folder {self._path.parent.parent} is in use by another Freisteller ({who}). Stop that "
                    "one first, or use another folder."
                )
        return True

    def _take_over(self, stale: bytes | None) -> bool:
        """Put a dead lease away and make ours; False where somebody else was quicker."""
        away = self._path.with_name(f"{NAME}.{self._me.token}")
        try:
            self._path.rename(away)
        except FileNotFoundError:
            return False
        if _content(away) != stale:  # it is the one of somebody who was quicker, and goes back
            with suppress(OSError):  # or that one has made it again
                os.link(away, self._path)
            away.unlink(missing_ok=True)
            return False
        try:
            self._create()
        except FileExistsError:
            return False
        finally:
            for put_away in self._path.parent.glob(f"{NAME}.*"):  # also of somebody who died amid this
                put_away.unlink(missing_ok=True)
        return True

    def _create(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o644)
        try:
            os.write(descriptor, _padded(self._me))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        open_below.settle_path(self._path.parent)


def _padded(holder: Holder) -> bytes:
    return json.dumps(asdict(holder)).encode().ljust(_FIXED_BYTES - 1) + b"\n"


def _write_over(path: Path, holder: Holder) -> None:
    """In place: a new file of the name is seen late by a machine that caches names (NFS)."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.pwrite(descriptor, _padded(holder), 0)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _read(path: Path) -> Holder | None:
    """Who holds it; None where there is none, or it cannot be understood, as while it is written."""
    try:
        return Holder(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
