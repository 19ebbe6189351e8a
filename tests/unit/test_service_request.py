"""A search's options on their way to the service and back: what a command line says there is what it says here."""

from dashboard.searches import SearchOptions
from nas.cli.search import command
from nas.service.request import arguments, given_options, served_options

WORDS = (
    *(
        "--space",
        "hybrid",
        "--size",
        "l",
        "--budget",
        "7",
        "--confirm",
        "0",
        "--no-early-stopping",
        "--stop-when-flat",
        "2%",
    ),
    *("--baselines", "few,resnet20", "--time", "1h30m"),
    *("--target-epochs", "20", "--target-train-size", "500", "--target-training", "full"),
    *("--start-from", "published", "--start-from", "one.yaml", "--study", "mine", "--sampler", "tpe"),
    *("--evaluator", "supernet", "--supernet-epochs", "4", "--inherit"),
    *("--dataset", "digits", "--data-dir", "data", "--download", "--epochs", "2", "--train-size", "64"),
    *("--no-flip", "--shift", "10%", "--metric", "f1_macro"),
    *("--input-size", "14x28", "--colour", "grey", "--resize", "pad", "--max-pixels", "1000"),
    *("--background", "#ffeedd"),
    *("--data-memory", "1.5GiB"),
    *("--batch-size", "16", "--learning-rate", "0.01", "--train-precision", "fp32"),
    *("--target", "cpu", "--target", "onnxruntime:threads=1", "--objective", "accuracy", "--objective", "latency"),
    *("--feature", "naswot", "--feature", "macs"),
    *("--empty-classes", "--skip-unreadable", "--check", "full", "--accept-changed-data"),
    *("--latency-precision", "20%", "--device", "cpu", "--max-latency", "2.5", "--workers", "1"),
    *("--min-accuracy", "0.9"),
    *("--gpus-per-trial", "0.5", "--cpus-per-trial", "2", "--resource", "fast=1", "--seed", "3"),
)


def test_every_option_arrives_as_it_was_given() -> None:
    context = command.make_context("search", list(WORDS))
    given = given_options(context)
    assert set(given) == set(served_options(command))
    accepted = SearchOptions.model_validate_json(SearchOptions(**given).model_dump_json()).model_dump()
    again = command.make_context("search", arguments(command, accepted))
    assert again.params == context.params


def test_a_size_may_be_a_number_or_height_and_width() -> None:
    for size, words in ((32, ["--input-size=32"]), ("32x128", ["--input-size=32x128"])):
        assert arguments(command, SearchOptions(input_size=size).model_dump()) == words


def test_both_words_of_a_flag_that_is_left_to_the_data_arrive() -> None:
    for word, value in (("--flip", True), ("--no-flip", False)):
        assert given_options(command.make_context("search", [word])) == {"flip": value}
        assert arguments(command, {"flip": value}) == [word]
    # A plain flag has one word.
    assert arguments(command, {"inherit": False}) == []


def test_what_was_not_given_is_not_sent() -> None:
    assert given_options(command.make_context("search", ["--budget", "3"])) == {"budget": 3}
