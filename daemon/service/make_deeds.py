"""Makes the parts that give results the grades of people, and carry out what else they do on pages."""

from daemon.people.attempt_deed import AttemptDeed
from daemon.people.deed_acts import DeedAct, KeptWaiting, RoundTools
from daemon.people.deeds import DeedKind, Deeds
from daemon.people.earlier_results import EarlierResults
from daemon.people.fail_deed import FailDeed
from daemon.people.gathering import Gathering
from daemon.people.grade_deed import GradeDeed
from daemon.people.known_results import KnownResults
from daemon.people.other_attempts import OtherAttempts
from daemon.people.priority_deed import PriorityDeed
from daemon.people.retries import NextRound, Retries
from daemon.people.retry_deed import RetryDeed
from daemon.people.returned_originals import ReturnedOriginals
from daemon.people.verdicts import PersonGrades, Verdicts
from daemon.publishing.publisher import Publisher
from daemon.service.tools import Tools


def make_deeds(
    tools: Tools, known: KnownResults, publisher: Publisher, others: OtherAttempts
) -> tuple[Verdicts, Deeds]:
    """What reads verdicts from folders, and each kind of deed, with what it needs. others: takes other attempts."""
    folders, journal, runtime = tools.folders, tools.journal, tools.runtime
    gathering = Gathering(folders, journal, known, tools.locks, runtime)
    grades = PersonGrades(journal, tools.metrics, runtime)
    verdicts = Verdicts(folders, journal, known, gathering, grades, tools.locks, tools.settings)
    waiting = KeptWaiting(journal.reserved)
    round_tools = RoundTools(
        Retries(folders, journal, tools.locks, runtime),
        NextRound(folders, journal, known, tools.metrics, runtime),
        EarlierResults(folders, runtime.tick),
        ReturnedOriginals(folders, journal, runtime.tick),
        publisher,
        waiting,
    )
    fail = FailDeed(folders, journal, round_tools, runtime)
    acts: dict[str, DeedAct] = {
        DeedKind.GRADE: GradeDeed(folders, journal, known, gathering, grades, runtime),
        DeedKind.RETRY: RetryDeed(folders, journal, round_tools, runtime),
        DeedKind.ATTEMPT: AttemptDeed(journal, others),
        DeedKind.FAIL: fail,
        DeedKind.CANCEL: fail,
        DeedKind.PRIORITY: PriorityDeed(journal),
    }
    return verdicts, Deeds(journal, acts, waiting, tools.locks, runtime)
