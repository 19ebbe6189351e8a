"""Whatever comes from outside is understood or refused in one line: never a traceback, never a hang."""

import contextlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dashboard.access import access, is_loopback
from dashboard.identity import ANYBODY, NOBODY
from nas.cli.main import cli, main
from nas.errors import DataError, NasError
from nas.exports.config import load_config
from nas.simulation.table import read_table
from nas.store.engine import parse_url, shown
from search_spaces.from_yaml import read
from tests.unit.test_datasets import pictures
from workers.data.dataset import Request
from workers.data.image_folder import IMAGE_FOLDER
from workers.latency.load import load_target

Found = TypeVar("Found")
words = st.text(st.characters(codec="utf-8"), max_size=60)
scalars = st.none() | st.booleans() | st.integers() | st.floats() | words
values = st.recursive(scalars, lambda each: st.lists(each, max_size=4) | st.dictionaries(words, each, max_size=4))
# Documents that are nearly right reach further than noise.
KEYS = (
    "schema schema_version name input stages mixers depths widths architecture constraints mixer depth width "
    "provenance builder channels height_px width_px classes"
)
keys = st.sampled_from(KEYS.split())
documents = st.dictionaries(keys | words, st.recursive(values, lambda each: st.dictionaries(keys, each)), max_size=6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("outside")


def understood(call: Callable[[], Found]) -> Found | None:
    """What the call returns, None where it was refused with a message."""
    try:
        return call()
    except NasError as error:
        message = str(error)
    assert message.strip()
    assert "secret" not in message
    return None


@given(
    text=words | words.map(lambda word: f"postgresql+psycopg://nas:secret@{word}") | words.map("sqlite:///{}".format)
)
def test_database_urls(text: str) -> None:
    url = understood(lambda: parse_url(text))
    assert url is None or "secret" not in shown(url)


@given(content=st.binary(max_size=400) | documents.map(lambda each: yaml.safe_dump(each).encode()))
def test_yaml_spaces_and_configs(content: bytes, folder: Path) -> None:
    file = folder / "document.yaml"
    file.write_bytes(content)
    understood(lambda: read(file))
    understood(lambda: load_config(file))


@given(content=st.binary(max_size=400) | documents.map(lambda each: json.dumps(each).encode()))
def test_json_configs(content: bytes, folder: Path) -> None:
    file = folder / "document.json"
    file.write_bytes(content)
    understood(lambda: load_config(file))


cells = words | st.sampled_from(["", "0.5", "1", "-1", "nan", "inf", "1e400", "pool", "2", '"', "'", "complete"])
headings = words | st.sampled_from(["param:mixer", "param:depth", "accuracy", "latency_ms", "accuracy@1", "cost_s@1",
                                    "loss@1", "feature:x", "accuracy@0", "param:", "macs",
                                    "trial:state", "images@1"])  # fmt: skip
tables = st.lists(headings, min_size=1, max_size=6).flatmap(
    lambda heads: st.lists(st.lists(cells, min_size=len(heads), max_size=len(heads)), max_size=5).map(
        lambda rows: "\n".join(",".join(row) for row in [heads, *rows]).encode("utf-8", "surrogatepass")
    )
)


@given(content=st.binary(max_size=300) | tables)
def test_tables(content: bytes, folder: Path) -> None:
    file = folder / "table.csv"
    file.write_bytes(content)
    understood(lambda: read_table(file))


@given(text=words | st.tuples(st.sampled_from(["cpu", "onnxruntime", "cuda"]), words).map(":".join))
def test_targets(text: str) -> None:
    understood(lambda: load_target(text))


@given(host=words, tokens=words)
def test_hosts_and_tokens_of_the_environment(host: str, tokens: str) -> None:
    allowed = understood(lambda: access(host, {"NAS_API_TOKEN": tokens}))
    is_open = is_loopback(host) and not tokens.split()
    assert allowed is None or allowed.of_token("") == (ANYBODY if is_open else NOBODY)


options = st.sampled_from(sorted(
    option for command in ("search", "front", "export", "simulate", "db", "latency", "status")
    for parameter in cli.get_command(None, command).params for option in parameter.opts if option.startswith("--")
))  # fmt: skip


# No system hands a program an argument with a null byte.
argument_words = words.filter(lambda word: "\0" not in word)


@given(arguments=st.lists(options.flatmap(lambda option: st.tuples(st.just(option), argument_words)), max_size=3))
@pytest.mark.parametrize("command", ["front", "export", "studies", "simulate", "status"])
def test_command_lines(command: str, arguments: list[tuple[str, str]], folder: Path) -> None:
    """Of commands that read; there is no database for them to read."""
    # These would write, or name a database that is another test's.
    given_words = [word for pair in arguments if pair[0] not in ("--storage", "--output", "--html") for word in pair]
    told = io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(told),
        pytest.raises(SystemExit) as ended,
    ):
        main([command, *given_words])
    assert ended.value.code in (0, 2), (command, given_words, told.getvalue())
    assert "Traceback" not in told.getvalue()


@pytest.mark.parametrize("seed", range(3))
def test_pictures_that_are_none(seed: int, tmp_path: Path) -> None:
    generator = random.Random(seed)
    pictures(tmp_path / "pictures")
    for number in range(3):
        file = tmp_path / "pictures" / "class0" / f"noise{number}.png"
        header = b"\x89PNG\r\n\x1a\n" if number else b""
        file.write_bytes(header + generator.randbytes(200))
    with pytest.raises(DataError):
        IMAGE_FOLDER.open(Request(str(tmp_path / "pictures"), None, False), "train")
