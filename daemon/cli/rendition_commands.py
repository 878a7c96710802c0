"""The commands for renditions, pictures for shops: renditions list, show and try."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.cli.console import FAILED, OK, out, print_json
from daemon.cli.options import ConfigOption, JsonOption, settings_of
from daemon.cli.plain_help import PlainCommand, PlainGroup

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="A preset, or a rendition of the settings, as `renditions list` shows it.")
]


def list_all(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show the presets: pixels, background, the subject's share, kind and size of the file, when it was checked.

    * marks the renditions of your settings, ? a preset of which something is uncertain.

    Example: freisteller renditions list
    """
    from daemon.commands.renditions_list import list_lines, list_renditions

    rows = list_renditions(settings_of(config))
    if as_json:
        print_json([row.in_json() for row in rows])
        return
    for line in list_lines(rows):
        out.print(line)
    out.print("\nchecked = when the shop's pages were read; ? = something of it is not certain.")
    if any(row.own for row in rows):
        out.print("* = of your settings; it is made of each result.")
    out.print("All about one: freisteller renditions show NAME", markup=False)


def show(name: NameArgument, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Show all that one preset or rendition is, what the shop asks for, where that was read, and what is uncertain.

    Example: freisteller renditions show amazon-main
    """
    from daemon.commands.renditions_show import find_rendition, show_lines, values_of

    row = find_rendition(settings_of(config), name)
    if as_json:
        print_json(values_of(row))
        return
    for line in show_lines(row, out.width):
        out.print(line, markup=False)


def try_out(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo to cut out.")],
    presets: Annotated[
        list[str],
        typer.Option("--preset", metavar="NAME", help="A preset, or a rendition of the settings. May repeat."),
    ],
    out_dir: Annotated[Path, typer.Option("--out", help="The folder for the pictures.")] = Path(),
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut out one photo and make pictures for shops of it, each held against the shop's rules.

    Example: freisteller renditions try shoe.jpg --preset ebay --out shop
    """
    from daemon.commands.renditions_try import try_renditions

    tried = try_renditions(
        settings_of(config), photo, presets, out_dir, lambda line: None if as_json else out.print(line, markup=False)
    )
    if as_json:
        print_json(tried.values())
    else:
        for line in tried.lines():
            out.print(line, markup=False)
    raise typer.Exit(FAILED if tried.broken else OK)


renditions_app = typer.Typer(
    cls=PlainGroup,
    no_args_is_help=True,
    help="Pictures for shops, made of each result: list, show and try presets.\n\nExample: freisteller renditions list",
)
renditions_app.command("list", cls=PlainCommand)(list_all)
renditions_app.command(cls=PlainCommand)(show)
renditions_app.command("try", cls=PlainCommand)(try_out)
