"""The commands that make the certificates of a cluster, as the document shows them, make some that Python takes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from daemon.service.cluster_link import CA_COMMANDS

DOCUMENT = Path(__file__).parents[2] / "docs" / "operations" / "cluster.md"


def test_the_certificates_are_good_enough_for_the_strict_check_of_python_3_13(tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    shown = re.findall(r"^openssl .*$", DOCUMENT.read_text("utf-8"), re.MULTILINE)

    for command in shown:
        subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    strict = [openssl, "verify", "-x509_strict", "-CAfile", "ca.pem", "cluster.pem"]
    done = subprocess.run(strict, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert len(shown) == 3
    assert (done.returncode, done.stdout) == (0, "cluster.pem: OK\n"), done.stderr


def test_the_message_names_the_commands_of_the_document() -> None:
    assert set(CA_COMMANDS) <= set(DOCUMENT.read_text("utf-8").splitlines())
