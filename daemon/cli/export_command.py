"""The command that lays out an order for shops: export."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.console import FAILED, OK, out, print_json
from daemon.cli.options import ConfigOption, JsonOption, RootOption, named_folder, settings_of


def export(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order: the photos' folder in inbox/.")],
    out_dir: Annotated[
        Path | None,
        typer.Option("--out", parser=named_folder, metavar="PATH", help="Where its folder is made, else export/."),
    ] = None,
    products: Annotated[
        Path | None, typer.Option("--products", metavar="CSV", help="The list of products, else that of the order.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option("--base-url", metavar="URL", help="Where the pictures will be, else export.base_url.")
    ] = None,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay out the pictures of an order for shops: under the names they ask for, with lists to import.

    Example: freisteller export shoes
    """
    from daemon.commands.export import export_of

    answer = export_of(settings_of(config, root), order, out_dir, products, base_url)
    if as_json:
        print_json(answer.values())
    else:
        for line in answer.lines():
            out.print(line, markup=False)
    raise typer.Exit(OK if answer.is_whole else FAILED)
