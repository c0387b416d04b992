"""The fixed faces of the command line: fields, exit codes, sentences."""

import inspect
import json
import os
import re
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from coin_core import detection, models, pipeline
from coin_core.classifiers import get_classifier
from coin_core.cli import arguments, evaluate, train
from coin_core.cli.main import INTERRUPTED, main
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.model_store import bundle
from coin_core.results import DetectedFace, PhotoResult, RejectReason, Side, Verdict
from coin_core.rulers import DEFAULT_CLASSES
from coin_core.training import (
    train_coin_detector,
    train_legend_localizer,
    train_rim_reader,
    train_side_classifier,
)
from coin_core.training.config import TrainingConfig
from coin_core.training.runs import list_runs

ROOT = Path(__file__).resolve().parents[3]
WHOLE = RotatedBox(left=0.0, top=0.0, right=1.0, bottom=1.0)


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(bundle, "WEIGHTS_DIR", tmp_path / "weights")
    monkeypatch.setattr(detection, "detect_coins", lambda photo: (WHOLE,))


class StubCoinClassifier:
    """Reads a ruler in bright photos and nothing in dark ones."""

    def model(self, name):
        pass

    def classify(self, photo, *, classifiers, box=None):
        bright = photo.mean() > 60
        face = DetectedFace(box=WHOLE, side=Side.LEGEND, confidence=0.9)
        probabilities = dict(zip(DEFAULT_CLASSES, (0.1, 0.2, 0.7), strict=True))
        return PhotoResult(
            faces=(face,) if bright else (),
            legend=0 if bright else None,
            verdicts=tuple(
                Verdict(
                    classifier=name,
                    probabilities=probabilities if bright else {},
                    ruler=DEFAULT_CLASSES[2] if bright else None,
                    reason=None if bright else RejectReason.NO_COIN,
                    seconds=0.01,
                )
                for name in classifiers
            ),
        )

    def classify_batch(self, photos, classifiers):
        for photo in photos:
            yield self.classify(photo, classifiers=classifiers)


@pytest.fixture
def stub(monkeypatch):
    monkeypatch.setattr(pipeline, "CoinClassifier", StubCoinClassifier)


def write_photo(path, grey=150):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 40, 3), grey, dtype=np.uint8)).save(path)
    return str(path)


def test_classify_prints_one_json_object_a_line(stub, tmp_path, capsys):
    bright, dark = write_photo(tmp_path / "a.png"), write_photo(tmp_path / "b.png", 5)
    assert main(["classify", bright, dark, "--json"]) == 0
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert set(one) == {
        "photo",
        "classifier",
        "ruler",
        "reason",
        "probabilities",
        "faces",
        "face",
        "seconds",
        "origin",
    }
    assert (one["photo"], one["classifier"]) == (bright, "resnet")
    assert one["origin"] == "shipped"
    assert (one["ruler"], one["reason"]) == ("alexander_jannaeus", None)
    assert one["probabilities"]["alexander_jannaeus"] == pytest.approx(0.7)
    assert one["faces"][0]["side"] == "legend"
    assert one["faces"][0]["box"]["right"] == 1.0
    assert (two["ruler"], two["reason"]) == (None, "no_coin_found")


def test_classify_says_which_of_several_coins_it_read(
    stub, tmp_path, capsys, monkeypatch
):
    classify = StubCoinClassifier.classify

    def with_others(self, photo, **more):
        result = classify(self, photo, **more)
        return replace(result, faces=result.faces * 3, legend=1)

    monkeypatch.setattr(StubCoinClassifier, "classify", with_others)
    assert main(["classify", write_photo(tmp_path / "tray.png")]) == 0
    assert capsys.readouterr().out.endswith(
        ": Alexander Jannaeus, 70 % (face 2 of 3)\n"
    )


