"""Writes structured logs, one line for each change of state."""
