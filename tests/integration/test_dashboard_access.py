"""Access to the web application: tokens, sessions, origins, limits and files."""

import hashlib
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from itsdangerous import TimestampSigner

from dashboard import guard
from dashboard.access import COOKIE, SESSION_S, Access, access, is_loopback
from dashboard.identity import ANYBODY, NOBODY
from dashboard.limits import Bucket
from dashboard.roots import Roots
from nas.errors import ParameterError
from nas.service.tokens import Right
from nas.store.store import Store
from tests.serving import client_of
from tests.studies import make_study

BEARER = {"Authorization": "Bearer second"}
PAGES = ("/", "/new", "/studies/study", "/studies/study/trials/0", "/metrics", "/optuna/api/studies", "/api/v1/studies")


@pytest.fixture
def closed(storage: tuple[Store, str]) -> TestClient:
    """A client of an application that requires tokens."""
    return client_of(*storage, tokens=("first", "ro:reader", "second"))


@pytest.fixture
def opened(storage: tuple[Store, str]) -> TestClient:
    """A client of an application without tokens."""
    return client_of(*storage)


def test_without_a_token_nothing_is_revealed(closed: TestClient) -> None:
    assert closed.get("/healthz").text == "ok\n"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic !"}, {"Authorization": "Bearer "}):
        for path in PAGES:
            answer = closed.get(path, headers=headers)
            assert answer.status_code in (401, 429)
            assert "study" not in answer.text
    assert closed.delete("/api/v1/studies/study").status_code == 401


def test_tokens_read_or_write(closed: TestClient) -> None:
    for path in PAGES:
        assert closed.get(path, headers=BEARER).status_code == 200
        assert closed.get(path, headers={"Authorization": "Bearer reader"}).status_code == 200
    assert closed.get("/", auth=("anyone", "first")).status_code == 200
    for write in ("/api/v1/searches", "/api/v1/studies/study/stop", "/optuna/api/studies"):
        refused = closed.post(write, json={}, headers={"Authorization": "Bearer reader"})
        assert (refused.status_code, refused.json()) == (403, {"detail": "this token is read-only"})
    assert closed.delete("/api/v1/studies/study", headers={"Authorization": "Bearer reader"}).status_code == 403
    assert "New search" not in closed.get("/", headers={"Authorization": "Bearer reader"}).text
    assert closed.delete("/api/v1/studies/study", headers=BEARER).status_code == 204


def test_a_browser_signs_in_once(closed: TestClient) -> None:
    page = closed.get("/studies/study?limit=2", headers={"Accept": "text/html"}, follow_redirects=False)
    assert page.status_code == 303
    assert page.headers["location"] == "/signin?next=%2Fstudies%2Fstudy%3Flimit%3D2"
    assert closed.get("/signin").status_code == 200
    assert closed.post("/api/v1/session", json={"token": "wrong"}).status_code == 401
    answer = closed.post("/api/v1/session", json={"token": "reader"})
    assert answer.status_code == 204
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert closed.get("/api/v1/studies").status_code == 200
    assert closed.post("/api/v1/studies/study/stop").status_code == 403
    assert closed.delete("/api/v1/session").status_code == 204
    assert closed.get("/api/v1/studies").status_code == 401


def test_a_session_is_not_forged_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000]
    monkeypatch.setattr(TimestampSigner, "get_timestamp", lambda self: now[0])
    running = Access(("ro:word",))
    cookie = running.begin_session("word")
    assert running.of_session(cookie).right is Right.READ
    # Changed tokens of NAS_API_TOKEN need a restart, and a new process accepts no earlier session.
    assert Access(("ro:word",)).of_session(cookie) == NOBODY
    session, signed_at, signature = cookie.split(".")
    now[0] += 1
    other, signed_later, _ = running.begin_session("word").split(".")
    forgeries = (f"{other}.{signed_at}.{signature}", f"{session}.{signed_later}.{signature}")
    for forged in (*forgeries, "", "..", "x", "é.ü.ß"):
        assert running.of_session(forged) == NOBODY
    now[0] += SESSION_S
    assert running.of_session(cookie) == NOBODY


def test_tokens_may_be_given_as_hashes() -> None:
    digest = hashlib.sha256(b"word").hexdigest()
    restricted = Access((f"ro:sha256:{digest}", "other"))
    assert restricted.of_token("word").right is Right.READ
    assert restricted.of_token("other").right is Right.WRITE
    assert restricted.of_token(digest) == NOBODY
    for wrong in ("sha256:12", "ro:sha256:zz", "ro:"):
        with pytest.raises(ParameterError, match="NAS_API_TOKEN"):
            Access((wrong,))


