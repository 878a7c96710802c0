"""What may happen to a daemon under load, as a table: the name of each thing, and the function that lets it happen."""

import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import struct
import subprocess
import time
import urllib.request
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyvips

from benchmarks import hostile_photos
from benchmarks.crash_campaign import GRADES
from benchmarks.hostile_photos import Files, encoded
from benchmarks.steady_load import Load, remove
from benchmarks.watched_daemon import ComfyUI, LoopDisk, WatchedDaemon, holder_of, send
from tests.engines.double_faults import Faults

DEADLY_HEIGHT, FAILING_HEIGHT = 77, 79  # of photos that no photo of the load has
OUTAGE_SECONDS = 10.0
LOCK_SECONDS = 35.0
FULL_SECONDS = 5.0
SLOW = "slow photos"  # the name of the files that are drawn for worker_gets
EVENTS: tuple[object, ...] = ({}, [], 7, None, "\ud800", {"type": "x"}, "executing")  # odd types, and odd data
ROUTES = ["/history", "/queue", "/view", "/system_stats", "/prompt", "/upload", "/object_info", "/models", "/free"]
FOREIGN = {
    "huge float.json": '{"score": 1e999, "photo": "x.png"}',
    "lone surrogate.json": '{"photo": "\\ud800.png", "score": 0.5}',
    "huge integer.json": '{"score": ' + "9" * 6000 + "}",
    "deep.json": "[" * 100_000,
    "nan.json": '{"score": NaN, "job": 7}',
    "list.json": "[]",
}
REPORT = (
    '{"report_version": 1, "job": "20260101-000000-aaaaaaaa", "round": %s, "photo": {"name": %s, "bytes": %s, '
    '"sha256": "00"}, "grade": "gut", "score": 1e999, "reasons": [], "recipe": {"model": "x", "process_res": null}, '
    '"attempts": [], "best_attempt": 0, "seconds": 1e999, "sha256": {}}'
)


class LeftOut(Exception):
    """This thing cannot be done on this machine, or with this version. The message says why."""


