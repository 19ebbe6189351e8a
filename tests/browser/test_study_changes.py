"""A study's note, name, place in the archive and removal, on its page in a real Chromium."""

from pathlib import Path

from playwright.sync_api import Page, expect

from tests.browser.test_dashboard import Watched
from tests.serving import Served
from tests.studies import make_study


def test_a_study_is_annotated_archived_renamed_and_removed(page: Page, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nas.db'}"
    make_study(url, name="short", budget=3)
    make_study(url, name="other", budget=3)
    answers: list[str] = []
    page.on("dialog", lambda dialog: dialog.accept(answers.pop()) if answers else dialog.accept())
    with Served(tmp_path) as served:
        watched = Watched(page, served.url)
        page.goto(f"{served.url}/studies/short")
        answers.append("the <b>first</b> try")
        page.get_by_role("button", name="Note").click()
        expect(page.locator("#facts")).to_contain_text("the <b>first</b> try")
        page.get_by_role("button", name="Archive").click()
        expect(page.locator("#facts")).to_contain_text("archived")
        expect(page.get_by_role("button", name="Bring back from the archive")).to_be_visible()
        page.goto(served.url)
        expect(page.locator("#studies tr")).to_have_count(1)
        page.get_by_role("link", name="With archived studies").click()
        expect(page.locator("#studies tr")).to_have_count(2)
        page.get_by_role("link", name="short").click()
        answers.append("long/ways")
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("heading", name="long/ways")).to_be_visible()
        answers.append("other")
        page.get_by_role("button", name="Rename").click()
        expect(page.get_by_role("alert")).to_contain_text("another study's")
        page.get_by_role("button", name="Remove the study").click()
        page.wait_for_url(f"{served.url}/")
        expect(page.locator("#studies tr")).to_have_count(1)
        expect(page.get_by_role("link", name="With archived studies")).to_have_count(0)
        assert [problem for problem in watched.problems if "422" not in problem] == []