def test_who_may_come_in() -> None:
    assert access("127.0.0.1", {}).of_token("") == ANYBODY
    assert access("localhost", {}).is_open
    assert access("0.0.0.0", {"NAS_API_TOKEN": "word"}).of_token("") == NOBODY
    assert access("0.0.0.0", {"NAS_API_TOKEN": "word"}).of_token("word").right is Right.WRITE
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org"):
        assert not is_loopback(host)
        with pytest.raises(ParameterError, match="NAS_API_TOKEN"):
            access(host, {"NAS_API_TOKEN": "  "})


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:9999"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1"},
    ],
)
def test_writes_from_other_sites_are_refused(opened: TestClient, headers: dict[str, str]) -> None:
    for method, path in (
        ("DELETE", "/api/v1/studies/study"),
        ("POST", "/api/v1/searches"),
        ("POST", "/optuna/api/studies"),
    ):
        assert opened.request(method, path, headers=headers).status_code == 403
    assert opened.get("/api/v1/studies", headers=headers).status_code == 200


def test_a_form_of_another_site_is_no_write(opened: TestClient) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = opened.post("/api/v1/searches", content="{}", headers={"Content-Type": kind})
        assert answer.status_code == 415


def test_a_cookie_of_another_site_is_none(closed: TestClient) -> None:
    closed.post("/api/v1/session", json={"token": "first"})
    assert closed.delete("/api/v1/studies/study", headers={"Origin": "http://evil.example"}).status_code == 403
    # A request that carries a token itself is not from a deceived browser.
    own = {"Origin": "http://evil.example", **BEARER}
    assert closed.delete("/api/v1/studies/study", headers=own).status_code == 204


def test_another_name_for_this_machine_is_refused(opened: TestClient, closed: TestClient) -> None:
    for host in ("evil.example", "evil.example:8080", "", "127.0.0.1.evil.example", "[::2]:80"):
        assert opened.get("/api/v1/studies", headers={"Host": host}).status_code == 421
    for host in ("127.0.0.1:8080", "localhost", "[::1]:8080"):
        assert opened.get("/api/v1/studies", headers={"Host": host}).status_code == 200
    assert closed.get("/api/v1/studies", headers={"Host": "nas.example", **BEARER}).status_code == 200


def test_headers_forbid_scripts_that_are_not_ours(opened: TestClient) -> None:
    for path in ("/", "/studies/study", "/static/study.js", "/nowhere", "/api/v1/studies"):
        headers = opened.get(path, headers={"Accept": "text/html"}).headers
        policy = headers["content-security-policy"]
        assert "script-src 'self';" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
    for path in ("/", "/studies/study", "/new", "/signin", "/studies/study/trials/0"):
        page = opened.get(path).text
        assert "<script>" not in page
        assert " onclick=" not in page


def test_bodies_are_bounded(opened: TestClient) -> None:
    assert opened.post("/api/v1/searches", content=b"x" * (guard.MAX_BODY + 1)).status_code == 413
    for path, status in (("/api/v1/searches", 413), ("/optuna/api/studies", 411)):
        chunks = (b"x" * 100_000 for _ in range(30))
        answer = opened.post(path, content=chunks, headers={"Content-Type": "application/json"})
        assert answer.status_code == status


