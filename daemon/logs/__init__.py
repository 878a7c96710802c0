"""Structured logs: one line for each change of state, and the door to systemd's journald."""
