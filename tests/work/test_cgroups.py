"""A service or a container may have less than the machine."""

import os
from pathlib import Path

import pytest

from daemon.work.cgroups import memory_limits, processors


def test_the_limit_of_a_service_and_of_the_slice_around_it_are_seen(tmp_path: Path) -> None:
    membership, mount = tmp_path / "cgroup", tmp_path / "mount"
    service = mount / "system.slice" / "freisteller.service"
    service.mkdir(parents=True)
    membership.write_text("0::/system.slice/freisteller.service\n")
    (service / "memory.max").write_text("2000000000\n")
    (service.parent / "memory.max").write_text("max\n")
    (tmp_path / "memory.max").write_text("5\n")  # outside of the mount

    assert list(memory_limits(membership, mount)) == [2_000_000_000]

    (service.parent / "memory.max").write_text("1000000000\n")

    assert min(memory_limits(membership, mount)) == 1_000_000_000


def test_in_a_container_the_mount_itself_is_our_cgroup(tmp_path: Path) -> None:
    membership, mount = tmp_path / "cgroup", tmp_path / "mount"
    mount.mkdir()
    membership.write_text("0::/\n")
    (mount / "memory.max").write_text("3000000000\n")

    assert list(memory_limits(membership, mount)) == [3_000_000_000]


def test_a_machine_without_cgroups_has_no_such_limit(tmp_path: Path) -> None:
    assert list(memory_limits(tmp_path / "none", tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    ("quota", "allowed"),
    [("150000 100000", 2), ("100000 100000", 1), ("1000 100000", 1), ("max 100000", 8), ("800000 50000", 8), ("", 8)],
)
def test_no_more_processors_are_used_than_the_quota_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, quota: str, allowed: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    membership, mount = tmp_path / "cgroup", tmp_path / "mount"
    mount.mkdir()
    membership.write_text("0::/\n")
    (mount / "cpu.max").write_text(f"{quota}\n")

    assert processors(membership, mount) == allowed


def test_the_tightest_quota_around_us_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))
    membership, mount = tmp_path / "cgroup", tmp_path / "mount"
    service = mount / "system.slice" / "freisteller.service"
    service.mkdir(parents=True)
    membership.write_text("0::/system.slice/freisteller.service\n")
    (service / "cpu.max").write_text("400000 100000\n")
    (service.parent / "cpu.max").write_text("300000 100000\n")

    assert processors(membership, mount) == 3


def test_a_machine_without_cgroups_has_all_of_its_processors(tmp_path: Path) -> None:
    assert processors(tmp_path / "none", tmp_path / "nowhere") == len(os.sched_getaffinity(0))
