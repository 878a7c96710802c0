"""Starts `freisteller`. It lies outside daemon/, because python-daemon brings a package of that name, too.

If that one comes first on Python's path, this still runs, and says so.
"""

import sys


def main() -> None:
    """Run the command line, or end with code 2 if the package that Python finds is not Freisteller's."""
    try:
        from daemon.__main__ import main as run
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("daemon"):
            raise
        import daemon

        sys.stderr.write(
            f"Error: Python finds another package called daemon before Freisteller's: {daemon.__file__}. The package "
            "python-daemon has that name. Give Freisteller a virtual environment of its own (python3 -m venv), or "
            "remove the other one: pip uninstall python-daemon\n"
        )
        sys.exit(2)
    run()