def test_classify_with_all_answers_once_per_classifier(stub, tmp_path, capsys):
    photo = write_photo(tmp_path / "a.png")
    assert main(["classify", photo, "--classifier", "all", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["classifier"] for line in lines] == list(
        arguments.shipped_classifiers()
    )


def test_classify_together_answers_once(stub, tmp_path, capsys):
    photo = write_photo(tmp_path / "a.png")
    assert main(["classify", photo, "--classifier", "together", "--json"]) == 0
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert line["classifier"] == "together"


def test_classify_names_unreadable_files_and_answers_the_others(stub, tmp_path, capsys):
    good = write_photo(tmp_path / "good.png")
    bad = tmp_path / "bad.jpg"
    bad.write_text("words")
    gone = str(tmp_path / "gone.jpg")
    assert main(["classify", str(bad), good, gone]) == 1
    said = capsys.readouterr()
    assert said.out == f"{good}: Alexander Jannaeus, 70 %\n"
    for name in (str(bad), gone):
        assert name in said.err


def test_classify_reads_the_photos_in_a_folder(stub, tmp_path, capsys):
    for name in ("1.png", "sub/2.png"):
        write_photo(tmp_path / "many" / name)
    (tmp_path / "many" / "note.txt").write_text("x")
    assert main(["classify", str(tmp_path / "many"), "--json"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


@pytest.mark.parametrize("name", ["coin.CR2", "coin.dng", "coin.jxl", "coin.jp2"])
def test_classify_names_pictures_in_a_folder_that_it_cannot_read(
    stub, tmp_path, capsys, name
):
    good = write_photo(tmp_path / "many" / "1.png")
    (tmp_path / "many" / name).write_bytes(b"II*\0\x10\0\0\0CR\2\0" + bytes(40))
    assert main(["classify", str(tmp_path / "many")]) == 1
    said = capsys.readouterr()
    assert said.out == f"{good}: Alexander Jannaeus, 70 %\n"
    assert f"{name} is a raw camera file" in said.err


def test_a_folder_without_photos_is_told(stub, tmp_path, capsys):
    good = write_photo(tmp_path / "good.png")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "note.txt").write_text("x")
    assert main(["classify", str(tmp_path / "empty"), good]) == 1
    said = capsys.readouterr()
    assert said.out == f"{good}: Alexander Jannaeus, 70 %\n"
    assert said.err == f"{tmp_path / 'empty'}: there is no photo in this folder.\n"


def test_coins_are_not_rendered_among_earlier_ones(tmp_path, capsys):
    asked = ["render", "--count", "1", "--out", str(tmp_path / "coins")]
    assert main(asked) == 0
    truth = (tmp_path / "coins" / "truth.jsonl").read_bytes()
    assert main([*asked, "--seed", "2"]) == 2
    assert "holds rendered coins already" in capsys.readouterr().err
    assert (tmp_path / "coins" / "truth.jsonl").read_bytes() == truth


def test_an_empty_truth_describes_no_coins_and_is_replaced(tmp_path):
    (tmp_path / "truth.jsonl").touch()
    assert main(["render", "--count", "1", "--out", str(tmp_path)]) == 0
    assert len((tmp_path / "truth.jsonl").read_text("utf-8").splitlines()) == 1


@pytest.mark.parametrize("size_px", ["48", "1024"])
def test_the_smallest_and_largest_coins_can_be_rendered(size_px, tmp_path):
    asked = ["render", "--count", "1", "--size-px", size_px, "--out", str(tmp_path)]
    assert main(asked) == 0


def test_missing_weights_name_the_command_that_makes_them(tmp_path, capsys):
    assert main(["classify", write_photo(tmp_path / "a.png")]) == 1
    assert "python -m coin_core train resnet --data rendered" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["classify", "x.png", "--classifier", "oracle"],
            "mlp, all, together. --model",
        ),
        (["evaluate", "--data", "x", "--classifier", "together"], "mlp, all. --model"),
        (["classify", "x.png", "--model", "oracle"], "no model bundle 'oracle'"),
        (["classify", "x.png", "--model", "sides"], "sides helps the classifiers"),
        (
            ["classify", "x", "--classifier", "together", "--model", "resnet"],
            "--classifier together --model resnet: give one",
        ),
        (["dataset", "export", "x.tar"], "an export is no .tar file"),
        (["dataset", "export", "x.csv", "--form", "zip"], "--form zip writes no .csv"),
        (["dataset", "export", "x.zip", "--form", "coco"], "--form coco writes no"),
        (["train", "oracle", "--data", "rendered"], "'oracle'"),
        (["train", "knn", "--data", "catalog"], "no photo with a ruler"),
        (["evaluate", "--data", "catalog"], "no photo with a ruler"),
        (["train", "knn", "--data", "/nowhere/at/all"], "is not a folder"),
        (["train", "faces", "--data", "/nowhere/at/all"], "--data rendered"),
        (["train", "alexnet", "--data", "rendered"], "--data DIR"),
        (["train", "all", "--data", "rendered", "--out", "x"], "--out"),
        (["train", "all", "--data", "rendered", "--frozen"], "--frozen: not for"),
        (["train", "knn", "--data", "rendered", "--coins", "5"], "too few to learn"),
        (["train", "sides", "--data", "rendered", "--coins", "99"], "Take 100 or more"),
        (
            ["render", "--count", "1", "--out", "x", "--folders", "--scenes"],
            "--folders",
        ),
    ],
)
def test_wrong_use_ends_with_2_and_a_sentence(arguments, said, capsys):
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["classify"],
        ["train", "knn"],
        ["render", "--out", "x"],
        ["render", "--count", "0", "--out", "x"],
        ["evaluate", "--data", "x", "--keep", "my\x01photos"],
        ["evaluate", "--data", "x", "--keep", "x" * 4001],
        ["render", "--count", "1", "--out", "x", "--seed", "-1"],
        ["render", "--count", "1", "--out", "x", "--size-px", "47"],
        ["dataset", "freeze", "x", "--seed", "99999999999999999999"],
        ["dataset", "freeze", "x", "--seed", str(2**31)],
        ["render", "--count", "1", "--out", "x", "--scenes", "--two-sided"],
        ["train", "resnet", "--data", "x", "--size-px", "100"],
    ],
)
def test_what_argparse_refuses_ends_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    ("arguments", "usage"),
    [
        (["dataset", "export", "csv", "out"], "dataset export ["),
        (["dataset", "list", "all"], "dataset list ["),
        (["import", "photos", "--into", "x"], "import ["),
    ],
)
def test_an_unknown_argument_is_refused_with_the_usage_of_its_command(
    arguments, usage, capsys
):
    with pytest.raises(SystemExit):
        main(arguments)
    error = capsys.readouterr().err
    assert usage in error.splitlines()[0]
    assert "unrecognized arguments: " in error


