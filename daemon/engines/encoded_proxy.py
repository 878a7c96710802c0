"""A proxy as it is sent to servers."""

import hashlib
from dataclasses import dataclass

from daemon.arrays import Rgb
from daemon.pictures import codec


@dataclass(frozen=True, slots=True)
class EncodedProxy:
    """An encoded proxy, the SHA-256 of its bytes in hex, and its size in pixels."""

    encoded: bytes
    digest: str
    height: int
    width: int

    @classmethod
    def of(cls, proxy: Rgb) -> "EncodedProxy":
        """Encode a proxy, (H, W, 3) uint8 sRGB, once for all servers that may get it."""
        encoded = codec.encode_proxy(proxy)
        return cls(encoded, hashlib.sha256(encoded).hexdigest(), proxy.shape[0], proxy.shape[1])
