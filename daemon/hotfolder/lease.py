"""Makes sure that only one daemon uses a hot folder, also across machines: locks work on one machine only.

The holder renews a file on the share. Nobody compares the clocks of two machines: a lease is alive while it is seen to
change, by the clock of the machine that watches it.
"""

import math
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.errors import AlreadyRunning, FreistellerError, RootAway, Said
from daemon.hotfolder import lease_file
from daemon.hotfolder.lease_file import NAME, Holder

BEAT_SECONDS = 5.0
STALE_SECONDS = 30.0  # a lease without a beat for so long is over; its holder stops working well before
LOOK_SECONDS = 0.5


def awake_seconds() -> float:
    """A clock that goes on while the machine sleeps, and that no correction of its time of day changes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Lease:
    """Taken when it is made, renewed once `keep` was called, given back by `release`."""

    def __init__(
        self,
        folder: Path,
        *,
        locked: bool,
        print_line: Callable[[str], None],
        me: Holder | None = None,
        clock: Callable[[], float] = awake_seconds,
        sleep: Callable[[float], object] = time.sleep,
        alive: Callable[[int], bool] = lease_file.is_alive,
    ) -> None:
        """Take the lease of the hot folder whose private folder this is.

        locked: whether we hold the folder's lock, so that no other process of this kernel can. print_line: gets a
        line for people if we have to wait. Raises AlreadyRunning if another process is seen to renew the lease.
        """
        self._path = folder / NAME
        self._me = me or lease_file.this_process()
        self._clock = clock
        self._sleep = sleep
        self._alive = alive
        self._renewed_at: float | None = None
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._take(locked, print_line)

    @property
    def sure(self) -> bool:
        """Whether nobody else can have taken the lease: we renewed it lately, or need not renew it yet."""
        return self._renewed_at is None or self._clock() - self._renewed_at < STALE_SECONDS / 2

    def refuse_unless_sure(self) -> None:
        """Raise RootAway if we may not touch the hot folder until the lease is renewed."""
        if not self.sure:
            raise RootAway(Said("lease_not_renewed", path=self._path))

    def keep(self, check: Callable[[], None], on_lost: Callable[[str], None]) -> None:
        """Renew the lease at once and from now on, in a thread of its own.

        check: raises if the hot folder is not there. on_lost: called once, with a sentence that says who has it now.
        Raises AlreadyRunning if another process took the lease over since it was taken.
        """
        self._renewed_at, other = -math.inf, None
        with suppress(FreistellerError, OSError):  # then we are not sure until a beat succeeds
            check()
            other = self.beat()
        if other is not None:
            raise AlreadyRunning(f"Another Freisteller ({other}) has taken over {self._path.parent.parent} meanwhile.")

        def serve() -> None:
            while not self._stop.wait(BEAT_SECONDS):
                with suppress(FreistellerError, OSError):  # the share is away: then we cannot renew the lease
                    check()
                    other = self.beat()
                    if other is not None:
                        root = self._path.parent.parent
                        on_lost(f"Another Freisteller ({other}) has taken over {root}; this one ends.")
                        return

        self._thread = threading.Thread(target=serve, name="lease", daemon=True)
        self._thread.start()

    def beat(self) -> Holder | None:
        """Renew the lease once. Returns who else has it, or None. Raises OSError if its file cannot be reached."""
        found = lease_file.read(self._path)
        if found is None:
            with suppress(FileExistsError):
                lease_file.create(self._path, self._me)
            found = lease_file.read(self._path)
        if found is not None and found.token != self._me.token:
            return found
        began = self._clock()  # others see the beat no earlier than this
        self._me = replace(self._me, beats=self._me.beats + 1)
        lease_file.write_over(self._path, self._me)
        self._renewed_at = began
        return None

    def release(self) -> None:
        """Give the lease back, if it is still ours."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
        with suppress(OSError):
            found = lease_file.read(self._path)
            if found is not None and found.token == self._me.token:
                self._path.unlink()

    def _take(self, locked: bool, print_line: Callable[[str], None]) -> None:
        while True:
            with suppress(FileExistsError):
                lease_file.create(self._path, self._me)
                return
            holder, content = lease_file.read(self._path), lease_file.content_of(self._path)
            if holder is None and content is None:
                continue  # its holder gave it back just now
            if holder is not None and holder.boot == self._me.boot and locked and not self._alive(holder.pid):
                # Its holder is dead: no process has its number, and we hold the lock.
                lease_file.write_over(self._path, self._me)
                return
            if self._is_stale(holder, content, print_line) and self._take_over(content):
                return

    def _is_stale(self, holder: Holder | None, content: bytes | None, print_line: Callable[[str], None]) -> bool:
        """Watch the lease. Returns False if it goes away. Raises AlreadyRunning if it changes."""
        who, root = str(holder) if holder else "unknown", self._path.parent.parent
        print_line(f"{root} was used by another Freisteller ({who}). Waiting to see whether it still is …")
        began = self._clock()
        while self._clock() - began < STALE_SECONDS:
            self._sleep(LOOK_SECONDS)
            now = lease_file.content_of(self._path)
            if now is None:
                return False
            if now != content:
                who = str(self._readable_soon() or who)
                raise AlreadyRunning(
                    f"The hot folder {root} is in use by another Freisteller ({who}). Stop that one first, or use "
                    "another folder."
                )
        return True

    def _readable_soon(self) -> Holder | None:
        """Who holds the lease; None if that cannot be read in ten looks. A share may show it half written."""
        for _ in range(10):
            if found := lease_file.read(self._path):
                return found
            self._sleep(LOOK_SECONDS)
        return None

    def _take_over(self, stale: bytes | None) -> bool:
        """Put a dead lease aside and make ours. Returns False if another process was faster."""
        aside = self._path.with_name(f"{NAME}.{self._me.token}")
        try:
            self._path.rename(aside)
        except FileNotFoundError:
            return False
        if lease_file.content_of(aside) != stale:  # a faster process made this one, so it goes back
            with suppress(OSError):  # fails if that process has made it again
                os.link(aside, self._path)
            aside.unlink(missing_ok=True)
            return False
        try:
            lease_file.create(self._path, self._me)
        except FileExistsError:
            return False
        finally:
            for left in self._path.parent.glob(f"{NAME}.*"):  # also those of a process that died in the middle
                with suppress(OSError):  # somebody's folder
                    left.unlink()
        return True
