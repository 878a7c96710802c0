"""A process that sends is killed at each step; the next one brings every picture into its place, once."""

import multiprocessing
import signal
from pathlib import Path

from tests.shops.deadly_sender import SURVIVED, send_and_die
from tests.shops.shopify_double import ShopifyDouble

FORK = multiprocessing.get_context("forkserver")
FORK.set_forkserver_preload(["tests.shops.deadly_sender"])
FIRST = [(b"front", 1), (b"side", 2)]
SECOND = [(b"a better front", 1), (b"side", 2)]


def run(double: ShopifyDouble, folder: Path, pictures: list[tuple[bytes, int]], steps: int) -> int | None:
    process = FORK.Process(target=send_and_die, args=(double.url, str(folder), pictures, steps))
    process.start()
    process.join(60)
    return process.exitcode


def killed_at_each_step(tmp_path: Path, before: list[tuple[bytes, int]], wanted: list[tuple[bytes, int]]) -> int:
    """Returns at how many steps it was killed."""
    for steps in range(200):
        (folder := tmp_path / str(steps)).mkdir()
        with ShopifyDouble() as double:
            double.polls = 2
            product = double.add_product("shoe", media=(double.add_file("chart.jpg", b"chart"),))
            if before:
                assert run(double, folder, before, 10_000) == SURVIVED
            files = len(double.files)
            ended = run(double, folder, wanted, steps)
            if steps % 2:  # a second crash, one step after the first
                ended = run(double, folder, wanted, 1) if ended != SURVIVED else ended
            killed = ended == -signal.SIGKILL

            assert run(double, folder, wanted, 10_000) == SURVIVED
            assert double.shown(product) == [*(content for content, _ in wanted), b"chart"], steps
            assert len(double.files) == files + (0 if before else len(wanted)), steps
        if not killed:
            assert ended == SURVIVED
            return steps
    raise AssertionError("it never ends")


def test_a_kill_at_any_step_of_a_first_send_makes_no_double(tmp_path: Path) -> None:
    assert killed_at_each_step(tmp_path, [], FIRST) > 20


def test_a_kill_at_any_step_of_a_replacement_makes_no_double(tmp_path: Path) -> None:
    assert killed_at_each_step(tmp_path, FIRST, SECOND) > 8