def test_a_stopped_command_says_how_to_go_on(monkeypatch, capsys):
    def stopped(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "run", stopped)
    assert main(["train", "knn", "--data", "x"]) == 130
    assert "Run the same command to resume" in capsys.readouterr().err
    monkeypatch.setattr(evaluate, "run", stopped)
    assert main(["evaluate", "--data", "x"]) == 130
    assert capsys.readouterr().err.endswith("Stopped.\n"), "it begins again"


def test_render_writes_pictures_and_the_truth(tmp_path):
    def rendered(name, *options):
        out = tmp_path / name
        given = ["render", "--count", "2", "--out", str(out), "--size-px", "64"]
        assert main([*given, "--seed", "3", *options]) == 0
        lines = (out / "truth.jsonl").read_text("utf-8").splitlines()
        return out, [json.loads(line) for line in lines]

    out, truths = rendered("plain")
    assert len(truths) == 2
    for truth in truths:
        with Image.open(out / truth["file"]) as image:
            assert image.size == (64, 64)
        assert truth["ruler"] in DEFAULT_CLASSES
        assert truth["legend"]
        letter = truth["letters"][0]
        assert set(letter) == {"letter", "box", "legibility", "in_name"}
        assert 0 <= letter["legibility"] <= 1
    again, _ = rendered("again")
    for truth in truths:
        name = truth["file"]
        assert (out / name).read_bytes() == (again / name).read_bytes()
    both, truths_of_both = rendered("both", "--two-sided")
    with Image.open(both / truths_of_both[0]["file"]) as image:
        assert image.size == (128, 64)
    assert truths_of_both[0]["flan"]["left"] > 0.4
    _, others = rendered("other", "--kind", "star_anchor")
    assert {truth["ruler"] for truth in others} == {None}
    sorted_out, in_folders = rendered("folders", "--folders")
    for truth in in_folders:
        assert truth["file"].startswith(truth["ruler"] + "/")
        assert (sorted_out / truth["file"]).is_file()