def test_rates_are_bounded(storage: tuple[Store, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BURST", 5.0)
    monkeypatch.setattr(guard, "RATE", 0.001)
    client = client_of(*storage)
    assert [client.get("/healthz").status_code for _ in range(7)] == [200] * 5 + [429] * 2


def test_guesses_are_bounded(closed: TestClient) -> None:
    answers = [closed.post("/api/v1/session", json={"token": str(number)}).status_code for number in range(20)]
    assert answers[:10] == [401] * 10
    assert answers[-1] == 429
    assert closed.get("/api/v1/studies", headers={"Authorization": "Bearer wrong"}).status_code == 429


def test_correct_tokens_are_not_counted_as_guesses(closed: TestClient) -> None:
    assert {closed.post("/api/v1/session", json={"token": "second"}).status_code for _ in range(20)} == {204}
    assert closed.get("/static/icon.svg").status_code == 200


def test_a_bucket_is_refilled() -> None:
    now = [0.0]
    bucket = Bucket(rate=2.0, burst=3.0, clock=lambda: now[0])
    assert [bucket.take("one") for _ in range(4)] == [True, True, True, False]
    assert bucket.take("other")
    now[0] += 1.0
    assert [bucket.take("one") for _ in range(3)] == [True, True, False]


def test_no_path_in_a_request_reaches_files(opened: TestClient) -> None:
    for path in (
        "/static/../app.py",
        "/static/%2e%2e/app.py",
        "/static//etc/passwd",
        "/studies/..%2F..%2Fetc%2Fpasswd",
        "/api/v1/studies/study/trials/0/export/..%2F..%2Fetc%2Fpasswd",
        "/api/v1/searches/..%2F..",
    ):
        assert opened.get(path).status_code in (404, 422)


def test_files_must_lie_under_roots(storage: tuple[Store, str], tmp_path: Path) -> None:
    inside = tmp_path / "data"
    inside.mkdir()
    (inside / "link").symlink_to("/etc")
    client = client_of(*storage, roots=(inside,), searches=tmp_path / "searches")
    for options in (
        {"dataset": "imagefolder:/etc"},
        {"dataset": f"imagefolder:{inside}/../.."},
        {"dataset": f"imagefolder:{inside}/link"},
        {"data_dir": "/"},
        {"data_dir": str(tmp_path)},
        {"space": "/etc/passwd.yaml"},
        {"space": "/etc/passwd.yaml@l"},
        {"start_from": ["/etc/passwd"]},
        {"start_from": ["study", "nas.db"]},
    ):
        refused = client.post("/api/v1/searches", json=options)
        assert refused.status_code == 422
        assert "is not under a folder that this service may use" in refused.json()["detail"]
    assert client.post("/api/v1/searches", json={"storage": "sqlite:////tmp/x.db"}).status_code == 422
    assert client.post("/api/v1/searches", json={"follow_links": True}).status_code == 422
    assert client.get("/api/v1/searches").json() == []


def test_the_service_runs_nobodys_code(storage: tuple[Store, str], tmp_path: Path) -> None:
    client = client_of(*storage, roots=(tmp_path,), searches=tmp_path / "searches")
    for names in (["os:system"], ["few,resnet8", "shutil:rmtree"]):
        refused = client.post("/api/v1/searches", json={"baselines": names})
        assert refused.status_code == 422
        assert "which the service does not run" in refused.json()["detail"]
    assert client.post("/api/v1/searches", json={"baselines": ["resnet9"]}).status_code == 422


def test_a_home_is_no_folder_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A data set in `~` is searched for in the home folder, wherever the server runs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~").mkdir()
    roots = Roots((Path("."),))
    assert roots.holds("pictures")
    assert not roots.holds("~")
    assert not roots.holds("~/pictures")
    assert not roots.holds("~nobody-of-that-name/pictures")


def test_a_study_named_like_a_file_is_no_way_to_it(
    storage: tuple[Store, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    make_study(storage[1], budget=2, name="nas.db")
    refused = client_of(*storage).post("/api/v1/searches", json={"start_from": ["nas.db"]})
    assert refused.status_code == 422
    assert "is not under a folder that this service may use" in refused.json()["detail"]


@pytest.mark.parametrize("name", ["..", ".", "a/front", "/tmp/x.yaml", "a\\b", "a\nb", "a\0b", ""])
def test_names_that_no_address_has_are_refused(name: str, opened: TestClient) -> None:
    refused = opened.post("/api/v1/searches", json={"study": name})
    assert refused.status_code == 422
    assert "study" in refused.json()["detail"]


def test_optunas_dashboard_changes_notes_alone(opened: TestClient) -> None:
    """Renaming copies a study and deletes it, which would leave our record behind."""
    (summary,) = opened.get("/optuna/api/studies").json()["study_summaries"]
    one = f"/optuna/api/studies/{summary['study_id']}"
    note = {"body": "the first one", "version": 1}
    for method, path, content in (
        ("DELETE", one, None),
        ("POST", f"{one}/rename", {"study_name": "other"}),
        ("POST", "/optuna/api/studies", {"study_name": "new", "directions": [1, 2]}),
        ("POST", "/optuna/api/trials/1/tell", {"state": "Fail"}),
        ("PUT", f"{one}/preference", {}),
        ("POST", f"{one}/note", note),
    ):
        assert opened.request(method, path, json=content).status_code == 403
    assert opened.get("/api/v1/studies/study").status_code == 200
    assert opened.put(f"{one}/note", json=note).status_code == 204


def test_errors_carry_no_internals(opened: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("/secret/path")

    monkeypatch.setattr("dashboard.api.detail", broken)
    answer = opened.get("/api/v1/studies/study/trials/0")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert COOKIE not in answer.headers.get("set-cookie", "")
