"""The command line: each command, its words and its options."""

import faulthandler
import json
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from daemon import __version__
from daemon.disk.os_errors import means
from daemon.errors import AlreadyRunning, BadPhoto, BadSettings, IllegalMove, JournalDamaged, NoRoom, RootAway, Vanished
from daemon.jobs import Grade
from daemon.settings import Settings, load
from daemon.states import State

OK, FAILED, USAGE = 0, 1, 2
LATER = 75  # EX_TEMPFAIL of sysexits.h: a disk or share; once it is there, the same command works
_COLOURS = {Grade.SEHR_GUT: "green", Grade.GUT: "yellow", Grade.UNGENUEGEND: "red", None: "bold red"}

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Watches a folder, cuts photos out of their background, and grades every result.",
)
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

RootOption = Annotated[Path | None, typer.Option("--root", help="The hot folder.", show_default=False)]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A settings file (TOML).", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def main() -> None:
    """Run the command line; errors end with their message and code 2, or 75 where a disk or share must come back."""
    faulthandler.enable()  # a fault in a native library then says in which thread and where
    try:
        app()
    except (BadSettings, AlreadyRunning, IllegalMove, JournalDamaged, Vanished) as error:
        _say_error(str(error))
        sys.exit(USAGE)
    except (RootAway, NoRoom) as error:
        _say_error(str(error))
        sys.exit(LATER)
    except OSError as error:
        _say_error(f"{error.filename or 'A file'} cannot be used: {error.strerror or error}")
        sys.exit(LATER if means(error, "") else USAGE)


def _say_error(text: str) -> None:
    err.print("[bold red]Error:[/] ", end="")
    err.print(text, markup=False)


def _settings(config: Path | None, root: Path | None = None, **flags: Any) -> Settings:
    if root is not None:
        flags["root"] = str(root)
    return load(config, flags)


def _print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        out.print(__version__)
        raise typer.Exit


@app.command()
def run(
    root: RootOption = None,
    config: ConfigOption = None,
    once: Annotated[bool, typer.Option("--once", help="Process what is there, wait for it, and end.")] = False,
    samples: Annotated[bool, typer.Option("--samples", help="Drop three photos into a new hot folder.")] = False,
) -> None:
    """Watch a hot folder until stopped (Ctrl-C)."""
    from daemon.commands.run import run_daemon

    settings = _settings(config, root)
    raise typer.Exit(run_daemon(settings, out, once=once, samples=samples, reread=lambda: _settings(config, root)))


