"""Where people put results."""

from pathlib import Path


def in_another_grade(root: Path, path: Path) -> Path:
    """The same place in another grade folder, whose folders are made."""
    grade, *rest = path.relative_to(root).parts
    to = root.joinpath("gut" if grade != "gut" else "ungenügend", *rest)
    to.parent.mkdir(parents=True, exist_ok=True)
    return to
