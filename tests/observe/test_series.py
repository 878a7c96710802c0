"""The table of series is consistent, and every call fits it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import daemon
from daemon.observe import series

PACKAGE = Path(daemon.__file__).parent


def calls() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Where a series is fed, its name in the table, and the labels that the call gives."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in ("count", "set", "_set_if_known", "observe", "forget")
                and node.args
                and isinstance(node.args[0], ast.Attribute)
                and ast.unparse(node.args[0].value) == "series"
            ):
                given = [keyword.value if keyword.arg is None else keyword for keyword in node.keywords]
                keys = [key for each in given if isinstance(each, ast.Dict) for key in each.keys]
                labels = {each.arg for each in given if isinstance(each, ast.keyword) and each.arg}
                labels |= {str(key.value) for key in keys if isinstance(key, ast.Constant)}
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node.args[0].attr, tuple(sorted(labels))


@pytest.mark.parametrize(("place", "name", "labels"), list(calls()), ids=str)
def test_a_call_gives_exactly_the_labels_of_its_series(place: str, name: str, labels: tuple[str, ...]) -> None:
    row = getattr(series, name)

    assert labels == tuple(sorted(row.labels)), f"{place} feeds {row.name}"


def test_no_two_rows_share_a_name() -> None:
    names = [row.name for row in series.ALL]

    assert sorted(names) == sorted(set(names))


@pytest.mark.parametrize("row", series.ALL, ids=lambda row: row.name)
def test_the_start_values_fit_the_labels(row: series.Series) -> None:
    left = row.labels[1:] if row.run_time_label else row.labels

    assert all(len(values) == len(left) for values in row.start_values)
