"""The commands for shops: shops send and status."""

from typing import Annotated

import typer

from daemon.cli.console import FAILED, LATER, OK, out, print_json
from daemon.cli.ending_errors import print_error
from daemon.cli.options import ConfigOption, JsonOption, RootOption, settings_of
from daemon.cli.plain_help import PlainCommand, PlainGroup
from daemon.errors import AlreadyRunning


def send(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order: the photos' folder in inbox/.")],
    shop: Annotated[str | None, typer.Option("--shop", metavar="NAME", help="Only this shop, else all.")] = None,
    dry: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent. Nothing is changed.")] = False,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send the pictures of an order to the shops of the settings: each once, a corrected one in place of the earlier.

    Ends with 75 if a shop is away or still works on a picture, or if somebody else sends. The same
    command goes on later.

    Example: freisteller shops send shoes --dry-run
    """
    from daemon.commands.shops_send import send_order

    try:
        sent = send_order(
            settings_of(config, root), order, shop, dry, lambda line: None if as_json else out.print(line, markup=False)
        )
    except AlreadyRunning as error:
        print_error(str(error))
        raise typer.Exit(LATER) from error
    if as_json:
        print_json(sent.values())
    else:
        for each in sent.shops:
            out.print(each.last_line(), markup=False)
    raise typer.Exit(OK if sent.is_whole else LATER if sent.is_later else FAILED)


def status(root: RootOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show which pictures stand in which shop, as far as the journal knows. No shop is asked.

    Example: freisteller shops status
    """
    from daemon.commands.shops_status import shops_status

    told = shops_status(settings_of(config, root))
    if as_json:
        print_json(told.values())
        return
    for line in told.lines():
        out.print(line, markup=False)


shops_app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    help="Pictures in shops: send those of an order, or see what stands there.\n\n"
    "Example: freisteller shops send shoes --dry-run",
)
shops_app.command(cls=PlainCommand)(send)
shops_app.command(cls=PlainCommand)(status)
