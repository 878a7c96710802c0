"""Whether the hot folder can be worked in right now: written by one thread, read by many."""

from daemon.errors import FreistellerError
from daemon.hotfolder.lease import Lease


class RootCondition:
    """What the last look at the hot folder showed.

    The inbox loop records it; dispatch, notifications and health read it, from any thread and without a lock: all of
    it is one reference.
    """

    def __init__(self, lease: Lease | None = None) -> None:
        """lease: says besides whether the hot folder is still ours alone."""
        self._lease = lease
        self._trouble: FreistellerError | None = None

    @property
    def trouble(self) -> FreistellerError | None:
        """Why no photo can be taken in or published (RootAway or NoRoom); None if nothing is wrong."""
        return self._trouble

    @property
    def there(self) -> bool:
        """Whether the hot folder can be worked in. True until the first look, so that a start need not wait for it."""
        return self._trouble is None

    @property
    def workable(self) -> bool:
        """Whether a job may start now: the hot folder is there, and its lease is sure."""
        return self.there and (self._lease is None or self._lease.sure)

    def record(self, trouble: FreistellerError | None) -> bool:
        """Remember what a look showed. Returns whether something else is wrong now than before, or nothing any more."""
        before, self._trouble = self._trouble, trouble
        return type(before) is not type(trouble)
