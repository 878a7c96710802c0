"""Reading what changed tells the same as reading everything, and of an inbox that lies still nothing is worked out."""

from pathlib import Path

import pytest

from daemon.intake.changed_folders import SETTLED_SECONDS
from daemon.intake.inbox_reader import InboxReader, Reading
from daemon.intake.known_files import KnownFiles
from daemon.intake.scan_values import Hints
from daemon.settings import IntakeSettings
from tests.drawing import save_photo


class Inbox:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1000.0
        self.reader = InboxReader(folder, KnownFiles(IntakeSettings()), lambda: self.now)
        (folder / "k").mkdir()
        for name in ("k/a.txt", "k/b.txt", "orphan.xmp"):
            (folder / name).write_text("Dear Sir or Madam")
        self.all = self.reader.read_all({}, Hints())

    def changes(self) -> Reading:
        return self.reader.read_changes({}, Hints(), frozenset())


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox(tmp_path)


def left(reading: Reading) -> list[str]:
    return [each.path for each in reading.left_alone]


def test_of_an_inbox_that_lies_still_nothing_is_worked_out_anew(inbox: Inbox) -> None:
    inbox.now += 2 * SETTLED_SECONDS  # a folder that changed a moment ago is listed once more
    inbox.changes()
    first, second = inbox.changes(), inbox.changes()

    assert left(first) == ["k/a.txt", "k/b.txt", "orphan.xmp"]
    assert first.left_alone is second.left_alone
    assert first.companions is second.companions
    assert first.noted is second.noted


def test_what_comes_and_goes_is_told(inbox: Inbox) -> None:
    inbox.changes()

    (inbox.folder / "k" / "c.txt").write_text("Dear Sir or Madam")
    assert left(inbox.changes()) == ["k/a.txt", "k/b.txt", "k/c.txt", "orphan.xmp"]

    (inbox.folder / "k" / "a.txt").unlink()
    assert left(inbox.changes()) == ["k/b.txt", "k/c.txt", "orphan.xmp"]


def test_a_photo_that_comes_takes_its_companion_out_of_what_is_left(inbox: Inbox) -> None:
    inbox.changes()

    save_photo(inbox.folder / "orphan.png")
    found = inbox.changes()
    assert left(found) == ["k/a.txt", "k/b.txt"]
    assert found.companions == ()

    (inbox.folder / "orphan.png").unlink()
    assert [each.path for each in inbox.changes().companions] == ["orphan.xmp"]


def test_a_file_that_turns_out_to_be_no_photo_is_told_at_the_next_reading(inbox: Inbox) -> None:
    save_photo(inbox.folder / "picture.png").rename(inbox.folder / "picture")
    (file,) = inbox.changes().files
    inbox.now += 2 * SETTLED_SECONDS
    inbox.changes()

    inbox.reader.leave(file, inbox.all.left_alone[0].why)

    assert "picture" in left(inbox.changes())
