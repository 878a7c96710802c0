"""What an engine is asked for, and what we do to its answer."""

from dataclasses import dataclass

TOUCH_UP = "touch-up"
"""The model in the recipe of an alpha that a person touched up by hand. No engine has a model of that name."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of the upright photo that an engine sees, in fractions 0..1 of its width and height."""

    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0
    mirrored: bool = False

    @property
    def whole(self) -> bool:
        """Whether all of the photo is in view."""
        return (self.left, self.top, self.right, self.bottom) == (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an engine is asked for. process_res: in pixels; None if the model has no such parameter."""

    model: str
    process_res: int | None = None
    view: View = View()

    def __str__(self) -> str:
        parts = [self.model]
        if self.process_res is not None:
            parts.append(str(self.process_res))
        if not self.view.whole:
            parts.append("zoom")
        if self.view.mirrored:
            parts.append("mirrored")
        return " ".join(parts)


@dataclass(frozen=True, slots=True)
class Finish:
    """What we do to a raw alpha ourselves, in this order; the default changes nothing.

    blend: numbers of other attempts whose alphas are averaged with it.
    guided: whether the border follows the photo's own edges (guided filter).
    sensitivity: the alpha is multiplied by (2 - sensitivity) and clipped to 1; 1.0 = no change, lower = more subject.
    levels: the values of the alpha that become 0 and 1; (0, 1) = no change.
    keep_islands / fill_holes: False removes stray islands / True fills stray holes.
    mask_blur: radius of a Gaussian in pixels of the alpha. mask_offset: pixels to grow (+) or shrink (-).
    """

    blend: tuple[int, ...] = ()
    guided: bool = False
    sensitivity: float = 1.0
    levels: tuple[float, float] = (0.0, 1.0)
    keep_islands: bool = True
    fill_holes: bool = False
    mask_blur: float = 0.0
    mask_offset: int = 0


UNFINISHED = Finish()
"""Nothing is changed."""
