"""How commands answer: text for people, JSON for programs, exit codes for scripts."""

import json
import sys

from rich.console import Console

OK = 0
FAILED = 1  # a photo failed or still waits, or something is not as it should be
USAGE = 2  # the command line, the settings or the machine need a person
LATER = 75  # EX_TEMPFAIL of sysexits.h: a disk or a share is away or full; the same command works once it is back

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value as indented JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
