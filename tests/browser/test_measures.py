"""Figures by another measure than accuracy, which every page, table and answer calls by its name."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from nas.exports.known import known_network
from nas.store.store import Store
from nas.study.baseline import Baseline, artifact_of
from tests.builders import complete
from tests.conftest import run_nas
from tests.serving import Served
from tests.studies import make_study, settings

MEASURE = "exp(-log loss)"
PAGES = (
    "/",
    "/studies/study",
    "/studies/study/trials/1",
    "/studies/study/compare?trial=0&trial=1",
    "/compare?study=study&study=other",
)
ACCURACY = re.compile("accuracy|accurate", re.IGNORECASE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies that are judged by their log loss, the first beside a known network."""
    folder = tmp_path_factory.mktemp("measures")
    url = f"sqlite:///{folder / 'nas.db'}"
    make_study(url, metric="log_loss")
    make_study(url, name="other", metric="log_loss")
    network = Baseline(known_network("resnet8"), "", {1: complete(0.95, 3.0)})
    with Store.open(url, create=False) as store:
        store.put_artifact(artifact_of(network, settings(metric="log_loss"), 1.0))
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with Served(folder) as served:
        # The first request for the costs of a network waits for torch.
        httpx.get(f"{served.url}/api/v1/studies/study/trials/0", timeout=60).raise_for_status()
        yield served


@pytest.mark.parametrize("path", PAGES)
def test_pages_name_the_measure(page: Page, served: Served, path: str) -> None:
    page.goto(served.url + path)
    main = page.get_by_role("main")
    expect(main).to_contain_text(MEASURE, timeout=20_000)
    # The keys of a config are the same for every measure, which it names.
    labels, _, config = main.inner_text().rpartition("\nConfig\n")
    assert not ACCURACY.search(labels or config)
    for figure in page.locator("[role=img]").all():
        assert not ACCURACY.search(figure.get_attribute("aria-label") or "")


def test_the_service_says_which_measure_its_accuracies_are_of(served: Served) -> None:
    study = f"{served.url}/api/v1/studies/study"
    for path in (study, f"{study}/front", f"{study}/trials/0"):
        answer = httpx.get(path).json()
        assert (answer["metric"], answer["measure"]) == ("log_loss", MEASURE)


def test_commands_name_the_measure(folder: Path) -> None:
    text = run_nas(["front", "--study", "study", "--html", "front.html"], folder).out
    assert f"{MEASURE}: 1 is best; the log loss is its negative logarithm" in text
    assert not ACCURACY.search(text)
    assert not re.search("(title|hover).{0,200}accuracy", (folder / "front.html").read_text().rpartition("<script")[2])
    assert run_nas(["front", "--study", "study", "--json", "--full"], folder).json()["metric"] == "log_loss"
    assert f"rank correlation with {MEASURE}" in run_nas(["features", "--study", "study"], folder).out
