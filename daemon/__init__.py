"""Freisteller: a hot-folder daemon for background removal.

Programs in Python use it with `from daemon import cut_out, assess`.
"""

TYPE_CHECKING = False  # importing it would cost each worker process

if TYPE_CHECKING:
    from daemon.commands.from_python import Assessment, CutPhoto, Cutter, assess, close, cut_out

__version__ = "0.2.0"
__all__ = ["Assessment", "CutPhoto", "Cutter", "assess", "close", "cut_out"]


def __getattr__(name: str) -> object:
    """Import what programs in Python use when they first ask for it; commands and worker processes never do."""
    if name in __all__:
        from daemon.commands import from_python

        return getattr(from_python, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
