"""A proxy as it is sent to servers."""

import hashlib
import time
from dataclasses import dataclass

from daemon.arrays import Rgb
from daemon.pictures import codec


@dataclass(frozen=True, slots=True)
class EncodedProxy:
    """An encoded proxy, the SHA-256 of its bytes in hex, its size in pixels, and what it took to encode it."""

    encoded: bytes
    digest: str
    height: int
    width: int
    seconds: float = 0.0
    cpu_seconds: float = 0.0

    @classmethod
    def of(cls, proxy: Rgb) -> "EncodedProxy":
        """Encode a proxy, (H, W, 3) uint8 sRGB, once for all servers that may get it."""
        began, cpu_began = time.perf_counter(), time.thread_time()
        encoded = codec.encode_proxy(proxy)
        digest = hashlib.sha256(encoded).hexdigest()
        seconds, cpu_seconds = time.perf_counter() - began, time.thread_time() - cpu_began
        return cls(encoded, digest, proxy.shape[0], proxy.shape[1], seconds, cpu_seconds)
