"""Folders of photos become crops; what cannot be read is named."""

import shutil

import numpy as np
import pytest
from PIL import Image

from coin_core import detection
from coin_core.errors import TrainingDataError
from coin_core.imaging.preprocessing import RotatedBox
from coin_core.training import datasets
from coin_core.training.datasets import load_folder, load_rendered


@pytest.fixture(autouse=True)
def _own_data(tmp_path, monkeypatch):
    monkeypatch.setenv("COIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(detection, "detect_coins", find_disc)


def find_disc(photo):
    """What is darker than the white ground, () when nothing is."""
    rows, columns = np.nonzero(photo.mean(axis=2) < 200)
    if not len(rows):
        return ()
    height, width = photo.shape[:2]
    return (
        RotatedBox(
            left=columns.min() / width,
            top=rows.min() / height,
            right=(columns.max() + 1) / width,
            bottom=(rows.max() + 1) / height,
        ),
    )


def draw_coin(path, seed):
    """A brown disc with marks on white."""
    rng = np.random.default_rng(seed)
    image = np.full((120, 120, 3), 250, dtype=np.uint8)
    down, across = np.mgrid[:120, :120]
    flan = (down - 60) ** 2 + (across - 60) ** 2 < 45**2
    image[flan] = np.array([120, 90, 50]) + rng.integers(-40, 40, (flan.sum(), 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path)


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "my coins"
    for place, label in enumerate(("Zeno", "Leo")):
        for number in range(3):
            draw_coin(root / label / f"{number}.png", 10 * place + number)
    (root / "Zeno" / "broken.jpg").write_bytes(b"not a photo")
    (root / "Zeno" / "raw.dng").write_bytes(b"II*\0" + bytes(20))
    (root / "Zeno" / "notes.txt").write_text("no photo either")
    (root / "readme.md").write_text("a stray file")
    (root / ".hidden").mkdir()
    return root


def test_a_folder_of_folders_is_read(folder):
    coins = load_folder(folder, size_px=64)
    assert coins.crops.shape == (6, 64, 64, 3)
    assert coins.classes == ("Leo", "Zeno")
    assert list(coins.labels) == ["Leo"] * 3 + ["Zeno"] * 3
    assert coins.source == "folder my coins"
    assert len(set(coins.groups)) == 6
    # A raw picture is named as well; a text is none.
    names = [sentence.partition(": ")[0] for sentence in coins.unreadable]
    assert names == ["Zeno/broken.jpg", "Zeno/raw.dng"]


def test_a_photo_without_a_coin_is_used_whole(folder):
    blank = np.full((60, 80, 3), 255, dtype=np.uint8)
    Image.fromarray(blank).save(folder / "Leo" / "blank.png")
    coins = load_folder(folder, size_px=64)
    assert len(coins) == 7
    assert coins.without_face == 1


def test_crops_come_from_the_cache_the_second_time(folder, monkeypatch):
    first = load_folder(folder, size_px=64)
    real_crop = datasets._crop
    cropped = []

    def spy(path, size_px, classes):
        cropped.append(path.name)
        return real_crop(path, size_px, classes)

    monkeypatch.setattr(datasets, "_crop", spy)
    second = load_folder(folder, size_px=64)
    np.testing.assert_array_equal(first.crops, second.crops)
    assert first.digest == second.digest
    assert cropped == ["broken.jpg", "raw.dng"], "what cannot be read is tried again"


@pytest.mark.parametrize("damage", ["torn", "one byte"])
def test_a_damaged_cache_is_made_again(folder, tmp_path, damage):
    first = load_folder(folder, size_px=64)
    for path in (tmp_path / "data" / "cache").rglob("*.npz"):
        data = bytearray(path.read_bytes())
        data[data.index(b"crop.npy") + 28] |= 7  # of a compressed block, no such kind
        path.write_bytes(b"PK\x03\x04 torn" if damage == "torn" else data)
    np.testing.assert_array_equal(load_folder(folder, size_px=64).crops, first.crops)


def test_the_digest_follows_photos_and_labels(folder):
    before = load_folder(folder, size_px=64).digest
    (folder / "Leo" / "0.png").rename(folder / "Zeno" / "moved.png")
    assert load_folder(folder, size_px=64).digest != before


def test_photos_of_one_coin_share_a_group(folder):
    shutil.copy(folder / "Leo" / "0.png", folder / "Leo" / "same.png")
    draw_coin(folder / "Leo" / "lot9__obverse.png", 50)
    draw_coin(folder / "Leo" / "lot9__reverse.png", 51)
    (folder / "labels.csv").write_text(
        "file,coin_id\nZeno/0.png,k7\nZeno/1.png,k7\n", encoding="utf-8"
    )
    coins = load_folder(folder, size_px=64)
    group = dict(zip(coins.names, coins.groups, strict=True))
    assert group["Leo/0.png"] == group["Leo/same.png"]
    assert group["Leo/lot9__obverse.png"] == group["Leo/lot9__reverse.png"]
    assert group["Zeno/0.png"] == group["Zeno/1.png"]
    assert len(set(coins.groups)) == 6


@pytest.mark.parametrize("names", [("train", "val"), ("Training", "validation")])
def test_train_and_val_are_splits_and_their_folders_the_classes(tmp_path, names):
    for place, split in enumerate((*names, "test")):
        for label in ("Leo", "Zeno"):
            seed = 10 * place + ("LZ".index(label[0]))
            draw_coin(tmp_path / "split" / split / label / "1.png", seed)
    coins = load_folder(tmp_path / "split", size_px=64)
    assert coins.classes == ("Leo", "Zeno")
    splits = dict(zip(coins.names, coins.splits, strict=True))
    assert all(name.startswith(f"{split}/") for name, split in splits.items())
    assert set(coins.splits) == {"train", "validation", "test"}
    assert len(set(coins.names)) == 6
    assert "validation/Zeno/1.png" in coins.names


def test_without_a_val_folder_there_are_no_splits_and_no_class_train(tmp_path, caplog):
    for number, label in enumerate(("Leo", "Zeno")):
        draw_coin(tmp_path / "split" / "train" / label / "1.png", number)
    coins = load_folder(tmp_path / "split", size_px=64)
    assert coins.splits is None
    assert coins.classes == ("Leo", "Zeno")
    assert "cross-validation" in caplog.text


def test_a_photo_in_two_classes_is_named_and_refused(folder):
    for number in range(3):
        shutil.copy(
            folder / "Leo" / f"{number}.png", folder / "Zeno" / f"c{number}.png"
        )
    with pytest.raises(TrainingDataError, match=r"Leo/0.png and Zeno/c0.png") as error:
        load_folder(folder, size_px=64)
    assert "--allow-duplicates" in str(error.value)
    assert len(load_folder(folder, size_px=64, allow_duplicates=True)) == 9


def test_a_class_in_doubt_is_left_out_and_said(folder, caplog):
    draw_coin(folder / "Hyrcanus I?" / "1.png", 77)
    assert load_folder(folder, size_px=64).classes == ("Leo", "Zeno")
    assert "in doubt: Hyrcanus I?" in caplog.text


def test_what_is_no_folder_of_folders_is_refused(tmp_path, folder):
    with pytest.raises(TrainingDataError, match="is not a folder"):
        load_folder(tmp_path / "nowhere")
    with pytest.raises(TrainingDataError, match="0 classes"):
        load_folder(folder / "Leo")
    shutil.rmtree(folder / "Leo")
    with pytest.raises(TrainingDataError, match=r"1 classes \(Zeno\)"):
        load_folder(folder)


def test_rendered_coins_come_from_their_seed():
    one = load_rendered(9, 3, size_px=48)
    again = load_rendered(9, 3, size_px=48)
    np.testing.assert_array_equal(one.crops, again.crops)
    assert one.digest == again.digest != load_rendered(8, 3, size_px=48).digest
    assert one.crops.shape == (3, 48, 48, 3)
    assert one.legibility is not None
    assert set(one.labels) <= set(one.classes)
    clear = load_rendered(9, 2, size_px=48, at_least_legible=0.5)
    assert clear.legibility.min() >= 0.5
