"""The commands for whoever runs the daemon: status, retry, pause, resume, doctor, health, install, notify-test."""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from daemon.cli.console import FAILED, OK, err, out, print_json
from daemon.cli.options import ConfigOption, JsonOption, RootOption, settings_of
from daemon.errors import BadSettings
from daemon.jobs import Grade
from daemon.states import State
from daemon.words.said import sentence

STATE_MEANINGS = {
    State.WAITING: "not started yet",
    State.RUNNING: "being cut out",
    State.PUBLISHING: "cut out, the files are on their way into their folder",
    State.DONE: "",
    State.FAILED: "in failed/, each with a note that says why",
}


def status(
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing it, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=0.2, max=3600)] = 1.0,
) -> None:
    """Show how many photos wait, run and are done, and how the engines are.

    Example: freisteller status --watch
    """
    from daemon.commands.status import whole_status

    settings = settings_of(config, root)
    if watch:
        from daemon.commands.status_watch import watch as watch_it

        watch_it(settings, out, every, as_json)
        return
    values = whole_status(settings)
    if as_json:
        print_json(values)
    else:
        _print_status(values)
    raise typer.Exit(OK if "states" in values else FAILED)


def _print_status(values: dict[str, Any]) -> None:
    for each in values["obstacles"]:
        out.print(f"{sentence(each['text'])} {each['do']}", style="yellow", markup=False)
    if "states" in values:
        _print_photos(values)
    for line in values["daemon"]["lines"]:
        out.print(line, markup=False)


def _print_photos(values: dict[str, Any]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from daemon.commands.photos_told import photo_lines
    from daemon.commands.terminal import COLOURS

    table = Table(title=values["root"], title_justify="left", show_header=False, box=None)
    for state in State:
        table.add_row(state.value, str(values["states"][state.value]), f"[dim]{STATE_MEANINGS[state]}[/]")
    for grade in Grade:
        table.add_row(f"  [{COLOURS[grade]}]{grade.value}[/]", str(values["grades"][grade.value]))
    out.print(table)
    if values["paused_at"] and all(each["name"] != "paused" for each in values["obstacles"]):
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(values["paused_at"]))
        by = f" by {escape(values['paused_by'])}" if values["paused_by"] else ""
        out.print(f"[yellow]paused[/] since {since}{by}: no photo is started until: freisteller resume")
    for job in values["running"]:
        out.print(f"now: {job['name']} ({job['id']}, attempts so far: {job['attempts']})", markup=False)
    for line in photo_lines(values, values["states"][State.FAILED.value]):
        out.print(line, markup=False)


def retry(
    jobs: Annotated[
        list[str] | None, typer.Argument(metavar="JOB", help="The ids of failed jobs; their notes name them.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that no person rejected or cancelled.")] = False,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try failed photos again.

    Example: freisteller retry --failed
    """
    from daemon.commands.retry import retry_jobs

    if bool(jobs) == failed:
        raise BadSettings("Name either the ids of failed jobs, or --failed for all of them.")
    taken, refused = retry_jobs(settings_of(config, root), jobs or None)
    if as_json:
        print_json({"taken": taken, "refused": refused})
    else:
        for name in taken:
            out.print(f"will be tried again: {name}", markup=False)
        for reason in refused:
            err.print(f"cannot be tried again: {reason}", markup=False)
        if not taken and not refused:
            out.print("No photo has failed.")
    raise typer.Exit(FAILED if refused else OK)


def pause(root: RootOption = None, config: ConfigOption = None) -> None:
    """Start no more photos until resume; those in work are finished.

    Example: freisteller pause
    """
    from daemon.commands.journal_of_root import journal_of_root
    from daemon.commands.user_name import user_name

    with journal_of_root(settings_of(config, root)) as journal:
        journal.pause(time.time(), user_name())
    out.print("Paused. Photos in work are finished, new ones wait. Go on with: freisteller resume")


def resume(root: RootOption = None, config: ConfigOption = None) -> None:
    """Start photos again, after pause.

    Example: freisteller resume
    """
    from daemon.commands.journal_of_root import journal_of_root

    with journal_of_root(settings_of(config, root)) as journal:
        was_paused = journal.resume()
    out.print("Photos are started again." if was_paused else "Nothing was paused.")


def doctor(
    root: RootOption = None,
    config: ConfigOption = None,
    models: Annotated[bool, typer.Option("--models", help="Try each model on a drawn picture.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Check folders, disks, engine, ladder, models, weights and cluster, and say what to do about each trouble.

    Example: freisteller doctor --root ~/photos
    """
    from daemon.commands.doctor import check_up

    checks = check_up(settings_of(config, root), models)
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        colours = {"OK": "green", "warn": "yellow", "fail": "red"}
        for check in checks:
            out.print(f"[{colours[check.level]}]{check.level:<4}[/] {check.what}: ", end="")
            out.print(check.detail, markup=False)
            if check.remedy:
                out.print(f"     {check.remedy}", markup=False)
    raise typer.Exit(FAILED if any(check.level == "fail" for check in checks) else OK)


def health(root: RootOption = None, config: ConfigOption = None) -> None:
    """Ask whether the running daemon is alive; exit code 0 or 1, for the health checks of containers.

    Example: freisteller health
    """
    from daemon.commands.status import daemon_page

    page, silence = daemon_page(settings_of(config, root), "/healthz")
    alive = bool(page and page.get("alive"))
    out.print("alive" if alive else silence or f"not alive, one of its loops hangs: {json.dumps(page)}", markup=False)
    raise typer.Exit(OK if alive else FAILED)


def install(
    root: Annotated[Path, typer.Option("--root", help="The hot folder.")],
    user: Annotated[str, typer.Option("--user", help="The user that the service runs as.")] = "freisteller",
    name: Annotated[str, typer.Option("--name", help="A name, if this machine has several hot folders.")] = "",
    keep_config: Annotated[bool, typer.Option("--keep-config", help="Leave a settings file as it is.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "--print", help="Print the files, write nothing.")] = False,
    prefix: Annotated[Path, typer.Option("--prefix", help="Write below this folder (for packages).")] = Path("/"),
) -> None:
    """Write the systemd unit and the settings file of a hot folder.

    Example: sudo freisteller install --root /srv/photos
    """
    from daemon.commands import install

    wanted = install.Installation(root.expanduser().absolute(), user, name, prefix.absolute())
    files = install.plan(wanted, keep_settings=keep_config)
    if dry_run:
        for path, text in files.items():
            out.print(f"# --- {path}\n{text}", markup=False)
        return
    written = install.write(files)
    for path in files:
        out.print(f"{'written' if path in written else 'unchanged'}: {path}", markup=False)
    for warning in install.warnings():
        err.print(f"Warning: {warning}", markup=False)
    out.print("\nNext:")
    for command in install.next_commands(wanted):
        out.print(f"  {command}", markup=False)


def notify_test(
    hook: Annotated[str | None, typer.Option("--hook", help="Only the hook of this name.")] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send a test message to each hook of notify.hooks.

    Example: freisteller notify-test --hook studio
    """
    from daemon.commands.notify_test import try_hooks

    trials = []
    for trial in try_hooks(settings_of(config), hook, quiet=as_json):
        trials.append(trial)
        if not as_json:
            out.print("[red]failed[/]  " if trial.error else "[green]sent[/]    ", end="")
            out.print(f"{trial.hook}  {trial.seconds:.1f} s  {trial.error}".rstrip(), markup=False)
    if as_json:
        print_json([trial.values() for trial in trials])
    raise typer.Exit(FAILED if any(trial.error for trial in trials) else OK)
