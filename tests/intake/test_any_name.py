"""A file goes all its way, whatever bytes its name has, and comes out under a name that everybody can read."""

import os
import tempfile
from pathlib import Path, PurePosixPath

from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.hotfolder import place_files
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.ignored_names import is_ignored_file
from tests.intake.photos import World, photo

parts = st.binary(min_size=1, max_size=251).map(lambda raw: raw.replace(b"/", b"_").replace(b"\0", b"_"))


@settings(max_examples=120, deadline=None)
@given(stem=parts, sub_folder=parts)
def test_any_name_goes_all_its_way(stem: bytes, sub_folder: bytes) -> None:
    name = os.fsdecode(stem + b".jpg")
    folder = os.fsdecode(b"f" + sub_folder)  # not ".", ".." or a dot folder
    with tempfile.TemporaryDirectory() as base:
        folders = HotFolder(Path(base))
        folders.prepare()
        (folders.inbox / folder).mkdir()
        (folders.inbox / folder / name).write_bytes(photo())
        world = World(folders.inbox, decode=lambda *_: None)
        world.look()
        ready = world.look(after=2.0).ready
        if is_ignored_file(name):
            assert ready == ()
            return

        (arrival,) = ready
        original = folders.jobs.claim(arrival.source, "job-1")
        report = folders.jobs.staging("job-1") / "report.json"
        report.write_bytes(b"{}")
        clean = PurePosixPath(arrival.name)
        placed = place_files.place([(report, ".json")], folders.failed, clean.with_suffix(""))
        archived = place_files.retire(original, folders.archive, clean)
        folders.jobs.clear("job-1")

        for path in (*placed, archived):
            str(path).encode()
            assert not any(ord(letter) < 32 for letter in str(path))
        assert archived.read_bytes() == photo()
        assert sum(path.is_file() for path in folders.root.rglob("*")) == 3  # both, and the root's identity
