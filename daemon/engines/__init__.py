"""Everything that turns a proxy into an alpha."""
