"""What is a good cut-out: numbers, score, grade, words, and what to try next. Pure: no clock, disk, network or log."""