class StubNet:
    """Four numbers per crop in place of what the vgg net makes of it."""

    preparation = get_classifier("vgg").build(("a", "b"), seed=0).preparation


@pytest.fixture
def two_kinds(tmp_path, monkeypatch):
    """Light and dark photos, and features that are their brightness."""
    rng = np.random.default_rng(0)
    for number in range(8):
        for label, grey in (("dark", 60), ("light", 180)):
            write_photo(
                tmp_path / "kinds" / label / f"{number}.png",
                grey + int(rng.integers(0, 40)),
            )
    from coin_core.training import train as own

    card = bundle.Card(
        name="vgg",
        classifier="vgg",
        title="VGG",
        classes=("a", "b"),
        files={"model.safetensors": "0" * 64},
    )

    def compute(net, crops, **options):
        mean = crops.reshape(len(crops), -1).mean(axis=1, dtype=np.float32)
        return np.stack([mean, mean**2, -mean, mean], axis=1) / 255

    monkeypatch.setattr(own.bundle, "find_bundle", lambda name: Path(name))
    monkeypatch.setattr(own, "networks_beside", lambda mode: {})
    monkeypatch.setattr(
        own.loading, "load_classifier", lambda folder: (card, StubNet())
    )
    monkeypatch.setattr("coin_core.classifiers.features.compute_features", compute)
    monkeypatch.setattr(models, "_try_new", lambda folder, name: None)
    return tmp_path / "kinds"


@pytest.mark.parametrize("name", ["knn", "svm"])
def test_train_on_a_folder_writes_a_bundle_and_a_run(two_kinds, capsys, name):
    assert main(["train", name, "--data", str(two_kinds), "--folds", "4"]) == 0
    said = capsys.readouterr()
    assert "100.0%" in said.out
    folder = bundle.models_dir() / f"{name}-kinds"
    card = bundle.load_card(folder)
    assert card.classes == ("dark", "light")
    assert card.metrics[0]["accuracy"] == 1.0
    assert card.metrics[0]["how"] == "4-fold cross-validation by coin"
    assert card.features_from["name"] == "vgg"
    assert card.training["command"] == (
        f"python -m coin_core train {name} --data kinds --folds 4 --seed 0"
    )
    assert str(two_kinds) not in (folder / "card.json").read_text()
    run = list_runs()[0]
    assert run.report()["state"] == "done"
    assert run.report()["report"]["accuracy"] == 1.0
    assert f"--data {two_kinds} " in run.config()["command"], "as it is called here"


def test_a_model_that_is_measured_on_what_it_learned_is_said_so(
    two_kinds, monkeypatch, capsys
):
    assert main(["train", "knn", "--data", str(two_kinds), "--folds", "2"]) == 0
    card = bundle.load_card(bundle.models_dir() / "knn-kinds")
    loaded = SimpleNamespace(model=lambda name: SimpleNamespace(card=card))
    loaded.pinned = lambda names: loaded
    monkeypatch.setattr(pipeline, "CoinClassifier", lambda: loaded)
    capsys.readouterr()
    asked = ["evaluate", "--data", str(two_kinds), "--model", "knn-kinds"]
    assert main([*asked, "--keep", "kinds"]) == 2
    assert "was trained on these photos" in capsys.readouterr().err
    with pytest.raises(AttributeError):  # goes on to classify
        main(asked)
    assert "too good to be true" in capsys.readouterr().err
    write_photo(two_kinds / "dark" / "new.png", 70)
    with pytest.raises(AttributeError):
        main([*asked, "--keep", "kinds"])
    assert "too good" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["knn", "--data", "x", "--init", "magic"], "there is no model 'magic'"),
        (["svm", "--data", "x", "--init", "imagenet"], "features of a vgg net"),
        (["resnet", "--data", "rendered", "--folds", "3"], "--folds: not for rendered"),
        (["svm", "--data", "rendered", "--frozen"], "--frozen: not for rendered"),
        (["knn", "--data", "x", "--coins", "9"], "--coins: not for photos"),
        (["resnet", "--data", "x", "--momentum", "2"], "Momentum is from 0"),
        (["knn", "--data", "x", "--out", str(ROOT)], "other files than a model"),
        (["faces", "--data", "rendered", "--out", str(ROOT)], "other files than a"),
        (["knn", "--data", "x", "--out", "my model"], "cannot have the name"),
        (["knn", "--data", "x", "--out", f"{__file__}/m"], "No model can be written"),
    ],
)
def test_train_says_at_once_what_it_would_ignore_or_lack(arguments, said, capsys):
    assert main(["train", *arguments]) == 2
    assert said in capsys.readouterr().err


