"""The catalogue of texts is whole, and agrees with the sources."""

import gettext
import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = spec_from_file_location("update_texts", CHECKOUT / "docs" / "update_texts.py")
    assert spec
    assert spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_catalogue_has_the_texts_of_the_sources_and_no_others(tool: ModuleType) -> None:
    with tool.PO.open("rb") as committed:
        there = {each.id for each in tool.read_po(committed) if each.id}
    gathered = {each.id for each in tool.gathered() if each.id}

    assert there == gathered, "run: python docs/update_texts.py"


def test_every_text_has_a_german_translation(tool: ModuleType) -> None:
    assert tool.untranslated(tool.gathered()) == []


def test_no_translation_is_a_guess(tool: ModuleType) -> None:
    with tool.PO.open("rb") as committed:
        assert [each.id for each in tool.read_po(committed) if each.id and each.fuzzy] == []


def test_whoever_says_texts_loads_no_library_for_it() -> None:
    code = (
        "import sys; from daemon.words.catalogue import words_in; from daemon.words import reason_texts, said; "
        "said.said_in('x', words_in('de')); print({'starlette', 'jinja2', 'babel', 'uvicorn'} & sys.modules.keys())"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


def test_the_compiled_catalogue_is_that_of_the_po_file(tool: ModuleType) -> None:
    with tool.PO.with_suffix(".mo").open("rb") as compiled:
        have = gettext.GNUTranslations(compiled)
    for each in tool.gathered():
        if not each.id:
            continue
        if each.pluralizable:
            one, many = each.id
            assert (have.ngettext(one, many, 1), have.ngettext(one, many, 2)) == tuple(each.string)
        else:
            assert have.gettext(each.id) == each.string


def test_translations_name_the_same_values(tool: ModuleType) -> None:
    def values(text: str) -> set[str]:
        return set(re.findall(r"%\(\w+\)s", text))

    for each in tool.gathered():
        if not each.id:
            continue
        if each.pluralizable:
            assert [values(text) for text in each.string] == [values(text) for text in each.id]
        else:
            assert values(each.string) == values(each.id), each.id


def test_a_text_within_the_values_of_another_one_is_gathered_too(tool: ModuleType) -> None:
    script = '_("a %(b)s", { b: c || _("d") }); ngettext("one",\n  "more", n); N_("say \\"e\\""); in_("no");'

    assert [next(filter(None, found.groups())) for found in tool.IN_SCRIPTS.finditer(script)] == [
        '"a %(b)s"',
        '"d"',
        '"one"',
        r'"say \"e\""',
    ]
