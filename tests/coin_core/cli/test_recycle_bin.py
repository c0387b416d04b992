"""The bin on the command line."""

from __future__ import annotations

import json

import pytest

from coin_core.cli.main import main
from coin_core.recycle_bin import list_bin
from coin_core.training.runs import list_runs, start_run


def test_a_run_is_listed_restored_and_deleted_for_good(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = start_run({"classifier": "svm"})
    run.release()
    run.delete()
    assert main(["bin"]) == 0
    assert f"runs/{run.run_id}" in capsys.readouterr().out
    assert main(["bin", "list", "--json"]) == 0
    (item,) = json.loads(capsys.readouterr().out)
    assert main(["bin", "restore", item["item_id"]]) == 0
    assert [one.run_id for one in list_runs()] == [run.run_id]
    run.delete()
    assert main(["bin", "empty"]) == 0
    assert "1 deleted for good" in capsys.readouterr().err
    assert not list_bin()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["restore"], "Name what to restore"),
        (["empty", "x"], "bin empty is for all"),
        (["list", "x"], "takes no ITEM"),
        (["restore", "nothing"], "may have been emptied"),
    ],
)
def test_wrong_use_is_a_sentence(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bin", *words]) == 2
    assert said in capsys.readouterr().err
