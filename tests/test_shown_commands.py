"""What the documents tell people to type works: commands, settings, and lines of code."""

import ast
import hashlib
import hmac
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from daemon.cli.main import app
from daemon.settings import load, with_order
from tests.drawing import drawn_photo, save_photo
from tests.pages_of_documents import DOCUMENTS, ROOT, Block, blocks, prose
from tests.processes import environment

BLOCKS = [block for page in DOCUMENTS for block in blocks(page)]
SEPARATORS = {"|", "||", "&&", ";", ">", "<"}


def those_in(language: str) -> list[Block]:
    return [block for block in BLOCKS if block.language == language]


def commands_in(text: str) -> Iterator[list[str]]:
    """Each command of some lines of shell, without what follows a `#`."""
    for line in text.replace("\\\n", " ").splitlines():
        words: list[str] = []
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.commenters = "#"
        lexer.wordchars += "…,:={}*%@$"
        for word in [*lexer, ";"]:
            if word in SEPARATORS:
                if words:
                    yield words
                words = []
            else:
                words.append(word)


def given_to_freisteller(words: list[str]) -> list[str] | None:
    """What a command hands to freisteller, also behind sudo, docker, kubectl or the alias `fs`; None if none starts."""
    if words[0] == "kubectl":  # which runs what follows --
        words = words[words.index("--") + 1 :] if "--" in words else [""]
    for place, word in enumerate(words):
        if Path(word).name == "freisteller" and words[place - 1] != "-u":
            rest = words[place + 1 :]
            return rest[1:] if rest[:1] == ["freisteller"] else rest  # docker compose names the service before it
    return words[1:] if words[0] == "fs" else None


def parsed(args: list[str]) -> None:
    """Let the real command line read the arguments, and start nothing. Raises typer's error for a bad one."""
    command: Any = typer.main.get_command(app)  # of click or of typer's own copy of it, by its version
    context = command.make_context("freisteller", list(args))
    while hasattr(command, "resolve_command"):
        rest = [*context._protected_args, *context.args]  # there is no other way to what follows a group
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, rest, parent=context)


def complaint(args: list[str], may_lack: bool = False) -> str:
    """What the command line has to say against the arguments. "" = nothing. may_lack: some may be missing."""
    try:
        parsed(args)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if may_lack and type(error).__name__ in {"MissingParameter", "NoArgsIsHelpError"}:
            return ""
        return f"freisteller {' '.join(args)}: {error.format_message()}"
    return ""


def shown_in_blocks() -> list[tuple[str, list[str]]]:
    found = []
    for block in those_in("sh"):
        for words in commands_in(block.text):
            args = given_to_freisteller(words)
            if args and words[0] not in {"alias", "install"}:
                found.append((block.place, args))
    return found


