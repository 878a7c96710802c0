"""The file system as it really is: open without following links, name without replacing, write whole."""
