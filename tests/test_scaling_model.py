"""The model of what limits when: each part alone, and the one that allows the fewest photos."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from benchmarks.scaling_model import (
    WHAT_TO_DO,
    Cluster,
    Daemon,
    Photo,
    first,
    folders_needed,
    limits,
    print_first,
    read,
    seconds_in_work,
    useful_gpus,
)

PHOTO = Photo(
    "test",
    file_mb=8.0,
    result_mb=18.0,
    daemon_read_mb=26.0,
    daemon_written_mb=0.0,
    worker_read_mb=24.0,
    worker_written_mb=18.0,
    forgetful_daemon_mb=None,
    forgetful_worker_mb=None,
    daemon_cpu_seconds=0.2,
    worker_cpu_seconds=1.0,
    structure_seconds=0.002,
    proof_seconds=0.04,
)
DAEMON = Daemon(
    lock_seconds=0.02,
    journal_seconds=0.004,
    taking_seconds=0.003,
    errand_seconds=0.004,
    most_in_work=256,
    most_proofs=8,
)
CLUSTER = Cluster(gpus=10, gpu_seconds=2.0, share_gbits=10.0, worker_cores=4, daemon_cores=16)


def test_an_example_that_was_computed_by_hand() -> None:
    assert limits(CLUSTER, PHOTO, DAEMON) == pytest.approx(
        {
            "GPUs": 10 / 2 * 3600,
            "workers' cores": 10 * 4 / 1.0 * 3600,
            "photos in work": 256 / (2 + 1 + 0.2 + 68 / 1250) * 3600,
            "daemon's interpreter": 180_000,
            "daemon's cores": 16 / 0.2 * 3600,
            "taking in": 1 / (0.04 / 8 + 0.002 + 0.003) * 3600,
            "journal": 900_000,
            "scheduler": 900_000,
            "share": 1250 / 50 * 3600,
        }
    )
    assert first(limits(CLUSTER, PHOTO, DAEMON)) == ("GPUs", 18_000)
    assert first(limits(replace(CLUSTER, gpus=1000), PHOTO, DAEMON)) == ("share", 90_000)


def test_twice_the_gpus_double_what_they_and_their_cores_allow_and_change_nothing_else() -> None:
    before, after = limits(CLUSTER, PHOTO, DAEMON), limits(replace(CLUSTER, gpus=20), PHOTO, DAEMON)

    changed = {name: after[name] / before[name] for name in before if after[name] != before[name]}
    assert changed == pytest.approx({"GPUs": 2, "workers' cores": 2})


def test_a_faster_share_carries_more_and_lets_photos_leave_work_sooner() -> None:
    before, after = limits(CLUSTER, PHOTO, DAEMON), limits(replace(CLUSTER, share_gbits=25.0), PHOTO, DAEMON)

    assert {name for name in before if after[name] != before[name]} == {"share", "photos in work"}
    assert after["share"] == pytest.approx(2.5 * before["share"])
    assert seconds_in_work(CLUSTER, PHOTO) - seconds_in_work(replace(CLUSTER, share_gbits=20), PHOTO) == pytest.approx(
        68 / 2500
    )


def test_the_share_carries_both_directions_at_once() -> None:
    writes_more = replace(PHOTO, worker_written_mb=100.0)
    reads_more = replace(PHOTO, worker_read_mb=74.0)

    assert limits(CLUSTER, writes_more, DAEMON)["share"] == limits(CLUSTER, reads_more, DAEMON)["share"]


def test_a_share_that_was_not_measured_limits_nothing() -> None:
    unknown = replace(PHOTO, daemon_read_mb=None, daemon_written_mb=None, worker_read_mb=None, worker_written_mb=None)

    assert "share" not in limits(CLUSTER, unknown, DAEMON)
    assert first(limits(replace(CLUSTER, gpus=1000), unknown, DAEMON))[0] == "daemon's interpreter"


@pytest.mark.parametrize(
    ("slow", "name"),
    [
        (replace(DAEMON, lock_seconds=10.0), "daemon's interpreter"),
        (replace(DAEMON, journal_seconds=10.0), "journal"),
        (replace(DAEMON, taking_seconds=10.0), "taking in"),
        (replace(DAEMON, errand_seconds=10.0), "scheduler"),
    ],
)
def test_the_part_that_allows_the_fewest_photos_comes_first(slow: Daemon, name: str) -> None:
    found, an_hour = first(limits(CLUSTER, PHOTO, slow))

    assert found == name
    assert an_hour == pytest.approx(360, rel=0.01)


def test_gpus_are_useful_until_something_that_does_not_grow_with_them_is_full() -> None:
    gpus, why = useful_gpus(CLUSTER, PHOTO, DAEMON)

    assert (gpus, why) == (50, "share")  # 90,000 photos an hour, 1,800 for each GPU
    assert first(limits(replace(CLUSTER, gpus=gpus), PHOTO, DAEMON))[0] in ("GPUs", "share")
    assert first(limits(replace(CLUSTER, gpus=gpus + 1), PHOTO, DAEMON))[0] == "share"


def test_as_many_hot_folders_are_needed_as_keep_all_gpus_busy() -> None:
    assert [folders_needed(replace(CLUSTER, gpus=gpus), PHOTO, DAEMON) for gpus in (1, 50, 51, 1000)] == [1, 1, 2, 20]


def test_where_one_hot_folder_cannot_keep_one_gpu_busy_each_gets_its_own() -> None:
    assert folders_needed(replace(CLUSTER, share_gbits=0.01), PHOTO, DAEMON) == CLUSTER.gpus


def test_each_part_says_what_to_do_about_it() -> None:
    assert set(WHAT_TO_DO) == set(limits(CLUSTER, PHOTO, DAEMON))


def test_what_a_run_measured_can_be_read_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "earlier"
    line = {"measured": {"photos": [asdict(PHOTO)], "daemon": asdict(DAEMON), "tables": {"commits": 7}}}
    output.write_text(f"a table\n{json.dumps(line)}\nreal 5m2s\n")

    photos, daemon, tables = read(output)

    assert (photos, daemon, tables) == ([PHOTO], DAEMON, {"commits": 7})
    found = print_first(CLUSTER, photos, daemon)["test"]
    assert [found[gpus]["limit"] for gpus in ("1", "8", "64", "1000")] == ["GPUs", "GPUs", "share", "share"]
    assert "a second hot folder on another share" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["", "a table\n", '{"measured": {"photos": [{"kind": "x"}]}}', '{"photos": 500}', "{"])
def test_what_is_no_output_of_a_run_is_refused_by_its_name(tmp_path: Path, text: str) -> None:
    output = tmp_path / "other.json"
    output.write_text(text)

    with pytest.raises(SystemExit, match=r"other\.json is no output of this benchmark"):
        read(output)


def test_no_more_photos_are_proven_at_once_than_there_are_processors() -> None:
    allowed = {cores: limits(replace(CLUSTER, daemon_cores=cores), PHOTO, DAEMON)["taking in"] for cores in (1, 8, 64)}

    assert allowed == pytest.approx({1: 3600 / 0.045, 8: 360_000, 64: 360_000})
