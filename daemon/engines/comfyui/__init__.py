"""The ComfyUI client: one server at a time. `daemon.engines.pool` makes one engine of many servers."""
