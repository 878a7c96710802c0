"""Tests that every engine must pass. Inherit `EngineConformance` and provide an `engine` fixture."""

import threading
import uuid

import numpy as np
import pytest

from daemon.arrays import Rgb
from daemon.engines.contract import Engine
from daemon.errors import EngineAway, FreistellerError, RecipeRefused
from daemon.jobs import Recipe


def drawn_photo(height: int = 96, width: int = 128, shift: int = 0) -> Rgb:
    """A red box with a soft-edged green disc on light grey. `shift` moves it, so that photos differ."""
    photo = np.full((height, width, 3), 236, np.uint8)
    photo[height // 4 : height // 4 * 3, width // 4 + shift : width // 4 * 3 + shift] = (190, 32, 40)
    rows, columns = np.mgrid[:height, :width]
    inside = (rows - height // 2) ** 2 + (columns - width // 2 - shift) ** 2 < (height // 6) ** 2
    photo[inside] = (24, 140, 60)
    return photo


class EngineConformance:
    """The promises of `daemon.engines.contract`, one test each."""

    refusal: type[FreistellerError] = RecipeRefused
    """The error for a model that the engine does not know."""

    def recipe(self, engine: Engine) -> Recipe:
        return Recipe(engine.models[0])

    def test_the_alpha_has_the_proxys_size_and_range(self, engine: Engine) -> None:
        photo = drawn_photo(90, 130)

        alpha = engine.cut(uuid.uuid4(), photo, self.recipe(engine)).alpha

        assert alpha.shape == (90, 130)
        assert alpha.dtype == np.float32
        assert np.isfinite(alpha).all()
        assert alpha.min() >= 0
        assert alpha.max() <= 1

    def test_a_tall_photo_stays_tall(self, engine: Engine) -> None:
        assert engine.cut(uuid.uuid4(), drawn_photo(260, 40), self.recipe(engine)).alpha.shape == (260, 40)

    @pytest.mark.parametrize("size", [(1, 120), (120, 1), (1, 1), (2, 90), (1, 2), (30, 3000)], ids=str)
    def test_a_strip_or_a_dot_keeps_its_size(self, engine: Engine, size: tuple[int, int]) -> None:
        """Nodes and networks take a side of one pixel for something else. BEN2's node then takes up to 17 GB."""
        alpha = engine.cut(uuid.uuid4(), drawn_photo(*size), self.recipe(engine)).alpha

        assert alpha.shape == size
        assert np.isfinite(alpha).all()

    def test_the_answer_says_who_gave_it(self, engine: Engine) -> None:
        answer = engine.cut(uuid.uuid4(), drawn_photo(), self.recipe(engine))

        assert answer.server
        assert all(seconds >= 0 for seconds in answer.stages.values())

    def test_the_same_ticket_gives_the_same_alpha(self, engine: Engine) -> None:
        ticket, photo = uuid.uuid4(), drawn_photo()

        first = engine.cut(ticket, photo, self.recipe(engine)).alpha
        second = engine.cut(ticket, photo, self.recipe(engine)).alpha

        assert np.array_equal(first, second)

    def test_the_proxy_is_left_as_it_was(self, engine: Engine) -> None:
        photo = drawn_photo()
        before = photo.copy()

        engine.cut(uuid.uuid4(), photo, self.recipe(engine))

        assert np.array_equal(photo, before)

    def test_a_recipe_for_an_unknown_model_is_refused(self, engine: Engine) -> None:
        with pytest.raises(self.refusal, match="no-such-model"):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("no-such-model"))

    def test_an_error_says_nothing_about_the_next_photo(self, engine: Engine) -> None:
        self.test_a_recipe_for_an_unknown_model_is_refused(engine)

        assert engine.cut(uuid.uuid4(), drawn_photo(), self.recipe(engine)).alpha.size

    def test_photos_of_many_threads_are_never_mixed_up(self, engine: Engine) -> None:
        sizes = [(64 + 8 * number, 80) for number in range(2 * engine.slots)]
        shapes: dict[int, tuple[int, ...]] = {}

        def work(number: int) -> None:
            shapes[number] = engine.cut(uuid.uuid4(), drawn_photo(*sizes[number]), self.recipe(engine)).alpha.shape

        threads = [threading.Thread(target=work, args=(number,)) for number in range(len(sizes))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert [shapes.get(number) for number in range(len(sizes))] == sizes

    def test_it_says_how_it_is(self, engine: Engine) -> None:
        engine.cut(uuid.uuid4(), drawn_photo(), self.recipe(engine))

        assert all(server.up for server in engine.health())
        assert all(server.up for server in engine.check())

    def test_it_can_be_closed_twice_and_then_answers_nobody(self, engine: Engine) -> None:
        engine.close()
        engine.close()

        with pytest.raises(EngineAway):
            engine.cut(uuid.uuid4(), drawn_photo(), self.recipe(engine))
