"""Another program that locks a journal, as a person with a database browser does."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BROWSER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None)
connection.execute(sys.argv[2])
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked_by_another(journal: Path, pragma: str = "locking_mode = NORMAL") -> Iterator[subprocess.Popen[str]]:
    """Another process holds the journal within a BEGIN EXCLUSIVE during the block.

    pragma: "locking_mode = EXCLUSIVE" keeps even readers out, and works only while nobody else has the file open.
    """
    with subprocess.Popen(
        [sys.executable, "-c", _BROWSER, str(journal), f"PRAGMA {pragma}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as browser:
        assert browser.stdout
        assert browser.stdout.readline() == "locked\n"
        yield browser
        browser.kill()
