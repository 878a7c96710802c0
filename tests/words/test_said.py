"""German texts know the sentences that people meet: those in the sources of the daemon, as they stand there now."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import daemon
from daemon.intake.file_faults import FileFaults
from daemon.jobs import Attempt, Job, Recipe
from daemon.words.catalogue import words_in
from daemon.words.said import said_in, said_texts
from daemon.work.pipeline import _nothing_came
from daemon.work.recovery import _quarantine_reason

HOUSE = Path(daemon.__file__).parent
VALUE = "\N{BULLET}"
KNOWN = {re.sub(r"%\(\w+\)s", VALUE, text) for text in said_texts()}

MODULES = (
    "pictures/reading.py",
    "pictures/camera_raw.py",
    "pictures/heic.py",
    "pictures/writing.py",
    "publishing/publisher.py",
    "publishing/staging.py",
    "hotfolder/place_files.py",
    "intake/proving.py",
    "intake/tiff_structure.py",
    "engines/onnx/network_output.py",
    "engines/onnx/onnx_engine.py",
    "engines/onnx/onnx_session.py",
    "engines/onnx/ready_weights.py",
    "engines/comfyui/servers.py",
    "engines/comfyui/prompt_run.py",
    "work/job_runner.py",
    "intake/file_structure.py",
    "people/attempt_deed.py",
    "people/deed_acts.py",
    "people/deeds.py",
    "people/fail_deed.py",
    "people/grade_deed.py",
    "people/other_attempts.py",
    "people/priority_deed.py",
    "people/retry_deed.py",
    "people/touch_ups.py",
    "engines/comfyui/deaths.py",
    "engines/comfyui/error_mapping.py",
    "engines/comfyui/http_client.py",
    "hotfolder/hot_folder.py",
    "hotfolder/lease.py",
    "hotfolder/root_identity.py",
    "work/open_file.py",
    "work/pipeline.py",
    "work/processes.py",
)
ERRORS = frozenset(
    {
        "BadPhoto",
        "NotWholeYet",
        "IllegalMove",
        "Vanished",
        "Unsupported",
        "WorkerLost",
        "RootAway",
        "EngineAway",
        "ServerGone",
        "EngineMisconfigured",
        "EngineFull",
        "RecipeRefused",
        "NodeFailed",
        "CorruptUpload",
        "UploadLost",
    }
)
OTHERWISE = (
    f"{VALUE} is {VALUE}, so it cannot be {VALUE}.",  # SAID has both of its forms
    f"{VALUE} cannot read the picture: {VALUE}: {VALUE}",  # one value there
    f"{VALUE}: {VALUE}",  # what the operating system says
)
"""Sentences that SAID has with other values than the sources, or cannot have."""


def sentences(path: Path) -> Iterator[str]:
    """What the errors say that a module raises, with VALUE for each value."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in ERRORS and node.args:
                said = node.args[0]
                if isinstance(said, ast.Constant):
                    yield str(said.value)
                elif isinstance(said, ast.JoinedStr):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else VALUE for part in said.values)


@pytest.mark.parametrize("module", MODULES)
def test_each_sentence_of_a_module_is_known(module: str) -> None:
    missing = [said for said in sentences(HOUSE / module) if said not in KNOWN and said not in OTHERWISE]

    assert missing == [], "add them to words/texts/said.txt, with a German text"


def test_what_photos_fail_by_without_an_error_is_known() -> None:
    said = [
        "a.jpg cannot be read: [Errno 5] Input/output error. Is the disk all right?",
        file_faults_text(),
        _quarantine_reason(3),
        _nothing_came(Job("1", "shoes/a.jpg"), [Attempt(1, Recipe("m"), error="m failed on gpu1: no")]),
        "a.jpg is not whole: it is empty. Copy it again. It had not changed for 60 seconds.",
        "a.jpg is held by another program. It had not changed for 60 seconds.",
        "cancelled by eva",
    ]

    assert [text for text in said if said_in(text, words_in("de")) == text] == []


def file_faults_text() -> str:
    faults = FileFaults()
    return [faults.count("a.jpg", ValueError("x")) or "" for _ in range(3)][-1]


def test_a_sentence_within_a_sentence_is_german_too() -> None:
    text = "a.jpg is not whole: it is empty. Copy it again. It had not changed for 60 seconds."

    assert said_in(text, words_in("de")) == (
        "a.jpg ist nicht vollständig: sie ist leer. Bitte noch einmal kopieren. "
        "Sie hatte sich seit 60 Sekunden nicht geändert."
    )
    assert said_in(text, words_in("en")) == text


def test_what_nobody_knows_is_said_as_it_is() -> None:
    assert said_in("The printer is on fire.", words_in("de")) == "The printer is on fire."
    assert said_in("x" * 100_000, words_in("de")) == "x" * 100_000


def test_there_are_sentences_to_look_for() -> None:
    assert sum(len([*sentences(HOUSE / module)]) for module in MODULES) > 80


def test_what_a_file_is_instead_of_a_photo_is_known() -> None:
    source = (HOUSE / "pictures" / "signatures.py").read_text("utf-8")
    kinds = re.findall(r'b"[^"]*", "(an? [^"]+)"\)', source) + re.findall(r'"(an? text|of no kind[^"]*)"', source)

    assert len(kinds) > 8
    assert [kind for kind in kinds if kind not in KNOWN] == []
