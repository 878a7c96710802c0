"""Runs the daemon and doubles of ComfyUI as a supervisor does, asks the daemon's health, and mounts disks."""

import ctypes
import errno
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.crash_campaign import CHECKOUT, Life
from benchmarks.occupancy import memory_mb

BLOCK_BYTES = 4096
LARGEST_FILE_BYTES = 1 << 20  # that is laid at the end of a disk
_LIBC = ctypes.CDLL(None)
RESTART_SECONDS = 1.0  # from the death of a process to its next start; a supervisor waits as long
LONGEST_START_SECONDS = 60.0
SETTINGS = {
    "ENGINE__PROXY_PIXELS": "512",
    "COMFYUI__CONNECT_SECONDS": "2",
    "COMFYUI__ATTEMPT_SECONDS": "20",
    "COMFYUI__POLL_SECONDS": "0.5",
    "COMFYUI__PROBE_SECONDS": "1",
    "DISPATCH__WORKERS": "4",
    "DISPATCH__MAX_TRIES": "3",
    "DISPATCH__HANG_SECONDS": "10",  # so that a worker that hangs is seen to be replaced
    "DISPATCH__POSTPONE_SECONDS": "0.5",
    "INTAKE__MAX_MEGAPIXELS": "40",
    "STRATEGY__MAX_ATTEMPTS": "1",
}


