"""The file system as it really is: opened without following links, named without replacing, written whole."""
