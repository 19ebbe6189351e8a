"""Search options are declared once: the command, the REST schema and the docs' table have what the dataclass has."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from dashboard.searches import options_model
from nas.cli import retrain
from nas.cli.declared_options import OptionsCommand, options_from, table_rows, with_options
from nas.errors import OptionError, ParameterError
from nas.exports.source import source_of
from nas.exports.training import TrainingOptions
from nas.options import Option, option_fields
from nas.study.search_options import SearchOptions

SOURCE = source_of("caformer_s18")
GUIDE = Path(__file__).parent.parent.parent / "docs" / "searching.md"


@dataclass(frozen=True)
class WithPatience(SearchOptions):
    patience: int = Option("Trials without a gain.", metavar="N", minimum=1).default(7)


@click.command(cls=OptionsCommand)
@with_options(WithPatience)
def command(**parameters: object) -> WithPatience:
    options = options_from(WithPatience, parameters)
    options.check()
    return options


def called(*arguments: str) -> WithPatience:
    options: WithPatience = command.main(list(arguments), standalone_mode=False)
    return options


def guide_rows() -> dict[str, tuple[str, str]]:
    """The default and the meaning of each option in the docs' table."""
    rows = re.findall(r"^\| (`--.*?`) \| (.*?) ?\| (.*) \|$", GUIDE.read_text(), re.M)
    return {option: (default, meaning) for option, default, meaning in rows}


def test_a_field_is_all_that_a_new_option_needs() -> None:
    assert called("--patience", "3").patience == 3
    assert called().patience == 7
    schema = options_model(command).model_json_schema()["properties"]["patience"]
    assert schema["description"] == "Trials without a gain. Default: 7."
    assert {each["type"] for each in schema["anyOf"]} == {"integer", "null"}
    assert ("`--patience N`", "7", "Trials without a gain.") in table_rows(WithPatience)


def test_an_error_names_the_field_and_on_the_command_line_the_flag() -> None:
    with pytest.raises(OptionError, match=r"^patience 0 is below 1$"):
        WithPatience(patience=0).check()
    with pytest.raises(ParameterError, match=r"^--patience 0 is below 1$"):
        called("--patience", "0")
    with pytest.raises(OptionError, match=r"^max_latency_ms -1 is not a positive number of milliseconds$"):
        SearchOptions(max_latency_ms=-1.0).check()
    with pytest.raises(ParameterError, match=r"^--max-latency -1 is not a positive number of milliseconds$"):
        called("--max-latency", "-1")


@pytest.mark.parametrize("name", ["min_accuracy", "max_latency_ms", "data_memory", "budget"])
def test_what_is_no_number_is_named(name: str) -> None:
    with pytest.raises(OptionError, match=rf"^{name} '2GB' is not a number"):
        SearchOptions(**{name: "2GB"}).check()


@pytest.mark.parametrize("value", ["0", "1", "-0.1", "1.5", "nan", "inf"])
def test_a_least_accuracy_is_above_0_and_below_1(value: str) -> None:
    shown = float(value)
    with pytest.raises(OptionError, match=rf"^min_accuracy {shown} is not a number above 0 and below 1$"):
        SearchOptions(min_accuracy=shown).check()
    with pytest.raises(ParameterError, match=rf"^--min-accuracy {shown} is not a number above 0 and below 1$"):
        called("--min-accuracy", value)
    assert called("--min-accuracy", "0.9").min_accuracy == 0.9


def test_a_value_with_braces_is_shown_as_it_is() -> None:
    with pytest.raises(OptionError, match=r"^study '\{seed\}/' may have no slash"):
        SearchOptions(study="{seed}/").check()


def test_a_command_without_options_has_the_dataclass_defaults() -> None:
    assert called() == WithPatience()


def test_a_flag_that_is_left_to_the_data_is_on_off_or_neither() -> None:
    assert [called(*words).flip for words in ((), ("--flip",), ("--no-flip",))] == [None, True, False]
    assert called("--no-flip").evaluation.flip is False
    assert options_model(command).model_json_schema()["properties"]["flip"]["enum"] == [None, True, False]
    assert ("`--flip/--no-flip`", "by data set") in [row[:2] for row in table_rows(SearchOptions)]


def test_a_share_may_be_none_where_its_bound_says_so() -> None:
    assert called("--shift", "0").shift == 0
    assert called("--shift", "12.5%").shift == 0.125
    for share in ("1", "100%", "-5%"):
        with pytest.raises(click.BadParameter, match="is not a share"):
            called("--shift", share)
    with pytest.raises(click.BadParameter, match="is not a share between 0 and 1"):
        called("--latency-precision", "0")


def test_options_reach_the_evaluator_and_the_runner() -> None:
    options = called("--no-early-stopping", "--input-size", "8", "--resource", "fast=2", "--stop-when-flat", "2%")
    assert not options.early_stopping
    assert options.flat_below == pytest.approx(0.02)
    assert options.evaluation.input_size_px == 8
    assert options.cluster_share.custom == {"fast": 2.0}


def test_the_guide_has_every_option_with_its_default_and_help() -> None:
    in_the_guide = guide_rows()
    for option, default, text in table_rows(SearchOptions):
        documented_default, meaning = in_the_guide[option]
        assert documented_default == default, option
        assert meaning.startswith(text), option


def test_every_option_has_a_help_of_one_or_more_sentences() -> None:
    assert all(option.declared.help.endswith(".") for option in option_fields(SearchOptions))


def test_retraining_options_override_the_recipe_where_they_are_given() -> None:
    given = {"epochs": 3, "mixup": 0.0, "precision": "fp32", "seed": 4}
    options = TrainingOptions(source=SOURCE, output=Path("out"), **given)
    options.check()
    assert options.overrides == {"epochs": 3, "mixup": 0.0}


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({"erasing": 1.0}, "erasing 1.0 is not from 0 to below 1"),
        ({"mixup": float("nan")}, "mixup nan is not a number of at least 0"),
        ({"rand_augment_magnitude": 31}, "rand_augment_magnitude 31 is not between 0 and 30"),
        ({"epochs": 0}, "epochs 0 is not a number above 0"),
        ({"workers": 0}, "workers 0 is below 1"),
        ({"precision": "fp8"}, "precision 'fp8' is not one of auto, fp32, bf16"),
    ],
)
def test_retraining_options_out_of_bounds(given: dict[str, Any], text: str) -> None:
    with pytest.raises(OptionError) as error:
        TrainingOptions(source=SOURCE, output=Path("out"), **given).check()
    assert str(error.value) == text


def test_every_retraining_option_is_one_of_the_command() -> None:
    flags = {option.opts[0] for option in retrain.command.params if isinstance(option, click.Option)}
    assert {option.flag for option in option_fields(TrainingOptions)} | {"--json"} == flags
    # Without values there are no overrides, and the required ones alone are needed.
    options = options_from(
        TrainingOptions, retrain.command.make_context("retrain", ["x", "--output", "o"]).params, source=SOURCE
    )
    assert options == TrainingOptions(source=SOURCE, output=Path("o"))
