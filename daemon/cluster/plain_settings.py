"""The settings that go with a photo to another machine, and those that count there."""

from daemon.settings import Settings

_OF_EACH_MACHINE = (
    "cluster",
    "comfyui",
    "engine",
    "families",
    "http",
    "models",
    "notify",
    "shops",
    "state_dir",
    "root",
)
"""Sections that each machine has its own of, or needs none of. All secrets are among them."""


def without_secrets(settings: Settings) -> Settings:
    """A photo's settings without what is of no concern elsewhere: addresses, passwords, tokens."""
    fields = type(settings).model_fields
    return settings.model_copy(update={name: fields[name].get_default() for name in _OF_EACH_MACHINE})


def as_here(settings: Settings, own: Settings) -> Settings:
    """A photo's settings with this machine's own engine, servers and models."""
    return settings.model_copy(update={name: getattr(own, name) for name in _OF_EACH_MACHINE})
