"""Counts things in English, as log lines and the terminal say them."""


def counted(count: int, what: str) -> str:
    """E.g. "1 photo" and "2,000 photos". what: one of them; the last word takes an s."""
    return f"{count} {what}" if count == 1 else f"{count:,} {what}s"
