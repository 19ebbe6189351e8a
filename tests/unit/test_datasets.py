"""Data sets from real files."""

import gzip
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits

from nas.errors import DataError, ParameterError
from workers.data.cifar import CIFAR10, CIFAR100
from workers.data.dataset import ArraySource, Request, split
from workers.data.digits import DIGITS
from workers.data.fashion_mnist import FASHION_MNIST
from workers.data.image_folder import IMAGE_FOLDER


def pictures(folder: Path, classes: int = 2, each: int = 10) -> Path:
    """A folder of pictures of several sizes, modes and formats."""
    generator = np.random.default_rng(0)
    modes = ("RGB", "L", "RGBA", "P", "CMYK", "1")
    for label in range(classes):
        (folder / f"class{label}").mkdir(parents=True)
        for index in range(each):
            size = tuple(generator.integers(5, 60, 2))
            image = Image.fromarray(generator.integers(0, 256, (*size, 3), dtype=np.uint8).astype(np.uint8))
            image = image.convert(modes[index % len(modes)])
            suffix = "jpg" if image.mode in ("RGB", "L", "CMYK") else "png"
            image.save(folder / f"class{label}" / f"{index}.{suffix}")
    return folder


def test_digits_parts_are_disjoint_and_complete() -> None:
    train, test = (DIGITS.open(Request(), part) for part in ("train", "test"))
    assert len(train.labels) + len(test.labels) == 1797
    train_images = {image.tobytes() for image in train.images(np.arange(len(train.labels)), 8)}
    test_images = {image.tobytes() for image in test.images(np.arange(len(test.labels)), 8)}
    assert not train_images & test_images
    assert set(train.labels) == set(test.labels) == set(range(10))


def test_digits_are_those_of_scikit_learn() -> None:
    parts = [DIGITS.open(Request(), part) for part in ("train", "test")]
    images = np.concatenate([part.images(np.arange(len(part.labels)), 8) for part in parts])[:, 0]
    ours = zip(np.concatenate([part.labels for part in parts]), images, strict=True)
    digits = load_digits()
    theirs = zip(digits.target, np.round(digits.images * (255 / 16)).astype(np.uint8), strict=True)
    pairs = [sorted((int(label), image.tobytes()) for label, image in each) for each in (ours, theirs)]
    assert pairs[0] == pairs[1]


def test_digits_are_enlarged() -> None:
    source = DIGITS.open(Request(), "train")
    native, larger = source.images(np.arange(3), 8), source.images(np.arange(3), 16)
    assert native.shape == (3, 1, 8, 8)
    assert larger.shape == (3, 1, 16, 16)
    assert larger.dtype == np.uint8
    assert native.max() == 255


def test_split_is_seeded_and_disjoint() -> None:
    source = ArraySource(np.arange(100, dtype=np.uint8).reshape(100, 1, 1, 1), np.arange(100) % 4, tuple("abcd"))
    one, again, other = (split(DIGITS, source, size_px=1, train_size=30, seed=seed) for seed in (1, 1, 2))
    assert one.train_images.shape == (30, 1, 1, 1)
    assert len(one.validation_labels) == 70
    assert not set(one.train_images.flat) & set(one.validation_images.flat)
    assert np.array_equal(one.train_images, again.train_images)
    assert not np.array_equal(one.train_images, other.train_images)
    assert split(DIGITS, source, size_px=1, train_size=1000, seed=1).train_labels.size == 80


def imbalanced(*counts: int) -> ArraySource:
    labels = np.repeat(np.arange(len(counts)), counts)
    names = tuple("abcdefgh"[: len(counts)])
    return ArraySource((np.arange(len(labels)) % 256).astype(np.uint8).reshape(-1, 1, 1, 1), labels, names)


@pytest.mark.parametrize("seed", range(5))
def test_rare_classes_are_in_both_parts_of_a_split(seed: int) -> None:
    data = split(DIGITS, imbalanced(320, 16, 4, 2, 1), size_px=1, train_size=8000, seed=seed)
    assert data.is_stratified
    assert np.bincount(data.validation_labels).tolist() == [63, 3, 1, 1]
    assert np.bincount(data.train_labels).tolist() == [257, 13, 3, 1, 1]
    assert data.class_counts == {"a": 320, "b": 16, "c": 4, "d": 2, "e": 1}
    # Also where few of the pictures train.
    few = split(DIGITS, imbalanced(320, 16, 4, 2, 1), size_px=1, train_size=20, seed=seed)
    assert np.bincount(few.train_labels).tolist() == [16, 1, 1, 1, 1]


