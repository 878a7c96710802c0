"""What an ICC profile says it is for, where it is whole; libvips silently computes with sRGB where it is not."""

_COLOURS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}


def colours_of(profile: bytes) -> int | None:
    """The channels of the pixels that a profile is for: 1, 3 or 4; None for other spaces and broken ones.

    After ICC.1:2022, 7.2 (header) and 7.3 (tag table): all tags must lie inside the profile.
    """
    number = int.from_bytes(profile[128:132])
    table = profile[132 : 132 + 12 * number]
    if profile[36:40] != b"acsp" or number == 0 or len(table) < 12 * number:
        return None
    ends = [
        int.from_bytes(table[at + 4 : at + 8]) + int.from_bytes(table[at + 8 : at + 12])
        for at in range(0, len(table), 12)
    ]
    return _COLOURS.get(profile[16:20]) if max(ends) <= len(profile) else None
