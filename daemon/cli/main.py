"""The command line: its commands, and how it ends on an error."""

import faulthandler
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated

import typer

from daemon import __version__
from daemon.cli import (
    cluster_commands,
    export_command,
    model_commands,
    operator_commands,
    photo_commands,
    rendition_commands,
    shop_commands,
    user_commands,
)
from daemon.cli.console import out
from daemon.cli.ending_errors import ENDING, answer_to, print_error
from daemon.cli.plain_help import PlainCommand, PlainGroup

COMMANDS: Mapping[str, Sequence[Callable[..., None]]] = {
    "Work": (
        photo_commands.run,
        photo_commands.process,
        export_command.export,
        operator_commands.pause,
        operator_commands.resume,
        cluster_commands.worker,
    ),
    "Look": (
        operator_commands.status,
        operator_commands.doctor,
        operator_commands.health,
        photo_commands.sheet,
        photo_commands.assess,
    ),
    "Decide": (operator_commands.retry, photo_commands.verdicts, photo_commands.audit),
    "Set up": (operator_commands.install, operator_commands.notify_test),
}
"""Every command, below the heading that --help shows it under."""

app = typer.Typer(
    cls=PlainGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Watches a folder, cuts photos out of their background, and grades every result.\n\n"
    "Example: freisteller run --samples",
)
for heading, functions in COMMANDS.items():
    for function in functions:
        app.command(cls=PlainCommand, rich_help_panel=heading)(function)
app.add_typer(model_commands.models_app, name="models", rich_help_panel="Set up")
app.add_typer(rendition_commands.renditions_app, name="renditions", rich_help_panel="Set up")
app.add_typer(shop_commands.shops_app, name="shops", rich_help_panel="Work")
app.add_typer(user_commands.user_app, name="user", rich_help_panel="Set up")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


def main() -> None:
    """Run the command line. An error ends it with its message and code 2, or 75 if a disk or share must come back."""
    faulthandler.enable()  # a fault in a native library then says in which thread and where
    try:
        app()
    except ENDING as error:
        code, text = answer_to(error)
        print_error(text)
        sys.exit(code)
