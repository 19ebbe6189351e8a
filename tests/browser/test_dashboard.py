"""The dashboard in a real Chromium: from the first visit to an exported model, keyboard, widths, colour schemes."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import onnxruntime
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from nas.exports.known import known_network
from nas.store.store import Store
from nas.study.baseline import Baseline, artifact_of
from tests.builders import complete, failed, infeasible
from tests.serving import Served
from tests.studies import make_study, open_study, settings

WIDTHS = (400, 1000, 2000)
PATHS = ("/", "/new", "/studies/one", "/studies/one/trials/1", "/studies/one/compare?trial=0&trial=1")
MORE_PATHS = ("/compare?study=one&study=two", "/signin", "/studies/none")


class Watched:
    """A page with its errors and its requests to other servers."""

    def __init__(self, page: Page, url: str) -> None:
        self.problems: list[str] = []
        self.external_requests: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self._check(request.url, url))

    def _check(self, requested: str, url: str) -> None:
        if not requested.startswith((url, "blob:", "data:")):
            self.external_requests.append(requested)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Two finished studies, one of them with trials of every state."""
    folder: Path = tmp_path_factory.mktemp("served")
    url = f"sqlite:///{folder / 'nas.db'}"
    with Store.open(url, create=True) as store:
        study = open_study(store, url, name="one", budget=24)
        for outcome in (complete(0.9, 9.0), complete(0.8, 4.0), complete(0.7, 2.0), failed(), infeasible(99.0)):
            study.tell(study.ask().number, outcome)
        while (trial := study.ask()) is not None:
            study.tell(trial.number, complete(0.5 + trial.number / 100, 3.0 + trial.number / 7))
        store.put_artifact(
            artifact_of(Baseline(known_network("resnet8"), "", {1: complete(0.95, 3.0)}), settings(), 1.0)
        )
    make_study(url, name="two", budget=8)
    make_study(url, name="accurate", budget=12, min_accuracy=0.78)
    with Served(folder) as served:
        # The first request for the costs of a network waits for torch.
        httpx.get(f"{served.url}/api/v1/studies/one/trials/0", timeout=60).raise_for_status()
        yield served


def test_from_the_first_visit_to_a_model_that_runs(page: Page, tmp_path: Path) -> None:
    with Served(tmp_path) as served:
        watched = Watched(page, served.url)
        page.goto(served.url)
        expect(page.get_by_text("No studies yet")).to_be_visible()
        page.get_by_role("main").get_by_role("link", name="New search").click()
        page.get_by_label("budget").fill("0")
        page.get_by_role("button", name="Start the search").click()
        expect(page.get_by_role("status")).to_contain_text("--budget 0 is below 1")
        page.get_by_label("budget").fill("5")
        page.get_by_label("workers").fill("1")
        page.get_by_text("All other options").click()
        for option, value in (("epochs", "1"), ("train size", "100"), ("confirm", "0")):
            page.get_by_label(option, exact=True).fill(value)
        page.get_by_label("flip", exact=True).select_option("no")
        page.get_by_role("button", name="Start the search").click()
        page.wait_for_url(re.compile("/studies/hybrid-16-digits"), timeout=240_000)

        # The page updates without a reload.
        expect(page.locator("#facts")).to_contain_text("running", timeout=240_000)
        expect(page.locator("#trials tbody tr")).to_have_count(5, timeout=240_000)
        expect(page.locator("#facts")).to_contain_text("idle", timeout=240_000)
        expect(page.locator("#picked")).to_be_visible()

        # What is left to the data has three values.
        (given,) = page.evaluate("fetch('/api/v1/searches').then((answer) => answer.json())")
        assert given["options"]["flip"] is False
        assert "shift" not in given["options"]
        front = page.evaluate("fetch('/api/v1' + location.pathname + '/front').then((answer) => answer.json())")
        fastest = front["members"][0]
        page.get_by_label("ms", exact=True).fill(str(fastest["latency_ms"] * 1.001))
        page.get_by_label("ms", exact=True).press("Enter")
        expect(page.locator("#picked")).to_have_text(f"trial {fastest['trial']}")
        assert "limit=" in page.url

        # Dragged to the right, the limit admits the most accurate trial.
        drag_limit_to_the_right(page)
        best = max(front["members"], key=lambda member: member["accuracy"])
        expect(page.locator("#picked")).to_have_text(f"trial {best['trial']}")

        page.locator("#picked").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(f"Trial {best['trial']}")
        # Exporting is slow on a busy machine.
        with page.expect_download(timeout=240_000) as downloading:
            page.get_by_role("link", name="onnx", exact=True).click()
        model = tmp_path / downloading.value.suggested_filename
        downloading.value.save_as(model)
        session = onnxruntime.InferenceSession(model)
        (given,) = session.get_inputs()
        shape = [size if isinstance(size, int) else 1 for size in given.shape]
        (logits,) = session.run(None, {given.name: np.zeros(shape, np.float32)})
        assert logits.shape == (1, 10)
        # A refused option is a response of 422, which Chromium reports as an error.
        assert [problem for problem in watched.problems if "422" not in problem] == []
        assert watched.external_requests == []