@dataclass
class Stage:
    """All that a thing may touch. What it changes for good is put back by `after`, once its time is over."""

    load: Load
    daemon: WatchedDaemon
    servers: list[ComfyUI]
    prepared: dict[str, Files]
    disk: LoopDisk | None
    reserved: Path | None
    """A file at the end of the hot folder's disk, and its first byte there."""
    reserved_at: int
    own_state_disk: bool
    after: ExitStack = field(default_factory=ExitStack)
    hostile: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each file that was dropped -> its name."""
    said: str = ""
    """What became of the thing, if no file can tell."""

    @property
    def root(self) -> Path:
        return self.load.root

    @property
    def inbox(self) -> Path:
        return self.load.root / "inbox"

    def drop(self, files: Files, folder: str = "") -> None:
        """Put files into the inbox."""
        for name, content in files.items():
            scratch = self.inbox / folder / f".{hash(name)}.tmp"
            scratch.write_bytes(content)
            self.hostile[hashlib.sha256(content).hexdigest()] = name
            scratch.rename(scratch.with_name(name))

    def behave(self, **faults: object) -> None:
        """Let both servers have these faults until the thing is over."""
        for server in self.servers:
            self._until_over(server, faults)
        self.say_servers()

    def one_behaves(self, **faults: object) -> None:
        """Let one of the two servers have these faults until the thing is over."""
        self._until_over(self.servers[1], faults)
        self.say_servers()

    def _until_over(self, server: ComfyUI, faults: dict[str, object]) -> None:
        usual = asdict(Faults())
        server.behave(**faults)
        self.after.callback(lambda: server.behave(**{name: usual[name] for name in faults}))

    def say_servers(self) -> None:
        """Note in the end of the thing how many servers are in use."""

        def look() -> None:
            with suppress(OSError), urllib.request.urlopen(f"http://{self.daemon.bind}/status", timeout=5) as answer:
                servers = json.load(answer)["servers"]
                self.said += f"{sum(server['up'] for server in servers)} of {len(servers)} servers in use"
                if aside := sorted({model for server in servers for model in server["paused"]}):
                    self.said += f", set aside: {', '.join(aside)}"

        self.after.callback(look)


# --- files


def drops(name: str) -> Callable[[Stage], None]:
    """A thing that is nothing but files."""
    return lambda stage: stage.drop(stage.prepared[name])


def odd_names(stage: Stage) -> None:
    for name, content in hostile_photos.odd_names().items():
        (stage.inbox / os.fsdecode(name)).write_bytes(content)
        stage.hostile[hashlib.sha256(content).hexdigest()] = repr(name[:20])


def special_files(stage: Stage) -> None:
    os.mkfifo(stage.inbox / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(stage.inbox)  # a socket's path has at most 107 bytes
        listener.bind("socket.jpg")
        os.chdir("/")
    with suppress(PermissionError):
        os.mknod(stage.inbox / "device.jpg", 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero
    (stage.inbox / "link to zero.jpg").symlink_to("/dev/zero")
    (stage.inbox / "link to itself.jpg").symlink_to("link to itself.jpg")
    (stage.inbox / "folder.jpg").mkdir()
    names = ("pipe.jpg", "socket.jpg", "device.jpg", "link to zero.jpg", "link to itself.jpg", "folder.jpg")
    _leave(stage, [stage.inbox / name for name in names])


def _leave(stage: Stage, paths: list[Path]) -> None:
    """These files must be left where they are; then they are removed."""
    made = [path for path in paths if path.is_symlink() or path.exists()]

    def look() -> None:
        left = sum(path.is_symlink() or path.exists() for path in made)
        stage.said = f"{left} of {len(made)} left where they are"
        for path in made:
            remove(path)

    stage.after.callback(look)


def ten_thousand_files(stage: Stage) -> None:
    folder = stage.inbox / "not photos"
    folder.mkdir()
    for number in range(10_000):
        (folder / f"{number:05}.{('txt', 'xml', 'cr2.part')[number % 3]}").write_bytes(b"no photo")
    _leave(stage, [folder])


def broken_order(stage: Stage) -> None:
    folder = stage.inbox / "broken order"
    folder.mkdir()
    (folder / "freisteller.toml").write_text("[" * 10_240)
    (folder / "deeper").mkdir()
    (folder / "deeper" / "freisteller.toml").write_text("a = " + "[" * 10_240)
    stage.drop({"beside an order.jpg": encoded(".jpg", seed=60)}, "broken order")
    stage.drop({"beside a deep order.jpg": encoded(".jpg", seed=61)}, "broken order/deeper")
    stage.after.callback(remove, folder / "freisteller.toml")
    stage.after.callback(remove, folder / "deeper" / "freisteller.toml")

    def look() -> None:
        waiting = sum(not place_of(stage, content) for content in stage.hostile)
        stage.said = f"{waiting} of {len(stage.hostile)} waited until the orders were removed"

    stage.after.callback(look)


def foreign_json(stage: Stage) -> None:
    """Somebody else's JSON in grade folders, and a daemon that starts with a new journal and reads all of it."""
    for grade in GRADES:
        folder = stage.root / grade
        texts = dict(FOREIGN) | {
            "no round.json": REPORT % ("9" * 30, '"a.jpg"', "1"),
            "no size.json": REPORT % ("0", '"a.jpg"', "1e999"),
            "no name.json": REPORT % ("0", '"\\ud800\\u0000.jpg"', "9" * 6000),
        }
        for name, text in texts.items():
            (folder / name).write_text(text)
        os.mkfifo(folder / "x.json")
        for name in (*texts, "x.json"):
            stage.after.callback(remove, folder / name)
    state = stage.daemon.folder / "state"

    def forget() -> None:
        for path in state.iterdir():
            if path.name.startswith("journal"):
                path.rename(path.with_name(f"old-{path.name}"))

    stage.daemon.restart(forget, orderly=True)
    stage.said = "started with a new journal"


def poster(stage: Stage) -> None:
    """A picture composed from a cut-out in an editor, which kept the cut-out's XMP."""
    with suppress(ValueError):
        content, report = next(
            (content, path)
            for content, path in reversed(list(stage.load.ledger.results.items()))
            if (shot := stage.load.ledger.shots.get(content)) and not shot.touched
        )
        stage.load.ledger.shots[content].touched = True
        cut_out = pyvips.Image.new_from_file(str(report.with_suffix(".png")))
        page = cut_out.embed(90, 70, 900, 700, extend="background", background=[30, 90, 160, 255])
        stage.drop({"poster.png": bytes(page.pngsave_buffer())})

        def look() -> None:
            there = report.with_suffix(".png").exists()
            stage.said = f"the old result {'stayed' if there else 'was taken away'}"

        stage.after.callback(look)
        return
    raise LeftOut("no cut-out yet")


# --- engines


def deadly_photo(stage: Stage) -> None:
    stage.behave(die_heights=[DEADLY_HEIGHT])
    before = sum(server.deaths for server in stage.servers)
    stage.drop({"takes servers down.png": encoded(".png", 140, DEADLY_HEIGHT)})

    def look() -> None:
        stage.said = f"{sum(server.deaths for server in stage.servers) - before} servers died, "

    stage.after.callback(look)


def three_that_fail(stage: Stage) -> None:
    fault = "index 0 is out of bounds"
    stage.behave(fail=fault, fail_prompts=-1, fail_heights=[FAILING_HEIGHT], fail_models=["RMBG-2.0"])
    stage.drop({f"fails {number}.png": encoded(".png", 140, FAILING_HEIGHT, number) for number in range(3)})


