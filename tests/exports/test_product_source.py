"""The list of products is read from where it may lie, and from nowhere else."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.exports.product_list import MOST_BYTES
from daemon.exports.product_source import ProductSource, product_source


def found(root: Path, given: Path | None = None) -> ProductSource:
    return product_source(root, "kunde", "products.csv", given, root / "export" / "kunde")


def order(root: Path) -> Path:
    folder = root / "inbox" / "kunde"
    folder.mkdir(parents=True)
    return folder / "products.csv"


def secret(path: Path) -> None:
    (path.parents[2] / "secret.csv").write_text("file,sku\na.jpg,S\n", "utf-8")
    path.symlink_to(path.parents[2] / "secret.csv")


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, secret], ids=["pipe", "folder", "link"])
def test_what_is_no_file_is_no_list(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(order(tmp_path))

    assert found(tmp_path) == ProductSource()


@pytest.mark.parametrize("is_given", [False, True])
def test_a_list_that_is_too_large_is_told_and_never_read_whole(tmp_path: Path, is_given: bool) -> None:
    path = order(tmp_path)
    with path.open("wb") as file:
        file.truncate(10 * MOST_BYTES)

    source = found(tmp_path, path if is_given else None)

    assert len(source.content) == MOST_BYTES + 1
    assert source.listed is not None
    assert [fault.code for fault in source.listed.faults] == ["products_too_large"]
