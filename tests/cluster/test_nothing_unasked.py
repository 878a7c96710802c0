"""Without the setting nothing of Dask is loaded, and nothing secret goes with a photo."""

import pickle
import subprocess
import sys

from daemon.cluster.plain_settings import as_here, without_secrets
from daemon.settings import Settings

SECRETS = {
    "comfyui": {"servers": [{"url": "http://gpu1:8188", "password": "of-the-server"}]},
    "http": {"token": "of-the-port"},
    "notify": {"hooks": [{"url": "https://example.org/of-the-hook"}]},
}


def test_a_daemon_without_a_cluster_loads_nothing_of_dask() -> None:
    code = (
        "import sys, daemon.service.lifecycle, daemon.cli.main;"
        "print([name for name in sys.modules if name in ('dask', 'distributed')])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


def test_no_secret_and_no_address_goes_with_a_photo() -> None:
    settings = Settings.model_validate(SECRETS)

    sent = pickle.dumps(without_secrets(settings))

    for secret in (b"of-the-server", b"of-the-port", b"of-the-hook", b"gpu1"):
        assert secret in pickle.dumps(settings)
        assert secret not in sent


def test_a_worker_uses_its_own_engine_and_the_photos_own_grades() -> None:
    of_photo = Settings.model_validate({**SECRETS, "grading": {"sehr_gut": 0.99}})
    own = Settings.model_validate({"engine": {"use": "local"}, "grading": {"sehr_gut": 0.9}})

    here = as_here(without_secrets(of_photo), own)

    assert (here.engine_in_use, here.grading.sehr_gut) == ("local", 0.99)