def no_weights(stage: Stage) -> None:
    stage.behave(missing_weights=["RMBG-2.0"])


def drips(stage: Stage) -> None:
    stage.one_behaves(drip_paths=ROUTES, drip_seconds=0.5)


def drips_with_events(stage: Stage) -> None:
    stage.one_behaves(drip_paths=["/history", "/view"], drip_seconds=0.5)


def floods(stage: Stage) -> None:
    stage.one_behaves(flood_paths=["/history", "/queue", "/view", "/system_stats"])


def hangs(stage: Stage) -> None:
    stage.one_behaves(hang_paths=["*"])


def odd_bodies(stage: Stage) -> None:
    texts = ("[" * 100_000, '{"a":' * 50_000, '{"a": 1e999}', '{"a": ' + "9" * 6000 + "}")
    paths = ("/history", "/queue", "/system_stats", "/upload")
    stage.one_behaves(replaced_bodies=dict(zip(paths, texts, strict=True)))


def odd_events(stage: Stage) -> None:
    stage.say_servers()
    for server in stage.servers:
        for odd in EVENTS:
            for event in ({"type": odd, "data": {}}, {"type": "executing", "data": odd}, odd):
                server.say(text=json.dumps(event))
        server.say(text="[" * 100_000)
        server.say(text='{"type": ' + "9" * 6000 + "}")
        server.say(text="\udcff\udcfe")
        for opcode in (0x2, 0xA, 0x3, 0xF):
            server.say(text="\0\0", opcode=opcode)


def giant_frame(stage: Stage) -> None:
    stage.say_servers()
    stage.servers[1].say(text="x" * 1024, repeat=400 << 10, promised_bytes=1 << 40)


# --- disks


def unreadable_sector(stage: Stage) -> None:
    if not stage.disk or not stage.reserved:
        raise LeftOut("needs root and a loop device")
    stage.reserved.rename(stage.inbox / "bad sector.jpg")
    os.sync()
    stage.disk.cut(stage.reserved_at + 4096)
    path = stage.inbox / "bad sector.jpg"
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        try:
            file.read()
        except OSError as error:
            stage.said = f"reading fails with {errno.errorcode[error.errno or 0]}"

    def look() -> None:
        places = [name for name in ("inbox", "failed", "archiv") if (stage.root / name / path.name).exists()]
        stage.said += f", now in {places or 'work'}{reason_in(stage.root / 'failed' / f'{path.name}.txt')}"
        assert stage.disk
        stage.disk.cut(None)

    stage.after.callback(look)


def dead_mount(stage: Stage) -> None:
    """A sub-folder of the inbox whose file system has died: not even root can read it."""
    source, target = stage.daemon.folder / "elsewhere", stage.inbox / "dead mount"
    if os.geteuid() != 0 or not shutil.which("bindfs"):
        raise LeftOut("needs root and bindfs")
    source.mkdir()
    (source / "inside.jpg").write_bytes(encoded(".jpg", seed=70))
    target.mkdir()
    with subprocess.Popen(["bindfs", "-f", str(source), str(target)]) as process:
        stage.after.callback(remove, source)
        stage.after.callback(remove, target)
        stage.after.callback(lambda: subprocess.run(["umount", "--lazy", str(target)], check=False))
        deadline = time.monotonic() + 5
        while not target.is_mount() and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    try:
        list(target.iterdir())
    except OSError as error:
        stage.said = f"reading it fails with {errno.errorcode[error.errno or 0]}"


def share_away(stage: Stage) -> None:
    away = stage.root.with_name("away")
    stage.root.rename(away)
    time.sleep(OUTAGE_SECONDS)
    away.rename(stage.root)
    stage.said = f"back after {OUTAGE_SECONDS:.0f} s"


def full(folder: Path) -> None:
    """Fill the disk of a folder for a while."""
    filler = folder / "filler"
    try:
        with suppress(OSError), filler.open("wb", buffering=0) as file:
            size = 1 << 20
            while size >= 512:
                try:
                    file.write(bytes(size))
                except OSError:
                    size //= 2
        time.sleep(FULL_SECONDS)
    finally:
        filler.unlink()


def full_hot_folder(stage: Stage) -> None:
    if not stage.disk:
        raise LeftOut("needs root and a loop device")
    full(stage.root.parent)
    stage.said = f"room again after {FULL_SECONDS:.0f} s"


def full_state_disk(stage: Stage) -> None:
    if not stage.own_state_disk:
        raise LeftOut("needs root, for a tmpfs")
    full(stage.daemon.folder / "state")
    stage.said = f"room again after {FULL_SECONDS:.0f} s"