def test_baselines_stand_beside_the_front(page: Page, served: Served) -> None:
    watched = Watched(page, served.url)
    page.goto(f"{served.url}/studies/one")
    expect(page.locator("#conclusion")).to_have_text(re.compile("resnet8 .* more accurate than the front"))
    expect(page.locator("#front")).to_have_attribute("aria-label", re.compile(r"resnet8 95\.00% at 3\.00"))
    place = page.locator("#front .scatterlayer .trace").filter(has=page.locator("path.point")).last
    box = place.locator("path.point").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#pointed")).to_contain_text("resnet8 baseline")
    # A baseline is not a trial: a click selects nothing.
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.locator("#unselected")).to_be_visible()
    assert watched.problems == []


def test_trials_below_the_least_accuracy_are_told_from_others(page: Page, served: Served) -> None:
    watched = Watched(page, served.url)
    page.goto(f"{served.url}/studies/accurate")
    expect(page.locator("#facts")).to_contain_text("least accuracy78.00%")
    trials = page.evaluate("fetch('/api/v1/studies/accurate/trials').then((answer) => answer.json())")["trials"]
    below = [trial for trial in trials if trial["below_min_accuracy"]]
    expect(page.locator("#front .legendtext").filter(has_text=f"below --min-accuracy ({len(below)})")).to_be_visible()
    page.get_by_label("Filter").fill("below")
    expect(page.locator("#trials tbody tr")).to_have_count(len(below))
    expect(page.locator("#trials tbody tr").first).to_contain_text("complete, below --min-accuracy")
    assert watched.problems == []


def drag_limit_to_the_right(page: Page) -> None:
    """Drag the limit to the right edge with the mouse, once the figure stands still.

    On a busy machine the figure may be drawn again under the mouse, so that the drag is repeated.
    """
    before = page.url
    for _ in range(3):
        line, still = None, page.locator("#front .shapelayer path").first.bounding_box()
        while line != still:
            page.wait_for_timeout(300)
            line, still = still, page.locator("#front .shapelayer path").first.bounding_box()
        frame = page.locator("#front .nsewdrag").first.bounding_box()
        page.mouse.move(line["x"] + line["width"] / 2, line["y"] + line["height"] / 2)
        page.mouse.down()
        page.mouse.move(frame["x"] + frame["width"] - 3, line["y"] + line["height"] / 2, steps=8)
        page.mouse.up()
        page.wait_for_timeout(500)
        if page.url != before:
            return


