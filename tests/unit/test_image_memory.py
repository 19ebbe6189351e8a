"""Decoded images beyond a bound are mapped from a file, and batches are decoded ahead: the images are the same."""

import gc
import pickle
import tempfile
import threading
from pathlib import Path

import click
import numpy as np
import pytest
import torch
from ray import cloudpickle

from nas.cli.option_types import ByteSize
from nas.errors import DataError, OptionError
from nas.evaluation import EvaluationOptions, Job
from nas.latency.byte_size import bytes_text, parse_bytes
from nas.space.loading import load_space
from workers.data.dataset import ArraySource, split
from workers.data.digits import DIGITS
from workers.data.image_memory import BoundedSource, bound_bytes, is_mapped
from workers.data.read_ahead import MAX_AHEAD, ReadAhead
from workers.retrain.data import Pictures, StreamedData, training_data
from workers.training.loop import ResidentData
from workers.training.proxy import prepare
from workers.training.proxy_data import proxy_data


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def source(images: int = 40) -> ArraySource:
    pixels = np.random.default_rng(0).integers(0, 256, (images, 3, 6, 5), dtype=np.uint8)
    return ArraySource(pixels, np.arange(images) % 4, tuple("abcd"))


def test_images_beyond_the_bound_are_the_same_from_a_file(folder: Path) -> None:
    # 16 images to train on and 24 to validate, of 90 bytes each: the first fit.
    options = {"size_px": (6, 5), "train_size": 16, "seed": 0}
    bounded = BoundedSource(source(), 2000)
    whole, data = split(DIGITS, source(), **options), split(DIGITS, bounded, **options)
    assert not is_mapped(data.train_images)
    assert is_mapped(data.validation_images)
    assert np.array_equal(data.train_images, whole.train_images)
    assert np.array_equal(data.validation_images, whole.validation_images)
    assert data.digest == whole.digest
    assert bounded.note is not None
    assert bounded.note.startswith("40 decoded pictures take 3.6 kB, and --data-memory allows 2 kB: ")
    assert BoundedSource(source(), 10**6).note is None


def test_a_worker_maps_the_file_and_copies_no_image(folder: Path) -> None:
    images = BoundedSource(source(4000), 0).images(np.arange(4000), (6, 5))
    sent = pickle.dumps(images, protocol=5)
    assert len(sent) < 1000
    received = pickle.loads(sent)
    assert is_mapped(received)
    assert np.array_equal(received, source(4000).pixels)
    # Parts of them are ordinary arrays.
    for part in (images[:10], images[::-1], images[np.arange(5)]):
        assert np.array_equal(pickle.loads(pickle.dumps(part, protocol=5)), part)
        assert not is_mapped(pickle.loads(pickle.dumps(part, protocol=5)))


def test_the_file_is_there_as_long_as_the_images(folder: Path) -> None:
    images = BoundedSource(source(), 0).images(np.arange(40), (6, 5))
    assert len(list(folder.glob("nas-data-*/*"))) == 1
    del images
    gc.collect()
    assert not list(folder.iterdir())


def test_a_disk_without_room_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(OptionError, match=r"^data_memory 1 kB: the images beyond it take 3.6 kB in a file, for which"):
        BoundedSource(source(), 1000).images(np.arange(40), (6, 5))


def test_a_search_trains_the_same_network_from_a_file(folder: Path) -> None:
    options = {"device": "cpu", "train_size": 64, "epochs": 1, "train_precision": "fp32"}
    accuracies, digests = [], []
    for data_memory in (None, 0):
        evaluation = prepare(EvaluationOptions(**options, data_memory=data_memory), load_space("hybrid-16"))
        assert is_mapped(evaluation.evaluator.data.train_images) == (data_memory == 0)
        # As a worker has it.
        evaluator = pickle.loads(cloudpickle.dumps(evaluation.evaluator))
        smallest = next(iter(load_space("hybrid-16").smallest_of_each_mixer()))
        *_, outcome = evaluator.evaluate(Job(smallest, seed=1, is_baseline=True))
        accuracies.append(outcome.accuracy)
        digests.append(evaluation.images)
    assert accuracies[0] == accuracies[1]
    assert digests[0] == digests[1]