def test_train_says_before_it_learns_that_a_class_cannot_be_saved(two_kinds, capsys):
    (two_kinds / "dark").rename(two_kinds / "da\x01rk")
    assert main(["train", "knn", "--data", str(two_kinds), "--folds", "4"]) == 2
    assert "a class holds control characters" in capsys.readouterr().err
    assert list_runs() == []


def test_folders_in_hebrew_make_models_of_different_names():
    names = {train._bundle_name("svm", title) for title in ("מטבעות", "אוסף", "coins")}
    assert len(names) == 3
    assert all(re.fullmatch(r"svm-[a-z0-9-]+", name) for name in names)
    assert train._bundle_name("svm", "coins") == "svm-coins"


def test_train_names_settings_that_have_no_effect(two_kinds, capsys):
    asked = ["train", "svm", "--data", str(two_kinds), "--folds", "2"]
    unused = ["--epochs", "3", "--patience", "2", "--momentum", "0.5", "--frozen"]
    unused += ["--rotations", "1", "--size-px", "64", "--workers", "2"]
    assert main([*asked, *unused, "--no-class-weights"]) == 0
    said = capsys.readouterr().err
    assert (
        "--epochs, --patience, --momentum, --no-class-weights, --size-px, --frozen, "
        "--rotations: no effect, since svm is no net.\n"
    ) in said
    assert "--workers: no effect, since nothing is rendered.\n" in said
    config = list_runs()[0].config()
    assert config["epochs"] is None
    assert config["recipe"] == TrainingConfig().as_dict(), "so that the run resumes"
    assert main(asked) == 0
    assert "no effect" not in capsys.readouterr().err


def test_scenes_have_no_side_and_size_of_their_own(tmp_path, capsys):
    asked = ["render", "--count", "1", "--scenes", "--out"]
    odd = [str(tmp_path / "odd"), "--kind", "other", "--size-px", "64"]
    assert main([*asked, *odd]) == 0
    said = capsys.readouterr().err
    assert "--size-px, --kind: no effect on scenes, which show several coins." in said
    assert main([*asked, str(tmp_path / "usual")]) == 0
    assert "no effect" not in capsys.readouterr().err


