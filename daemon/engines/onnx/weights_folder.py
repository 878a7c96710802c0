"""Where weights lie in the weights folder: in either of rembg's two layouts, with a model's own table beside them."""

from pathlib import Path


def weights_file(folder: Path, model: str) -> Path | None:
    """The weights file of `model` below `folder`, in either of rembg's two layouts. None if it is missing."""
    for path in (folder / "models" / model / f"{model}.onnx", folder / f"{model}.onnx"):
        if path.is_file():
            return path
    return None


def present_models(folder: Path) -> tuple[str, ...]:
    """The names of the models whose weights are in `folder`, whether or not a table describes them."""
    return tuple(sorted(_named(folder, ".onnx")))


def own_tables(folder: Path) -> dict[str, Path]:
    """The tables of a user's own models in `folder`, by the model's name: NAME.toml beside or without NAME.onnx."""
    return _named(folder, ".toml")


def side_car(weights: Path) -> Path:
    """Where the table of a user's own model lies: NAME.toml beside NAME.onnx."""
    return weights.with_suffix(".toml")


def _named(folder: Path, suffix: str) -> dict[str, Path]:
    """The files that are named like a model, by its name. As in weights_file, one in models/ comes first."""
    flat = {path.stem: path for path in sorted(folder.glob(f"*{suffix}"))}
    nested = {path.stem: path for path in sorted(folder.glob(f"models/*/*{suffix}")) if path.stem == path.parent.name}
    return {name: path for name, path in (flat | nested).items() if path.is_file() and not name.startswith(".")}
