"""Proves that a file is what the table promises of a model's weights. It needs no library of networks."""

import hashlib
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from daemon.engines.onnx.onnx_table import OnnxModel, WeightsSource


@dataclass(frozen=True, slots=True)
class Promise:
    """What the file must be. size_bytes: None = not known. sums: hex digests, "" = not known; at least one is."""

    size_bytes: int | None = None
    sha256: str = ""
    md5: str = ""

    @property
    def algorithm(self) -> str:
        """The sum that decides."""
        return "sha256" if self.sha256 else "md5"

    @property
    def sum(self) -> str:
        """Its hex digest."""
        return (self.sha256 or self.md5).lower()


def right_weights(path: Path, model: OnnxModel) -> str:
    """The SHA-256 of weights that some source of the table vouches for; "" for others, or if there are none.

    Raises OSError.
    """
    promises = dict.fromkeys(map(promise_of, model.sources))
    return next((sha for each in promises if path.is_file() and (sha := sha256_if_right(path, each))), "")


def sha256_if_right(path: Path, promise: Promise) -> str:
    """The SHA-256 of a file that keeps its promise, "" if it does not. Raises OSError."""
    if promise.size_bytes is not None and path.stat().st_size != promise.size_bytes:
        return ""
    sha256 = digest_of(path, "sha256")
    right = sha256 if promise.sha256 else digest_of(path, "md5")
    return sha256 if right == promise.sum else ""


def digest_of(path: Path, algorithm: str) -> str:
    """The hex digest of a file. algorithm: "sha256" or "md5". Raises OSError."""
    with path.open("rb") as file:
        return digest_of_open(file, algorithm)


def digest_of_open(file: BufferedReader, algorithm: str) -> str:
    """The hex digest of an open file, from where it stands to its end. Raises OSError."""
    return hashlib.file_digest(file, lambda: hashlib.new(algorithm, usedforsecurity=False)).hexdigest()


def promise_of(source: WeightsSource) -> Promise:
    """What the table promises of a source."""
    return Promise(source.bytes, source.sha256, source.md5)
