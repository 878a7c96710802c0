"""Cuts that tests run in the background."""

import threading
import uuid

from daemon.engines.contract import Answer, Engine
from daemon.errors import FreistellerError
from daemon.jobs import Recipe
from tests.engines.conformance import drawn_photo

RMBG = Recipe("RMBG-2.0", 1024)


class BackgroundCut:
    """A cut that runs in its own thread."""

    def __init__(self, engine: Engine, ticket: uuid.UUID | None = None, recipe: Recipe = RMBG, shift: int = 0) -> None:
        self.ticket = ticket or uuid.uuid4()
        self.answer: Answer | None = None
        self.error: FreistellerError | None = None

        def work() -> None:
            try:
                self.answer = engine.cut(self.ticket, drawn_photo(shift=shift), recipe)
            except FreistellerError as error:
                self.error = error

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def join(self, seconds: float = 90.0) -> "BackgroundCut":
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the cut did not end"
        return self
