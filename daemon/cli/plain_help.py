"""Help pages without programmers' words: a switch has no type, and what to type is called PATH or NUMBER."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

_WORDS = {"path": "PATH", "file": "PATH", "text": "TEXT", "str": "TEXT", "int": "NUMBER", "integer": "NUMBER"}
_WORDS |= {"float": "NUMBER", "int range": "NUMBER", "integer range": "NUMBER", "float range": "NUMBER"}


class PlainCommand(TyperCommand):
    """A command whose help says in plain words what its options take."""

    def __init__(self, *args: Any, **more: Any) -> None:
        paragraphs = (more.get("help") or "").split("\n\n")
        more["help"] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        super().__init__(*args, **more)

    def get_params(self, ctx: Any) -> Any:  # Any: each version of Typer has other types here
        """The parameters, with words for people."""
        return _in_words(super().get_params(ctx), ctx)


class PlainGroup(TyperGroup):
    """A group of commands, as above."""

    def get_params(self, ctx: Any) -> Any:
        """The parameters, with words for people."""
        return _in_words(super().get_params(ctx), ctx)


def _in_words(params: Any, ctx: Any) -> Any:
    for param in params:
        if param.param_type_name == "argument":
            param.display_type_rich = _no_type  # its name says it: PHOTO
        elif param.metavar is None:
            kind = param.type.name if hasattr(param, "type") else param.display_type(ctx).strip("<>")
            param.metavar = "" if param.is_flag else _WORDS.get(kind)
    return params


def _no_type(ctx: Any) -> None:
    del ctx
