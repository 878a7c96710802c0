"""What each command does; `cli` only reads the words and prints."""
