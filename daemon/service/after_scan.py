"""What is done after each scan of `inbox/`, beside taking photos in."""

from collections.abc import Callable, Sequence

from daemon.intake.scan_values import Scan
from daemon.people.left_notes import LeftNotes
from daemon.publishing.companions import Companions
from daemon.service.tools import Tools


def after_each_scan(tools: Tools) -> Sequence[Callable[[Scan], None]]:
    """Companions follow their photos, and what is left alone is named. Each may raise NoRoom or RootAway."""
    return (
        Companions(tools.folders, tools.journal, tools.settings, tools.runtime).follow,
        LeftNotes(tools.folders, tools.settings, tools.runtime).tell,
    )
