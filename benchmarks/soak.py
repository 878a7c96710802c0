"""Sends thousands of small photos through the daemon, with faults on the way. No photo may be lost, no figure may grow.

All processes are real: the daemon with its real command (only its clock is ours, so that it can jump) and two ComfyUI
servers that behave as recorded (tests/engines/comfyui_double.py). The photos come in waves, each with one fault: a
server is killed and started again; the hot folder is moved away and comes back; its disk is full, or that of the state
directory (as root, each on a tmpfs of its own); or the clock jumps. After each wave the daemon rests and is measured.
Growth is counted from the first wave after all faults were seen once to the last wave.
Run: `.venv/bin/python benchmarks/soak.py [--photos 20000]`. The last line is one JSON object.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from rich.console import Console  # noqa: E402

from daemon.commands.run import run_daemon  # noqa: E402
from daemon.settings.settings_source import SettingsSource  # noqa: E402
from tests.drawing import drawn_photo, save_photo  # noqa: E402 - the checkout's tests are no installed package

WAVES = 20
FAULTS = ("none", "server", "share", "disk", "state", "clock")
JUMPS = (86_400.0, -172_800.0, 3_600.0, -7_200.0)  # seconds, one after the other
OUTAGE_SECONDS = 3.0
DISK_MB = 64
STATE_MB = 256  # the journal needs 2 KB for a photo
REST_SECONDS = 4.0
STALLED_SECONDS = 420.0  # longer than the daemon ever waits on purpose
GRADES = ("sehr_gut", "gut", "ungenügend")


@dataclass(frozen=True)
class Sample:
    """The daemon at one moment."""

    rss_mb: float
    handles: int
    threads: int


class Shop:
    """Drops photos, takes results away, and counts both."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dropped: set[str] = set()
        self.found: Counter[str] = Counter()
        self.failed: set[str] = set()
        self._pictures = [drawn_photo(96, 72, number) for number in range(40)]

    def drop(self, wave: int, count: int) -> None:
        """Put photos into one folder for each batch, first under temporary names, as a careful program does."""
        for number in range(count):
            name = f"order-{wave:02}-{number % 3}/{wave:02}-{number:05}.jpg"
            path = self.root / "inbox" / name
            picture = self._pictures[number % len(self._pictures)].copy()
            picture[0, 0] = wave, number >> 8, number & 255  # no two photos are alike
            scratch = save_photo(path.with_name(f".{path.name}"), picture)
            scratch.rename(path)
            self.dropped.add(name)

    def collect(self) -> None:
        """Take finished results, failed photos and archived originals away, as people do."""
        for grade in GRADES:
            for report in list((self.root / grade).rglob("*.json")):
                name = json.loads(report.read_text("utf-8"))["photo"]["name"]
                report.with_suffix(".png").unlink()
                report.unlink()
                self.found[name] += 1
        for path in list((self.root / "failed").rglob("*.jpg")):
            self.failed.add(str(path.relative_to(self.root / "failed")))
            path.unlink()
        for path in list((self.root / "archiv").rglob("*.jpg")):
            path.unlink()

    @property
    def accounted(self) -> int:
        return len(self.dropped & (self.found.keys() | self.failed))


