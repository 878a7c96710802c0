"""Measure the house: print the sizes of each room of `daemon/`, and the figures of the whole as one JSON object.

`python benchmarks/house.py` reads the package of this checkout; `--daemon FOLDER` reads another one, to compare. The
code is parsed, never imported. tests/test_house.py and docs/draw_rooms.py read the house through this module, too.
"""

import argparse
import ast
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DAEMON = Path(__file__).parent.parent / "daemon"
LOOSE = "(loose)"
HEAD = ("room", "modules", "lines", "longest module", "longest function", "most arguments")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Sized:
    """Something that has a size: its name, and how many lines or arguments it has."""

    size: int
    name: str

    def __str__(self) -> str:
        return f"{self.size} {self.name}" if self.name else "-"


@dataclass(frozen=True, slots=True)
class Module:
    """One file of the package. `path` is relative to the package, with slashes."""

    path: str
    lines: int
    tree: ast.Module
    imports: tuple[tuple[str, int], ...]
    """The full names that the module imports, anywhere in it, each with its line: `from a import b` gives "a.b"."""

    @property
    def name(self) -> str:
        """The dotted name below the package: "work.dispatch"; of an `__init__` that of its folder."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def base_name(self) -> str:
        return self.path.rpartition("/")[2].removesuffix(".py")

    @property
    def room(self) -> str:
        """The folder directly below the package that the file is in, or LOOSE."""
        return self.path.partition("/")[0] if "/" in self.path else LOOSE

    @property
    def functions(self) -> list[Sized]:
        """All functions and methods, also nested ones, each with its lines from `def` to its end."""
        return [
            Sized((node.end_lineno or node.lineno) - node.lineno + 1, f"{self.base_name}:{name}")
            for name, node in named_functions(self.tree)
        ]

    @property
    def constructors(self) -> list[Sized]:
        """All written `__init__`, each with its arguments counted without self."""
        return [
            Sized(arguments(node) - 1, name.removesuffix(".__init__"))
            for name, node in named_functions(self.tree)
            if node.name == "__init__"
        ]

    @property
    def public_classes(self) -> list[str]:
        return [
            node.name for node in self.tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
        ]


def imports_between(modules: list[Module]) -> dict[str, set[str]]:
    """For each module of the package, by its dotted name, the other ones that it imports."""
    known = {module.name for module in modules}
    graph = {}
    for module in modules:
        names = [name.removeprefix("daemon.") for name, _ in module.imports if name.startswith("daemon.")]
        targets = {name if name in known else name.rpartition(".")[0] for name in names}
        graph[module.name] = targets & known - {module.name}
    return graph


def read(package: Path = DAEMON) -> list[Module]:
    """Every module of a package, ordered by path."""
    found = []
    for path in sorted(package.rglob("*.py")):
        text = path.read_text("utf-8")
        tree = ast.parse(text)
        found.append(
            Module(path.relative_to(package).as_posix(), len(text.splitlines()), tree, tuple(imported_names(tree)))
        )
    return found


def imported_names(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Imports inside functions and for type checkers count, too: who reads the code has to follow them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from ((str(one.value), node.lineno) for one in node.args if isinstance(one, ast.Constant))


def named_functions(tree: ast.AST, within: str = "") -> Iterator[tuple[str, Function]]:
    """Every function below a node, with the names of the classes and functions around it: "Worker.run"."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            name = within + node.name
            if isinstance(node, Function):
                yield name, node
            yield from named_functions(node, name + ".")
        else:
            yield from named_functions(node, within)


def arguments(function: Function) -> int:
    """How many arguments a function takes; *args and **kwargs count as one each."""
    taken = function.args
    starred = [one for one in (taken.vararg, taken.kwarg) if one]
    return len(taken.posonlyargs) + len(taken.args) + len(taken.kwonlyargs) + len(starred)


def twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, times in Counter(names).items() if times > 1)


def same_base_names(modules: list[Module]) -> list[str]:
    """Base names that two modules share, besides `__init__`."""
    return twice(module.base_name for module in modules if module.base_name != "__init__")


def same_class_names(modules: list[Module]) -> list[str]:
    """Public classes' names that stand twice."""
    return twice(name for module in modules for name in module.public_classes)


def most(sized: Iterable[Sized]) -> Sized:
    return max(sized, key=lambda one: one.size, default=Sized(0, ""))


def row(room: str, modules: list[Module]) -> tuple[str, ...]:
    return (
        room,
        str(len(modules)),
        str(sum(module.lines for module in modules)),
        str(most(Sized(module.lines, module.base_name) for module in modules)),
        str(most(one for module in modules for one in module.functions)),
        str(most(one for module in modules for one in module.constructors)),
    )


def figures(modules: list[Module]) -> dict[str, int]:
    return {
        "loose_modules": sum(module.room == LOOSE for module in modules),
        "modules": len(modules),
        "lines": sum(module.lines for module in modules),
        "longest_module": max(module.lines for module in modules),
        "longest_function": most(one for module in modules for one in module.functions).size,
        "most_arguments": most(one for module in modules for one in module.constructors).size,
        "same_names": len(same_base_names(modules)) + len(same_class_names(modules)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the sizes of the rooms of daemon/.")
    parser.add_argument("--daemon", type=Path, default=DAEMON, help="the package to read (default: this one)")
    modules = read(parser.parse_args().daemon)

    rooms = sorted({module.room for module in modules})
    table: list[tuple[str, ...]] = [
        ("room", "modules", "lines", "longest module", "longest function", "most arguments")
    ]
    table += [row(room, [module for module in modules if module.room == room]) for room in rooms]
    table.append(row("all", modules))
    widths = [max(len(cells[column]) for cells in table) for column in range(len(table[0]))]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())

    for kind, names in (("module", same_base_names(modules)), ("class", same_class_names(modules))):
        for name in names:
            print(f"More than one {kind} is called {name}.")
    print(json.dumps(figures(modules)))


if __name__ == "__main__":
    main()
