"""People of a service: named tokens, proxies that sign them in, owners, the audit log, and files that are private."""

import json
import os
import stat
import time
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from dashboard.access import Access, access
from dashboard.app import ServerSettings, create_app
from dashboard.proxies import Proxies
from nas.errors import ParameterError
from nas.service.tokens import Right, add_token, parse_token, read_tokens, remove_tokens
from nas.store.store import Store
from tests.conftest import run_nas
from tests.serving import Served


class People:
    """An application with a file of tokens, and clients of it."""

    def __init__(self, store: Store, url: str, folder: Path, proxies: Proxies | None = None) -> None:
        self.file = folder / "nas-tokens"
        self.tokens = {name: add_token(self.file, name, right) for name, right in self.rights.items()}
        self.folder = folder / "searches"
        allowed = Access(("ro:reader", "writer"), self.file, proxies)
        self._app = create_app(store, url, ServerSettings(allowed, self.folder, (), self.folder / "audit.jsonl"))

    rights = {"alice": "write", "bob": "write", "carol": "admin", "dan": "read"}  # noqa: RUF012

    def client(self, peer: str = "10.0.0.9", token: str | None = None, **headers: str) -> TestClient:
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return TestClient(self._app, base_url="http://127.0.0.1", headers=headers, client=(peer, 50000))

    def of(self, name: str, peer: str = "10.0.0.9") -> TestClient:
        return self.client(peer, self.tokens[name])


@pytest.fixture
def people(storage: tuple[Store, str], tmp_path: Path) -> People:
    return People(*storage, tmp_path, Proxies(["192.168.7.0/24"]))


def own(storage: tuple[Store, str], owner: str) -> None:
    from sqlalchemy import text

    from nas.store.engine import open_engine, parse_url

    engine = open_engine(parse_url(storage[1]))
    with engine.begin() as connection:
        connection.execute(text("UPDATE nas_studies SET owner = :owner"), {"owner": owner})
    engine.dispose()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_tokens_have_names_and_rights(people: People) -> None:
    for name, expected in (("alice", 422), ("carol", 422), ("dan", 403)):
        client = people.of(name)
        assert client.get("/api/v1/studies").status_code == 200
        assert client.post("/api/v1/searches", json={"budget": 0}).status_code == expected
    assert "alice" in people.of("alice").get("/").text
    assert mode(people.file) == 0o600
    assert not any(token in people.file.read_text() for token in people.tokens.values())
    assert people.client(token="writer").get("/api/v1/studies").status_code == 200


def test_a_removed_token_ends_its_sessions_at_once(people: People) -> None:
    browser = people.client()
    assert browser.post("/api/v1/session", json={"token": people.tokens["alice"]}).status_code == 204
    assert browser.get("/api/v1/studies").status_code == 200
    remove_tokens(people.file, "alice")
    assert browser.get("/api/v1/studies").status_code == 401
    assert people.of("alice").get("/api/v1/studies").status_code == 401
    assert people.of("bob").get("/api/v1/studies").status_code == 200
    # A token that is added is valid at once, too.
    token = add_token(people.file, "erin", "read")
    assert people.client(token=token).get("/api/v1/studies").status_code == 200
    for spoil in (lambda: people.file.write_text("erin:all:sha256:12\n"), people.file.unlink):
        spoil()
        assert people.client(token=token).get("/api/v1/studies").status_code == 401
        assert people.client(token="reader").get("/api/v1/studies").status_code == 200


def test_sign_out_ends_the_session_wherever_its_cookie_is(people: People) -> None:
    browser, thief = people.client(), people.client()
    browser.post("/api/v1/session", json={"token": people.tokens["alice"]})
    thief.cookies = browser.cookies
    assert thief.get("/api/v1/studies").status_code == 200
    assert browser.delete("/api/v1/session").status_code == 204
    assert thief.get("/api/v1/studies").status_code == 401


def test_wrong_tokens_shut_out_nobody_who_has_a_right_one(people: People) -> None:
    assert people.client(token="reader").get("/api/v1/studies").status_code == 200
    guesses = [people.client(token=f"wrong{number}").get("/api/v1/studies").status_code for number in range(12)]
    assert guesses == [401] * 10 + [429] * 2
    # A strong token, also at the first time, and a weak one that was right before.
    assert people.of("alice").get("/api/v1/studies").status_code == 200
    assert people.client().post("/api/v1/session", json={"token": people.tokens["bob"]}).status_code == 204
    assert people.client(token="reader").get("/api/v1/studies").status_code == 200
    assert people.client(peer="10.0.0.10", token="another").get("/api/v1/studies").status_code == 401


