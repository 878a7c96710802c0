"""`freisteller doctor`: checks what this installation needs, and says what to do about each trouble."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Set
from contextlib import closing
from pathlib import Path
from typing import Any

from daemon.commands.doctor_cluster import cluster_checks
from daemon.commands.doctor_engine import engine_checks
from daemon.commands.doctor_login import login_checks
from daemon.commands.doctor_package import package_check
from daemon.commands.findings import Check
from daemon.commands.status import daemon_health
from daemon.disk import mounts, open_below, powers
from daemon.errors import FreistellerError, JournalLocked, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Grade
from daemon.journal import Journal
from daemon.observe.obstacles import STOPPING, root_away
from daemon.service.open_root import JOURNAL, known_root
from daemon.settings import Settings

LEAST_FREE_BYTES = 2 * 1024**3  # a few hundred results of 24 megapixels


def check_up(settings: Settings, models: bool = False) -> list[Check]:
    """Check everything. Troubles are in the list; they raise nothing. models: also try them on a drawn picture."""
    obstacles = daemon_health(settings)["obstacles"]
    told = frozenset(each["name"] for each in obstacles)
    folders = () if "root_away" in told else _hot_folder(settings, told)
    found = (_obstacle(each) for each in obstacles)
    engines = engine_checks(settings, models)
    return [package_check(), *found, *folders, *login_checks(settings), *engines, *cluster_checks(settings)]


def _obstacle(told: Mapping[str, Any]) -> Check:
    """What the running daemon says that keeps photos from being done."""
    return Check("fail" if told["name"] in STOPPING else "warn", told["name"], told["text"], told["do"])


def _hot_folder(settings: Settings, told: Set[str]) -> Iterator[Check]:
    """told: the names of the obstacles that the running daemon tells; what they say is not said a second time."""
    root = settings.root_path
    folders = HotFolder(root)
    try:
        known = known_root(settings)
        if folders.find(known) is None:
            what = "is no hot folder yet" if root.exists() else "does not exist yet"
            text = f"{root} {what}, or the share that belongs there is not mounted"
            yield Check("warn", "hot folder", text, "Check the path. Without a share, freisteller run makes it.")
            return
        state = settings.state_path(folders.prepare(known))
    except RootAway as error:
        yield _obstacle(root_away(error).shown())
        return
    except FreistellerError as error:
        yield Check("fail", "hot folder", str(error), f"Let our user write into {root}, or name another root.")
        return
    wanted = [folders.inbox, *(folders.grade(grade) for grade in Grade), folders.failed, folders.archive]
    wanted += [folders.private]
    if "root_disk_full" not in told:
        yield from (_writable(folder, f"folder {folder.name}") for folder in wanted)
    devices = {folder.stat().st_dev for folder in wanted}
    if len(devices) == 1:
        yield Check("OK", "one file system", f"all folders of {root} are on it")
    else:
        yield Check(
            "fail",
            "one file system",
            f"the folders of {root} are on {len(devices)} file systems",
            "Put them on one: a result is linked into its folder, and no link crosses file systems.",
        )
    yield _file_system(folders)
    try:
        state.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        yield Check("fail", "state directory", str(error), "Set state_dir to a folder on a local disk.")
        return
    if "state_disk_full" not in told:
        yield _writable(state, "state directory")
        if (state / JOURNAL).exists() and "journal_locked" not in told:
            yield _journal(state / JOURNAL)
    yield _disk("disk of the hot folder", root)
    yield _disk("disk of the state directory", state)


def _file_system(folders: HotFolder) -> Check:
    """What the hot folder's file system can do, as it is tried."""
    try:
        with open_below.opened(folders.private) as folder:
            seen = powers.try_out(folder)
    except OSError as error:
        return Check("fail", "file system", str(error), f"Mount {folders.root} so that files can be made and renamed.")
    kind = mounts.mount_of(os.path.realpath(folders.root), mounts.read()).kind
    return Check("OK" if seen.steady else "warn", "file system", powers.in_words(seen, kind))


def _writable(folder: Path, what: str) -> Check:
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=".doctor-", buffering=0) as file:
            file.write(bytes(4096))  # a full disk takes an empty file
            return Check("OK", what, f"{folder} can be written")
    except OSError as error:
        return Check(
            "fail", what, str(error), f"Make room there, or let the user that runs Freisteller write into {folder}."
        )


def _journal(path: Path) -> Check:
    try:
        with closing(Journal(path)) as journal:
            journal.turns.make_due(JournalLocked.reason)  # a write that changes nothing while no photo waits for a lock
    except FreistellerError as error:
        return Check("fail", "journal", str(error), "While it cannot be used, photos wait.")
    return Check("OK", "journal", f"{path} can be written")


def _disk(what: str, folder: Path) -> Check:
    free = shutil.disk_usage(folder).free
    text = f"{free / 1024**3:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Check("warn", what, text, "Make room: while a disk is full, photos wait.")
    return Check("OK", what, text)
