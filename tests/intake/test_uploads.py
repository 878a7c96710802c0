"""Photos that programs send: taken in once or not at all, whatever they are called and whenever the program dies."""

import json
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.errors import BadOrder, BadPhoto, EngineAway, IllegalMove, NoRoom, WorkerLost
from daemon.hotfolder.effects import Effect, Tick
from daemon.intake import received_file
from daemon.intake.kept_uploads import UploadNote
from daemon.intake.received_file import ReceivedFile
from daemon.intake.uploads import SentPhoto
from daemon.jobs import Job
from daemon.journal import RequestKey, SentAlong
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.intake.photos import photo
from tests.test_crash_at_every_step import (
    MOST_STEPS,
    Died,
    dying_at,
    dying_before,
    files_below,
    next_job,
    results,
    settings_for,
)

pytestmark = pytest.mark.usefixtures("deaf")


@contextmanager
def a_daemon(settings: Settings, tick: Tick = lambda _: None) -> Iterator[Daemon]:
    daemon = Daemon(settings, engine=ScriptedEngine(), tick=tick)
    try:
        daemon.recover()
        daemon.parts.engine.start()
        yield daemon
    finally:
        daemon.close()


def photo_bytes(folder: Path, seed: int = 0) -> bytes:
    path = folder / f"sent-{seed}.png"
    save_photo(path, drawn_photo(96, 72, seed=seed))
    return path.read_bytes()


def send(daemon: Daemon, content: bytes, sent: SentPhoto) -> Job:
    file = daemon.parts.uploads.begin(len(content))
    try:
        file.write(content)
        return daemon.parts.uploads.take_in(file, sent)
    except Exception:
        file.discard()
        raise


def work_off(daemon: Daemon) -> None:
    while job := next_job(daemon.parts.journal):
        daemon.parts.task_runner.run(job)


def left_of_uploads(settings: Settings) -> list[str]:
    return files_below(settings.root_path / ".freisteller" / "uploads")


def test_a_sent_photo_is_a_photo_like_any_other(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with a_daemon(settings) as daemon:
        job = send(daemon, photo_bytes(tmp_path), SentPhoto("../../a.jpeg", "kunde"))
        work_off(daemon)

        assert daemon.parts.journal.row(job.id).source == Path("inbox/kunde/a.png")
    assert job.name == "kunde/a.png"
    assert sorted(results(settings.root_path)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(settings.root_path / "archiv") == ["kunde/a.png"]
    assert left_of_uploads(settings) == []


def test_a_sent_photo_follows_the_order_of_its_folder_and_then_its_own_settings(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    folder = settings.root_path / "inbox" / "kunde"
    folder.mkdir(parents=True)
    (folder / "freisteller.toml").write_text('[outputs]\nformats = ["tiff"]\nkeep_originals = false\n')
    own = json.dumps({"outputs": {"formats": ["mask"]}})
    with a_daemon(settings) as daemon:
        send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "kunde", SentAlong(own)))
        work_off(daemon)

    assert sorted(results(settings.root_path)) == ["kunde/a.json", "kunde/a_mask.png"]
    assert files_below(settings.root_path / "archiv") == []


def test_the_folder_of_an_order_is_found_as_a_mac_spells_it(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    folder = settings.root_path / "inbox" / "M\u0061\u0308rz"
    folder.mkdir(parents=True)
    (folder / "freisteller.toml").write_text('[outputs]\nformats = ["mask"]\n')
    with a_daemon(settings) as daemon:
        job = send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "M\u00e4rz"))
        work_off(daemon)

    assert job.name == "M\u00e4rz/a.png"
    assert sorted(results(settings.root_path)) == ["M\u00e4rz/a.json", "M\u00e4rz/a_mask.png"]