def locked_journal(stage: Stage) -> None:
    browser = sqlite3.connect(stage.daemon.folder / "state" / "journal.sqlite3", timeout=10, isolation_level=None)
    try:
        browser.execute("BEGIN EXCLUSIVE")
        time.sleep(LOCK_SECONDS)
    finally:
        browser.close()
    stage.said = f"free again after {LOCK_SECONDS:.0f} s"


# --- processes


def killed(stage: Stage) -> None:
    stage.daemon.restart()
    stage.said = "started again"


def killed_in_a_row(stage: Stage) -> None:
    """Twice: after a third time (dispatch.max_tries) the photo that ran alone each time counts as the cause."""
    for _ in range(2):
        stage.daemon.restart()
        time.sleep(1)
    stage.said = "started again, twice"


def worker_gets(number: signal.Signals, where: str) -> Callable[[Stage], None]:
    """Send a signal to the process that reads a certain photo. where: "inbox" = while it is proven, else in work."""

    def act(stage: Stage) -> None:
        name = f"worker {number.name} {where}.jpg"
        slow = stage.prepared[SLOW][where]
        remark = b"\xff\xfe" + struct.pack(">H", 2 + len(name)) + name.encode()  # no two contents are equal
        stage.drop({name: slow[:2] + remark + slow[2:]})
        deadline = time.monotonic() + 20
        hit: set[int] = set()
        most = 1 if number is signal.SIGSTOP else 3  # as many as a photo has tries
        while time.monotonic() < deadline and len(hit) < most:
            children = [pid for pid in stage.daemon.family()[1:] if pid not in hit]
            for path in _copies(stage, name, where):
                if pid := holder_of(path, children):
                    send(pid, number)
                    hit.add(pid)
            time.sleep(0.01)
        if not hit:
            raise LeftOut("no child process of the daemon reads the photo")
        stage.said = f"{len(hit)} workers got {number.name}"

    return act


def _copies(stage: Stage, name: str, where: str) -> list[Path]:
    return [stage.inbox / name] if where == "inbox" else list((stage.root / ".freisteller" / "work").glob(f"*/{name}"))


# --- the table


@dataclass(frozen=True)
class Thing:
    """One thing. seconds: how long it is watched at least, None = as long as asked.

    outage: for how many of these seconds nobody can finish a photo.
    """

    name: str
    act: Callable[[Stage], None]
    seconds: float | None = None
    outage: float = 0.0


THINGS = (
    *(Thing(name, drops(name)) for name in hostile_photos.FILES),
    Thing("odd-names", odd_names),
    Thing("special-files", special_files),
    Thing("ten-thousand-files", ten_thousand_files),
    Thing("broken-order", broken_order),
    Thing("poster", poster),
    Thing("deadly-photo", deadly_photo),
    Thing("three-that-fail", three_that_fail),
    Thing("no-weights", no_weights),
    Thing("server-drips", drips),
    Thing("server-drips-answers", drips_with_events),
    Thing("server-floods", floods),
    Thing("server-hangs", hangs),
    Thing("odd-bodies", odd_bodies),
    Thing("odd-events", odd_events),
    Thing("giant-frame", giant_frame),
    Thing("worker-killed-proving", worker_gets(signal.SIGKILL, "inbox")),
    Thing("worker-killed-in-work", worker_gets(signal.SIGKILL, "work")),
    Thing("worker-hangs", worker_gets(signal.SIGSTOP, "work")),
    Thing("dead-mount", dead_mount),
    Thing("share-away", share_away, outage=OUTAGE_SECONDS),
    Thing("full-hot-folder", full_hot_folder, outage=FULL_SECONDS),
    Thing("full-state-disk", full_state_disk, outage=FULL_SECONDS),
    Thing("locked-journal", locked_journal, outage=LOCK_SECONDS),
    Thing("daemon-killed", killed),
    Thing("daemon-killed-twice", killed_in_a_row),
    Thing("foreign-json", foreign_json),
    Thing("unreadable-sector", unreadable_sector),
)
"""In the order in which they happen."""


def place_of(stage: Stage, content: str) -> str:
    """What became of a hostile file, in a word or with the reason in its note."""
    ledger = stage.load.ledger
    if content in ledger.results:
        return f"done ({ledger.results[content].relative_to(stage.root).parts[0]})"
    if content in ledger.failed:
        return f"failed{reason_in(ledger.failed[content].with_name(ledger.failed[content].name + '.txt'))}"
    return ""


def reason_in(note: Path) -> str:
    """The reason that a note in failed/ gives, behind a colon."""
    with suppress(OSError, StopIteration):
        lines = note.read_text("utf-8", "replace").splitlines()
        return ": " + next(line.removeprefix("Why: ") for line in lines if line.startswith("Why: "))[:160]
    return " (no note)"