def test_the_limit_is_dragged(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/studies/one")
    front = page.evaluate("fetch('/api/v1' + location.pathname + '/front').then((answer) => answer.json())")["members"]
    fastest, best = front[0], max(front, key=lambda member: member["accuracy"])
    assert fastest["trial"] != best["trial"]
    page.get_by_label("ms", exact=True).fill(str(fastest["latency_ms"] * 1.001))
    page.get_by_label("ms", exact=True).press("Enter")
    expect(page.locator("#picked")).to_have_text(f"trial {fastest['trial']}")
    drag_limit_to_the_right(page)
    expect(page.locator("#picked")).to_have_text(f"trial {best['trial']}")
    # The line stays upright wherever it is dragged.
    shape = "JSON.stringify(document.getElementById('front').layout.shapes[0], ['y0', 'y1'])"
    assert page.evaluate(shape) == '{"y0":0,"y1":1}'
    # Without a limit the line stands to the right of all trials.
    page.get_by_role("button", name="None").click()
    expect(page.locator("#front .shapelayer path").first).to_be_attached()


@pytest.mark.parametrize("next_", ["/.//localhost:1/new", "//localhost:1/", "http://[bad", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(next_: str, page: Page, tmp_path: Path) -> None:
    environment = {**os.environ, "NAS_API_TOKEN": "secret"}
    with Served(tmp_path, environment=environment) as served:
        watched = Watched(page, served.url)
        page.goto(f"{served.url}/signin?next={quote(next_, safe='')}")
        page.get_by_label("Token").fill("secret")
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda address: "signin" not in address)
        assert page.url.startswith(f"{served.url}/")
        # The page need not exist on this site.
        assert [problem for problem in watched.problems if "404" not in problem] == []
        assert watched.external_requests == []


def test_a_removed_study_is_reported(page: Page, tmp_path: Path) -> None:
    make_study(f"sqlite:///{tmp_path / 'nas.db'}", name="short", budget=3)
    with Served(tmp_path) as served:
        watched = Watched(page, served.url)
        page.goto(f"{served.url}/studies/short")
        expect(page.locator("#facts")).to_contain_text("idle")
        httpx.delete(f"{served.url}/api/v1/studies/short").raise_for_status()
        expect(page.get_by_role("alert")).to_contain_text("unknown study 'short'", timeout=60_000)
        assert watched.problems == []


def test_an_export_that_cannot_be_says_why(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/studies/two/trials/0")
    page.get_by_role("link", name="timm", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("timm", timeout=120_000)


def test_by_keyboard_alone(page: Page, served: Served) -> None:
    watched = Watched(page, served.url)
    page.goto(served.url)
    expect(page.locator("#studies tr")).to_have_count(3)

    def tab_to(selector: str) -> None:
        for _ in range(80):
            if page.evaluate("(selector) => document.activeElement.matches(selector)", selector):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{selector} is not reached")

    tab_to("#studies a[href='/studies/one']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studies/one")
    expect(page.locator("#picked")).to_be_visible()
    tab_to("#front")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#pointed")).to_contain_text("trial 2")
    page.keyboard.press("Enter")
    expect(page.locator("#selected")).to_contain_text("trial 2")
    expect(page.locator("#curves .scatterlayer .trace")).to_have_count(1)
    assert "trials=2" in page.url
    tab_to("#limit-range")
    for _ in range(400):
        page.keyboard.press("ArrowLeft")
    expect(page.locator("#picked")).to_have_text("trial 2")
    tab_to("#filter")
    page.keyboard.type("infeasible")
    expect(page.locator("#trials tbody tr")).to_have_count(1)
    assert "filter=infeasible" in page.url
    tab_to("#trials tbody input")
    page.keyboard.press("Space")
    assert "trials=2%2C4" in page.url
    expect(page.locator("#trials tbody input")).to_be_focused()
    assert watched.problems == []


def test_an_address_shows_the_same_view(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/studies/one?trials=1,0&limit=5&x=parameters&scale=linear&over=hours&sort=accuracy&falls=0")
    expect(page.locator("#selected .card")).to_have_count(2)
    expect(page.locator("#x")).to_have_value("parameters")
    assert page.evaluate("document.querySelector('#front').layout.xaxis.type") == "linear"
    expect(page.locator("#over")).to_have_value("hours")
    expect(page.locator("#picked")).to_have_text("trial 1")
    expect(page.locator("#trials tbody tr").first).to_contain_text("55.00%")
    page.locator("#compare").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Trials 1, 0")
    expect(page.locator("#compared .strip")).to_have_count(2)
    page.goto(f"{served.url}/studies/one?trials=<b>,99&limit=x&x=none&scale=odd&sort=none")
    expect(page.locator("#picked")).to_be_visible()


def test_figures_are_saved(page: Page, served: Served, tmp_path: Path) -> None:
    page.goto(f"{served.url}/studies/one?trials=0")
    expect(page.locator("#curves .scatterlayer")).to_be_attached()
    for name in ("one front", "one mixers", "one hypervolume", "one parallel coordinates", "one learning curves"):
        for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("CSV", b"")):
            with page.expect_download() as downloading:
                page.get_by_role("button", name=f"{kind} of {name}").click()
            assert downloading.value.suggested_filename == f"{name}.{kind.lower()}"
            downloading.value.save_as(tmp_path / "file")
            content = (tmp_path / "file").read_bytes()
            assert content.startswith(start)
            assert kind != "CSV" or len(content.splitlines()) > 1
            # Chromium lets a page have ten downloads at once.
            page.wait_for_timeout(300)


def test_optunas_own_dashboard_is_a_click_away_and_back(page: Page, served: Served) -> None:
    watched = Watched(page, served.url)
    page.goto(served.url)
    page.get_by_role("link", name="Optuna's dashboard").click()
    page.get_by_text("1. one").click()
    page.wait_for_url("**/optuna/dashboard/studies/1")
    page.reload()
    expect(page.get_by_text("Hyperparameter").first).to_be_visible()
    page.get_by_role("link", name="Hybrid NAS studies").click()
    expect(page.locator("#studies tr")).to_have_count(3)
    assert watched.problems == []
    assert watched.external_requests == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible_at_every_width(browser: Browser, served: Served, scheme: str) -> None:
    page = browser.new_page(color_scheme=scheme)
    watched = Watched(page, served.url)
    violations = []
    for path in (*PATHS, *MORE_PATHS):
        page.set_viewport_size({"width": WIDTHS[0], "height": 800})
        page.goto(served.url + path, wait_until="networkidle" if "studies/" not in path else "load")
        page.wait_for_timeout(700)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(200)
            wide = page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{path} is {wide} px wide at {width}"
        answer = Axe().run(page)
        violations += [
            (path, violation["id"], violation["impact"], [node["html"][:120] for node in violation["nodes"]][:3])
            for violation in answer.response["violations"]
            if violation["impact"] in ("serious", "critical")
        ]
    page.close()
    assert violations == []
    assert [problem for problem in watched.problems if "404" not in problem] == []
    assert watched.external_requests == []
