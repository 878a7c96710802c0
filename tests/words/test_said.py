"""What the daemon says of failures has codes, in all sources, and each code has a German text."""

import ast
import json
import pickle
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import pytest

import daemon
from daemon.errors import SAID, BadPhoto, Said, said_of, said_together
from daemon.words.catalogue import words_in
from daemon.words.said import failure_in, failure_values, said_in

HOUSE = Path(daemon.__file__).parent
TREES = {path.relative_to(HOUSE).as_posix(): ast.parse(path.read_text("utf-8")) for path in HOUSE.rglob("*.py")}
NAMES = re.compile(r"%\((\w+)\)s")
GERMAN = words_in("de")

WITHOUT_CODES = {
    "BadSettings": "is said at a start or a command, in the language of the terminal; an order's is within a coded one",
    "AlreadyRunning": "is said at a start",
    "ForeignCursor": "is a mistake of a program",
    "TooLarge": "is an event of an engine, and is only logged",
}
"""Errors that no photo fails with and no page shows, and why."""
NOT_SHOWN = {
    "states.py": "a mistake of ours",
    "journal/moves.py": "a mistake of ours",
    "journal/changes.py": "a mistake of ours",
    "journal/audit_results.py": "is said in a terminal",
    "commands": "is said in a terminal",
    "contact_sheet/build_sheet.py": "is said in a terminal",
    "service/open_root.py": "is said at a start",
    "service/known_mounts.py": "is said at a start",
    "web/access": "its reader is an admin in a terminal",
    "engines/weights.py": "is being replaced",
    "shops": "is said in a terminal",
}
"""Modules and rooms whose errors need no codes, and why."""


@lru_cache(maxsize=1)
def errors() -> frozenset[str]:
    """The names of our errors: all classes below those of `errors.py`, and of the codecs."""
    bases = {node.name: [ast.unparse(base) for base in node.bases] for node in classes()}
    found = {"FreistellerError", "Undecodable", "Doubtful", "ResultGone"}
    while more := {name for name, of in bases.items() if found & {base.rpartition(".")[2] for base in of}} - found:
        found |= more
    return frozenset(found - {"Refused", *WITHOUT_CODES})  # a refusal's kind is its code


