"""Whatever the service is asked by its own description of itself, it does not break down."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error

from dashboard import guard, launcher
from dashboard.access import Access
from dashboard.app import ServerSettings, create_app
from nas.store.store import Store
from tests.studies import make_study

# As many as the service has; one that comes is to be asked too.
OPERATIONS = 22


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    url = f"sqlite:///{folder / 'nas.db'}"
    make_study(url, budget=4)
    with Store.open(url, create=False) as store, pytest.MonkeyPatch.context() as patch:
        # No search is to be started, and the questions are many.
        patch.setattr(launcher, "MAX_RUNNING", 0)
        patch.setattr(guard, "RATE", 1e6)
        app = create_app(store, url, ServerSettings(Access(()), folder / "searches"))
        yield schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, headers={"Host": "127.0.0.1"})


@pytest.mark.parametrize("at", range(OPERATIONS))
def test_no_question_breaks_it(described: Any, at: int) -> None:
    # Streams of events have no end.
    operations = list(described.exclude(path_regex="/events$").get_all_operations())
    assert len(operations) == OPERATIONS

    @given(case=operations[at].ok().as_strategy())
    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        case.validate_response(case.call(headers={"Host": "127.0.0.1"}), checks=[not_a_server_error])
        if "name" in case.path_parameters and case.method != "DELETE":
            # The rest of the question, of a study that is there.
            case.path_parameters["name"] = "study"
            if case.method == "PATCH" and isinstance(case.body, dict):
                case.body["name"] = "study"
            case.validate_response(case.call(headers={"Host": "127.0.0.1"}), checks=[not_a_server_error])

    ask()
