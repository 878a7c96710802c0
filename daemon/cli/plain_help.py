"""Help pages without programmers' words: a switch has no type, and what to type is called PATH or NUMBER."""

from collections.abc import Callable
from typing import Any

from typer.core import TyperCommand, TyperGroup

from daemon.settings.explain import in_words

_WORDS = {"path": "PATH", "file": "PATH", "text": "TEXT", "str": "TEXT", "int": "NUMBER", "integer": "NUMBER"}
_WORDS |= {"float": "NUMBER", "int range": "NUMBER", "integer range": "NUMBER", "float range": "NUMBER"}


class PlainCommand(TyperCommand):
    """A command whose help says in plain words what its options take."""

    def __init__(self, *args: Any, **more: Any) -> None:
        paragraphs = (more.get("help") or "").split("\n\n")
        more["help"] = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        super().__init__(*args, **more)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read what was typed. What is wrong is told in our words."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            if hasattr(error, "message"):  # of an error of usage, whatever this version of Typer calls it
                error.message = in_words(str(error.message))
            raise

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
            name = f"{param.metavar or param.name.upper()}{'...' if param.nargs != 1 else ''}"
            param._usage_display_name = _always(name if param.required else f"[{name}]")
        elif param.metavar is None:
            kind = param.type.name if hasattr(param, "type") else param.display_type(ctx).strip("<>")
            param.metavar = "" if param.is_flag else _WORDS.get(kind)
        if getattr(param, "min", None) is not None:
            end = " or more" if getattr(param, "max", None) is None else f" to {param.max}"
            param._get_number_range_help_str = _always(f"{param.min}{end}")
    return params


def _always(text: str) -> Callable[[], str]:
    return lambda: text


def _no_type(ctx: Any) -> None:
    del ctx
