"""Picture files of any mode, depth and shape, as images for networks: nothing of them is lost unseen."""

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nas.architecture import ModelInput, sides_of, size_of
from nas.architecture.picture_size import parse_size
from nas.errors import DataError, OptionError
from nas.evaluation import EvaluationOptions
from nas.exports.config import ExportedConfig
from nas.exports.pictures import (
    CROP,
    DEEP_WHITE,
    GREY,
    PAD,
    RGB,
    SQUASH,
    Rules,
    decode,
    fitted,
    image_of,
    white_of,
)
from nas.exports.source import Source, source_of
from nas.exports.training import TrainingOptions
from nas.space.loading import load_space
from nas.study.preparation import going_on
from nas.study.search_options import SearchOptions
from tests.studies import make_study
from workers.data.blank import blank_warnings
from workers.data.dataset import ArraySource, Request, split
from workers.data.digits import DIGITS
from workers.data.image_folder import IMAGE_FOLDER
from workers.retrain.part import TrainingPart, training_part
from workers.training.proxy import prepare

EVERY = np.arange(8)


def folder_of(path: Path, draw: Callable[[int], Image.Image], suffix: str = "png") -> Path:
    """Two classes of five pictures each: eight are the training part's."""
    for label, name in enumerate(("one", "other")):
        (path / name).mkdir(parents=True)
        for number in range(5):
            draw(5 * label + number).save(path / name / f"{number}.{suffix}")
    return path


def ramp(largest: float, dtype: type) -> Image.Image:
    return Image.fromarray(np.linspace(0, largest, 24 * 24).reshape(24, 24).astype(dtype))


def shown(folder: Path, **asked: object) -> np.ndarray:
    return IMAGE_FOLDER.open(Request(str(folder), **asked), "train").images(EVERY, 24)


@pytest.mark.parametrize(
    ("largest", "dtype", "suffix", "white"),
    [
        (255, np.int32, "tif", 255),
        (4095, np.uint16, "png", 4095),
        (65535, np.uint16, "png", 65535),
        (1000, np.int32, "tif", 1023),
        (1.0, np.float32, "tif", 1),
        (255.0, np.float32, "tif", 255),
    ],
)
def test_white_of_deep_pictures_is_found(
    largest: float, dtype: type, suffix: str, white: float, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "pictures", lambda _: ramp(largest, dtype), suffix)
    train = IMAGE_FOLDER.open(Request(str(folder)), "train")
    assert train.rules == Rules(GREY, CROP, white)
    images = train.images(EVERY, 24)
    assert images.shape == (8, 1, 24, 24)
    assert images.min() == 0
    assert images.max() == round(255 * largest / white)
    assert images.mean() == pytest.approx(images.max() / 2, abs=1)