def test_on_a_cluster_ray_bounds_the_memory() -> None:
    with pytest.raises(OptionError, match=r"^data_memory 2 GB: on a Ray cluster `ray start --object-store-memory`"):
        proxy_data(EvaluationOptions(data_memory=2 * 10**9, ray_address="host:6379"))
    assert not is_mapped(proxy_data(EvaluationOptions(ray_address="host:6379")).data.train_images)


def test_the_default_is_a_share_of_the_free_memory() -> None:
    assert bound_bytes(5) == 5
    assert bound_bytes(None) > 2**20


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(("2GB", 2 * 10**9), ("1.5 GiB", 3 * 2**29), ("512mb", 512 * 10**6), ("2k", 2000), ("0", 0)),
        *(("2000000", 2_000_000), ("1e3", None), ("GB", None), ("-1", None), ("2 EB", None), ("1iB", None)),
    ],
)
def test_bytes_are_read(text: str, count: int | None) -> None:
    if count is not None:
        assert parse_bytes(text) == count
        return
    with pytest.raises(click.BadParameter, match=r"is not a number of bytes, written as 2GB, 1\.5GiB"):
        ByteSize().convert(text, None, None)


def test_bytes_are_written() -> None:
    assert [bytes_text(count) for count in (0, 999, 1000, 1_234_567, 2 * 10**15)] == [
        "0 B",
        "999 B",
        "1 kB",
        "1.23 MB",
        "2e+03 TB",
    ]


def pictures_of(images: int) -> Pictures:
    return Pictures(source(images), np.arange(images), (6, 5), torch.device("cpu"))


def test_streamed_pictures_are_the_resident_ones() -> None:
    resident = training_data(pictures_of(48), pictures_of(40), DIGITS, "accuracy", 10**6)
    streamed = training_data(pictures_of(48), pictures_of(40), DIGITS, "accuracy", 0)
    assert isinstance(resident, ResidentData)
    assert isinstance(streamed, StreamedData)
    assert torch.equal(resident.normalise.mean, streamed.normalise.mean)
    batches = torch.randperm(48).reshape(6, 8)
    for data in (resident, streamed):
        data.expect(batches)
    # A probe in between, an epoch that ends early, and another one.
    assert torch.equal(streamed.pictures(torch.arange(3)), resident.pictures(torch.arange(3)))
    for batch in batches[:4]:
        assert torch.equal(streamed.pictures(batch), resident.pictures(batch))
    streamed.expect(batches.flip(0))
    for batch in batches.flip(0):
        assert torch.equal(streamed.pictures(batch), resident.pictures(batch))
    for first in (0, 16, 32, 0):
        assert torch.equal(streamed.held_out(first, min(first + 16, 40)), resident.held_out(first, first + 16))


def test_batches_are_decoded_ahead_and_no_more_than_that() -> None:
    decoded: list[int] = []
    reached = threading.Semaphore(0)

    def decode(batch: np.ndarray) -> np.ndarray:
        decoded.append(int(batch[0]))
        reached.release()
        if batch[0] == 7:
            raise DataError("picture 7 is broken")
        return batch.astype(np.uint8)

    ahead = ReadAhead(decode)
    ahead.expect(np.array([[number] for number in range(10)]))
    for _ in range(MAX_AHEAD):
        assert reached.acquire(timeout=30)
    assert decoded == list(range(MAX_AHEAD))
    for number in range(7):
        assert ahead.take(np.array([number])) == [number]
    with pytest.raises(DataError, match="picture 7 is broken"):
        ahead.take(np.array([7]))
    assert [ahead.take(np.array([number]))[0] for number in (8, 9)] == [8, 9]
    assert sorted(decoded) == list(range(10))
