"""A newcomer sees what the installation fetches and how far it is; a log stays short; pip's reason is never hidden."""

import io
import sys
from pathlib import Path

import pytest

import install

PIP = """\
import pathlib, sys, time
packages = pathlib.Path(sys.argv[0]).parents[1] / "lib/python3.11/site-packages"
print("Collecting numpy", flush=True)
print("  Downloading numpy-2.4.6-cp311-cp311-manylinux_2_28_x86_64.whl (16.6 MB)", flush=True)
print("  Using cached h11-0.16.0-py3-none-any.whl (37 kB)", flush=True)
print("Installing collected packages: h11, numpy", flush=True)
for name in ("h11-0.16.0", "numpy-2.4.6"):
    (packages / (name + ".dist-info")).mkdir(parents=True)
    WAIT
"""
UNTIL_IT_WAS_SHOWN_TWICE = """\
    for _ in range(2):
        TURN.unlink(missing_ok=True)
        while not TURN.exists():
            time.sleep(0.01)
"""  # the second time surely shows what was there at the first


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that looks like a virtual environment; its Python prints what pip prints, and installs in its manner."""
    folder = tmp_path / "environment"
    (folder / "bin").mkdir(parents=True)
    monkeypatch.setattr("subprocess.run", lambda *_, **__: None)  # the environment is there already
    return folder


def let_pip_be(folder: Path, code: str) -> None:
    python = folder / "bin" / "python"
    python.write_text(f"#!{sys.executable}\n{code}")
    python.chmod(0o755)


def test_a_terminal_shows_what_is_fetched_and_what_is_left(environment: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal, turn = Terminal(), environment / "turn"
    let_pip_be(
        environment, PIP.replace("    WAIT", UNTIL_IT_WAS_SHOWN_TWICE.replace("TURN", f"pathlib.Path({str(turn)!r})"))
    )
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr("time.sleep", lambda _: turn.touch())

    assert install.main(environment, "local") == 0

    shown = [line.strip() for line in terminal.getvalue().split("\r\x1b[K")]
    assert "fetching: 17 of about 140 MB, now h11" in shown
    assert "installing: 1 of 2 packages" in shown
    assert shown[-1].startswith("Installed in ")


def test_a_log_has_three_lines(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    let_pip_be(environment, PIP.replace("WAIT", "pass"))

    assert install.main(environment, "local") == 0

    before, takes, after = capsys.readouterr().out.splitlines()
    assert "MB to fetch" in before
    assert "takes about" in takes
    assert after.startswith("Installed in ")


def test_what_pip_complains_of_is_shown(environment: Path, capsys: pytest.CaptureFixture[str]) -> None:
    let_pip_be(environment, "import sys; print('ERROR: no route to the index', file=sys.stderr); sys.exit(3)")

    assert install.main(environment, "local") == 3

    assert "ERROR: no route to the index" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  Downloading numpy-2.4.6-cp311-cp311-manylinux.whl (16.6 MB)", ("numpy", 16.6)),
        ("  Using cached h11-0.16.0-py3-none-any.whl (500 kB)", ("h11", 0.5)),
        ("  Downloading numpy-2.4.6-cp311-cp311-manylinux.whl.metadata (60 kB)", ("numpy", 0.06)),
        ("Requirement already satisfied: numpy>=1.26", ("", 0.0)),
        ("     ━━━━━━━━ 16.6/16.6 MB 30 MB/s eta 0:00:00", ("", 0.0)),
    ],
)
def test_the_lines_of_pip_are_understood(line: str, expected: tuple[str, float]) -> None:
    assert install.fetching(line) == expected


def test_wheels_on_this_machine_count_as_well(tmp_path: Path) -> None:
    wheel = tmp_path / "h11-0.16.0-py3-none-any.whl"
    wheel.write_bytes(bytes(2_000_000))

    assert install.fetching(f"Processing {wheel} (from uvicorn)") == ("h11", 2.0)
