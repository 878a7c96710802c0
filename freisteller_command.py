"""Starts `freisteller`. It lies outside daemon/, because python-daemon brings a package of that name, too.

If that one comes first on Python's path, this still runs, and says so.
"""

import sys
from typing import NoReturn

APART = (
    "Give Freisteller a virtual environment of its own (python3 -m venv). If the two were installed into one: "
    "pip uninstall python-daemon; pip install --force-reinstall freisteller"
)


def main() -> None:
    """Run the command line, or end with code 2 if the package that Python finds is not Freisteller's."""
    try:
        from daemon.__main__ import main as run
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("daemon"):
            raise
        import daemon

        end(f"Python finds another package called daemon before Freisteller's: {daemon.__file__}.")
    run()


def end(trouble: str) -> NoReturn:
    """End with code 2, and say what to do about two packages called daemon. trouble: what is wrong, a sentence."""
    sys.stderr.write(f"Error: {trouble} The package python-daemon has that name. {APART}\n")
    sys.exit(2)
