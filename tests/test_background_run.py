"""Tests find the same world however they were started."""

import subprocess
import sys
from pathlib import Path

from tests.processes import environment

CHECKOUT = Path(__file__).parents[1]


def test_a_program_that_a_test_starts_hears_ctrl_c_though_the_run_was_started_in_the_background(tmp_path: Path) -> None:
    program = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    run = f"import subprocess, sys, tests.conftest; subprocess.run([sys.executable, '-c', {program!r}], check=True)"

    done = subprocess.run(
        ["sh", "-c", f'trap "" INT; exec "{sys.executable}" -c "$0"', run],  # what & does in a script
        env={**environment(tmp_path), "PYTHONPATH": str(CHECKOUT)},
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