class ComfyUI:
    """A double in a process of its own. It is started again on its port when it dies."""

    def __init__(self, port: int, stop: threading.Event) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.deaths = 0
        self._faults: dict[str, Any] = {}
        self._port = port
        self._stop = stop
        self._process = self._start()
        self._thread = threading.Thread(target=self._supervise, daemon=True)
        self._thread.start()

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.engines.comfyui_double", "--port", str(self._port)]
        process = subprocess.Popen([*command, "--seconds", "0.05"], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def _supervise(self) -> None:
        while not self._stop.wait(0.1):
            if self._process.poll() is not None:
                self.deaths += 1
                self._end()
                self._stop.wait(RESTART_SECONDS)
                self._process = self._start()
                with suppress(OSError):
                    self._send("/_double/faults", self._faults)
        self._end()

    def _end(self) -> None:
        self._process.kill()
        with self._process:  # waits, and closes its output
            pass

    def behave(self, **faults: Any) -> None:
        """Switch on faults of the double. If it is dead just now, it gets them once it is back."""
        self._faults.update(faults)
        with suppress(OSError):
            self._send("/_double/faults", faults)

    def say(self, **frame: Any) -> None:
        """Send a frame to every event socket; see `double_routes`."""
        self._send("/_double/say", frame)

    def _send(self, path: str, values: dict[str, Any]) -> None:
        request = urllib.request.Request(self.url + path, json.dumps(values).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def wait(self) -> None:
        """Wait for the thread that ends the process, after `stop`."""
        self._thread.join()


@dataclass
class Gap:
    """Seconds between two good answers, less what the prober itself came too late; both ends in monotonic seconds."""

    seconds: float
    since: float
    until: float


class Prober:
    """Asks /healthz from a process of its own."""

    def __init__(self, stack: ExitStack, url: str, answers: Path) -> None:
        self._answers = answers
        answers.touch()
        command = [sys.executable, str(CHECKOUT / "benchmarks" / "health_prober.py"), url, str(answers)]
        process = stack.enter_context(subprocess.Popen(command, stdin=subprocess.DEVNULL))
        stack.callback(process.kill)

    def gaps(self, since: float, until: float) -> Iterator[Gap]:
        """The gaps that touch this time, the last one perhaps still open."""
        last = since
        for line in self._answers.read_text("ascii").splitlines():
            at, passed, late = map(float, line.split())
            last = max(last, at)
            if at >= since and at - passed <= until:
                yield Gap(max(0.0, passed - late), at - passed, at)
        if until > last:
            yield Gap(until - last, last, until)


@dataclass
class WatchedDaemon:
    """`freisteller run` with a port for its health. It is started again when it ends, as systemd does."""

    folder: Path
    root: Path
    urls: list[str]
    bind: str
    by_itself: int = 0
    """How often it ended although nobody ended it."""
    away: list[tuple[float, float]] = field(default_factory=list)
    """From when to when it was not there because somebody ended it, start included, in monotonic seconds."""
    peak_mb: float = 0.0
    """Most memory of it and its children at once, as the sum of what is resident, since somebody set this to 0."""
    _life: Life | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stop: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start it, and wait until it works."""
        servers = [{"url": url, "slots": 2} for url in self.urls]
        changes = {"ROOT": str(self.root), "HTTP__BIND": self.bind, "LOG__LEVEL": "info", **SETTINGS}
        changes["COMFYUI__SERVERS"] = json.dumps(servers)
        self._life = Life(self.folder, self.urls[0], **changes)
        self._life.started()

    def watch(self) -> None:
        """Supervise it until `close`."""
        thread = threading.Thread(target=self._supervise, daemon=True)
        thread.start()

    def _supervise(self) -> None:
        while not self._stop.wait(0.25):
            with self._lock:
                if self._life and self._life.over:
                    self.by_itself += 1
                    self._end()
                    self._stop.wait(RESTART_SECONDS)
                    self.start()
                self.peak_mb = max(self.peak_mb, sum(_memory_mb(pid) for pid in self.family()))

    def family(self) -> list[int]:
        """Its process id, then those of all its descendants."""
        found = [self._life.pid] if self._life else []
        for pid in found:
            for path in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(OSError):
                    found += [int(child) for child in path.read_text().split()]
        return found

    def restart(self, between: Callable[[], None] = lambda: None, orderly: bool = False) -> None:
        """End it by SIGKILL, or in order, do something, and start it again."""
        with self._lock:
            began = time.monotonic()
            if orderly and self._life:
                self._life.stop()
            self._end()
            between()
            self.start()
            self.away.append((began, time.monotonic()))

    def _end(self) -> None:
        if self._life:
            self._life.__exit__(None, None, None)
        self._life = None

    def close(self) -> None:
        """Stop it in order."""
        self._stop.set()
        with self._lock:
            try:
                if self._life and not self._life.over:
                    self._life.stop()
            finally:  # one that does not stop is killed, and is no burden to what comes next
                self._end()


def _memory_mb(pid: int) -> float:
    try:
        return memory_mb(pid)
    except (OSError, IndexError):
        return 0.0


# --- processes that hold a file


def holder_of(path: Path, pids: list[int]) -> int | None:
    """The first of these processes that has the file open or mapped."""
    try:
        inode = path.stat().st_ino
    except OSError:
        return None
    for pid in pids:
        with suppress(OSError):
            for each in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if each.stat().st_ino == inode and each.is_file():
                        return pid
            if any(f" {inode} " in line for line in Path(f"/proc/{pid}/maps").read_text().splitlines()):
                return pid
    return None


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may be gone."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


# --- disks


@dataclass(frozen=True)
class LoopDisk:
    """An ext4 of its own on a loop device, so that the end of the disk can be taken away from below it."""

    image: Path
    device: str
    mount: Path
    megabytes: int

    def lay_at_its_end(self, path: Path, content: bytes) -> int:
        """Write a file behind all free blocks, so that nothing else is ever written there. Returns its first byte."""
        large, small = self._fill(LARGEST_FILE_BYTES), self._fill(BLOCK_BYTES)
        chosen = max((filler for filler in large if len(large[filler]) == 1), key=lambda filler: large[filler])
        at = large[chosen][0]
        with chosen.open("r+b") as file:
            file.write(content)
            os.fsync(file.fileno())
        for filler, starts in (large | small).items():
            if max(starts) < at:
                filler.unlink()
        chosen.rename(path)
        return at

    def _fill(self, size: int) -> dict[Path, list[int]]:
        """Empty files that hold so many bytes each, until there is no more room; and where their extents begin."""
        fillers: dict[Path, list[int]] = {}
        keep_size = 1  # FALLOC_FL_KEEP_SIZE, in linux/falloc.h
        while True:
            filler = self.mount / f".filler {size} {len(fillers)}"
            try:
                file = filler.open("wb")
            except OSError as error:
                if error.errno == errno.ENOSPC:  # the folder itself needs a block for this name
                    return fillers
                raise
            with file:
                if _LIBC.fallocate(file.fileno(), keep_size, ctypes.c_long(0), ctypes.c_long(size)):
                    filler.unlink()
                    return fillers
                fillers[filler] = _extents(file.fileno())

    def cut(self, size: int | None) -> None:
        """Let the disk end after so many bytes: what lies beyond cannot be read. None: as it was."""
        os.truncate(self.image, self.megabytes << 20 if size is None else size)
        subprocess.run(["losetup", "--set-capacity", self.device], check=True)


def _extents(descriptor: int) -> list[int]:
    """Where on its disk the pieces of a file begin, in bytes: FS_IOC_FIEMAP, in linux/fiemap.h."""
    most, size = 16, 56
    asked = struct.pack("QQIIII", 0, 1 << 40, 0, 0, most, 0) + bytes(most * size)
    answer = fcntl.ioctl(descriptor, 0xC020660B, asked)
    (found,) = struct.unpack_from("I", answer, 20)
    return [struct.unpack_from("QQ", answer, 32 + size * number)[1] for number in range(found)]


def mount_loop_disk(stack: ExitStack, image: Path, mount: Path, megabytes: int) -> LoopDisk | None:
    """Give a folder a disk on a file. Returns None if we may not."""
    if os.geteuid() != 0:
        return None
    with image.open("wb") as file:
        file.truncate(megabytes << 20)

    def run(*command: str) -> subprocess.CompletedProcess[str] | None:
        with suppress(OSError):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            return None if done.returncode else done
        return None

    if not run("mkfs.ext4", "-q", "-b", str(BLOCK_BYTES), "-O", "^has_journal", "-E", "lazy_itable_init=0", str(image)):
        return None
    if not (found := run("losetup", "--find", "--show", str(image))):
        return None
    device = found.stdout.strip()
    stack.callback(run, "losetup", "--detach", device)
    if not run("mount", device, str(mount)):
        return None
    stack.callback(run, "umount", "--lazy", str(mount))
    return LoopDisk(image, device, mount, megabytes)
