"""Each command is a function here; `cli` reads its options and prints what it returns."""
