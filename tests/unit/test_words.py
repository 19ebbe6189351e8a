"""Words that the code does not use any more (docs/glossary.md), so that they do not come back."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

ROOMS = ("nas", "workers", "search_spaces", "dashboard")
# Names of a private dialect; the glossary has the field's terms.
RETIRED = re.compile(
    r"_*(dear|dear_features|foresight|goes_on|is_beaten|begun|spelled|foretell|foretold|forecast|told_apart|outlook"
    r"|gain_to_come|alike|fallen|fell_off|left_off|trained_again|unsure|lasting|lasting_method|patience|patience_s"
    r"|look_again|leans_on|landscape|staircase|told|heard|deaf|quiet_window|elsewhere|thrown|doubt|found|taken|each"
    r"|fewest|most|fewest_.+|most_.+|least_.+_of|so_many)",
    re.IGNORECASE,
)
RIDDLES = re.compile(r"(What|Of|How|As nas\.)\b")
# Public JSON keys, stored declarations and deprecated names keep theirs.
KEPT = {
    "nas/service/schemas.py": {"fallen", "thrown"},
    "nas/service/client.py": {"most"},
    "dashboard/api.py": {"most"},
    "nas/space/constraint.py": {"most"},
    "nas/space/counting.py": {"most"},
    "nas/space/declaration.py": {"most"},
    "nas/trial_cost.py": {"most", "most_s"},
    "workers/ray/runner.py": {"most"},
    "workers/training/proxy.py": {"most"},
    "nas/samplers/setting.py": {"dear", "dear_features"},
}


def files() -> Iterator[Path]:
    for room in ROOMS:
        yield from (path for path in sorted((ROOT / room).rglob("*.py")) if "migrations" not in path.parts)


def identifiers(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name


@pytest.mark.parametrize("path", list(files()), ids=lambda path: str(path.relative_to(ROOT)))
def test_names_and_docstrings_are_the_fields(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = KEPT.get(str(path.relative_to(ROOT)), set())
    snake = {name: re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name) for name in identifiers(tree)}
    assert not {name for name, parts in snake.items() if RETIRED.fullmatch(parts) and name not in kept}
    documented = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    docstrings = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, documented)]
    assert not [text.splitlines()[0] for text in docstrings if RIDDLES.match(text)]


def test_the_core_shows_at_most_twenty_names() -> None:
    names = {path.stem for path in (ROOT / "nas").iterdir() if not path.name.startswith(("_", "py.typed"))}
    assert len(names) <= 20, sorted(names)
