"""Proofs that take long, beside others: real threads, real files."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.errors import WorkerLost
from daemon.intake import background_decoding
from daemon.intake.background_decoding import MOST_AT_ONCE
from daemon.pictures.file_structure import follow_to_end
from tests.intake.photos import World, decodes


class Slow:
    """Decodes; a file whose name begins with "slow" takes until it is let go."""

    def __init__(self) -> None:
        self.may_end = threading.Event()
        self.begun: list[str] = []

    def __call__(self, descriptor: int, name: str, max_megapixels: float) -> None:
        self.begun.append(name)
        if name.startswith("slow"):
            self.may_end.wait(60)
        decodes(descriptor, name, max_megapixels)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    monkeypatch.setattr(background_decoding, "PATIENCE_SECONDS", 0.05)
    decoder = Slow()
    yield decoder
    decoder.may_end.set()


def taken(world: World, looks: int = 4) -> set[str]:
    return {name for _ in range(looks) for name in world.names(world.look(after=2.0))}


def test_a_file_whose_proof_takes_long_keeps_no_other_waiting(slow: Slow, tmp_path: Path) -> None:
    world = World(tmp_path, slow)
    world.drop("slow.jpg")
    world.drop("quick.jpg")

    assert taken(world) == {"quick.jpg"}
    assert slow.begun.count("slow.jpg") == 1

    slow.may_end.set()
    while "slow.jpg" not in taken(world, 1):
        pass
    assert slow.begun.count("slow.jpg") == 1


def test_a_file_that_is_being_decoded_is_not_read_again_at_each_look(
    slow: Slow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    followed: list[int] = []

    def follow(descriptor: int) -> str | None:
        followed.append(descriptor)
        return follow_to_end(descriptor)

    monkeypatch.setattr("daemon.intake.proving.follow_to_end", follow)
    world = World(tmp_path, slow)
    world.drop("slow.jpg")

    taken(world, looks=8)

    assert len(followed) == 1


def test_only_so_many_files_are_proven_at_once_and_each_has_its_turn(slow: Slow, tmp_path: Path) -> None:
    world = World(tmp_path, slow)
    names = {f"slow {number:02}.jpg" for number in range(MOST_AT_ONCE + 3)}
    for name in names:
        world.drop(name)

    assert taken(world) == set()
    assert len(slow.begun) == MOST_AT_ONCE

    slow.may_end.set()
    found: set[str] = set()
    while found != names:
        found |= taken(world, 1)


def test_a_slow_file_that_changes_is_proven_anew(slow: Slow, tmp_path: Path) -> None:
    world = World(tmp_path, slow)
    path = world.drop("slow.jpg")
    taken(world)
    os.utime(path)  # somebody writes on
    taken(world, looks=20)

    assert slow.begun == ["slow.jpg", "slow.jpg"]


def test_a_file_whose_process_is_lost_late_fails_after_three_tries(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(background_decoding, "PATIENCE_SECONDS", 0.01)
    begun: list[str] = []

    def hang(descriptor: int, name: str, max_megapixels: float) -> None:
        begun.append(name)
        time.sleep(0.1)
        raise WorkerLost(f"{name} hung")

    world = World(tmp_path, hang)
    world.drop("bad.jpg")
    rejected: list[str] = []
    while not rejected and len(begun) < 9:
        rejected += [reject.reason for reject in world.look(after=2.0).rejected]
        time.sleep(0.02)

    assert (rejected, len(begun)) == (["bad.jpg hung"], 3)


def test_as_many_files_as_there_are_processors_are_proven_beside_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.intake.scanner.AHEAD", 4)
    together = threading.Barrier(4)

    def decode(descriptor: int, name: str, max_megapixels: float) -> None:
        together.wait(30)
        decodes(descriptor, name, max_megapixels)

    world = World(tmp_path, decode)
    names = {world.drop(f"{number}.jpg").name for number in range(8)}

    assert taken(world) == names
    assert not together.broken


def test_a_file_that_is_proven_beside_others_is_followed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.intake.scanner.AHEAD", 4)
    followed: list[int] = []

    def follow(descriptor: int) -> str | None:
        followed.append(descriptor)
        return follow_to_end(descriptor)

    monkeypatch.setattr("daemon.intake.proving.follow_to_end", follow)
    world = World(tmp_path, decodes)
    names = {world.drop(f"{number}.jpg").name for number in range(6)}

    assert taken(world) == names
    assert len(followed) == 6


def test_a_file_that_changes_while_others_are_proven_is_proven_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.intake.scanner.AHEAD", 2)
    begun: list[str] = []
    second = threading.Event()

    def decode(descriptor: int, name: str, max_megapixels: float) -> None:
        begun.append(name)
        if name == "b.jpg":
            second.set()
        elif second.wait(30):
            os.utime(changed)  # somebody writes on
        decodes(descriptor, name, max_megapixels)

    world = World(tmp_path, decode)
    first, changed = world.drop("a.jpg"), world.drop("b.jpg")
    os.utime(first, (1, 1))

    assert taken(world, looks=2) == {"a.jpg"}
    assert taken(world, looks=20) >= {"b.jpg"}
    assert begun == ["a.jpg", "b.jpg", "b.jpg"]


def test_a_file_whose_proof_stumbles_beside_others_keeps_none_of_them_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.intake.scanner.AHEAD", 3)

    def follow(descriptor: int) -> str | None:
        if os.fstat(descriptor).st_ino == odd.stat().st_ino:
            raise ZeroDivisionError
        return follow_to_end(descriptor)

    monkeypatch.setattr("daemon.intake.proving.follow_to_end", follow)
    world = World(tmp_path, decodes)
    odd = world.drop("0 odd.jpg")
    world.drop("1.jpg")
    world.drop("2.jpg")

    assert taken(world, 2) == {"1.jpg", "2.jpg"}
