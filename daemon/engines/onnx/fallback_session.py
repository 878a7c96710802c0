"""A network that goes on running on the processor when the graphics card does not run it."""

import threading
from collections.abc import Callable, Sequence

from daemon.engines.onnx.network_input import Network
from daemon.engines.onnx.onnx_session import OnnxSession
from daemon.engines.onnx.providers import CPU
from daemon.errors import EngineMisconfigured


class FallbackSession:
    """The session of the first provider that starts. Several threads may use it at once."""

    def __init__(
        self,
        load: Callable[[str], OnnxSession],
        providers: Sequence[str],
        fell_back: Callable[[str, str], None],
    ) -> None:
        """load: loads the network for a provider. providers: the best one first; the last one is the processor.

        fell_back: told a provider that did not start or run, and why. Raises EngineMisconfigured if the network cannot
        be loaded even for the processor.
        """
        self._load = load
        self._fell_back = fell_back
        self._cpu: OnnxSession | None = None
        self._stands_in = False
        self._loading = threading.Lock()
        self._session = self._first_that_starts(providers)

    @property
    def provider(self) -> str:
        """The provider that runs the network now."""
        return self._session.provider

    @property
    def session(self) -> OnnxSession:
        """What runs the network now, without a stand-in for its errors."""
        return self._session

    def maps(self, pictures: Network) -> tuple[Network, bool]:
        """See `OnnxSession.maps`; and whether the processor stood in for a card that failed.

        If one picture fills the card's memory, the processor runs it. After any other error with one picture the
        processor runs all from now on. An error with several says little of the card, and is raised.
        """
        session = self._session
        if session.provider == CPU:
            return session.maps(pictures), self._stands_in
        try:
            return session.maps(pictures), False
        except EngineMisconfigured:  # the table is wrong, and would be on the processor
            raise
        except Exception as error:
            if len(pictures) > 1:
                raise
            if is_full_memory(error):
                self._fell_back(session.provider, str(error))
            else:
                self._fall_back(session.provider, error)
                self._session = self._on_cpu()
            return self._on_cpu().maps(pictures), True

    def _first_that_starts(self, providers: Sequence[str]) -> OnnxSession:
        """A card may be found and yet be of no use, so it runs an empty picture first."""
        for provider in providers[:-1]:
            try:
                session = self._load(provider)
                session.maps(session.empty_picture)
            except Exception as error:  # noqa: BLE001
                self._fall_back(provider, error)
            else:
                self._stands_in = False  # the next best card is no processor
                return session
        return self._on_cpu()

    def _fall_back(self, provider: str, error: Exception) -> None:
        """Leave this provider for good."""
        self._stands_in = True
        self._fell_back(provider, str(error))

    def _on_cpu(self) -> OnnxSession:
        with self._loading:
            self._cpu = self._cpu or self._load(CPU)
            return self._cpu


def is_full_memory(error: Exception) -> bool:
    """Whether an error of ONNX Runtime or of a driver says that memory is full."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or "alloc" in text or "out of memory" in text
