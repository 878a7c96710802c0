from dataclasses import replace

import pytest

from daemon.disk.file_id import FileId
from daemon.errors import Said
from daemon.intake.completeness import (
    CLOSED_QUIET_SECONDS,
    FileAction,
    FileDecision,
    ObservedFile,
    Rules,
    Writer,
    WritingGaps,
    decide,
    quiet_seconds,
    reason_for_rejecting,
)
from daemon.intake.proving import Finding, Proof

RULES = Rules(quiet_seconds=2.0, patience_seconds=60.0)
FILE_ID = FileId(inode=1, size_bytes=100, mtime_ns=5, ctime_ns=5)
GROWN = FILE_ID._replace(size_bytes=200)


def step(file: ObservedFile, now: float, writer_gap: float = 0.0) -> FileDecision:
    return decide(file, RULES, writer_gap, now)


def proven(finding: Finding, made_at: float = 2.0, reason: str = "a.jpg ends too soon.") -> ObservedFile:
    file = ObservedFile(FILE_ID, 0.0)
    file.proof = Proof(finding, Said.again(reason), made_at)
    return file


def test_a_new_file_is_left_alone_until_it_is_quiet() -> None:
    file = ObservedFile(FILE_ID, 0.0)

    assert step(file, 0.5) == FileDecision(FileAction.WAIT, 1.5)
    assert step(file, 2.0) == FileDecision(FileAction.PROVE)


@pytest.mark.parametrize(
    "changed",
    [
        GROWN,
        FILE_ID._replace(mtime_ns=6),
        FILE_ID._replace(ctime_ns=6),
        FILE_ID._replace(inode=2),
    ],
    ids=["size", "mtime", "mtime set back", "replaced"],
)
def test_any_change_starts_the_quiet_time_anew(changed: FileId) -> None:
    file = ObservedFile(FILE_ID, 0.0)

    file.see(changed, 1.9)

    assert step(file, 3.8).action is FileAction.WAIT
    assert step(file, 3.9).action is FileAction.PROVE


def test_a_change_makes_an_old_proof_worthless() -> None:
    file = proven(Finding.WHOLE)

    file.see(GROWN, 5.0)

    assert step(file, 7.0) == FileDecision(FileAction.PROVE)


def test_a_whole_file_is_taken() -> None:
    assert step(proven(Finding.WHOLE), 2.0) == FileDecision(FileAction.TAKE)


def test_a_whole_tiff_is_given_longer_for_a_page_may_follow() -> None:
    rules = replace(RULES, whole_seconds=10.0)

    assert decide(proven(Finding.WHOLE), rules, 0.0, 4.0) == FileDecision(FileAction.WAIT, 6.0)
    assert decide(proven(Finding.WHOLE), rules, 0.0, 10.0).action is FileAction.TAKE


def test_a_tiff_that_is_only_given_other_rights_still_waits_for_its_next_page() -> None:
    file = ObservedFile(FILE_ID._replace(mtime_ns=0, ctime_ns=0), 0.0)

    file.see(FILE_ID._replace(mtime_ns=0, ctime_ns=90 * 10**9), 90.0)
    file.proof = Proof(Finding.WHOLE)

    assert decide(file, replace(RULES, whole_seconds=300.0), 0.0, 100.0) == FileDecision(FileAction.WAIT, 290.0)


def test_a_copy_whose_time_is_set_back_at_its_end_gets_no_further_page() -> None:
    file = ObservedFile(FILE_ID._replace(mtime_ns=10**15, ctime_ns=10**15), 0.0)

    file.see(FILE_ID._replace(mtime_ns=5, ctime_ns=10**15), 1.0)
    file.proof = Proof(Finding.WHOLE)

    assert decide(file, replace(RULES, whole_seconds=10.0), 0.0, 4.0).action is FileAction.TAKE


@pytest.mark.parametrize(("seconds_older", "left"), [(0, 6.0), (59, 6.0), (61, 0.0), (3600, 0.0), (-3600, 6.0)])
def test_a_tiff_that_kept_an_older_time_is_a_copy_that_gets_no_further_page(seconds_older: int, left: float) -> None:
    file = ObservedFile(FILE_ID._replace(mtime_ns=10**15 - seconds_older * 10**9, ctime_ns=10**15), 0.0)
    file.proof = Proof(Finding.WHOLE)

    found = decide(file, replace(RULES, whole_seconds=10.0), 0.0, 4.0)

    assert found == (FileDecision(FileAction.WAIT, left) if left else FileDecision(FileAction.TAKE))


def test_a_close_after_writing_makes_the_quiet_time_short() -> None:
    file = ObservedFile(FILE_ID, 0.0)
    file.see(GROWN, 1.0, closed=True)

    assert step(file, 1.0 + CLOSED_QUIET_SECONDS).action is FileAction.PROVE


