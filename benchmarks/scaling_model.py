"""What limits when: measures what a photo costs each part of a cluster, and computes how many photos each part allows.

Measured here, with the product's own code (`scaling_figures.py`): the journal, the looks at folders, the scheduler, and
for photos of three kinds the processor time and the bytes over the share, of the daemon and of a worker.
Computed from that: how many photos an hour each part allows with so many GPUs, and which part allows the fewest. Each
part is taken alone and as fully busy; waiting in queues is not modelled, so leave a quarter free.
Run: `.venv/bin/python -m benchmarks.scaling_model [--quick] [--gpu-seconds 2] [--share-gbits 10] [--worker-cores 4]
[--daemon-cores 16]`; `--measured FILE` computes with the last line of an earlier run. Last line: one JSON object.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

HOUR = 3600.0
GPUS = (1, 8, 64, 1000)
GBITS = (1.0, 10.0, 25.0, 100.0)


@dataclass(frozen=True, slots=True)
class Photo:
    """What one photo of a kind costs; all times in seconds.

    file_mb, result_mb: of the original and of its result. Over the share, in 10^6 bytes, None = not measured:
    daemon_read_mb, daemon_written_mb, worker_read_mb, worker_written_mb, as if each machine kept what it has read or
    written; forgetful_daemon_mb, forgetful_worker_mb: what they read if they keep nothing. daemon_cpu_seconds: of the
    daemon's machine in all. worker_cpu_seconds: of the worker's machine in all. structure_seconds, proof_seconds: of
    following its structure, and of decoding it to its end, before it is taken out of the inbox.
    """

    kind: str
    file_mb: float
    result_mb: float
    daemon_read_mb: float | None
    daemon_written_mb: float | None
    worker_read_mb: float | None
    worker_written_mb: float | None
    forgetful_daemon_mb: float | None
    forgetful_worker_mb: float | None
    daemon_cpu_seconds: float
    worker_cpu_seconds: float
    structure_seconds: float
    proof_seconds: float

    @property
    def busier_mb(self) -> float | None:
        """What goes over the share in its busier direction; it carries both at once."""
        read, written = (self.daemon_read_mb, self.worker_read_mb), (self.daemon_written_mb, self.worker_written_mb)
        sums = [sum(part for part in parts if part is not None) for parts in (read, written)]
        return None if None in (*read, *written) else max(sums)


@dataclass(frozen=True, slots=True)
class Daemon:
    """What does not depend on the kind of photo.

    lock_seconds: for which a photo holds the interpreter of the daemon's process, of which it has one for all threads.
    journal_seconds: of the journal alone for one photo, with many threads. taking_seconds: of the one thread that takes
    photos in. errand_seconds: for which the link to the scheduler is busy with one errand. most_in_work, most_proofs:
    how many photos may be in work, and read to their end, at once.
    """

    lock_seconds: float
    journal_seconds: float
    taking_seconds: float
    errand_seconds: float
    most_in_work: int
    most_proofs: int


@dataclass(frozen=True, slots=True)
class Cluster:
    """What somebody has. gpu_seconds: of one photo on one GPU. share_gbits: 10^9 bits a second in each direction.

    worker_cores: beside each GPU. daemon_cores: of the daemon's machine.
    """

    gpus: int
    gpu_seconds: float = 2.0
    share_gbits: float = 10.0
    worker_cores: int = 4
    daemon_cores: int = 16


WHAT_TO_DO: Mapping[str, str] = {
    "GPUs": "add GPUs",
    "workers' cores": "more cores beside each GPU, or workers without a GPU that ask servers elsewhere",
    "share": "a faster link or server; a second hot folder on another share",
    "photos in work": "a second hot folder with a daemon of its own",
    "daemon's interpreter": "a second hot folder with a daemon of its own",
    "daemon's cores": "more cores for the daemon's machine",
    "taking in": "send photos by the API, which reads many at once; a second hot folder with a daemon of its own",
    "journal": "a quicker disk for the journal (NVMe); a second hot folder with a daemon of its own",
    "scheduler": "a second hot folder with a daemon and a scheduler of its own",
}
"""Each part that may be the first to limit, and what lifts it."""


def limits(cluster: Cluster, photo: Photo, daemon: Daemon) -> dict[str, float]:
    """Photos an hour that each part alone allows, by its name in `WHAT_TO_DO`. A part that was not measured is absent.

    Photos in work follow Little's law: as many at once as the rate times the time that each is in work.
    """
    found = {
        "GPUs": cluster.gpus / cluster.gpu_seconds,
        "workers' cores": cluster.gpus * cluster.worker_cores / photo.worker_cpu_seconds,
        "photos in work": daemon.most_in_work / seconds_in_work(cluster, photo),
        "daemon's interpreter": 1 / daemon.lock_seconds,
        "daemon's cores": cluster.daemon_cores / photo.daemon_cpu_seconds,
        "taking in": 1 / taking_in_seconds(cluster, photo, daemon),
        "journal": 1 / daemon.journal_seconds,
        "scheduler": 1 / daemon.errand_seconds,
    }
    if photo.busier_mb:
        found["share"] = megabytes_a_second(cluster.share_gbits) / photo.busier_mb
    return {name: HOUR * a_second for name, a_second in found.items()}


def seconds_in_work(cluster: Cluster, photo: Photo) -> float:
    """How long one photo is in work, one step after the other, if nothing else is to do and no disk is waited for."""
    carried = (photo.daemon_read_mb, photo.worker_read_mb, photo.daemon_written_mb, photo.worker_written_mb)
    megabytes = sum(each for each in carried if each is not None)
    computing = cluster.gpu_seconds + photo.worker_cpu_seconds + photo.daemon_cpu_seconds
    return computing + megabytes / megabytes_a_second(cluster.share_gbits)


def taking_in_seconds(cluster: Cluster, photo: Photo, daemon: Daemon) -> float:
    """For how long the one thread that takes photos in is busy with each, or waits for its proof beside others."""
    at_once = min(daemon.most_proofs, cluster.daemon_cores)
    return photo.proof_seconds / at_once + photo.structure_seconds + daemon.taking_seconds


def megabytes_a_second(gbits: float) -> float:
    """10^6 bytes a second of a link of so many 10^9 bits a second."""
    return 1000 * gbits / 8


def first(found: Mapping[str, float]) -> tuple[str, float]:
    """The part that allows the fewest photos, and how many an hour."""
    name = min(found, key=lambda each: found[each])
    return name, found[name]


def useful_gpus(cluster: Cluster, photo: Photo, daemon: Daemon) -> tuple[int, str]:
    """How many GPUs can be kept busy, however many there are, and which part allows no more."""
    beside = replace(cluster, gpus=1)
    one = limits(beside, photo, daemon)
    fixed = {name: allowed for name, allowed in one.items() if name not in ("GPUs", "workers' cores")}
    name, allowed = first(fixed)
    return int(allowed / min(one["GPUs"], one["workers' cores"])), name


def folders_needed(cluster: Cluster, photo: Photo, daemon: Daemon) -> int:
    """Into how many hot folders, each with a daemon and a share of its own, all GPUs must be divided to be busy."""
    useful, _ = useful_gpus(cluster, photo, daemon)
    return -(-cluster.gpus // useful) if useful else cluster.gpus


# --- what is printed


def print_first(cluster: Cluster, photos: Sequence[Photo], daemon: Daemon) -> dict[str, dict[str, dict[str, Any]]]:
    """Print which part limits first, and by how much; returns the same by kind and number of GPUs."""
    print(
        f"\nComputed: {cluster.gpu_seconds:g} s of a GPU for each photo, {cluster.worker_cores} cores beside each GPU, "
        f"{cluster.daemon_cores} for the daemon, share {cluster.share_gbits:g} Gbit/s"
    )
    print(f"{'photos':<10}{'GPUs':>6}{'photos/h':>11}  {'limited first by':<22}{'then by':<22}{'hot folders':>11}  do")
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for photo in photos:
        found[photo.kind] = {}
        for gpus in GPUS:
            here = replace(cluster, gpus=gpus)
            allowed = limits(here, photo, daemon)
            name, an_hour = first(allowed)
            then, _ = first({other: value for other, value in allowed.items() if other != name})
            folders = folders_needed(here, photo, daemon)
            print(f"{photo.kind:<10}{gpus:>6}{an_hour:>11,.0f}  {name:<22}{then:<22}{folders:>11}  {WHAT_TO_DO[name]}")
            values = {"limit": name, "photos_an_hour": round(an_hour), "then": then, "hot_folders": folders}
            found[photo.kind][str(gpus)] = values
    for photo in photos:
        useful, why = useful_gpus(cluster, photo, daemon)
        print(f"One hot folder keeps {useful} GPUs busy with photos of {photo.kind}; then comes: {why}")
    return found


def print_parts(cluster: Cluster, photos: Sequence[Photo], daemon: Daemon) -> None:
    """Print what each part allows that does not grow with the GPUs."""
    print("\nComputed: photos an hour that one hot folder allows, however many GPUs there are")
    print(f"{'part':<34}" + "".join(f"{photo.kind:>14}" for photo in photos))
    for name in WHAT_TO_DO:
        if name not in ("GPUs", "workers' cores", "share"):
            rates = (limits(cluster, photo, daemon)[name] for photo in photos)
            print(f"{name:<34}" + "".join(f"{rate:>14,.0f}" for rate in rates))
    for gbits in GBITS:
        shares = (limits(replace(cluster, share_gbits=gbits), photo, daemon).get("share") for photo in photos)
        cells = "".join(f"{'?' if rate is None else format(rate, ',.0f'):>14}" for rate in shares)
        print(f"{f'share, {gbits:g} Gbit/s':<34}{cells}")


def print_measured(photos: Sequence[Photo], daemon: Daemon) -> None:
    """Print what one photo costs."""
    print("\nMeasured: one photo")
    rows = {
        "original, MB": "file_mb",
        "result, MB": "result_mb",
        "read by the worker, MB": "worker_read_mb",
        "written by the worker, MB": "worker_written_mb",
        "read by the daemon, MB": "daemon_read_mb",
        "written by the daemon, MB": "daemon_written_mb",
        "worker, if it keeps nothing, MB": "forgetful_worker_mb",
        "daemon, if it keeps nothing, MB": "forgetful_daemon_mb",
        "daemon's machine, CPU ms": "daemon_cpu_seconds",
        "worker's machine, CPU ms": "worker_cpu_seconds",
        "structure in the inbox, ms": "structure_seconds",
        "proof in the inbox, ms": "proof_seconds",
    }
    print(f"{'':<34}" + "".join(f"{photo.kind:>14}" for photo in photos))
    for title, name in rows.items():
        values = [getattr(photo, name) for photo in photos]
        factor = 1 if title.endswith("MB") else 1000
        cells = "".join(f"{'?' if value is None else format(factor * value, ',.1f'):>14}" for value in values)
        print(f"{title:<34}{cells}")
    print(
        f"any kind: the daemon's interpreter {1000 * daemon.lock_seconds:.1f} ms, "
        f"journal {1000 * daemon.journal_seconds:.1f} ms, taking in {1000 * daemon.taking_seconds:.1f} ms, "
        f"an errand through Dask {1000 * daemon.errand_seconds:.1f} ms; "
        f"at most {daemon.most_in_work} photos in work, {daemon.most_proofs} proofs at once"
    )


def read(path: Path) -> tuple[list[Photo], Daemon, dict[str, Any]]:
    """What an earlier run measured, from the JSON object in its output. Raises SystemExit if there is none."""
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("{")]
    try:
        line = json.loads(lines[-1])["measured"]
        return [Photo(**each) for each in line["photos"]], Daemon(**line["daemon"]), line["tables"]
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise SystemExit(f"{path} is no output of this benchmark, or of another version of it: {error!r}") from error


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few photos, and no scans")
    parser.add_argument("--gpu-seconds", type=float, default=2.0, help="of one photo on one GPU")
    parser.add_argument("--share-gbits", type=float, default=10.0)
    parser.add_argument("--worker-cores", type=int, default=4, help="beside each GPU")
    parser.add_argument("--daemon-cores", type=int, default=16)
    parser.add_argument("--measured", type=Path, help="compute with what an earlier run measured")
    given = parser.parse_args()
    if given.measured:
        photos, daemon, tables = read(given.measured)
    else:
        from benchmarks.scaling_figures import measured

        photos, daemon, tables = measured(quick=given.quick)
    print_measured(photos, daemon)
    cluster = Cluster(1, given.gpu_seconds, given.share_gbits, given.worker_cores, given.daemon_cores)
    print_parts(cluster, photos, daemon)
    found = print_first(cluster, photos, daemon)
    line = {
        "first": found,
        "cluster": asdict(cluster),
        "measured": {"photos": [asdict(photo) for photo in photos], "daemon": asdict(daemon), "tables": tables},
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