def shown_in_prose() -> list[tuple[str, list[str]]]:
    found = []
    for page in DOCUMENTS:
        for code in re.findall(
            r"`((?:freisteller|fs|\.venv/bin/freisteller|sudo /opt[^`]*freisteller)\s[^`]+)`", prose(page)
        ):
            args = given_to_freisteller(shlex.split(code.replace("\n", " ")))
            if args and not args[0].endswith((".toml", ".md")):
                found.append((page.relative_to(ROOT).as_posix(), args))
    return found


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the documents name: photos, a cut-out, and a hot folder."""
    folder = tmp_path_factory.mktemp("sandbox")
    for seed, name in enumerate(("photo.jpg", "shoe.jpg", "portrait.jpg", "three.jpg", "typical.jpg", "photos.jpg")):
        save_photo(folder / name, drawn_photo(96, 64, seed))
    (folder / "hotfolder" / "inbox").mkdir(parents=True)
    for name in ("a.jpg", "b.jpg"):
        shutil.copy(folder / "photo.jpg", folder / "hotfolder" / "inbox" / name)
    save_photo(folder / "hotfolder" / "inbox" / "coffee.png", drawn_photo(96, 64, 9))  # a sample of `make run`
    (folder / "freisteller.toml").write_text('root = "hotfolder"\n')
    (folder / "audit").mkdir()
    started = folder / ".venv" / "bin" / "freisteller"
    started.parent.mkdir(parents=True)
    started.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m daemon "$@"\n')
    started.chmod(0o755)
    return folder


def run(text: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run lines of shell in the sandbox, one after the other; the first error ends it."""
    given = {**environment(folder), "FREISTELLER__ROOT": "hotfolder", "FREISTELLER__ENGINE__USE": "local"}
    given.pop("FREISTELLER__COMFYUI__SERVERS", None)
    given["PATH"] = f"{folder / '.venv' / 'bin'}:{os.environ['PATH']}"
    command = ["bash", "-e", "-c", text]
    return subprocess.run(command, env=given, cwd=folder, capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.slow
def test_every_block_without_a_reason_runs(sandbox: Path) -> None:
    """The blocks in the order of the documents, each once; the hot folder has three finished photos."""
    begun = run(
        "freisteller run --once && freisteller process photo.jpg --out cut && cp cut/photo.png cutout.png", sandbox
    )
    assert begun.returncode == 0, begun.stdout + begun.stderr
    to_run = {block.text: block.place for block in those_in("sh") if not block.reason}

    ended = {place: run(text, sandbox) for text, place in to_run.items()}

    assert len(ended) >= 4
    assert {place: done.stdout + done.stderr for place, done in ended.items() if done.returncode} == {}


@pytest.mark.parametrize(("place", "args"), [*shown_in_blocks(), *shown_in_prose()])
def test_the_command_line_knows_every_command_that_is_shown(
    sandbox: Path, monkeypatch: pytest.MonkeyPatch, place: str, args: list[str]
) -> None:
    monkeypatch.chdir(sandbox)
    for word in args:
        if word.endswith((".onnx", ".png")) or word == "FILE":
            (sandbox / word).parent.mkdir(parents=True, exist_ok=True)
            (sandbox / word).touch()

    in_prose = ":" not in place  # which names commands without all that they need
    assert complaint(args, may_lack=in_prose) == "", place


@pytest.mark.parametrize("wrong", ["statsu", "status --wach", "models fech x", "process a.jpg", "user role"])
def test_a_command_that_does_not_exist_is_found(wrong: str) -> None:
    assert complaint(wrong.split())


@pytest.mark.parametrize("block", those_in("sh"), ids=lambda block: block.place)
def test_every_other_program_is_called_with_what_there_is(block: Block) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    for words in commands_in(block.text):
        if words[0] == "make":
            assert set(words[1:]) <= set(targets)
        for word in words:
            if named := re.fullmatch(r"(?:\.|freisteller)\[([\w,]+)\]", word):
                assert set(named[1].split(",")) <= set(extras)
            if word.startswith(("grafana/", "benchmarks/", "config/")):
                assert (ROOT / word).exists()


@pytest.mark.parametrize("block", those_in("toml"), ids=lambda block: block.place)
def test_every_block_of_settings_is_accepted(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A block is a settings file, or an order. What it needs besides stands behind its language."""
    text = tomllib.loads(block.text)
    if block.reason.startswith("continues"):
        text = _merged(_before(block), text)
    if credential := re.match(r"with the credential (\S+)", block.reason):
        (tmp_path / credential[1]).write_text("https://chat.example/hooks/KEY\n")
        monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    loaded = load(flags=text)

    assert loaded != load()
    if set(text) <= {"grading", "judgement", "strategy", "outputs", "renditions", "products", "export"}:
        assert with_order(load(), text) == loaded


def _before(block: Block) -> dict[str, Any]:
    """The settings of the last block before this one, as the reader has them in the file by then."""
    earlier = [each for each in blocks(block.page) if each.language == "toml" and each.line < block.line]
    return tomllib.loads(earlier[-1].text)


def _merged(outer: dict[str, Any], inner: dict[str, Any]) -> dict[str, Any]:
    both = {**outer, **inner}
    return {
        key: _merged(outer[key], value) if isinstance(outer.get(key), dict) and isinstance(value, dict) else value
        for key, value in both.items()
    }


@pytest.mark.parametrize("block", those_in("json"), ids=lambda block: block.place)
def test_every_block_of_json_can_be_read(block: Block) -> None:
    json.loads(block.text)


@pytest.mark.parametrize("block", those_in("python"), ids=lambda block: block.place)
def test_every_block_of_python_can_be_read(block: Block) -> None:
    ast.parse(block.text)


def test_the_lines_that_check_a_signature_check_it() -> None:
    (block,) = [block for block in those_in("python") if "def is_ours" in block.text]
    names: dict[str, Any] = {}
    exec(block.text, names)
    at, body = int(time.time()), b'{"event": "photo_done"}'
    signed = hmac.new(b"secret", f"{at}.".encode() + body, hashlib.sha256).hexdigest()

    assert names["is_ours"](b"secret", f"t={at},v1={signed}", body)
    assert not names["is_ours"](b"secret", f"t={at},v1={signed}", body + b" ")
    assert not names["is_ours"](b"other", f"t={at},v1={signed}", body)
