"""Real shares on this machine: a FUSE mount that others write into unseen, and a Samba server with real clients.

The tests need root, bindfs, samba and smbclient (Debian packages of these names). Without these, they are skipped
with that reason.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path, PurePosixPath

import pytest

from daemon.errors import RootAway
from daemon.hotfolder import place_files
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.lease import STALE_SECONDS
from daemon.hotfolder.lease_file import Holder
from daemon.intake import inbox_reader, walk_inbox
from daemon.intake.scan_values import Arrival, Scan
from daemon.intake.watcher import Watcher
from daemon.jobs import Grade
from daemon.settings import IntakeSettings
from daemon.work.open_file import prove_open_file
from tests.drawing import save_photo
from tests.processes import DaemonProcess, freisteller

pytestmark = pytest.mark.slow


class Desk:
    """A watcher on a hot folder, and a loop that looks until a test has what it waits for."""

    def __init__(self, root: Path) -> None:
        self.folders = HotFolder(root)
        self.folders.prepare()
        settings = IntakeSettings(quiet_seconds=0.3, remote_quiet_seconds=0.5, scan_seconds=0.3, tiff_quiet_seconds=0.5)
        self.watcher = Watcher(self.folders, settings, prove_open_file, time.monotonic)
        self.stop = threading.Event()

    def wait_for(self, enough: Callable[[Scan], bool]) -> Scan:
        for _ in range(400):
            scan = self.watcher.scan()
            if enough(scan):
                return scan
            self.watcher.wait(scan.next_look_seconds, self.stop)
        raise AssertionError(f"nothing came of it: {scan}")

    def arrivals(self, number: int) -> tuple[Arrival, ...]:
        return self.wait_for(lambda scan: len(scan.ready) >= number).ready


def need(*programs: str) -> None:
    missing = [program for program in programs if not shutil.which(program)]
    if missing or os.geteuid():
        pytest.skip(f"needs root and {', '.join(programs)}; missing: {', '.join(missing) or 'root'}")


class Share:
    """A folder mounted by FUSE: writing into `back` causes no event on `mount`, as with SMB and NFS."""

    def __init__(self, back: Path, mount: Path) -> None:
        self.back, self.mount = back, mount
        for path in (back, mount):
            path.mkdir(parents=True, exist_ok=True)

    def connect(self) -> None:
        result = subprocess.run(["bindfs", str(self.back), str(self.mount)], check=False, capture_output=True)
        if result.returncode:
            pytest.skip(f"FUSE mounts are not allowed here: {result.stderr.decode()}")

    def disconnect(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.mount)], check=False, capture_output=True)


@pytest.fixture
def share(tmp_path: Path) -> Iterator[Share]:
    need("bindfs", "umount")
    share = Share(tmp_path / "back", tmp_path / "mount")
    share.connect()
    yield share
    share.disconnect()


def test_what_others_write_into_a_share_is_found_by_the_timer(share: Share) -> None:
    desk = Desk(share.mount)
    desk.watcher.start()
    desk.watcher.scan()
    assert not desk.watcher.hears_events

    whole = save_photo(share.back / "outside.jpg")
    shutil.copyfile(whole, share.back / "inbox" / "a.jpg")

    (arrival,) = desk.arrivals(1)
    assert (arrival.source, arrival.found_by) == (share.mount / "inbox" / "a.jpg", "scan")


def test_a_new_photo_on_a_full_share_is_found_without_reading_all_of_it(
    share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(share.mount)
    reads: list[float] = []

    def reading(*arguments: object) -> Iterator[walk_inbox.Sighting]:
        reads.append(time.monotonic())
        return real_walk(*arguments)  # type: ignore[arg-type]

    real_walk = walk_inbox.walk
    monkeypatch.setattr(inbox_reader, "walk", reading)
    for number in range(2000):
        folder = share.back / "inbox" / f"kunde {number % 20}"
        folder.mkdir(exist_ok=True)
        (folder / f"{number}.jpg").touch()
    made = time.monotonic()
    desk.wait_for(lambda _: time.monotonic() > max([made, *reads]) + 4.0)
    read_before = len(reads)

    shutil.copyfile(save_photo(share.back / "outside.jpg"), share.back / "inbox" / "kunde 7" / "new.jpg")
    (arrival,) = desk.arrivals(1)

    assert arrival.name == "kunde 7/new.jpg"
    assert len(reads) == read_before


def test_a_photo_goes_all_its_way_on_a_share(share: Share) -> None:
    desk = Desk(share.mount)
    save_photo(share.back / "inbox" / "kunde" / "a.jpg")
    (arrival,) = desk.arrivals(1)

    claimed = desk.folders.jobs.claim(arrival.source, "job-1", (arrival.size_bytes, arrival.mtime_ns))
    result = desk.folders.jobs.staging("job-1") / "result.png"
    result.write_bytes(b"cut-out")
    for _ in range(2):  # publishing again changes nothing
        place_files.place([(result, ".png")], desk.folders.grade(Grade.UNGENUEGEND), PurePosixPath("kunde/a"))
        place_files.retire(claimed, desk.folders.archive, PurePosixPath("kunde/a.jpg"))
    desk.folders.jobs.clear("job-1")

    found = {str(path.relative_to(share.back)) for path in share.back.rglob("*") if path.is_file()}
    assert found == {".freisteller/root.json", "ungenügend/kunde/a.png", "archiv/kunde/a.jpg"}


def test_a_share_that_is_away_is_not_empty_and_comes_back(share: Share) -> None:
    desk = Desk(share.mount)
    save_photo(share.back / "inbox" / "a.jpg")
    desk.watcher.scan()

    share.disconnect()
    with pytest.raises(RootAway, match="Mount the share again"):
        desk.watcher.scan()
    assert list(share.mount.iterdir()) == []

    share.connect()
    assert len(desk.arrivals(1)) == 1


def test_a_share_whose_server_died_is_away(share: Share) -> None:
    desk = Desk(share.mount)
    server = subprocess.run(["pgrep", "-f", f"^bindfs {share.back} "], check=True, capture_output=True).stdout
    os.kill(int(server), 9)  # only ours: the pattern names this test's own folder

    with pytest.raises(RootAway):
        desk.watcher.scan()

    share.disconnect()
    share.connect()
    desk.watcher.scan()


def test_a_share_beneath_a_local_inbox_is_watched_by_timer_and_taken_by_copy(tmp_path: Path) -> None:
    need("bindfs", "umount")
    desk = Desk(tmp_path / "hot")
    share = Share(tmp_path / "back", desk.folders.inbox / "scanner")
    share.connect()
    try:
        desk.watcher.start()
        save_photo(desk.folders.inbox / "local.jpg")
        whole = save_photo(share.back / "remote.jpg", seed=1)
        content = whole.read_bytes()

        arrivals = {arrival.name: arrival for arrival in desk.arrivals(2)}

        assert desk.watcher.hears_events
        assert arrivals["local.jpg"].found_by == "event"
        assert arrivals["scanner/remote.jpg"].found_by in ("scan", "startup")
        assert desk.folders.jobs.claim(arrivals["scanner/remote.jpg"].source, "job-1").read_bytes() == content
        assert not (share.back / "remote.jpg").exists()
    finally:
        share.disconnect()


def machine(name: str, boot: Path) -> list[str]:
    """A command that runs a program as if on another machine: with another host name and another boot."""
    boot.write_text(f"{uuid.uuid5(uuid.NAMESPACE_DNS, name)}\n")
    script = 'hostname "$0" && mount --bind "$1" /proc/sys/kernel/random/boot_id && shift && exec "$@"'
    within = ["unshare", "--uts", "--mount", "sh", "-c", script, name, str(boot)]
    if subprocess.run([*within, "true"], check=False, capture_output=True).returncode:
        pytest.skip("namespaces are not allowed here")
    return within


def test_of_two_machines_on_one_share_one_works_and_the_other_takes_over_after_its_death(tmp_path: Path) -> None:
    """Each daemon has its own mount: neither sees the locks or the events of the other."""
    need("bindfs", "umount", "unshare")
    back = tmp_path / "back"
    studios = {name: tmp_path / name for name in ("studio-1", "studio-2")}
    shares = [Share(back, folder / "hot") for folder in studios.values()]
    first, second = ((folder, machine(name, folder / "boot")) for name, folder in studios.items())
    try:
        for share in shares:
            share.connect()
        with DaemonProcess(first[0], within=first[1]) as one:
            one.wait_until(lambda: one.says('"action": "watching"'), "the first one's start")
            with DaemonProcess(second[0], within=second[1]) as refused:
                code = refused.ended()
                assert refused.says("in use by another Freisteller (on studio-1, pid ")
            save_photo(back / "inbox" / "one.png")
            one.wait_until(lambda: len(placed(back, "one.json")) == 1, "a result of the first")
            save_photo(back / "inbox" / "left.png")
            one.kill()
        began = time.monotonic()
        with DaemonProcess(second[0], within=second[1]) as two:
            two.wait_until(lambda: len(placed(back, "left.json")) == 1, "a result of the second")
            waited = time.monotonic() - began
            two.interrupt()
    finally:
        for share in shares:
            share.disconnect()

    assert code == 2
    assert waited >= STALE_SECONDS
    assert sorted(path.name for path in placed(back, ".json")) == ["left.json", "one.json"]
    assert sorted(path.name for path in (back / "archiv").iterdir()) == ["left.png", "one.png"]


class Samba:
    """A Samba server on loopback that exports one folder to guests."""

    def __init__(self, scratch: Path, export: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        folders = {name: scratch / name for name in ("pid", "lock", "state", "cache", "private", "ncalrpc")}
        for folder in folders.values():
            folder.mkdir(parents=True)
        config = scratch / "smb.conf"
        config.write_text(
            "[global]\n interfaces = lo\n bind interfaces only = yes\n map to guest = Bad User\n guest account = root\n"
            f" smb ports = {self.port}\n disable spoolss = yes\n load printers = no\n log file = {scratch}/log\n"
            f" ncalrpc dir = {folders['ncalrpc']}\n private dir = {folders['private']}\n"
            + "".join(f" {name} directory = {folders[name]}\n" for name in ("pid", "lock", "state", "cache"))
            + f"[hot]\n path = {export}\n guest ok = yes\n read only = no\n force user = root\n"
        )
        self.process = subprocess.Popen(
            ["smbd", "-F", "--no-process-group", "-s", str(config)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,  # at its end smbd signals its whole process group
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(600):
            if self.client("ls", check=False).returncode == 0:
                return
            time.sleep(0.1)  # a server of others, in a process of its own
        self.close()
        pytest.skip(f"Samba does not start here: {(scratch / 'log').read_text()[-500:]}")

    def client(self, commands: str, check: bool = True) -> "subprocess.CompletedProcess[bytes]":
        call = ["smbclient", "-p", str(self.port), "-N", "//127.0.0.1/hot", "-c", commands]
        return subprocess.run(call, check=check, capture_output=True, timeout=60)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)


@pytest.fixture
def samba(tmp_path: Path) -> Iterator[Samba]:
    need("smbd", "smbclient")
    (tmp_path / "hot").mkdir()
    samba = Samba(tmp_path / "samba", tmp_path / "hot")
    yield samba
    samba.close()


def test_photos_that_a_windows_client_copies_arrive_whole(samba: Samba, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "hot")
    desk.watcher.start()
    desk.watcher.scan()
    photos = {f"Grün {number}.tif": save_photo(tmp_path / f"{number}.tif", seed=number) for number in range(12)}

    def copy() -> None:
        puts = [f'put "{path}" "inbox\\{name}"' for name, path in photos.items()]
        samba.client("; ".join(puts))

    client = threading.Thread(target=copy)
    client.start()
    taken: dict[str, bytes] = {}
    for _ in range(400):
        scan = desk.watcher.scan()
        for arrival in scan.ready:
            claimed = desk.folders.jobs.claim(
                arrival.source, f"job-{len(taken)}", (arrival.size_bytes, arrival.mtime_ns)
            )
            taken[arrival.name] = claimed.read_bytes()
        if len(taken) == len(photos):
            break
        desk.watcher.wait(scan.next_look_seconds, desk.stop)
    client.join()
    desk.watcher.close()

    assert taken == {name: path.read_bytes() for name, path in photos.items()}


SLOW_CLIENT = (
    "import sys, time, smbclient\n"
    "port, path, name = int(sys.argv[1]), sys.argv[2], sys.argv[3]\n"
    "smbclient.ClientConfig(username='guest', password='', require_secure_negotiate=False)\n"
    "smbclient.register_session('127.0.0.1', 'guest', '', port=port, require_signing=False)\n"
    "content = open(path, 'rb').read()\n"
    "with smbclient.open_file(name, 'wb', port=port, buffering=0) as file:\n"
    "    file.truncate(len(content))\n"
    "    for start in range(0, len(content), 16384):\n"
    "        file.write(content[start:start + 16384]); time.sleep(0.1)\n"
    "    time.sleep(1)\n"
)
"""Sets the size first, holds the file, and brings the data bit by bit."""


def slow_copy(samba: Samba, source: Path, name: str) -> "subprocess.Popen[bytes]":
    place = rf"\\127.0.0.1\hot\inbox\{name}"
    return subprocess.Popen([sys.executable, "-c", SLOW_CLIENT, str(samba.port), str(source), place])


def test_a_client_that_sets_the_size_first_and_holds_the_file_is_waited_for(samba: Samba, tmp_path: Path) -> None:
    pytest.importorskip("smbclient", reason="needs smbprotocol, a second and slower SMB client")
    desk = Desk(tmp_path / "hot")
    whole = save_photo(tmp_path / "whole.png")
    desk.watcher.start()

    with slow_copy(samba, whole, "a.png") as client:
        (arrival,) = desk.arrivals(1)
        claimed = desk.folders.jobs.claim(arrival.source, "job-1")
    desk.watcher.close()

    assert client.returncode == 0
    assert claimed.read_bytes() == whole.read_bytes()


def test_the_daemon_works_while_clients_copy_and_sort_through_samba(
    samba: Samba, tmp_path: Path, record_testsuite_property: Callable[[str, object], None]
) -> None:
    pytest.importorskip("smbclient", reason="needs smbprotocol, a second and slower SMB client")
    root = tmp_path / "hot"
    photos = [save_photo(tmp_path / f"{number}.png", seed=number) for number in range(8)]
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the hot folder")
        with slow_copy(samba, photos[0], "slow.png"):
            samba.client("; ".join(f'put "{path}" "inbox\\Grün {path.name}"' for path in photos[1:]))
            daemon.wait_until(lambda: len(placed(root, ".json")) == len(photos), "all results")
        before = placed(root, "slow.png")[0].relative_to(root)
        other = "gut" if before.parts[0] != "gut" else "sehr_gut"
        samba.client(f'rename "{before.parts[0]}\\slow.png" "{other}\\slow.png"')
        daemon.wait_until(lambda: daemon.says("a person moved it"), "the verdict")
        samba.client(f'rename "{other}\\slow.png" "inbox\\again.png"')
        daemon.wait_until(lambda: daemon.says("is tried again"), "another try")
        daemon.wait_until(lambda: len(placed(root, "slow.json")) == 1 and not any_in_work(root), "the second result")
        daemon.interrupt()

    originals = {path.read_bytes() for path in (root / "archiv").iterdir()}
    lost = [path.name for path in photos if path.read_bytes() not in originals]
    results = placed(root, ".png")
    record_testsuite_property("samba", json.dumps({"tried": len(photos), "results": len(results), "lost": len(lost)}))
    assert lost == []
    assert len(results) == len(photos)
    assert list((root / "inbox").iterdir()) == list((root / "failed").iterdir()) == []


def test_a_lease_is_seen_through_samba_from_both_sides(samba: Samba, tmp_path: Path) -> None:
    seen, ours = tmp_path / "seen.json", tmp_path / "ours.json"

    def lease_at_the_client() -> bytes:
        samba.client(f'get ".freisteller\\lease.json" "{seen}"')
        return seen.read_bytes()

    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        first = lease_at_the_client()
        daemon.wait_until(lambda: lease_at_the_client() != first, "a beat that the client sees")
        daemon.interrupt()
    stop = threading.Event()

    def renew() -> None:
        beats = 0
        while not stop.wait(0.2):
            ours.write_text(
                json.dumps(asdict(Holder("7" * 32, "studio-7", 7, "boot-7", "1999-01-01", beats := beats + 1)))
            )
            samba.client(f'put "{ours}" ".freisteller\\lease.json"')

    client = threading.Thread(target=renew)
    client.start()
    refused = freisteller("run", "--once", folder=tmp_path)
    stop.set()
    client.join()

    assert b'"studio-7"' not in first
    assert refused.returncode == 2
    assert "in use by another Freisteller (on studio-7, pid 7" in refused.stderr


def placed(root: Path, ending: str) -> list[Path]:
    return [path for grade in Grade for path in (root / grade.value).iterdir() if path.name.endswith(ending)]


def any_in_work(root: Path) -> bool:
    return any((root / ".freisteller" / "work").iterdir()) or any((root / ".freisteller" / "staging").iterdir())