def classes() -> Iterator[ast.ClassDef]:
    for tree in TREES.values():
        yield from (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Each call with the last part of what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield (node.func.id if isinstance(node.func, ast.Name) else node.func.attr), node


def bare(tree: ast.AST) -> Iterator[str]:
    """The texts that errors say without a code, given at once or under a name."""
    named: dict[str, ast.expr] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            named[node.targets[0].id] = node.value
    for name, call in calls(tree):
        if name in errors() and call.args:
            said = call.args[-1] if name == "WrongOrder" else call.args[0]
            said = named.get(said.id, said) if isinstance(said, ast.Name) else said
            if is_text(said):
                yield ast.unparse(call)


def is_text(said: ast.expr) -> bool:
    if isinstance(said, ast.Call):
        return isinstance(said.func, ast.Name) and said.func.id == "str"
    return isinstance(said, ast.JoinedStr | ast.BinOp) or (
        isinstance(said, ast.Constant) and isinstance(said.value, str)
    )


def used() -> Iterator[tuple[str, str, frozenset[str]]]:
    """Each code that a module says, where, and with values of which names."""
    for module, tree in TREES.items():
        for name, call in calls(tree):
            if name == "Said" and call.args and isinstance(call.args[0], ast.Constant):
                yield str(call.args[0].value), module, frozenset(each.arg or "**" for each in call.keywords)


def test_each_error_that_a_person_may_read_has_a_code() -> None:
    shown = {module: tree for module, tree in TREES.items() if not module.startswith(tuple(NOT_SHOWN))}

    assert {module: found for module, tree in shown.items() if (found := [*bare(tree)])} == {}
    assert len(errors()) > 15


@pytest.mark.parametrize(
    "source",
    [
        'raise BadPhoto("no")',
        'raise errors.BadPhoto(f"{name} is no photo")',
        "raise NotWholeYet(str(error)) from error",
        'text = f"{name} is bad"\nraise EngineFull(text)',
        'raise WrongOrder(way, "it is bad")',
    ],
)
def test_a_text_without_a_code_is_found(source: str) -> None:
    assert len([*bare(ast.parse(source))]) == 1


def test_what_the_sources_say_is_in_the_table_with_these_values() -> None:
    wrong = [
        (code, module) for code, module, names in used() if code not in SAID or {*NAMES.findall(SAID[code])} != names
    ]

    assert wrong == []
    assert len({code for code, _, _ in used()}) > 180


def test_nothing_in_the_table_is_said_nowhere() -> None:
    quoted = {
        node.value
        for tree in TREES.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert sorted(SAID.keys() - quoted) == []


def test_each_code_stands_once_and_is_a_short_name() -> None:
    lines = (HOUSE / "said.txt").read_text("utf-8").splitlines()
    codes = [line.partition(": ")[0] for line in lines if line and not line.startswith("#")]

    assert len(codes) == len(set(codes)) == len(SAID)
    assert [code for code in codes if not re.fullmatch(r"[a-z0-9_]{2,40}", code)] == []


def test_each_code_has_a_german_text_with_the_same_values() -> None:
    german = {code: GERMAN.catalogue.gettext(text) for code, text in SAID.items()}

    assert [code for code in SAID if sorted(NAMES.findall(german[code])) != sorted(NAMES.findall(SAID[code]))] == []
    assert {code for code in SAID if german[code] == SAID[code]} == ALIKE


ALIKE = frozenset(
    {
        "sentences",
        "list",
        "of_recipe",
        "said",
        "server_error",
        "not_taken",
        "wrong_order",
        "kind_webp",
        "kind_bmp",
        "left_named",
    }
)
"""What has no words of its own, or the same ones."""


def example(code: str) -> Said:
    values: Mapping[str, object] = {name: f"<{name}>" for name in NAMES.findall(SAID[code])}
    return Said(code, **values)


def test_what_was_kept_is_said_again_in_any_language() -> None:
    for said in map(example, SAID):
        kept = failure_in(json.loads(json.dumps(failure_values(said))))

        assert kept == said == said_in(kept, words_in("en"))
        assert said_in(kept, GERMAN) == said_in(said, GERMAN)
        assert said_in(pickle.loads(pickle.dumps(BadPhoto(said))).args[0], GERMAN) == said_in(said, GERMAN)


def test_a_sentence_within_a_sentence_is_german_too() -> None:
    not_whole = Said("not_whole", name="a.jpg", detail=BadPhoto(Said("is_empty")))
    said = said_together([not_whole, Said("unchanged_for", n=60)])

    assert said == "a.jpg is not whole: it is empty. Copy it again. It had not changed for 60 seconds."
    assert said_in(said, GERMAN) == (
        "a.jpg ist nicht vollständig: sie ist leer. Bitte noch einmal kopieren. "
        "Sie hatte sich seit 60 Sekunden nicht geändert."
    )
    assert said_in(said, words_in("en")) == said


def test_a_state_and_a_number_are_german() -> None:
    tried, wrong = (
        Said("tried_already", name="a", state="running"),
        Said("test_picture_wrong", server="gpu1", model="m", likeness=0.41, least=0.9),
    )

    assert said_in(tried, GERMAN) == "a wird schon versucht (Stand: in Arbeit)."
    assert "0.41" in wrong
    assert "0,41" in said_in(wrong, GERMAN)


def test_what_has_no_code_is_said_as_it_is() -> None:
    assert said_in("The printer is on fire.", GERMAN) == "The printer is on fire."
    assert said_in(said_of(BadPhoto("The printer is on fire.")), GERMAN) == "The printer is on fire."
    assert said_in(Said.again("text", "a_code_of_tomorrow", {"n": 1}), GERMAN) == "text"
    assert failure_values("x") == {"code": "", "values": {}, "text": "x"}


@pytest.mark.parametrize("value", [[1], None, float("nan"), float("inf"), "\ud800", {"code": "is_empty"}, {"text": 1}])
def test_values_that_no_sentence_has_are_refused(value: object) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        failure_in({"code": "not_whole", "text": "x", "values": {"detail": value}})


def test_an_error_without_a_code_is_a_plain_value() -> None:
    said = Said("damaged", name="a.jpg", detail=ValueError("Premature end"))

    assert failure_values(said)["values"] == {"name": "a.jpg", "detail": "Premature end"}


def test_a_name_that_looks_like_a_place_for_a_value_stays_a_name() -> None:
    said = Said("not_whole", name="%(detail)s.jpg", detail="100 %")

    assert said == "%(detail)s.jpg is not whole: 100 %. Copy it again."
    assert said_in(said, GERMAN).startswith("%(detail)s.jpg ist nicht vollständig: 100 %.")