def test_a_sent_photo_is_done_by_the_order_as_it_was_when_it_came(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    order = settings.root_path / "inbox" / "kunde" / "freisteller.toml"
    order.parent.mkdir(parents=True)
    order.write_text('[outputs]\nformats = ["mask"]\n')
    with a_daemon(settings) as daemon:
        send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "kunde"))
        order.write_text("[outputs")
        work_off(daemon)

    assert sorted(results(settings.root_path)) == ["kunde/a.json", "kunde/a_mask.png"]


def test_a_photo_keeps_its_own_settings_when_the_journal_is_lost(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    own = json.dumps({"outputs": {"formats": ["mask"]}})
    with a_daemon(settings) as daemon:
        send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "kunde", SentAlong(own)))
    for path in Path(settings.state_dir).glob("journal.sqlite3*"):
        path.unlink()

    with a_daemon(settings) as daemon:
        work_off(daemon)

    assert sorted(results(settings.root_path)) == ["kunde/a.json", "kunde/a_mask.png"]


@pytest.mark.parametrize(
    "own", ['{"outputs": {"formats": ["gif"]}}', '{"engine": {}}', "[]", "{", '{"outputs": 3}', "1e999", '"x"']
)
def test_settings_that_nobody_can_work_by_are_refused_before_there_is_a_job(tmp_path: Path, own: str) -> None:
    settings = settings_for(tmp_path)
    with a_daemon(settings) as daemon:
        with pytest.raises(BadOrder):
            send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "", SentAlong(own)))

        assert daemon.parts.journal.rows(State.WAITING) == ()
    assert left_of_uploads(settings) == []


@pytest.mark.parametrize("cut", [0, 1, 100, -20])
def test_what_is_no_whole_photo_leaves_nothing_behind(tmp_path: Path, cut: int) -> None:
    settings = settings_for(tmp_path)
    whole = photo_bytes(tmp_path)
    with a_daemon(settings) as daemon:
        with pytest.raises(BadPhoto):
            send(daemon, whole[:cut], SentPhoto("a.png"))
        with pytest.raises(BadPhoto):
            send(daemon, b"<html>" + whole, SentPhoto("a.png"))

        assert daemon.parts.journal.rows(State.WAITING) == ()
    assert left_of_uploads(settings) == []


def test_a_file_that_takes_its_process_along_is_proven_three_times(tmp_path: Path) -> None:
    settings, proofs = settings_for(tmp_path), list[str]()

    def prove(descriptor: int, name: str, max_megapixels: float) -> None:
        proofs.append(name)
        raise WorkerLost(f"{name} took its process along")

    with a_daemon(settings) as daemon:
        daemon.parts.uploads._decode = prove
        with pytest.raises(BadPhoto):
            send(daemon, photo_bytes(tmp_path), SentPhoto("a.png"))

    assert proofs == ["a.png"] * 3


def test_a_full_disk_is_said_before_anything_is_received(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_for(tmp_path)
    with a_daemon(settings) as daemon:
        disk = os.statvfs(settings.root_path)
        with pytest.raises(NoRoom):
            daemon.parts.uploads.begin(disk.f_bavail * disk.f_frsize)

        file = daemon.parts.uploads.begin()
        monkeypatch.setattr(received_file, "SPARE_BYTES", 1 << 60)  # as if somebody else had filled the disk
        monkeypatch.setattr(received_file, "_LOOK_EVERY_BYTES", 10)
        with pytest.raises(NoRoom):
            file.write(b"x" * 10)
        file.discard()
    assert left_of_uploads(settings) == []


def test_nothing_is_taken_in_before_the_start_is_over_nor_after_the_end(tmp_path: Path) -> None:
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    try:
        with pytest.raises(EngineAway):
            daemon.parts.uploads.begin()
        daemon.recover()
        file = daemon.parts.uploads.begin()
        file.write(photo_bytes(tmp_path))
        daemon.parts.uploads.close()
        with pytest.raises(EngineAway):
            daemon.parts.uploads.take_in(file, SentPhoto("a.png"))
        file.discard()
        assert daemon.parts.journal.rows(State.WAITING) == ()
    finally:
        daemon.close()


def test_a_key_makes_one_job(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    along = SentAlong(key=RequestKey("anna", "k", b"1" * 32))
    with a_daemon(settings) as daemon:
        first = send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "", along))
        with pytest.raises(IllegalMove):
            send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "", along))
        of_another = SentAlong(key=RequestKey("ben", "k", b"1" * 32))
        send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "", of_another))

        known = daemon.parts.journal.request_keys.known("anna", "k")
        assert known is not None
        assert (known.request, known.job_id) == (b"1" * 32, first.id)
        assert len(daemon.parts.journal.rows(State.WAITING)) == 2
    assert left_of_uploads(settings) == []


