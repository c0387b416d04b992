"""`import coin_core` is light, and its names are there when asked for."""

import subprocess
import sys

import pytest

import coin_core


@pytest.mark.parametrize("name", coin_core.__all__)
def test_every_public_name_is_found(name):
    assert getattr(coin_core, name) is not None
    assert name in dir(coin_core)


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'coin_maker'"):
        coin_core.coin_maker  # noqa: B018


def test_importing_the_package_loads_nothing_heavy(project_root):
    code = (
        "import sys, coin_core, coin_core.rulers, coin_core.errors;"
        "print({'torch', 'numpy', 'cv2', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