@pytest.mark.parametrize("setting", ["--folds=1", "--epochs=0", "--size-px=-1"])
@pytest.mark.parametrize("command", ["train resnet --data", "study"])
def test_impossible_settings_are_refused_before_any_work(setting, command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([*command.split(), "rendered", setting])
    assert stopped.value.code == 2
    assert f"argument {setting.partition('=')[0]}: expected " in capsys.readouterr().err


def test_train_names_photos_it_cannot_read(two_kinds, capsys):
    (two_kinds / "dark" / "broken.png").write_bytes(b"no")
    assert main(["train", "knn", "--data", str(two_kinds), "--json"]) == 1
    said = capsys.readouterr()
    assert "dark/broken.png: " in said.err
    assert json.loads(said.out)["n"] == 16


class StubModels(StubCoinClassifier):
    """Models whose probabilities follow the brightness of a crop."""

    class Model:
        takes_features = needs_features = False
        card = bundle.Card(
            name="stub",
            classifier="knn",
            title="Stub",
            classes=DEFAULT_CLASSES,
            threshold=0.5,
            training={"seed": 77},
        )

    def pinned(self, names):
        return self

    def model(self, name):
        return self.Model()

    def probabilities(self, crops, name, features=None):
        rows = np.full((len(crops), 3), 0.2, dtype=np.float32)
        rows[:, 2] = 0.6
        return rows

    def outside_scope(self, crops, name, features=None):
        return np.zeros(len(crops), bool)


def test_evaluate_prints_the_fixed_fields(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "CoinClassifier", StubModels)
    for number, label in enumerate(DEFAULT_CLASSES[1:]):
        write_photo(tmp_path / "set" / label / "1.png", 150 + number)
        write_photo(tmp_path / "set" / label / "2.png", 5 + number)
    data = ["--data", str(tmp_path / "set"), "--classifier", "knn"]
    assert main(["evaluate", *data, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["n"], report["answered"]) == (4, 2)
    # No coin was found in the dark ones: neither of them counts as right.
    assert report["accuracy"] == 0.25
    assert report["recall"] == {
        "john_hyrcanus_i": None,
        "judah_aristobulus_i": 0.0,
        "alexander_jannaeus": 0.5,
    }
    assert main(["evaluate", *data]) == 0
    assert "25.0%" in capsys.readouterr().out
    assert main(["evaluate", *data, "--by-legibility"]) == 2


def test_evaluate_on_rendered_coins_shows_legibility(monkeypatch, capsys):
    monkeypatch.setattr(pipeline, "CoinClassifier", StubModels)
    given = ["evaluate", "--data", "rendered", "--count", "4", "--classifier", "knn"]
    assert main([*given, "--by-legibility", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["n"] == 4
    assert sum(row["n"] for row in report["by_legibility"]) == 4
    assert main([*given, "--by-legibility"]) == 0
    assert "75% to 100%" in capsys.readouterr().out
    assert main([*given, "--seed", "77"]) == 2


def computed_by_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help_comes_at_once(arguments):
    command = [sys.executable, "-m", "coin_core", *arguments]
    took = []
    for _ in range(3):
        before = computed_by_children()
        said = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, check=True
        )
        took.append(computed_by_children() - before)
        assert "usage: python -m coin_core" in said.stdout
    # A second is promised; processor time does not count who else uses the machine.
    assert min(took) < 1


def test_help_needs_no_heavy_library():
    code = (
        "import sys, contextlib, coin_core.cli.main\n"
        "with contextlib.suppress(SystemExit): coin_core.cli.main.main(['--help'])\n"
        "heavy = {'torch', 'sklearn', 'cv2', 'numpy', 'skorch'} & set(sys.modules)\n"
        "sys.exit(','.join(heavy) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ},
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_train_all_goes_on_after_the_last_model_that_was_done(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path))
    taken = []

    def step(names, options):
        if names == ("svm",) and "svm" not in taken:
            taken.append("svm")
            raise KeyboardInterrupt
        taken.append(" ".join(names))
        return []

    monkeypatch.setattr(train, "_train_step", step)
    monkeypatch.setattr(train, "write_reports", lambda reports, as_json: None)
    asked = ["train", "all", "--data", "rendered"]
    assert main(asked) == INTERRUPTED
    kept = tmp_path / "train-all.json"
    whole = kept.read_text()
    assert taken == ["faces", "sides", "frames", "rims", "resnet vgg", "svm"]

    taken[:] = ["svm"]
    assert main(asked) == 0
    assert taken == ["svm", "svm", "knn", "mlp"]
    assert "resnet and vgg. Resuming" in capsys.readouterr().err
    assert not kept.exists()

    for other in (whole.replace('"seed": 0', '"seed": 1'), "[]", whole[:-9], "{}"):
        kept.write_text(other)
        taken[:] = ["svm"]
        assert main(asked) == 0
        assert taken[1:] == [
            *("faces", "sides", "frames", "rims", "resnet vgg", "svm", "knn", "mlp")
        ]


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("faces", train_coin_detector.train_coin_detector),
        ("sides", train_side_classifier.train_side_classifier),
        ("frames", train_legend_localizer.train_legend_localizer),
        ("rims", train_rim_reader.train_rim_reader),
    ],
)
def test_a_small_net_learns_from_as_many_coins_as_it_is_told(
    monkeypatch, tmp_path, capsys, name, function
):
    given = {}

    def learn(out, **settings):
        given.update(inspect.signature(function).bind(out, **settings).arguments)
        return {}

    module = sys.modules[function.__module__]
    monkeypatch.setattr(module, function.__name__, learn)
    asked = ["train", name, "--data", "rendered", "--out", str(tmp_path / name)]
    assert main([*asked, "--coins", "320", "--seed", "3"]) == 0
    assert given["scenes" if name == "faces" else "coins"] == 320
    assert given["seed"] == 3
    given.clear()
    assert main(asked) == 0
    assert given.keys() <= {"out", "seed", "workers"}  # the usual number