def test_folds_of_a_stratified_split_are_disjoint_and_alike() -> None:
    data = split(DIGITS, imbalanced(120, 40, 20), size_px=1, train_size=8000, seed=0, folds=4)
    folds = (data, *data.further_folds)
    assert [np.bincount(fold.validation_labels).tolist() for fold in folds] == [[24, 8, 4]] * 4
    judged = np.concatenate([fold.validation_images.ravel() for fold in folds])
    assert len(np.unique(judged)) == len(judged)
    assert not any(set(fold.train_images.flat) & set(fold.validation_images.flat) for fold in folds)


def test_a_split_without_rare_classes_and_one_of_earlier_versions_are_random_permutations() -> None:
    order = np.random.default_rng(3).permutation(600)
    for source, stratify in ((imbalanced(300, 300), True), (imbalanced(590, 10), False)):
        data = split(DIGITS, source, size_px=1, train_size=8000, seed=3, stratify=stratify)
        assert not data.is_stratified
        assert np.array_equal(data.validation_labels, source.labels[order[:120]])
        assert np.array_equal(data.train_labels, source.labels[order[120:]])


def test_one_class_or_too_few_images_are_refused() -> None:
    images = np.zeros((20, 1, 8, 8), np.uint8)
    with pytest.raises(DataError, match="1 class"):
        split(DIGITS, ArraySource(images, np.zeros(20, np.int64), ("a", "b")), size_px=8, train_size=5, seed=0)
    with pytest.raises(DataError, match="2 images"):
        split(DIGITS, ArraySource(images[:2], np.arange(2), ("a", "b")), size_px=8, train_size=5, seed=0)


def test_fashion_mnist_from_archives_in_a_folder_that_is_only_read(fashion_mnist_dir: Path) -> None:
    before = sorted(path.name for path in fashion_mnist_dir.rglob("*"))
    train = FASHION_MNIST.open(Request(data_dir=fashion_mnist_dir), "train")
    test = FASHION_MNIST.open(Request(data_dir=fashion_mnist_dir), "test")
    assert (len(train.labels), len(test.labels), len(train.classes)) == (60_000, 10_000, 10)
    assert train.images(np.arange(2), 28).shape == (2, 1, 28, 28)
    assert sorted(path.name for path in fashion_mnist_dir.rglob("*")) == before


