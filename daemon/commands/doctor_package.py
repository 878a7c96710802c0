"""What `freisteller doctor` checks of the package itself: that no other one called daemon, as python-daemon's, is near.

If the other one hides ours, no command runs at all: freisteller_command.py and daemon/__main__.py say so then.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

from daemon.commands.findings import Check
from freisteller_command import APART

OURS = Path(__file__).parents[1]
THEIRS = ("daemon.py", "pidfile.py", "runner.py")  # python-daemon's modules; we have none of these names
ONLY_OURS = "said.txt"


def package_check(ours: Path = OURS, path: Iterable[str] | None = None) -> Check:
    """Look for another package called daemon. ours: our package's folder. path: Python's; None = as it is."""
    mixed = [name for name in THEIRS if (ours / name).is_file()]
    if mixed:
        text = f"files of another package called daemon lie among Freisteller's in {ours}: {', '.join(mixed)}"
        return Check("fail", "package", f"{text}; python-daemon has that name, and one of the two is broken", APART)
    hidden = [place for place in map(_stranger_in, sys.path if path is None else path) if place]
    if hidden:
        text = f"Freisteller hides another package called daemon: {hidden[0]}. Programs that need that one get ours"
        return Check("warn", "package", text, APART)
    return Check("OK", "package", f"{ours} is the only package called daemon")


def _stranger_in(entry: str) -> Path | None:
    """A package or module called daemon in an entry of Python's path that is not Freisteller; None if it has none."""
    package, module = Path(entry) / "daemon", Path(entry) / "daemon.py"
    if (package / "__init__.py").is_file():
        return None if (package / ONLY_OURS).is_file() else package
    return module if module.is_file() else None