@app.command()
def process(
    photos: Annotated[list[Path], typer.Argument(help="Photos to cut out.", show_default=False)],
    out_dir: Annotated[Path, typer.Option("--out", help="Where the results go.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Cut out some photos now, without a hot folder."""
    from daemon.commands.process import process_photos

    endings = process_photos(_settings(config), photos, out_dir, out, quiet=as_json)
    if as_json:
        _print_json([ending.values() for ending in endings])
    raise typer.Exit(FAILED if any(ending.failed for ending in endings) else OK)


@app.command()
def assess(
    photo: Annotated[Path, typer.Argument(help="The original photo.", show_default=False)],
    cutout: Annotated[Path, typer.Argument(help="Its cut-out (with alpha) or mask.", show_default=False)],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge a cut-out or a mask that exists already.

    It is judged by its shape and its edges in the photo. Whether it is the right thing, that does not tell: a clean
    outline around the wrong one is found very good.
    """
    from daemon.commands.assess import assess_cutout
    from daemon.publishing.reports import verdict_values

    try:
        verdict = assess_cutout(_settings(config), photo, cutout)
    except BadPhoto as error:
        err.print(str(error), markup=False)
        raise typer.Exit(FAILED) from error
    if as_json:
        _print_json(verdict_values(verdict))
        return
    out.print(f"[{_COLOURS[verdict.grade]}]{verdict.grade.value}[/]  score {verdict.score:.2f}")
    for name, value in verdict_values(verdict)["measures"].items():
        if value is not None:
            out.print(f"  {name.replace('_', ' '):<18} {value:.2f}")
    for reason in verdict.reasons:
        out.print(f"  - {reason}", markup=False)


@app.command()
def audit(
    photos: Annotated[list[Path], typer.Argument(help="A few typical photos, three or more.", show_default=False)],
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Write audit.json and audit.png there.", show_default=False)
    ] = None,
    keep: Annotated[
        bool, typer.Option("--remember/--forget-it", help="Let the daemon leave out what makes no difference.")
    ] = True,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out which parameters of which models make a difference to your photos."""
    from daemon.commands.audit import audit_photos, remember, told_after

    settings = _settings(config, root)
    with Progress(console=err, disable=as_json or not err.is_terminal, transient=True) as progress:
        task = progress.add_task("Asking")
        try:
            found = audit_photos(
                settings,
                photos,
                out_dir,
                lambda line: err.print(line, markup=False),
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        except BadPhoto as error:
            err.print(str(error), markup=False)
            raise typer.Exit(FAILED) from error
    kept = remember(settings, found) if keep else None
    if as_json:
        _print_json(found.values() | {"remembered": str(kept) if kept else None})
        return
    out.print(found.table())
    for line in told_after(found, kept):
        out.print(line, markup=False)


@app.command()
def sheet(
    folder: Annotated[
        Path, typer.Argument(help="A hot folder, a part of one, or results of process.", show_default=False)
    ],
    to: Annotated[
        Path | None, typer.Option("--out", help="Name of the two files without .png and .html.", show_default=False)
    ] = None,
    originals: Annotated[
        Path | None, typer.Option("--originals", help="Where the photos are, if not in archiv/.", show_default=False)
    ] = None,
    most: Annotated[int, typer.Option("--most", min=1, help="So many photos, the worst ones.")] = 2000,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay results out to look at: a picture of the worst, and a web page of all."""
    from daemon.commands.sheet import show_results

    made = show_results(_settings(config), folder, to or folder / "contact-sheet", originals, most, out, quiet=as_json)
    if as_json:
        _print_json(made.values())
        return
    for path in made.files:
        out.print(f"written: {path}", markup=False)
    out.print(made.told, markup=False)


@app.command()
def status(
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Show it all the time, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option("--every", help="Seconds between two looks.", min=0.2, max=3600)] = 1.0,
) -> None:
    """Say how much is waiting, running and done, and how the engines are."""
    from daemon.commands.status import daemon_health, journal_status

    settings = _settings(config, root)
    if watch:
        from daemon.commands.status_watch import watch as watch_it

        watch_it(settings, out, every, as_json)
        return
    values = {**journal_status(settings), "daemon": daemon_health(settings)}
    if as_json:
        _print_json(values)
        return
    table = Table(title=str(settings.root_path), title_justify="left", show_header=False, box=None)
    for state in State:
        table.add_row(state.value, str(values["states"][state.value]))
    for grade in Grade:
        table.add_row(f"  [{_COLOURS[grade]}]{grade.value}[/]", str(values["grades"][grade.value]))
    out.print(table)
    if values["paused_at"]:
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(values["paused_at"]))
        out.print(f"[yellow]paused[/] since {since}: nothing new is started until freisteller resume")
    for job in values["running"]:
        out.print(f"now: {job['name']} ({job['id']}, attempts so far: {job['attempts']})", markup=False)
    for line in values["daemon"]["lines"]:
        out.print(line, markup=False)


@app.command()
def verdicts(
    refit: Annotated[
        bool, typer.Option("--refit", help="Propose thresholds that agree better with what people said.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option("--write", help="Put the proposed thresholds into this settings file.", show_default=False),
    ] = None,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what people made of results, by moving them between grade folders."""
    from daemon.commands.verdict_table import hear
    from daemon.commands.write_thresholds import write_thresholds

    if write and not refit:
        raise BadSettings("--write goes with --refit: it writes what that proposes.")
    heard = hear(_settings(config, root), fit=refit)
    if as_json:
        _print_json(heard.values())
    else:
        for table in heard.tables():
            out.print(table)
        for line in heard.lines():
            out.print(line, markup=False)
    proposed = heard.refit.proposed if heard.refit else None
    if write and proposed is None:
        err.print(f"Nothing was written to {write}.", markup=False)
        raise typer.Exit(FAILED)
    if write and proposed:
        write_thresholds(write, proposed)
        err.print(f"written: {write} (a running daemon takes it over on systemctl reload, or SIGHUP)", markup=False)
    elif proposed and not as_json:
        out.print("Nothing was changed. --write FILE puts them into a settings file.")


@app.command()
def health(root: RootOption = None, config: ConfigOption = None) -> None:
    """Ask the running daemon whether its loops turn: exit code 0 or 1, for health checks of containers."""
    from daemon.commands.status import daemon_page

    page, silence = daemon_page(_settings(config, root), "/healthz")
    alive = bool(page and page.get("alive"))
    out.print("alive" if alive else silence or f"not alive: {json.dumps(page)}", markup=False)
    raise typer.Exit(OK if alive else FAILED)


@app.command()
def retry(
    jobs: Annotated[list[str] | None, typer.Argument(help="Ids of failed jobs.", show_default=False)] = None,
    failed: Annotated[bool, typer.Option("--failed", help="All that failed.")] = False,
    root: RootOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try failed photos again."""
    from daemon.commands.retry import retry_jobs

    if bool(jobs) == failed:
        raise BadSettings("Say which: either the ids of jobs, or --failed for all that failed.")
    taken, refused = retry_jobs(_settings(config, root), jobs or None)
    if as_json:
        _print_json({"taken": taken, "refused": refused})
    else:
        for name in taken:
            out.print(f"again: {name}", markup=False)
        for reason in refused:
            err.print(f"not taken: {reason}", markup=False)
        if not taken and not refused:
            out.print("Nothing has failed.")
    raise typer.Exit(FAILED if refused else OK)


@app.command()
def pause(root: RootOption = None, config: ConfigOption = None) -> None:
    """Start no photo until `resume`; what is in work is finished."""
    from daemon.commands.pause import pause_work

    pause_work(_settings(config, root))
    out.print("Paused: what is in work is finished, new photos wait. Go on with: freisteller resume")


@app.command()
def resume(root: RootOption = None, config: ConfigOption = None) -> None:
    """Go on after `pause`."""
    from daemon.commands.pause import resume_work

    was_paused = resume_work(_settings(config, root))
    out.print("Work goes on." if was_paused else "Nothing was paused.")


@app.command()
def doctor(root: RootOption = None, config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check folders, disk, engine, models and weights; each trouble comes with its remedy."""
    from daemon.commands.doctor import check_up

    findings = check_up(_settings(config, root))
    if as_json:
        _print_json([finding.values() for finding in findings])
    else:
        colours = {"OK": "green", "warn": "yellow", "fail": "red"}
        for finding in findings:
            out.print(f"[{colours[finding.level]}]{finding.level:<4}[/] {finding.what}: ", end="")
            out.print(finding.detail, markup=False)
            if finding.remedy:
                out.print(f"     {finding.remedy}", markup=False)
    raise typer.Exit(FAILED if any(finding.level == "fail" for finding in findings) else OK)


@app.command()
def install(
    root: Annotated[Path, typer.Option("--root", help="The hot folder.", show_default=False)],
    user: Annotated[str, typer.Option("--user", help="Who the service runs as.")] = "freisteller",
    name: Annotated[str, typer.Option("--name", help="One of several hot folders on this machine.")] = "",
    keep_config: Annotated[bool, typer.Option("--keep-config", help="Leave a settings file as it is.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", "--print", help="Print the files, write nothing.")] = False,
    prefix: Annotated[Path, typer.Option("--prefix", help="Write below this folder (for packages).")] = Path("/"),
) -> None:
    """Write the systemd unit and the settings file of a hot folder."""
    from daemon.commands import install

    wanted = install.Installation(root.expanduser().absolute(), user, name, prefix.absolute())
    files = install.plan(wanted, keep_settings=keep_config)
    if dry_run:
        for path, text in files.items():
            out.print(f"# --- {path}\n{text}", markup=False)
        return
    written = install.write(files)
    for path in files:
        out.print(f"{'written' if path in written else 'as it was'}: {path}", markup=False)
    out.print("\nNext:")
    for command in install.next_commands(wanted):
        out.print(f"  {command}", markup=False)


@app.command("notify-test")
def notify_test(
    hook: Annotated[str | None, typer.Option("--hook", help="Only the hook of this name.", show_default=False)] = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell each hook of notify.hooks that this is a trial."""
    from daemon.commands.notify_test import try_hooks

    trials = []
    for trial in try_hooks(_settings(config), hook, quiet=as_json):
        trials.append(trial)
        if not as_json:
            out.print("[red]failed[/]  " if trial.error else "[green]told[/]    ", end="")
            out.print(f"{trial.hook}  {trial.seconds:.1f} s  {trial.error}".rstrip(), markup=False)
    if as_json:
        _print_json([trial.values() for trial in trials])
    raise typer.Exit(FAILED if any(trial.error for trial in trials) else OK)
