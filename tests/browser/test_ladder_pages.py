"""The pages of a study with a ladder in a real Chromium: what was trained at the target is told from what was not."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.conftest import run_nas
from tests.serving import Served
from tests.studies import make_ladder_study, make_study

# As the pages write them, with a multiplication sign.
MIDDLE, TARGET = "400 images \N{MULTIPLICATION SIGN} 2 epochs", "400 images \N{MULTIPLICATION SIGN} 6 epochs"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("ladder")
    url = f"sqlite:///{folder / 'nas.db'}"
    make_ladder_study(url, name="climbed", finals=8)
    make_study(url, name="short", budget=8)
    with Served(folder) as served:
        # The first request for the costs of a network waits for torch.
        httpx.get(f"{served.url}/api/v1/studies/climbed/trials/0", timeout=60).raise_for_status()
        yield served


@pytest.fixture
def problems(page: Page) -> Iterator[list[str]]:
    seen: list[str] = []
    page.on("console", lambda message: seen.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: seen.append(str(error)))
    yield seen
    assert seen == []


def member(served: Served) -> dict[str, Any]:
    best: dict[str, Any] = httpx.get(f"{served.url}/api/v1/studies/climbed/front").json()["members"][-1]
    return best


def percent(value: float) -> str:
    return f"{100 * value:.2f}%"


def trace_names(page: Page, place: str) -> list[str]:
    names: list[str] = page.evaluate(f"document.querySelector('#{place}').data.map((trace) => trace.name)")
    return names


def test_the_studys_page(page: Page, served: Served, problems: list[str]) -> None:
    page.goto(f"{served.url}/studies/climbed")
    expect(page.locator("#facts")).to_contain_text(f"trained at{TARGET}")
    best = member(served)
    expect(page.locator("#pick")).to_contain_text(f"(test part {percent(best['test_accuracy'])})")
    expect(page.locator("#front .trace").first).to_be_visible()
    names = trace_names(page, "front")
    assert any(name.startswith("short trainings (") for name in names)
    assert not any("confirmed" in name or name.startswith("trials (") for name in names)
    assert f"after the target training, {TARGET}" in page.locator("#front").get_attribute("aria-label")
    bars = page.evaluate(
        "document.querySelector('#front').data.find((trace) => trace.name.startsWith('Pareto')).error_y.array"
    )
    assert all(bar > 0 for bar in bars)

    panel = page.locator("#fidelity")
    expect(panel).to_be_visible()
    rows = panel.locator("tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.first).to_contain_text("+10.00%")
    expect(panel).to_contain_text("the trials (100 images x 2 epochs) rank the 8 networks at the target")

    page.get_by_label(f"select trial {best['trial']}", exact=True).check()
    expect(page.locator("#selected .card")).to_contain_text(f"{TARGET}, 90%: ")
    expect(page.locator("#curves .trace").first).to_be_visible()
    assert trace_names(page, "curves") == [
        f"trial {best['trial']}, {training}"
        for training in (
            f"seed {own_seed(served, best['trial'])}",
            MIDDLE,
            f"{TARGET} (target)",
        )
    ]
    row = page.locator("#trials tbody tr", has=page.get_by_label(f"select trial {best['trial']}", exact=True))
    expect(row).to_contain_text(percent(best["test_accuracy"]))
    violations = Axe().run(page).response["violations"]
    assert [violation for violation in violations if violation["impact"] in ("serious", "critical")] == []


def own_seed(served: Served, number: int) -> int:
    seed: int = httpx.get(f"{served.url}/api/v1/studies/climbed/trials/{number}").json()["curves"][0]["seed"]
    return seed


def test_a_trials_page_and_the_comparison_of_trials(page: Page, served: Served, problems: list[str]) -> None:
    best = member(served)
    page.goto(f"{served.url}/studies/climbed/trials/{best['trial']}")
    facts = page.locator("#facts")
    expect(facts).to_contain_text(f"trained at the target{TARGET}")
    expect(facts).to_contain_text(f"test accuracy{percent(best['test_accuracy'])}")
    low, high = best["accuracy_interval"]
    expect(facts).to_contain_text(f"90% interval{percent(low)} to {percent(high)}")
    expect(facts).not_to_contain_text("seeds")
    expect(page.locator("#curves .trace").first).to_be_visible()
    assert trace_names(page, "curves")[-1].endswith(f"{TARGET} (target)")

    page.goto(f"{served.url}/studies/climbed/compare?trial={best['trial']}&trial=11")
    compared = page.locator("#compared")
    expect(compared).to_contain_text(f"on the test part{percent(best['test_accuracy'])}\N{EN DASH}")
    expect(compared).to_contain_text(f"trained at the target{TARGET}no")


def test_studies_with_and_without_a_target_are_no_comparison(page: Page, served: Served, problems: list[str]) -> None:
    page.goto(f"{served.url}/compare?study=climbed&study=short")
    expect(page.locator("#compared")).to_contain_text(TARGET)
    expect(page.locator("#compared")).to_contain_text("as its trials")
    expect(page.locator("#warning")).to_be_visible()


def test_without_a_ladder_there_is_no_panel(page: Page, served: Served, problems: list[str]) -> None:
    page.goto(f"{served.url}/studies/short")
    expect(page.locator("#trials tbody tr")).to_have_count(8)
    expect(page.locator("#fidelity")).to_be_hidden()
    assert any(name.startswith("trials (") for name in trace_names(page, "front"))


def test_the_page_of_a_front(page: Page, tmp_path: Path, problems: list[str]) -> None:
    make_ladder_study(f"sqlite:///{tmp_path / 'nas.db'}")
    assert run_nas(["front", "--html", "front.html"], tmp_path).code == 0
    page.goto((tmp_path / "front.html").as_uri())
    page.wait_for_selector(".scatterlayer .trace path.point")
    plot = "document.querySelector('.js-plotly-plot')"
    names = page.evaluate(f"{plot}.data.map((trace) => trace.name)")
    assert names[:2] == ["short trainings", "Pareto front"]
    assert "dropped when confirmed" not in names
    assert page.evaluate(f"{plot}.layout.title.text").endswith("on the front, after 400 images x 6 epochs")
    hover = page.evaluate(f"{plot}.data[1].hovertext[0]")
    assert "after 400 images x 6 epochs<br>test part " in hover
    assert "(90%: " in hover
    short = page.evaluate(f"{plot}.data[0].hovertext[0]")
    assert "test part" not in short
