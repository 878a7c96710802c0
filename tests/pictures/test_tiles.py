"""Tiles of a picture: what is taken out, put back and found in them."""

import numpy as np

from daemon.pictures.tiles import TILE, enlarged, tiles_of

HEIGHT, WIDTH = 2 * TILE + 5, 3 * TILE + 9
"""Not whole tiles, so that those at the far edges reach beyond the picture."""


def test_tiles_that_are_put_back_change_no_pixel_and_cover_the_far_edges() -> None:
    picture = np.random.default_rng(0).integers(1, 256, (HEIGHT, WIDTH, 4), np.uint8)
    copy = np.zeros_like(picture)

    for tiles in tiles_of(np.ones((8, 8), bool), HEIGHT, WIDTH):
        tiles.put_into(copy, tiles.taken_from(picture))

    assert np.array_equal(copy, picture)


def test_beyond_the_far_edges_there_is_nothing() -> None:
    (tiles,) = tiles_of(np.ones((8, 8), bool), HEIGHT, WIDTH)

    taken = tiles.taken_from(np.full((HEIGHT, WIDTH), 255, np.uint8))

    assert np.count_nonzero(taken) == HEIGHT * WIDTH


def test_a_counted_pixel_is_found_in_the_picture_and_in_the_field() -> None:
    picture = np.random.default_rng(1).integers(0, 65536, (HEIGHT, WIDTH), np.uint16)
    where = picture / np.float32(65535)
    (tiles,) = tiles_of(np.ones((8, 8), bool), HEIGHT, WIDTH)
    at = np.flatnonzero(tiles.taken_from(picture) > 60000)

    rows, columns = tiles.positions(at)
    points = tiles.points(enlarged(np.stack([where, -where]), tiles, HEIGHT, WIDTH), at)

    assert len(at) == np.count_nonzero(picture > 60000)
    assert np.array_equal(picture[rows, columns], tiles.taken_from(picture).reshape(-1)[at])
    assert np.allclose(points, [where[rows, columns], -where[rows, columns]], atol=1e-6)
