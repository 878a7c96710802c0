"""What is done with each scan of `inbox/`, beside taking photos in."""

from daemon.intake.scan_values import Scan
from daemon.people.left_notes import LeftNotes
from daemon.publishing.companions import Companions
from daemon.publishing.lately_done import LatelyDone
from daemon.publishing.pairs import Pairs
from daemon.service.tools import Tools


class AfterScan:
    """Companions follow their photos, and what is left alone is named. Only one thread uses it."""

    def __init__(self, tools: Tools) -> None:
        lately = LatelyDone(tools.folders, tools.journal)
        self._pairs = Pairs(tools.folders, tools.journal, lately, tools.settings)
        self._companions = Companions(tools.folders, lately, tools.settings, tools.runtime)
        self._notes = LeftNotes(tools.folders, tools.settings, tools.runtime)

    def before_taking(self, scan: Scan, *, urgent: bool) -> Scan:
        """The scan without the files that are not to be taken as photos of their own. Raises NoRoom, OSError."""
        return self._pairs.told_apart(scan, urgent=urgent)

    def after_taking(self, scan: Scan) -> None:
        """Do what is left to do. Raises NoRoom or RootAway."""
        self._companions.follow(scan)
        self._notes.tell(scan)
