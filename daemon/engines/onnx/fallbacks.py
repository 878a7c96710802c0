"""Counts how often the processor stood in for a graphics card, and says so once for each cause."""

import logging
import threading

from daemon.logs import log


class Fallbacks:
    """All fallbacks since the start. Several threads may add some."""

    def __init__(self) -> None:
        self._counting = threading.Lock()
        self._logged: set[tuple[str, str, str]] = set()
        self.count = 0
        self.message = ""
        """What happened last, for people; "" = nothing."""

    def add(self, model: str, provider: str, why: str) -> None:
        """Note that the processor stands in for `provider`. Logs it, but the same cause only once."""
        short = provider.removesuffix("ExecutionProvider")
        reason = " ".join(why.split())[:300]
        with self._counting:
            self.count += 1
            self.message = f"the processor stands in for {short}: {reason}"
            new = (model, provider, reason) not in self._logged
            if len(self._logged) < 100:  # causes; a text that names an address each time must not fill the memory
                self._logged.add((model, provider, reason))
        if new:
            text = f"{short} does not run {model}, so the processor does: {reason}"
            log.log("provider_fallback", text, level=logging.WARNING, model=model, provider=provider)
