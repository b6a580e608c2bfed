"""The laptop's server: requests become events as AWS makes them, one at a time, and for no other host than itself."""

from __future__ import annotations

import base64
import http.client
import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, Final

import pytest

from roomidity.errors import EngineError
from roomidity.local.functions import Functions
from roomidity.local.replayed import begin_replay, end_replay, is_replay, replayed_to
from roomidity.local.server import event_of, serving

END: Final = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A server whose function answers the event that it got, and the clock."""
    running = 0

    def requested(_: Functions, name: str, event: dict[str, Any], *, replayed_to: datetime | None) -> dict[str, Any]:
        nonlocal running
        running += 1
        assert running == 1, "a resolver serves one request at a time"
        body = json.dumps({"name": name, "event": event, "clock": replayed_to}, default=str).encode()
        running -= 1
        if event["rawPath"] == "/fails":
            raise OSError("away")
        return {
            "statusCode": 200,
            "headers": {"content-type": "application/json"},
            "body": base64.b64encode(body).decode(),
            "isBase64Encoded": True,
        }

    monkeypatch.setattr(Functions, "requested", requested)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    with serving(free, replayed_to=END) as address:
        assert address == f"http://127.0.0.1:{free}"
        yield free


def ask(port: int, path: str, *, method: str = "GET", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        return answer.status, json.loads(body) if body.startswith(b"{") else body
    finally:
        connection.close()


def test_a_request_becomes_the_event_that_aws_makes_of_it(port: int) -> None:
    status, said = ask(port, "/v1/houses/h%C3%BC%20x/forecasts?room=a%2Cb&room=c", Authorization="Bearer x", Accept="a")
    assert (status, said["name"], said["clock"]) == (200, "api", str(END))
    event = said["event"]
    assert event["rawPath"] == "/v1/houses/hü x/forecasts"
    assert event["rawQueryString"] == "room=a%2Cb&room=c"
    assert event["headers"]["authorization"] == "Bearer x"
    assert event["requestContext"]["http"]["method"] == "GET"
    assert event_of("GET", "/v1/houses/a%3Fb/models", {})["rawPath"] == "/v1/houses/a"  # as HTTP APIs cut it


def test_no_request_sets_the_clock(port: int) -> None:
    _, said = ask(port, "/v1/house?now=2027-01-01T00:00Z", replayed_to="2027", now="2027", Date="x")
    assert said["clock"] == str(END)


def test_forty_at_once_each_get_their_own_answer(port: int) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: ask(port, f"/{number}"), range(40)))
    assert [said["event"]["rawPath"] for _, said in answers] == [f"/{number}" for number in range(40)]


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.evil.example:4567", ""])
def test_a_name_that_leads_here_is_not_answered(port: int, host: str) -> None:
    assert ask(port, "/", Host=host)[0] == 421


def test_it_answers_to_localhost_and_any_method_goes_to_the_function(port: int) -> None:
    assert ask(port, "/", Host=f"localhost:{port}")[0] == 200
    for method in ("POST", "PUT", "FOO"):
        _, said = ask(port, "/", method=method)
        assert said["event"]["requestContext"]["http"]["method"] == method
    assert ask(port, "/", method="HEAD") == (200, b"")


def test_a_function_that_fails_is_told_without_its_reason(port: int) -> None:
    status, said = ask(port, "/fails")
    assert status == 500
    assert b"away" not in said


def test_a_port_that_is_taken(port: int) -> None:
    with pytest.raises(EngineError, match=f"port {port} cannot be listened on.*--page-port"), serving(port):
        raise AssertionError
    with serving(None) as address:  # 4567 or a free one
        assert address.startswith("http://127.0.0.1:")


def test_a_demo_writes_how_far_its_data_go(tmp_path: Any) -> None:
    assert (is_replay(tmp_path), replayed_to(tmp_path)) == (False, None)
    begin_replay(tmp_path)
    assert (is_replay(tmp_path), replayed_to(tmp_path)) == (True, None)  # ended before its end
    end_replay(tmp_path, END)
    assert replayed_to(tmp_path) == END
