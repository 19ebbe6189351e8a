"""The front page in a real Chromium, without a network."""

from pathlib import Path

from playwright.sync_api import Page

from nas.exports.known import known_network
from nas.store.store import Store
from nas.study.baseline import Baseline, artifact_of
from tests.builders import complete
from tests.conftest import run_nas
from tests.studies import make_study, settings


def test_draws_the_front_and_shows_an_architecture_on_hover(page: Page, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, budget=20)
    with Store.open(url, create=False) as store:
        store.put_artifact(
            artifact_of(Baseline(known_network("resnet8"), "", {1: complete(0.9, 3.0)}), settings(), 1.0)
        )
    assert run_nas(["front", "--html", "front.html"], tmp_path).code == 0
    members = run_nas(["front", "--json"], tmp_path).json()
    problems: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))

    page.goto((tmp_path / "front.html").as_uri())
    page.wait_for_selector(".scatterlayer .trace path.point")

    assert page.title() == "study: accuracy against latency"
    traces = page.locator(".scatterlayer .trace")
    assert traces.count() == 3
    assert page.evaluate("document.querySelector('.js-plotly-plot').data[2].hovertext[0]").startswith("<b>resnet8</b>")
    front = traces.nth(1).locator("path.point")
    assert front.count() == len(members)
    assert page.evaluate("document.querySelector('.js-plotly-plot').layout.xaxis.type") == "log"
    assert page.evaluate("document.querySelector('.js-plotly-plot').data[1].line.shape") == "hv"
    box = front.first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    hover = page.locator(".hoverlayer .hovertext")
    hover.wait_for()
    # Another trial may lie on the very same spot.
    shown = hover.text_content()
    assert (
        f"accuracy {members[0]['accuracy']:.2%} (the search's own seed)latency {members[0]['latency_ms']:.3f} ms"
        in shown
    )
    assert shown.startswith("trial ")
    assert "stage 1: " in shown
    assert problems == []
    assert [url for url in requests if not url.startswith(("file:", "blob:", "data:"))] == []