class Servers:
    """Two ComfyUI servers. Each is a process that can be killed and started again on its port."""

    def __init__(self, stack: ExitStack, ports: tuple[int, int]) -> None:
        self.ports = ports
        self._processes = [self._start(port) for port in ports]
        self._turn = 0
        stack.callback(self.stop)

    def _start(self, port: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.engines.comfyui_double", "--port", str(port)]
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        process.stdout.readline()
        return process

    def restart(self) -> None:
        """Kill one and start it again; the next call takes the other one."""
        process = self._processes[self._turn]
        process.kill()
        process.wait()
        time.sleep(OUTAGE_SECONDS)
        self._processes[self._turn] = self._start(self.ports[self._turn])
        self._turn = 1 - self._turn

    def start(self) -> None:
        """Start all again, after `stop`."""
        self._processes = [self._start(port) for port in self.ports]

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


class DaemonUnderTest:
    """`freisteller run`. It is started again when it ends, as systemd would do."""

    def __init__(self, stack: ExitStack, folder: Path, urls: list[str], log: Path) -> None:
        self.state = folder / "state"
        self.clock = folder / "clock"
        self.clock.write_text("0")
        self._log = stack.enter_context(log.open("ab"))
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FREISTELLER")},
            "FREISTELLER__ROOT": str(folder / "disk" / "hot"),
            "FREISTELLER__STATE_DIR": str(self.state),
            "FREISTELLER__INTAKE__QUIET_SECONDS": "0.2",
            "FREISTELLER__INTAKE__SCAN_SECONDS": "0.5",
            "FREISTELLER__HTTP__BIND": "127.0.0.1:0",
            "FREISTELLER__STRATEGY__MAX_ATTEMPTS": "1",
            "FREISTELLER__DISPATCH__POSTPONE_SECONDS": "0.5",
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": url} for url in urls]),
            "FREISTELLER__COMFYUI__PROBE_SECONDS": "1",
            "FREISTELLER__NOTIFY__BATCH_SECONDS": "2",
            "FREISTELLER__NOTIFY__HOOKS": json.dumps([{"name": "true", "command": ["/bin/true"]}]),
        }
        self.restarts = -1
        self.process = self._start()
        stack.callback(self._kill)

    def _start(self) -> subprocess.Popen[bytes]:
        self.restarts += 1
        command = [sys.executable, __file__, "--serve", str(self.clock)]
        return subprocess.Popen(command, env=self._environment, stdout=self._log, stderr=self._log)

    def supervise(self) -> None:
        if self.process.poll() is not None:
            self.process = self._start()

    def jump(self, seconds: float) -> None:
        self.clock.write_text(str(float(self.clock.read_text()) + seconds))

    def sample(self) -> Sample:
        process = Path("/proc") / str(self.process.pid)
        status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
        handles = sum(1 for _ in (process / "fd").iterdir())
        return Sample(int(status["VmRSS"].split()[0]) / 1024, handles, int(status["Threads"]))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=60)

    def _kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class ShiftedClock:
    """This machine's time plus the seconds that a file holds; the file is read five times a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._shift = 0.0
        self._looked_at = 0.0

    def __call__(self) -> float:
        now = time.monotonic()
        if now - self._looked_at > 0.2:
            self._shift = float(self._path.read_text() or self._shift)
            self._looked_at = now
        return time.time() + self._shift


def serve(clock: Path) -> int:
    """The daemon's own process."""
    source = SettingsSource(None)
    return run_daemon(source.read(), Console(), once=False, samples=False, source=source, clock=ShiftedClock(clock))


