"""Which writes are refused now: a disk may refuse them that seems to have room."""

from daemon.errors import JournalLocked, NoRoom, Said
from daemon.service.refusals import LASTS_SECONDS, Refusals
from tests.doubles import Clock

FULL = Said("result_not_written", name="a.png", folder="/hot", fault="quota")
STATE = Said("journal_no_room", path="/state/journal.sqlite3", detail="quota")


def test_what_a_photo_met_counts_for_as_long_as_photos_wait_for_it() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    refusals.postponed(NoRoom.reason, FULL)
    clock.now += 10 * LASTS_SECONDS

    assert refusals.of_writes(photos_wait=True) == (FULL,)
    assert refusals.of_writes(photos_wait=False) == ()


def test_what_a_part_met_counts_until_it_could_write_again() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    refusals.met(NoRoom(STATE))
    before = refusals.of_writes(photos_wait=False)
    clock.now += LASTS_SECONDS + 1

    assert before == (STATE,)
    assert refusals.of_writes(photos_wait=True) == ()


def test_neither_a_lock_nor_a_lack_of_processes_is_a_full_disk() -> None:
    refusals = Refusals(Clock())
    refusals.met(JournalLocked("locked"))
    refusals.postponed(NoRoom.reason, Said("no_process", detail="no memory"))

    assert refusals.of_writes(photos_wait=True) == ()
    assert refusals.last == {NoRoom.reason: "No process can be started to work on photos: no memory"}