def test_a_program_with_an_old_token_uses_up_no_guesses(people: People) -> None:
    old = people.client(token="old")
    assert {old.get("/metrics").status_code for _ in range(30)} == {401}
    assert people.client(token="writer").get("/api/v1/studies").status_code == 200


def test_a_trusted_proxy_alone_says_who_somebody_is(people: People, storage: tuple[Store, str]) -> None:
    own(storage, "alice")
    named = {"X-Forwarded-User": "alice"}
    assert people.client("192.168.7.5", **named).get("/api/v1/studies").status_code == 200
    assert people.client("192.168.8.5", **named).get("/api/v1/studies").status_code == 401
    assert people.client("127.0.0.1", **named).get("/api/v1/studies").status_code == 401
    for nobody in ("", "   ", "x" * 65, "a\x7fb"):
        answer = people.client("192.168.7.5", **{"X-Forwarded-User": nobody}).get("/api/v1/studies")
        assert answer.status_code == 401
    frank = people.client("192.168.7.5", **{"X-Forwarded-User": "frank"})
    assert frank.delete("/api/v1/studies/study").status_code == 403
    with people.file.open("a") as file:
        file.write("frank:admin:proxy\n")
    assert frank.delete("/api/v1/studies/study").status_code == 204


def test_guesses_are_counted_by_the_address_before_the_proxy(people: People) -> None:
    def guess(peer: str, hops: str, number: int) -> int:
        client = people.client(peer, f"wrong{number}", **{"X-Forwarded-For": hops})
        return client.get("/api/v1/studies").status_code

    # What a client says of itself before the proxy's own entry, or to no proxy at all, changes nothing.
    assert [guess("192.168.7.5", f"10.1.1.{number}, 10.0.0.1", number) for number in range(11)][-1] == 429
    assert guess("192.168.7.5", "10.0.0.2", 0) == 401
    assert [guess("10.0.0.3", f"10.1.1.{number}", number) for number in range(11)][-1] == 429


def test_a_study_is_stopped_and_deleted_by_its_owner_or_an_admin(people: People, storage: tuple[Store, str]) -> None:
    own(storage, "alice")
    assert people.of("bob").get("/api/v1/studies/study").json()["owner"] == "alice"
    for name in ("bob", "dan"):
        assert people.of(name).delete("/api/v1/studies/study").status_code == 403
        assert people.of(name).post("/api/v1/studies/study/stop").status_code == 403
        assert 'id="stop"' not in people.of(name).get("/studies/study").text
    refused = people.client(token="writer").delete("/api/v1/studies/study")
    assert refused.json()["detail"] == "study 'study' belongs to alice: only alice or an admin may do this"
    # It is not being searched, which is another reason.
    assert people.of("carol").post("/api/v1/studies/study/stop").status_code == 422
    assert 'id="stop"' in people.of("alice").get("/studies/study").text
    assert people.of("alice").delete("/api/v1/studies/study").status_code == 204


def test_a_study_is_archived_renamed_and_annotated_by_its_owner_or_an_admin(
    people: People, storage: tuple[Store, str]
) -> None:
    own(storage, "alice")
    path = "/api/v1/studies/study"
    for name in ("bob", "dan"):
        for changes in ({"archived": True}, {"name": "new"}, {"note": "x"}):
            assert people.of(name).patch(path, json=changes).status_code == 403
    alice = people.of("alice")
    changed = alice.patch(path, json={"archived": True, "note": " mine "}).json()
    assert (changed["archived"], changed["note"], changed["owner"]) == (True, "mine", "alice")
    assert alice.get("/api/v1/studies").json() == []
    assert [study["name"] for study in alice.get("/api/v1/studies?archived=true").json()] == ["study"]
    assert 'study="study"' not in alice.get("/metrics").text
    assert alice.get(f"{path}/front").status_code == 200
    assert alice.patch(path, json={"archived": False, "name": "of/alice"}).json()["name"] == "of/alice"
    assert alice.get(path).status_code == 404
    assert alice.get("/api/v1/studies/of%2Falice/trials").status_code == 200
    for changes, status in (
        ({"name": ""}, 422),
        ({"name": "a\nb"}, 422),
        ({"note": "\0"}, 422),
        ({"owner": "bob"}, 422),
    ):
        assert people.of("carol").patch("/api/v1/studies/of%2Falice", json=changes).status_code == status
    entries = people.of("carol").get("/api/v1/audit").json()
    assert ("alice", "PATCH", path, 200) in [
        tuple(entry[key] for key in ("person", "method", "path", "status")) for entry in entries
    ]


