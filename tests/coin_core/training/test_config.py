"""The settings of a training."""

import subprocess
import sys

import pytest

from coin_core.errors import TrainingDataError
from coin_core.training.config import TrainingConfig


@pytest.mark.parametrize(
    "wrong", [{"patience": 0}, {"rotations": 99}, {"rotations": -1}, {"momentum": 1.0}]
)
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(TrainingDataError):
        TrainingConfig(**wrong)


def test_a_config_survives_the_run_it_is_kept_in():
    config = TrainingConfig(frozen=True, rotations=2, momentum=0.5)
    kept = config.as_dict() | {"unknown to this version": 1}
    assert TrainingConfig.from_dict(kept) == config


def test_flags_name_what_differs_from_the_default():
    assert TrainingConfig().flags() == []
    config = TrainingConfig(patience=3, frozen=True, class_weights=False)
    assert config.flags() == ["--patience", "3", "--frozen", "--no-class-weights"]


def test_the_pages_of_runs_do_not_wait_for_torch(project_root):
    code = (
        "import sys, coin_core.training.run_comparison, coin_core.training.report\n"
        "print({'torch', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=project_root,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
