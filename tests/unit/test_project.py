"""What a checkout owes to whoever installs it."""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("package", ["schemas", "producer", "consumer", "ops"])
def test_package_is_ours_and_typed(package: str) -> None:
    """The plain package names mean this checkout's packages, not another distribution's."""
    found = Path(str(importlib.import_module(package).__file__)).resolve().parent

    assert found == ROOT / package
    assert (found / "py.typed").is_file()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_lock_names_no_index(lock: str) -> None:
    """A lock has names, versions and hashes only, so that any mirror can serve it."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()

    strangers = [
        line
        for line in lines
        if not re.match(r"[a-z0-9-]+==[^ ]+( ; [^/]+)? \\$", line)
        and not re.match(r"    --hash=sha256:[0-9a-f]{64}( \\)?$", line)
    ]
    assert strangers == []


def test_locks_agree() -> None:
    """What is tested is what runs: both locks hold the same versions."""

    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