def test_what_was_changed_is_on_record(people: People, storage: tuple[Store, str]) -> None:
    own(storage, "alice")
    people.client().post("/api/v1/session", json={"token": people.tokens["bob"]})
    people.of("bob").delete("/api/v1/studies/study")
    people.of("alice").delete("/api/v1/studies/study")
    people.of("alice").get("/api/v1/studies")
    people.client().delete("/api/v1/studies/study")
    expected = [
        ("bob", "10.0.0.9", "POST", "/api/v1/session", 204),
        ("bob", "10.0.0.9", "DELETE", "/api/v1/studies/study", 403),
        ("alice", "10.0.0.9", "DELETE", "/api/v1/studies/study", 204),
    ]
    entries = people.of("carol").get("/api/v1/audit").json()
    assert [tuple(entry.values())[1:] for entry in reversed(entries)] == expected
    lines = (people.folder / "audit.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == entries[::-1]
    assert mode(people.folder / "audit.jsonl") == 0o600
    assert people.of("alice").get("/api/v1/audit").status_code == 403
    assert people.tokens["bob"] not in "".join(lines)


def test_wrong_files_of_tokens_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    with pytest.raises(ParameterError, match="token new"):
        access("0.0.0.0", {}, file)
    digest = "0" * 64
    for line, named in (
        (f"alice:all:sha256:{digest}", "valid: read, write, admin"),
        ("alice:write:sha256:12", "SHA-256"),
        (f"a b:write:sha256:{digest}", "no name"),
        ("word", "line 2"),
    ):
        file.write_text(f"# people\n{line}\n")
        with pytest.raises(ParameterError, match=named):
            read_tokens(file)
    assert parse_token(f"alice:admin:sha256:{digest}") == ("alice", Right.ADMIN, bytes(32))
    assert parse_token("a:write:b").name is None
    with pytest.raises(ParameterError, match="--trusted-proxy"):
        Proxies(["nowhere"])
    assert not access("0.0.0.0", {}, proxies=Proxies(["10.0.0.1"])).is_open


def test_a_service_for_people(tmp_path: Path) -> None:
    """The command's own options: a token is made, used, listed and removed while the service runs."""
    made = run_nas(["dashboard", "token", "new", "alice"], tmp_path)
    assert made.code == 0, made.err
    token = made.out.strip()
    assert run_nas(["dashboard", "token", "list"], tmp_path).out == "alice write\n"
    with Served(tmp_path, "--tokens", "nas-tokens") as served:
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"{served.url}/api/v1", headers=headers, timeout=60) as client:
            # uvicorn's own trust in whoever connects from this machine would make each guess another address's.
            for number in range(11):
                wrong = {"Authorization": f"Bearer {number}", "X-Forwarded-For": f"10.0.0.{number}"}
                answer = httpx.get(f"{served.url}/api/v1/studies", headers=wrong)
            assert answer.status_code == 429
            quick = {"budget": 1, "epochs": 1, "train_size": 64, "confirm": 0, "workers": 1, "baselines": ["none"]}
            search = client.post("/searches", json={**quick, "latency_precision": "20%"}).json()
            assert search["owner"] == "alice"
            while search["state"] in ("starting", "running"):
                time.sleep(0.5)
                search = client.get(f"/searches/{search['id']}").json()
            assert search["state"] == "ended", search
            assert client.get(f"/studies/{search['study']}").json()["owner"] == "alice"
            bob = {"Authorization": f"Bearer {run_nas(['dashboard', 'token', 'new', 'bob'], tmp_path).out.strip()}"}
            record = f"/searches/{search['id']}"
            assert client.delete(record, headers=bob).status_code == 403
            assert client.get(record).status_code == 200
            assert run_nas(["dashboard", "token", "remove", "alice"], tmp_path).code == 0
            assert client.get("/studies").status_code == 401
    unknown = run_nas(["dashboard", "token", "remove", "alice"], tmp_path)
    assert (unknown.code, unknown.err) == (2, "nas: error: unknown name 'alice'; valid: bob\n")
    private = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "dashboard.log"]
    assert {path.name for path in private} >= {"nas.db", "nas-tokens", "audit.jsonl", "log.txt", "request.json"}
    assert {path.name: oct(mode(path)) for path in private if mode(path) != 0o600} == {}


def test_a_database_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    file = tmp_path / "nas.db"
    os.close(os.open(file, os.O_CREAT, 0o644))
    Store.open(f"sqlite:///{file}", create=True).close()
    assert mode(file) == 0o644