def test_a_key_is_forgotten_after_two_days_and_no_earlier(tmp_path: Path) -> None:
    with a_daemon(settings_for(tmp_path)) as daemon:
        journal = daemon.parts.journal
        for number, now in enumerate((1e9, 1e9 + 1.9 * 86400, 1e9 + 2.1 * 86400)):
            along = SentAlong(key=RequestKey("", str(number), b"1" * 32))
            journal.admit(str(number), "a.png", Path("inbox/a.png"), 1, now, along)
            assert journal.request_keys.known("", "0" if number < 2 else "1")
        assert journal.request_keys.known("", "0") is None


def test_a_crash_at_every_step_leaves_nothing_or_a_job(tmp_path: Path) -> None:
    """As a program sends it: again with the same key, as long as it had no answer."""
    along = SentAlong(key=RequestKey("", "k", b"1" * 32))
    whole, seen = photo_bytes(tmp_path), set[bool]()
    for step in range(MOST_STEPS):
        settings = settings_for(tmp_path / str(step))
        root, answered = settings.root_path, False
        try:
            with a_daemon(settings, dying_before(step)) as daemon:
                send(daemon, whole, SentPhoto("a.png", "kunde", along))
                answered = True
                work_off(daemon)
        except Died:
            survived = False
        else:
            survived = True
        with a_daemon(settings) as daemon:
            known = daemon.parts.journal.request_keys.known("", "k")
            if known is None:
                assert not answered, step
                send(daemon, whole, SentPhoto("a.png", "kunde", along))
            seen.add(known is None)
            work_off(daemon)
        assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"], step
        assert files_below(root / "archiv") == ["kunde/a.png"], step
        assert files_below(root / "inbox") == files_below(root / "failed") == left_of_uploads(settings) == [], step
        assert list((root / ".freisteller" / "work").iterdir()) == [], step
        if survived:
            break

    assert step > 15
    assert seen == {True, False}


