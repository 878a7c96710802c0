"""Whatever turns a proxy into an alpha."""
