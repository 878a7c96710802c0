"""The ComfyUI engine: many ComfyUI servers behind the one contract of `daemon.engines.contract`."""
