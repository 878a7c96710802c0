"""Where commands print: text for people, JSON for programs, errors on stderr."""

import json
import sys

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print a value as JSON that a person can read, too."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


def print_error(text: str) -> None:
    """Print why a command cannot do what it was asked."""
    err.print("[bold red]Error:[/] ", end="")
    err.print(text, markup=False)