class Soak:
    """The whole run."""

    def __init__(self, shop: Shop, servers: Servers, daemon: DaemonUnderTest, photos: int, own_disk: bool) -> None:
        self.shop = shop
        self.servers = servers
        self.daemon = daemon
        self.photos = photos
        self.own_disk = own_disk
        self.rests: list[Sample] = []
        self._jumps = 0
        self._began = time.monotonic()

    def run(self) -> None:
        print("wave fault     photos accounted  per s   rss MB  files threads")
        for wave in range(WAVES):
            share = self.photos * (wave + 1) // WAVES - self.photos * wave // WAVES
            fault = FAULTS[wave % len(FAULTS)]
            began = time.monotonic()
            self.shop.drop(wave, share)
            self._until_open(share // 2)
            self._inflict(fault)
            whole = self._until_open(0)
            seconds = time.monotonic() - began
            rest = self._rest()
            print(
                f"{wave + 1:>4} {fault:<8} {len(self.shop.dropped):>7} {self.shop.accounted:>9} "
                f"{share / seconds:>6.1f} {rest.rss_mb:>8.1f} {rest.handles:>6} {rest.threads:>7}",
                flush=True,
            )
            if not whole:
                print(f"No photo came out for {STALLED_SECONDS:.0f} s, so the run ends here.")
                return

    def _inflict(self, fault: str) -> None:
        if fault == "server":
            self.servers.restart()
        elif fault == "share":
            away = self.shop.root.with_name("away")
            self.shop.root.rename(away)
            time.sleep(OUTAGE_SECONDS)
            away.rename(self.shop.root)
        elif fault == "disk" and self.own_disk:
            _be_full(self.shop.root.parent)
        elif fault == "state" and self.own_disk:
            _be_full(self.daemon.state)
        elif fault == "clock":  # while photos wait for a server, so that the jump affects jobs that are put off
            self.servers.stop()
            time.sleep(OUTAGE_SECONDS)
            self.daemon.jump(JUMPS[self._jumps % len(JUMPS)])
            self._jumps += 1
            self.servers.start()

    def _until_open(self, count: int) -> bool:
        """Collect until only so many photos are left. Returns False if nothing came for too long."""
        known, since = -1, time.monotonic()
        while len(self.shop.dropped) - self.shop.accounted > count:
            self.daemon.supervise()
            self.shop.collect()
            if self.shop.accounted != known:
                known, since = self.shop.accounted, time.monotonic()
            if time.monotonic() - since > STALLED_SECONDS:
                return False
            time.sleep(0.1)
        return True

    def _rest(self) -> Sample:
        time.sleep(REST_SECONDS)
        samples = [self.daemon.sample()]
        for _ in range(4):
            time.sleep(0.25)
            samples.append(self.daemon.sample())
        rest = Sample(
            statistics.median(sample.rss_mb for sample in samples),
            int(statistics.median(sample.handles for sample in samples)),
            int(statistics.median(sample.threads for sample in samples)),
        )
        self.rests.append(rest)
        return rest

    def report(self, exit_code: int) -> None:
        first, last = self.rests[min(len(FAULTS), len(self.rests)) - 1], self.rests[-1]
        lost = len(self.shop.dropped) - self.shop.accounted
        twice = sum(count - 1 for count in self.shop.found.values())
        minutes = (time.monotonic() - self._began) / 60
        print(f"\n{minutes:.1f} minutes, {len(self.shop.dropped) / minutes / 60:.1f} photos per second.")
        print(f"{self.daemon.restarts} restarts, {len(self.shop.failed)} failed, {twice} twice; exit code {exit_code}.")
        if not self.own_disk:
            print("The disks were not filled: only root can give folders a file system of their own.")
        figures = {
            "photos": len(self.shop.dropped),
            "accounted": self.shop.accounted,
            "lost": lost,
            "rss_growth_mb": round(last.rss_mb - first.rss_mb, 1),
            "fd_growth": last.handles - first.handles,
            "thread_growth": last.threads - first.threads,
        }
        print(json.dumps(figures))


def _be_full(disk: Path) -> None:
    """Fill a disk for some seconds."""
    filler = disk / "filler"
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1 << 12))
    time.sleep(OUTAGE_SECONDS)
    filler.unlink()


def mount_tmpfs(stack: ExitStack, disk: Path, megabytes: int) -> bool:
    """Give a folder a small file system of its own. Returns False if we may not."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "soak", str(disk)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        return False
    stack.callback(subprocess.run, ["umount", "--lazy", str(disk)], check=False)
    return True


def _ports() -> tuple[int, int]:
    from tests.observe.prometheus import free_port

    return free_port(), free_port()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=20_000)
    parser.add_argument("--log", type=Path, default=None, help="keep the daemon's log here")
    parser.add_argument("--serve", type=Path, default=None, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        sys.exit(serve(given.serve))
    folder = Path(tempfile.mkdtemp(prefix="soak-"))
    try:
        with ExitStack() as stack:
            disk, state = folder / "disk", folder / "state"
            disk.mkdir()
            state.mkdir()
            own_disk = mount_tmpfs(stack, disk, DISK_MB) and mount_tmpfs(stack, state, STATE_MB)
            shop = Shop(disk / "hot")
            servers = Servers(stack, _ports())
            urls = [f"http://127.0.0.1:{port}" for port in servers.ports]
            daemon = DaemonUnderTest(stack, folder, urls, given.log or folder / "daemon.log")
            soak = Soak(shop, servers, daemon, given.photos, own_disk)
            soak.run()
            soak.report(daemon.stop())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
