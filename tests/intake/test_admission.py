"""Whatever is claimed has its note, so that a lost journal loses neither a photo nor its sub-folder."""

from pathlib import Path

import pytest

from daemon.errors import RootAway, Vanished
from daemon.hotfolder.job_folders import JobFolders
from daemon.hotfolder.work_note import read_work_note
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import Died, files_below, one_life, results, settings_for, try_again


def lose_journal(state: Path) -> None:
    for path in state.glob("journal.sqlite3*"):
        path.unlink()


def dying_after(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = getattr(JobFolders, name)

    def claim(*arguments: object, **keywords: object) -> None:
        real(*arguments, **keywords)
        raise Died(name)

    monkeypatch.setattr(JobFolders, name, claim)


def test_a_photo_that_was_claimed_last_before_the_journal_was_lost_keeps_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(tmp_path)
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png")
    dying_after(monkeypatch, "claim")
    with pytest.raises(Died):
        one_life(settings, ScriptedEngine(), lambda _: None)
    monkeypatch.undo()
    lose_journal(Path(settings.state_dir))

    one_life(settings, ScriptedEngine(), lambda _: None)

    assert sorted(results(settings.root_path)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(settings.root_path / "archiv") == ["kunde/a.png"]
    assert files_below(settings.root_path / "inbox") == files_below(settings.root_path / "failed") == []


def live_on(settings: Settings, *, retry: bool) -> None:
    if not retry:
        one_life(settings, ScriptedEngine(), lambda _: None)
        return
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        try_again(daemon, daemon.parts.journal.latest(1)[0].job.id)
    finally:
        daemon.close()


@pytest.mark.parametrize("back", ["retry", "original", "result"])
def test_a_photo_that_is_tried_again_has_its_note_when_the_journal_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: str
) -> None:
    settings = settings_for(tmp_path)
    root, photo = settings.root_path, settings.root_path / "inbox" / "kunde" / "a.jpg"
    save_photo(photo)
    if back == "retry":
        photo.write_bytes(b"<html>no photo</html>")
    one_life(settings, ScriptedEngine(), lambda _: None)
    if back == "original":
        (root / "archiv" / "kunde" / "a.jpg").rename(photo)
    elif back == "result":
        (cut_out,) = root.glob("*/kunde/a.png")
        cut_out.rename(photo.with_name("a.png"))
    real = JobFolders.claim

    def claim(self: JobFolders, *arguments: object, **keywords: object) -> Path:
        claimed = real(self, *arguments, **keywords)  # type: ignore[arg-type]
        if claimed.is_relative_to(self.work_root):
            raise Died("claim")
        return claimed

    monkeypatch.setattr(JobFolders, "claim", claim)
    dying_after(monkeypatch, "restore")
    with pytest.raises(Died):
        live_on(settings, retry=back == "retry")
    monkeypatch.undo()
    lose_journal(Path(settings.state_dir))

    daemon = Daemon(settings, engine=ScriptedEngine())
    (job_id,) = daemon.parts.folders.jobs.in_work()
    note = read_work_note(daemon.parts.folders, job_id)
    daemon.close()

    assert note is not None
    assert note.job.name == "kunde/a.jpg"


@pytest.mark.parametrize("trouble", [Vanished("gone"), RootAway("away"), OSError("odd")], ids=repr)
def test_a_photo_that_cannot_be_claimed_leaves_no_folder_in_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    settings = settings_for(tmp_path)
    photo = save_photo(settings.root_path / "inbox" / "kunde" / "a.png")
    daemon = Daemon(settings, engine=ScriptedEngine())

    def take(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr("daemon.hotfolder.job_folders.take", take)
    daemon.parts.inbox_loop.turn(urgent=True)
    left = (photo.exists(), daemon.parts.folders.jobs.in_work(), daemon.parts.journal.counts().open)
    monkeypatch.undo()
    daemon.parts.inbox_loop.turn(urgent=True)
    daemon.close()

    assert left == (True, (), 0)
    assert not photo.exists()