def test_a_crash_between_row_and_claim_leaves_neither_row_nor_key_nor_file(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    along = SentAlong(key=RequestKey("", "k", b"1" * 32))
    with pytest.raises(Died), a_daemon(settings, dying_at(Effect.CLAIM)) as daemon:
        send(daemon, photo_bytes(tmp_path), SentPhoto("a.png", "", along))
    assert left_of_uploads(settings) != []

    with a_daemon(settings) as daemon:
        assert daemon.parts.journal.rows(State.WAITING) == ()
        assert daemon.parts.journal.request_keys.known("", "k") is None
    assert left_of_uploads(settings) == []


def test_a_crash_at_every_step_of_an_upload_in_two_parts_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """As its sender goes on: with what has arrived, or anew if it never heard of its upload."""
    whole, seen = photo_bytes(tmp_path), set[str]()
    half = len(whole) // 2
    for step in range(MOST_STEPS):
        settings = settings_for(tmp_path / str(step))
        root, heard, survived = settings.root_path, list[str](), True
        try:
            with a_daemon(settings, dying_before(step)) as daemon:
                send_in_parts(daemon, whole, half, heard)
                work_off(daemon)
        except Died:
            survived = False
        with a_daemon(settings) as daemon:
            kept = daemon.parts.uploads.kept(heard[0]) if heard else None
            known = daemon.parts.journal.request_keys.known("", KEY)
            assert bool(kept) == bool(heard), step
            assert not kept or kept.photo is None or kept.arrived_bytes >= (half if "half" in heard else 0), step
            if kept is None:
                send_in_parts(daemon, whole, half, [])
            elif kept.photo is None:
                assert known, step
            else:
                assert known is None, step
                finish(daemon, whole, daemon.parts.uploads.go_on(kept))
            seen.add("anew" if kept is None else "job" if kept.photo is None else "goes on")
            work_off(daemon)
        assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"], step
        assert (root / "archiv" / "kunde" / "a.png").read_bytes() == whole, step
        assert files_below(root / "inbox") == files_below(root / "failed") == [], step
        assert all(name.endswith(".upload.json") for name in left_of_uploads(settings)), step
        if survived:
            break

    assert step > 15
    assert seen == {"anew", "goes on", "job"}


KEY = "upload 1"


def send_in_parts(daemon: Daemon, whole: bytes, half: int, heard: list[str]) -> None:
    """heard: what the sender was told meanwhile."""
    uploads = daemon.parts.uploads
    file = uploads.begin_kept(UploadNote("", KEY, "a.png", "kunde", "", len(whole)))
    heard.append(file.id)
    file.write(whole[:half])
    heard.append("half")
    file.let_go()
    kept = uploads.kept(file.id)
    assert kept
    finish(daemon, whole, uploads.go_on(kept))


def finish(daemon: Daemon, whole: bytes, file: ReceivedFile) -> None:
    file.write(whole[file.size_bytes :])
    along = SentAlong(key=RequestKey("", KEY, file.sha256))
    try:
        daemon.parts.uploads.take_in(file, SentPhoto("a.png", "kunde", along))
    finally:
        file.let_go()  # as the end of a process does


@pytest.mark.parametrize("upload_id", ["", ".", "..", "../work", "A" * 32, "0" * 31, "0" * 32, "\0", "ä" * 32])
def test_an_id_that_was_guessed_leads_nowhere(tmp_path: Path, upload_id: str) -> None:
    with a_daemon(settings_for(tmp_path)) as daemon:
        assert daemon.parts.uploads.kept(upload_id) is None


def test_a_note_that_cannot_be_read_is_cleared_with_its_photo(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with a_daemon(settings) as daemon:
        file = daemon.parts.uploads.begin_kept(UploadNote("", KEY, "a.png", "", "", 5))
        file.let_go()
    (settings.root_path / ".freisteller" / "uploads" / file.id / ".upload.json").write_text('{"who": "anna"}')

    with a_daemon(settings):
        assert left_of_uploads(settings) == []


def test_many_are_taken_in_at_once_each_one_once(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    contents = [photo_bytes(tmp_path, seed) for seed in range(4)] * 3
    start = threading.Barrier(len(contents))

    with a_daemon(settings) as daemon, ThreadPoolExecutor(len(contents)) as pool:

        def one(content: bytes) -> str:
            start.wait(60)
            return send(daemon, content, SentPhoto("a.png", "kunde")).id

        ids = set(pool.map(one, contents))
        work_off(daemon)

    assert len(ids) == len(contents)
    assert len(results(settings.root_path)) == 2 * len(contents)


def test_a_sent_jpeg_without_its_end_mark_is_taken_and_a_cut_one_is_to_be_sent_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    with a_daemon(settings) as daemon:
        send(daemon, photo("jpg")[:-2], SentPhoto("a.jpg"))
        with pytest.raises(BadPhoto, match=r"b\.jpg is not whole: .* Send it again"):
            send(daemon, photo("jpg")[:-300], SentPhoto("b.jpg"))
        work_off(daemon)

    assert sorted(results(settings.root_path)) == ["a.json", "a.png"]
