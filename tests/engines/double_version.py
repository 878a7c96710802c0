"""The versions of ComfyUI that the double plays, and since which version a behaviour exists."""

Version = tuple[int, ...]

SEEN = ("0.3.64", "0.25.0", "0.33.0")
"""The versions that were recorded on real servers. What lies between was read in ComfyUI's source."""

OLDEST, CREATE_TIME, JOBS, MISSING_NODE_TYPE = (0, 3, 64), (0, 3, 75), (0, 6, 0), (0, 12, 0)
SEC_FETCH_SITE = (0, 19, 0)  # foreign pages are refused by this header, too
DEPENDENCY_CYCLE = (0, 20, 0)
BACKGROUND_NODES = PYAV = (0, 21, 0)
CANONICAL_IDS = (0, 25, 0)
STRICT_PROMPT = (0, 25, 0)  # a list as prompt is 500; seen there, perhaps older
CANCEL = (0, 26, 0)
MODEL_TAGS = PREVIEW_OUTPUT = (0, 33, 0)  # seen there and not in 0.25.0


def parsed(text: str) -> Version:
    """ "0.33.0" -> (0, 33, 0). What is no number ends it."""
    numbers: list[int] = []
    for part in text.split("."):
        if not part.isdigit():
            break
        numbers.append(int(part))
    return tuple(numbers)
