"""Hands each file that a scan found to the part that takes it."""

from collections.abc import Callable
from functools import partial

from daemon.errors import Said
from daemon.intake.admission import Admission
from daemon.intake.file_faults import FileFaults
from daemon.intake.scan_values import Arrival, Reject, Scan
from daemon.journal import SentAlong
from daemon.logs import log
from daemon.logs.barrier import CONCERNS_ALL
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.people.bad_orders import BadOrders
from daemon.people.known_results import KnownResults
from daemon.people.put_backs import PutBackAnswer, PutBacks
from daemon.publishing.publisher import Publisher
from daemon.words.counted import counted


class Arrivals:
    """A file is a put-back, or waits for its folder's order, or is admitted as a photo, or goes to `failed/`."""

    def __init__(
        self,
        admission: Admission,
        put_backs: PutBacks,
        known: KnownResults,
        bad_orders: BadOrders,
        publisher: Publisher,
        metrics: Metrics,
        wake: Callable[[], None],
    ) -> None:
        """wake: tells the dispatcher that there is a new job."""
        self.admission = admission
        self.put_backs = put_backs
        self.bad_orders = bad_orders
        self._known = known
        self._publisher = publisher
        self._metrics = metrics
        self._wake = wake
        self._faults = FileFaults()

    def recover(self) -> dict[str, int]:
        """Bring what an earlier run began to take to where it can go on. Returns counts by how."""
        return {"unclaimed": self.admission.recover(), "put_back": self.put_backs.recover()}

    def take(self, scan: Scan, urgent: bool) -> None:
        """Take what a scan found, after the put-backs that still wait. urgent: see `BadOrders.in_force`.

        Raises NoRoom if the journal cannot be written, also if photos only wait for what it is to know.
        """
        for answer in self.put_backs.resume():
            self._was_put_back(answer)
        self.bad_orders.look()
        for reject in scan.rejected:
            self._take_one(reject.name, partial(self._take_reject, reject))
        if scan.ready:
            self._known.require_room()
        for arrival in scan.ready:
            fault = self._take_one(arrival.name, partial(self._take_arrival, arrival, urgent))
            if fault:
                self._take_one(arrival.name, partial(self.refuse, Reject(arrival.source, arrival.name, fault)))
        for reason, count in scan.ignored.items():
            self._metrics.count(series.PHOTOS_IGNORED, count, reason=reason)
            log.log(
                "ignored", f"Ignored in inbox/: {counted(count, 'new file')} ({reason})", reason=reason, count=count
            )

    def _take_one(self, name: str, take: Callable[[], object]) -> Said | None:
        """Take one file; whatever goes wrong concerns it alone. Returns why it fails once it had all its tries."""
        try:
            take()
        except CONCERNS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - it stays in the inbox, and the next scan offers it again
            return self._faults.count(name, error)
        self._faults.forget(name)
        return None

    def _take_reject(self, reject: Reject) -> None:
        if not self._was_put_back(self.put_backs.answer(reject.source, None)):
            self.refuse(reject)

    def _take_arrival(self, arrival: Arrival, urgent: bool) -> None:
        taken_by = self.bad_orders.in_force(arrival.source, urgent)
        if taken_by is None:
            return  # the next scan offers it again
        if not urgent and self._known.may_be_forgotten(arrival.source):
            return  # as above: by then, reports may have told whose it is
        self._metrics.photo_seen(arrival.found_by)
        self._metrics.completeness_waited(arrival.waited_seconds)
        answer = self.put_backs.answer(arrival.source, (arrival.size_bytes, arrival.mtime_ns))
        if not self._was_put_back(answer):
            self.admission.admit(arrival, SentAlong(taken_by=taken_by))
        self._wake()

    def refuse(self, reject: Reject) -> None:
        """Bring a file that is no whole photo to `failed/`."""
        self.admission.refuse(reject, partial(self._publisher.give_up, reason=reject.reason))

    def _was_put_back(self, answer: PutBackAnswer) -> bool:
        """Whether a file was put back. One that cannot be tried again is refused here."""
        if answer.refused:
            with self.put_backs.settling(answer.job_id):
                self.refuse(answer.refused)
        return bool(answer.job_id)
