"""The page of samplers' shares in a real Chromium, without a network."""

from pathlib import Path

from playwright.sync_api import Page

from tests.conftest import run_nas
from tests.tables import write_table


def test_draws_a_line_and_a_band_for_each_sampler(page: Page, tmp_path: Path) -> None:
    write_table(tmp_path / "small.csv", stages=2)
    arguments = ["simulate", "--table", "small.csv", "--sampler", "nsga2,random", "--budget", "12", "--seeds", "3"]
    assert run_nas([*arguments, "--html", "shares.html"], tmp_path).code == 0
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))

    page.goto((tmp_path / "shares.html").as_uri())
    page.wait_for_selector(".scatterlayer .trace")

    assert page.title() == "Samplers on small"
    assert page.locator(".scatterlayer .trace").count() == 4
    assert page.locator(".legendtext").all_text_contents() == ["nsga2", "random"]
    title = page.locator(".gtitle").text_content()
    assert title is not None
    assert "seeds 0 to 2" in title
    assert "reference point: error" in title
    # A click on a sampler's name hides its line and its band.
    page.locator(".legendtoggle").first.click()
    page.wait_for_function("document.querySelectorAll('.scatterlayer .trace').length === 2")
    assert problems == []
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