def test_fashion_mnist_unpacked_reads_the_same(fashion_mnist_dir: Path, tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for archive in (fashion_mnist_dir / "FashionMNIST" / "raw").glob("t10k*.gz"):
        with gzip.open(archive) as packed, (raw / archive.stem).open("wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    for stem in ("images-idx3-ubyte", "labels-idx1-ubyte"):
        (raw / f"train-{stem}").symlink_to(raw / f"t10k-{stem}")
    one = FASHION_MNIST.open(Request(data_dir=tmp_path), "test")
    other = FASHION_MNIST.open(Request(data_dir=fashion_mnist_dir), "test")
    assert np.array_equal(one.labels, other.labels)


def test_a_damaged_archive_is_an_error_of_the_data(tmp_path: Path) -> None:
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for stem in ("images-idx3", "labels-idx1"):
        (raw / f"train-{stem}-ubyte.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(DataError, match="'fashion-mnist' cannot be read"):
        FASHION_MNIST.open(Request(data_dir=tmp_path), "train")


@pytest.mark.parametrize("dataset", [CIFAR10, CIFAR100, FASHION_MNIST])
def test_missing_files_are_never_downloaded_unasked(dataset: object, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--download fetches it"):
        dataset.open(Request(data_dir=tmp_path), "train")
    assert list(tmp_path.iterdir()) == []


def test_image_folder_takes_any_size_and_mode(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures", classes=3)
    Image.fromarray(np.full((9, 7), 40_000, np.uint16)).save(root / "class0" / "deep.png")
    train, test = (IMAGE_FOLDER.open(Request(str(root)), part) for part in ("train", "test"))
    assert len(train.labels) + len(test.labels) == 31
    assert train.classes == ("class0", "class1", "class2")
    assert not set(train.paths) & set(test.paths)
    images = train.images(np.arange(len(train.labels)), 24)
    assert images.shape == (len(train.labels), 3, 24, 24)
    deep = [index for index, path in enumerate((*train.paths, *test.paths)) if path.name == "deep.png"]
    part = train if deep[0] < len(train.paths) else test
    shown = part.images(np.array([deep[0] % len(train.paths)]), 9)
    assert set(shown.flat) == {40_000 >> 8}


def test_image_folder_with_parts_of_its_own(tmp_path: Path) -> None:
    pictures(tmp_path / "train"), pictures(tmp_path / "test", each=3)
    assert len(IMAGE_FOLDER.open(Request(str(tmp_path)), "train").labels) == 20
    assert len(IMAGE_FOLDER.open(Request(str(tmp_path)), "test").labels) == 6


def test_a_rare_class_of_an_image_folder_is_in_both_parts(tmp_path: Path) -> None:
    pictures(tmp_path, each=30)
    for path in sorted((tmp_path / "class1").iterdir())[2:]:
        path.unlink()
    train, test = (IMAGE_FOLDER.open(Request(str(tmp_path)), part) for part in ("train", "test"))
    assert (np.bincount(train.labels).tolist(), np.bincount(test.labels).tolist()) == ([25, 1], [5, 1])
    # A study of an earlier version keeps its test part.
    before = IMAGE_FOLDER.open(Request(str(tmp_path), stratify=False), "test")
    chosen = np.sort(np.random.default_rng(0).permutation(32)[:6])
    assert before.paths == tuple(sorted(tmp_path.rglob("*.*"))[index] for index in chosen)


def test_links_lead_nowhere_else(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    (root / "class0" / "again.png").symlink_to(next((root / "class1").iterdir()))
    assert len(IMAGE_FOLDER.open(Request(str(root)), "train").labels) == 17
    secret = tmp_path / "secret.png"
    Image.new("L", (8, 8)).save(secret)
    os.mkfifo(root / "class0" / "pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png' cannot be read: it is not a file"):
        IMAGE_FOLDER.open(Request(str(root)), "train")
    (root / "class0" / "pipe.png").unlink()
    (root / "class0" / "out.png").symlink_to(secret)
    with pytest.raises(DataError, match=r"class0/out\.png' is a link out of the folder; --follow-links"):
        IMAGE_FOLDER.open(Request(str(root)), "train")
    assert len(IMAGE_FOLDER.open(Request(str(root), follow_links=True), "train").labels) == 18


@pytest.mark.parametrize("content", [b"", b"no picture at all", b"\x89PNG\r\n\x1a\n and no more"])
def test_a_broken_file_is_named(content: bytes, tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures")
    (root / "class1" / "broken.png").write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.png"):
        IMAGE_FOLDER.open(Request(str(root)), "train")


def test_a_truncated_file_is_named_when_it_is_decoded(tmp_path: Path) -> None:
    root = pictures(tmp_path / "pictures", each=1)
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    for index in range(8):
        path = root / "class0" / f"cut{index}.jpg"
        Image.fromarray(noise).save(path)
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = IMAGE_FOLDER.open(Request(str(root)), "train")
    with pytest.raises(DataError, match=r"cut\d\.jpg"):
        source.images(np.arange(len(source.labels)), 16)


def test_fewer_than_two_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="at least 2 class folders with pictures; found class0"):
        IMAGE_FOLDER.open(Request(str(pictures(tmp_path / "one", classes=1))), "train")
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="found none"):
        IMAGE_FOLDER.open(Request(str(tmp_path / "none")), "train")
    (tmp_path / "half" / "empty").mkdir(parents=True)
    pictures(tmp_path / "half", classes=1)
    with pytest.raises(DataError, match="empty"):
        IMAGE_FOLDER.open(Request(str(tmp_path / "half")), "train")


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        IMAGE_FOLDER.open(Request(str(tmp_path / "nowhere")), "train")
    with pytest.raises(ParameterError, match="imagefolder:PATH"):
        IMAGE_FOLDER.open(Request(), "train")


def test_parts_of_an_image_folder_need_the_same_classes(tmp_path: Path) -> None:
    """Labels are numbers: with another folder more in one part they would be of other classes."""
    pictures(tmp_path / "train", classes=3)
    pictures(tmp_path / "test", classes=2)
    with pytest.raises(DataError, match="train has class0, class1, class2, test class0, class1"):
        IMAGE_FOLDER.open(Request(str(tmp_path)), "train")


def test_hidden_folders_are_no_classes(tmp_path: Path) -> None:
    pictures(tmp_path)
    (tmp_path / ".ipynb_checkpoints").mkdir()
    assert IMAGE_FOLDER.open(Request(str(tmp_path)), "train").classes == ("class0", "class1")


def test_a_folder_that_is_parted_in_another_way_has_no_classes_of_the_parts_names(tmp_path: Path) -> None:
    pictures(tmp_path / "train")
    with pytest.raises(DataError, match="is split into train; train and test, or train and val, are needed"):
        IMAGE_FOLDER.open(Request(str(tmp_path)), "train")


def test_greys_of_16_bits_keep_their_upper_ones(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        Image.fromarray(ramp.astype(np.int32)).save(tmp_path / label / "one.tif")
        Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / label / "two.png")
        Image.fromarray(ramp.astype(np.uint16)).save(tmp_path / label / "three.png")
    found = IMAGE_FOLDER.open(Request(str(tmp_path)), "train").images(np.arange(4), 64)
    assert all(abs(float(image.mean()) - 127.5) < 2 for image in found)
