"""Pictures that go to engines, and alphas that come back."""

import numpy as np
import pytest
import pyvips

from daemon.pictures import codec
from tests.pictures.drawing import coloured, disc, encoded, image_of


def test_a_proxy_is_a_jpeg_with_full_colour_resolution() -> None:
    rgb = coloured()

    image = pyvips.Image.jpegload_buffer(codec.encode_proxy(rgb))

    assert image.get("jpeg-chroma-subsample") == "4:4:4"
    assert np.abs(image.numpy().astype(int) - rgb).mean() < 3


def test_an_alpha_comes_back_to_the_nearest_of_256_steps() -> None:
    alpha = disc(50, 40)

    back = codec.decode_alpha(codec.encode_alpha(alpha))

    assert back.shape == (40, 50)
    assert back.dtype == np.float32
    assert np.abs(back - alpha).max() <= 0.5 / 255 + 1e-6


def test_an_alpha_that_arrives_as_grey_colours_is_read() -> None:
    steps = np.rint(disc() * 255).astype(np.uint8)

    back = codec.decode_alpha(encoded(image_of(np.dstack([steps] * 3)), "png"))

    assert np.array_equal(np.rint(back * 255), steps)


def test_an_alpha_of_16_bit_is_scaled_to_one() -> None:
    steps = np.rint(disc() * 65535).astype(np.uint16)

    back = codec.decode_alpha(encoded(image_of(steps), "png"))

    assert np.abs(back - steps / 65535).max() < 1e-6


@pytest.mark.parametrize(
    "junk",
    [b"", b"no picture", codec.encode_alpha(disc())[:-200], codec.encode_proxy(coloured())],
    ids=["nothing", "a text", "a cut-off PNG", "a JPEG"],
)
def test_what_is_no_whole_png_is_refused_as_an_alpha(junk: bytes) -> None:
    with pytest.raises(ValueError, match="not a whole PNG"):
        codec.decode_alpha(junk)
