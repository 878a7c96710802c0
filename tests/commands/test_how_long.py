"""`make test` says how long it will take, by the last run if there was one."""

from pathlib import Path

import pytest

from tests import how_long


def test_before_the_first_run_it_is_an_estimate_by_processors(tmp_path: Path) -> None:
    assert "about 18 minutes (an estimate" in how_long.expected(tmp_path / "none", 2)
    assert "about 36 minutes" in how_long.expected(tmp_path / "none", 1)


def test_after_a_run_it_is_what_that_one_took(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    test = tmp_path / "test_nothing.py"
    test.write_text("def test_nothing() -> None: ...\n")
    last = tmp_path / "seconds"

    code = how_long.main([str(test), "-q", "-p", "no:cacheprovider"], last)

    assert code == 0
    assert "an estimate" in capfd.readouterr().out
    assert float(last.read_text()) >= 0
    assert how_long.expected(last, 2) == "All tests take about 1 minute, as the last time."
    last.write_text("1190\n")
    assert how_long.expected(last, 2) == "All tests take about 20 minutes, as the last time."


def test_a_run_that_was_broken_off_leaves_no_figure(tmp_path: Path) -> None:
    code = how_long.main([str(tmp_path / "not there.py"), "-q"], tmp_path / "seconds")

    assert code == 4
    assert not (tmp_path / "seconds").exists()
