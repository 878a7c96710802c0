"""rembg's code for one model."""

import subprocess
import sys

import pytest

from daemon.engines.rembg_sessions import session_class

LISTED = """
from daemon.engines import rembg_sessions

for model in rembg_sessions._FILES:
    print(model, rembg_sessions.session_class(model).name())
"""


def printed(code: str) -> list[str]:
    """What a process of its own prints: what is imported here already would hide what it imports."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.splitlines()


def test_each_listed_model_is_found_in_its_own_file() -> None:
    lines = printed(f"import sys\n{LISTED}\nprint('scipy' in sys.modules, 'rembg.sessions' in sys.modules)")

    assert len(lines) > 5
    assert all(model == found for model, found in map(str.split, lines[:-1]))
    assert lines[-1] == "False False"


def test_other_models_are_found_in_the_whole_package() -> None:
    code = "from daemon.engines.rembg_sessions import session_class\n"
    code += (
        "print(session_class('u2netp').name(), session_class('u2net_cloth_seg').name(), session_class('u2net').name())"
    )

    assert printed(code) == ["u2netp u2net_cloth_seg u2net"]


@pytest.mark.parametrize("model", ["no such model", "base", "..sys", ""])
def test_a_name_that_rembg_does_not_know_is_none_of_its_models(model: str) -> None:
    assert session_class(model) is None