def test_a_close_counts_only_until_somebody_writes_again() -> None:
    file = ObservedFile(FILE_ID, 0.0)
    file.see(FILE_ID, 0.1, closed=True)
    file.see(GROWN, 0.2)

    assert step(file, 1.0).action is FileAction.WAIT


def test_a_quiet_time_shorter_than_that_of_a_close_stays_shorter() -> None:
    file = ObservedFile(FILE_ID, 0.0)
    file.closed = True

    assert quiet_seconds(file, Rules(0.0, 60.0), 0.0) == 0.0


def test_an_empty_placeholder_waits_out_all_patience_before_it_is_looked_into() -> None:
    file = ObservedFile(FILE_ID._replace(size_bytes=0), 0.0)

    assert step(file, 59.9).action is FileAction.WAIT
    assert step(file, 60.0).action is FileAction.PROVE


def test_what_is_not_whole_is_waited_for_until_patience_ends() -> None:
    file = proven(Finding.NOT_YET)

    assert step(file, 59.0) == FileDecision(FileAction.WAIT, 1.0)


def test_before_a_file_is_rejected_it_is_looked_into_once_more() -> None:
    file = proven(Finding.NOT_YET)

    assert step(file, 60.0) == FileDecision(FileAction.PROVE)
    file.proof = Proof(Finding.NOT_YET, Said.again("a.jpg ends too soon."), 60.0)
    assert step(file, 60.0) == FileDecision(FileAction.REJECT)


def test_what_is_no_photo_at_all_is_rejected_sooner() -> None:
    assert step(proven(Finding.NEVER), 9.0).action is FileAction.WAIT
    assert step(proven(Finding.NEVER, made_at=10.0), 10.0) == FileDecision(FileAction.REJECT)


def test_a_doubtful_file_is_believed_when_patience_ends() -> None:
    assert step(proven(Finding.DOUBTFUL), 30.0).action is FileAction.WAIT
    assert step(proven(Finding.DOUBTFUL, made_at=60.0), 60.0) == FileDecision(FileAction.TAKE)


def test_a_file_that_somebody_has_open_for_writing_is_neither_taken_nor_rejected() -> None:
    assert step(proven(Finding.WRITING, made_at=1e6), 1e6) == FileDecision(FileAction.PROVE)


def test_patience_is_counted_from_the_last_change() -> None:
    file = ObservedFile(FILE_ID, 0.0)
    for second in range(1, 600):
        file.see(FILE_ID._replace(size_bytes=second), float(second))
    file.proof = Proof(Finding.NOT_YET, Said.again("a.jpg ends too soon."), 601.0)

    assert step(file, 610.0).action is FileAction.WAIT


def test_a_gap_of_the_writer_is_learned() -> None:
    file = ObservedFile(FILE_ID, 0.0)
    for look in range(1, 11):
        file.see(FILE_ID, float(look))  # seen unchanged for ten seconds
    file.see(GROWN, 11.0)

    assert file.longest_gap == 10.0
    assert quiet_seconds(file, RULES, 0.0) == 15.0


def test_looks_that_are_far_apart_are_not_taken_for_a_gap() -> None:
    file = ObservedFile(FILE_ID, 0.0)

    for look in range(1, 20):
        file.see(FILE_ID._replace(size_bytes=100 + look), 5.0 * look)

    assert file.longest_gap == 0.0


def test_a_gap_of_one_file_makes_us_patient_with_its_neighbours() -> None:
    assert step(ObservedFile(FILE_ID, 0.0), 5.0, writer_gap=10.0) == FileDecision(FileAction.WAIT, 10.0)


def test_learning_never_takes_more_than_half_of_the_patience() -> None:
    assert quiet_seconds(ObservedFile(FILE_ID, 0.0), RULES, writer_gap=1000.0) == 30.0


def test_a_folder_forgets_a_gap_after_twenty_files_without_one() -> None:
    gaps = WritingGaps()
    scanner = Writer("scans", 1000, ".tif")
    gaps.note(scanner, 10.0)

    for _ in range(19):
        gaps.note(scanner, 0.0)
    assert gaps.longest(scanner) == 10.0
    gaps.note(scanner, 0.0)
    assert gaps.longest(scanner) == 0.0
    assert gaps.longest(scanner._replace(folder="elsewhere")) == 0.0


def test_a_rejection_says_what_is_missing_and_how_long_it_was_waited_for() -> None:
    reason = reason_for_rejecting(proven(Finding.NOT_YET), 75.0)

    assert reason == "a.jpg ends too soon. It had not changed for 75 seconds."


def test_the_pictures_room_words_why_something_is_no_photo() -> None:
    assert reason_for_rejecting(proven(Finding.NEVER, reason="a.jpg is text."), 75.0) == "a.jpg is text."