def test_white_is_found_where_few_of_many_pictures_are_deep(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", lambda _: ramp(255, np.uint8))
    first = next(folder.rglob("*.png"))
    for number in range(300):
        shutil.copy(first, first.with_name(f"copy{number}.png"))
    for number in range(3):
        ramp(4095, np.uint16).save(first.with_name(f"deep{number}.png"))
    assert IMAGE_FOLDER.open(Request(str(folder)), "train").rules.white == 4095


def test_the_parts_have_one_white(tmp_path: Path) -> None:
    """A test part whose pictures are dark is as dark as the training saw such pictures."""
    folder_of(tmp_path / "train", lambda _: ramp(4095, np.uint16))
    folder_of(tmp_path / "test", lambda _: ramp(200, np.uint16))
    rules = IMAGE_FOLDER.open(Request(str(tmp_path)), "train").rules
    test = IMAGE_FOLDER.open(Request(str(tmp_path), rules=rules), "test")
    assert test.rules.white == 4095
    assert test.images(EVERY, 24).max() == round(255 * 200 / 4095)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_values_that_are_no_brightness_are_refused_with_the_files_name(value: float, tmp_path: Path) -> None:
    pixels = np.full((24, 24), 0.5, np.float32)
    pixels[3, 3] = value
    folder = folder_of(tmp_path / "pictures", lambda _: Image.fromarray(pixels), "tif")
    with pytest.raises(DataError, match=r"\d\.tif' cannot be read: its pixels are below 0 or not finite"):
        shown(folder)


@pytest.mark.parametrize(
    ("largest", "white"), [(0.3, 1.0), (1, 1.0), (2, 255.0), (255, 255.0), (256, 511.0), (0, 255.0)]
)
def test_white_is_the_least_that_holds_the_largest_value(largest: float, white: float) -> None:
    assert white_of(largest) == white


def test_grey_files_have_one_channel_and_the_user_decides(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)

    def grey(number: int) -> Image.Image:
        picture = Image.fromarray(draws.integers(0, 255, (20, 30), dtype=np.uint8))
        return ramp(255, np.uint16) if number % 5 == 3 else picture.convert(("L", "LA", "1")[number % 3])

    folder = folder_of(tmp_path / "grey", grey)
    assert shown(folder).shape == (8, 1, 24, 24)
    assert shown(folder, colour="rgb").shape == (8, 3, 24, 24)
    Image.new("RGB", (9, 9)).save(folder / "one" / "5.png")
    assert shown(folder).shape[1] == 3
    assert shown(folder, colour="grey").shape[1] == 1


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
@pytest.mark.parametrize("shade", [0, 255])
def test_what_is_drawn_in_transparency_is_seen(mode: str, shade: int, tmp_path: Path) -> None:
    """A black or white drawing whose shape is in the alpha channel alone."""
    alpha = np.zeros((16, 16), np.uint8)
    alpha[4:12, 4:12] = 255
    picture = Image.merge("RGBA", [*[Image.new("L", (16, 16), shade)] * 3, Image.fromarray(alpha)])
    if mode == "P":
        palette = Image.fromarray((alpha // 255).astype(np.uint8))
        palette.putpalette([shade] * 6)
        palette.save(tmp_path / "drawn.png", transparency=0)
    else:
        picture.convert(mode).save(tmp_path / "drawn.png")
    pixels = decode(tmp_path / "drawn.png", 16, 16, Rules())
    assert set(pixels[alpha == 0].flat) == {128}
    assert set(pixels[alpha == 255].flat) == {shade}
    chosen = decode(tmp_path / "drawn.png", 16, 16, Rules(background=(200, 100, 0)))
    assert {tuple(pixel) for pixel in chosen[alpha == 0]} == {(200, 100, 0)}
    assert set(chosen[alpha == 255].flat) == {shade}


def test_the_background_is_the_users_and_on_record(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", lambda number: Image.new("LA", (16, 8), (20 * number, 0)))
    assert set(shown(folder).flat) == {128}
    assert set(shown(folder, background="white").flat) == {255}
    # In one channel a colour is as bright as Pillow's conversion makes it, behind pixels and in margins.
    assert set(shown(folder, background="#0000ff", resize=PAD).flat) == {29}
    options = EvaluationOptions(f"imagefolder:{folder}", device="cpu", input_size_px=16)
    assert "background" not in prepare(options, load_space("hybrid")).settings
    settings = prepare(replace(options, background="white"), load_space("hybrid")).settings
    assert settings["background"] == "#ffffff"
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=1, background="#ffffff")
    assert going_on(SearchOptions(storage=url, study="study", space="hybrid")).background == "#ffffff"
    with pytest.raises(OptionError, match=r"background 'pink' is not one of grey, white, black, #rrggbb$"):
        SearchOptions(background="pink").check()
    SearchOptions(background="#12aBeF").check()
    with pytest.raises(OptionError, match=r"^background 'black': the images of this data set have no background$"):
        prepare(EvaluationOptions(device="cpu", background="black"), load_space("hybrid"))


def test_shapes() -> None:
    """A white square in a wide black picture, at the left end."""
    pixels = np.zeros((10, 40), np.uint8)
    pixels[:, :10] = 255
    image = Image.fromarray(pixels)
    cropped, padded, squashed = (fitted(image, 20, 20, Rules(GREY, rule))[:, :, 0] for rule in (CROP, PAD, SQUASH))
    assert cropped.max() == 0
    assert (padded[0] == 128).all()
    assert padded.max() == 255
    assert padded[10, -1] == 0
    assert squashed[0, 0] == squashed[-1, 0] == 255
    assert fitted(image, 8, 32, Rules(RGB, CROP)).shape == (8, 32, 3)
    np.testing.assert_array_equal(fitted(image, 10, 40, Rules(GREY, PAD))[:, :, 0], pixels)


def test_large_jpeg_files_are_decoded_smaller_and_upright(tmp_path: Path) -> None:
    pixels = np.zeros((400, 800, 3), np.uint8)
    pixels[:, :400] = 255
    exif = Image.Exif()
    # To be turned by a quarter: the left half is the upper one.
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / "turned.jpg", exif=exif, quality=95)
    decoded = decode(tmp_path / "turned.jpg", 32, 8, Rules(GREY, SQUASH))[:, :, 0]
    assert decoded.shape == (32, 8)
    assert decoded[:12].min() > 250
    assert decoded[20:].max() < 5


def test_files_of_more_pixels_are_refused_unless_they_are_allowed(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", lambda _: ramp(255, np.uint8))
    with pytest.raises(DataError, match=r"its 24 x 24 pixels are more than --max-pixels 575 allows"):
        shown(folder, max_pixels=575)
    assert shown(folder, max_pixels=576).shape == (8, 1, 24, 24)


def test_classes_of_blank_pictures_are_named() -> None:
    draws = np.random.default_rng(0)
    images = draws.integers(0, 255, (40, 3, 8, 8), dtype=np.uint8)
    labels = np.repeat(np.arange(4), 10)
    assert blank_warnings(images, labels, "abcd") == []
    # Of one class the half is blank, of two others more: in any colour, and up to a faint noise.
    images[0:5] = 7
    images[10:16] = np.array([250, 0, 9])[:, None, None]
    images[20:30] = 128 + draws.integers(0, 2, (10, 3, 8, 8), dtype=np.uint8)
    (warning,) = blank_warnings(images, labels, "abcd")
    assert warning.startswith("most pictures of classes 'b', 'c' are of a single colour")


def test_a_search_warns_of_blank_pictures(tmp_path: Path) -> None:
    draws = np.random.default_rng(0)

    def draw(number: int) -> Image.Image:
        pixels = draws.integers(0, 255, (16, 16, 3), dtype=np.uint8)
        return Image.fromarray(pixels if number < 5 else np.full_like(pixels, 40))

    folder = folder_of(tmp_path / "pictures", draw)
    evaluation = prepare(EvaluationOptions(dataset=f"imagefolder:{folder}", device="cpu"), load_space("hybrid"))
    said = []
    evaluation.evaluator.prepared(NoRecord(), None, lambda event, fields: said.append((event, fields["message"])))
    assert [event for event, _ in said] == ["data", "warning"]
    assert "class 'other'" in said[1][1]


def test_a_retraining_takes_the_forms_on_record_and_warns_of_blank_pictures(tmp_path: Path) -> None:
    """A config of an earlier version has three channels for grey pictures, and its network goes on with them."""
    folder = folder_of(tmp_path / "pictures", lambda number: ramp(255 if number < 5 else 0, np.uint8))
    name = f"imagefolder:{folder}"

    def part(config: ExportedConfig, **asked: object) -> TrainingPart:
        options = TrainingOptions(source=Source(config), output=tmp_path, dataset=name, **asked)
        return training_part(options, IMAGE_FOLDER, str(folder), config.model_input.size_px)

    published = source_of("caformer_s18").config.resized(16, 48)
    new = part(published)
    assert new.model_input == ModelInput(1, 16, 48, 2)
    assert new.rules == Rules(GREY, CROP, DEEP_WHITE)
    (warning,) = new.warnings
    assert "class 'other'" in warning
    earlier = replace(published, provenance={"dataset": name, "training": {"resize": PAD}})
    assert part(earlier).model_input.channels == 3
    assert part(earlier).rules == Rules(RGB, PAD, DEEP_WHITE)
    assert part(earlier, colour="grey", resize=SQUASH).rules == Rules(GREY, SQUASH, DEEP_WHITE)


class NoRecord:
    """A record on which the reference network's time is."""

    def measurement(self, key: str, fingerprint: object) -> object:
        return type("Recorded", (), {"median": 1.0})

    def add_measurement(self, key: str, measurement: object) -> None:
        raise AssertionError


@pytest.mark.parametrize(("text", "size"), [("32", 32), ("32x128", (32, 128)), ("32x32", 32)])
def test_sizes(text: str, size: object) -> None:
    assert parse_size(text) == size
    assert str(parse_size(text)) in (text, "32")
    assert size_of(*sides_of(parse_size(text))) == size


@pytest.mark.parametrize("text", ["", "x", "32x", "x32", "0", "32x0", "-4", "3.5", "1x2x3", "32X32"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is neither pixels"):
        parse_size(text)


def test_images_need_not_be_square(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", lambda _: ramp(255, np.uint8))
    options = EvaluationOptions(dataset=f"imagefolder:{folder}", device="cpu", input_size_px=(12, 40), resize=PAD)
    evaluation = prepare(options, load_space("hybrid"))
    assert evaluation.settings["input"] == {"channels": 1, "height_px": 12, "width_px": 40, "classes": 2}
    assert evaluation.settings["latency_input"] == evaluation.settings["input"]
    assert evaluation.settings["resize"] == PAD
    assert evaluation.evaluator.data.shift_px == round(0.125 * 12)
    source = ArraySource(np.zeros((20, 1, 8, 8), np.uint8), np.arange(20) % 2, ("a", "b"))
    assert split(DIGITS, source, size_px=(4, 10), train_size=10, seed=0).train_images.shape == (10, 1, 4, 10)


def test_a_source_of_a_third_party_is_asked_for_one_number(tmp_path: Path) -> None:
    asked = []

    class Source:
        labels = np.arange(20) % 2
        classes = ("a", "b")

        def images(self, indices: np.ndarray, size_px: int) -> np.ndarray:
            asked.append(size_px)
            return np.zeros((len(indices), 1, size_px, size_px), np.uint8)

    split(DIGITS, Source(), size_px=9, train_size=10, seed=0)
    assert asked == [9, 9]
    assert DIGITS.rules(Source(), 1) == Rules(GREY, SQUASH, 255.0)
    assert DIGITS.rules(Source(), 3) == Rules(RGB, SQUASH, 255.0)


def test_rules_that_a_data_set_does_not_have_are_refused() -> None:
    space = load_space("hybrid")
    with pytest.raises(OptionError, match=r"^colour rgb: the images of this data set are grey$"):
        prepare(EvaluationOptions(device="cpu", colour="rgb"), space)
    with pytest.raises(OptionError, match=r"^resize pad: this data set's images are always resized by squash$"):
        prepare(EvaluationOptions(device="cpu", resize="pad"), space)
    settings = prepare(EvaluationOptions(device="cpu", colour="grey", resize="squash"), space).settings
    assert "resize" not in settings


def test_a_study_goes_on_with_the_channels_size_and_shape_on_record(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, name="old", budget=1, input={"channels": 3, "height_px": 16, "width_px": 16, "classes": 2})
    make_study(
        url, name="wide", budget=1, input={"channels": 1, "height_px": 8, "width_px": 16, "classes": 2}, resize=PAD
    )
    old = going_on(SearchOptions(storage=url, study="old", space="hybrid"))
    assert (old.colour, old.input_size_px, old.resize) == ("rgb", 16, None)
    wide = going_on(SearchOptions(storage=url, study="wide", space="hybrid"))
    assert (wide.colour, wide.input_size_px, wide.resize) == ("grey", (8, 16), PAD)
    assert going_on(SearchOptions(storage=url, study="old", space="hybrid", colour="grey")).colour == "grey"


@pytest.mark.parametrize("deep", [np.zeros((4, 4), np.uint16), np.full((4, 4), 2.0), np.zeros((5, 5, 2), np.uint8)])
def test_arrays_that_are_no_pictures_are_refused(deep: np.ndarray) -> None:
    with pytest.raises(DataError, match="valid: "):
        image_of(deep)


def test_a_folder_without_deep_pictures_takes_deep_ones_for_whole(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "pictures", lambda _: ramp(255, np.uint8))
    assert IMAGE_FOLDER.open(Request(str(folder)), "train").rules.white == DEEP_WHITE


def test_threads_that_read_pictures_do_not_restore_each_others_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow's limit of pixels is a global variable; two and a half times of it is an error of its own."""
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 30)
    for index in range(60):
        Image.new("L", (24, 24)).save(tmp_path / f"{index}.png")
    with ThreadPoolExecutor(8) as readers:
        decoded = list(readers.map(lambda index: decode(tmp_path / f"{index % 60}.png", 8, 8, Rules(GREY)), range(600)))
    assert len(decoded) == 600
    assert Image.MAX_IMAGE_PIXELS == 30
