"""The bridge's other way: from the API to a real Mosquitto, by the command itself, and none of it back as readings."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from paho.mqtt.client import Client, MQTTMessage, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion

from roomidity.bridge.reading_api import ApiReader
from roomidity.errors import BridgeError
from tests.api import ApiWorld, event_of
from tests.integration.test_bridge import bridge, broker, environment, sqs  # noqa: F401  # fixtures
from tests.mosquitto import Mosquitto, until
from tests.sqs_server import SqsServer

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning")

STATUS: Final = "roomidity-forecast/h1/status"


class Api:
    """The API over fakes, served on loopback; ``statuses`` are what it answered."""

    def __init__(self) -> None:
        self.world = ApiWorld()
        self.token = self.world.house("h1", "bath", "outdoor")
        self.statuses: list[int] = []
        self.elsewhere: str | None = None
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if api.elsewhere is not None:
                    self.send_response(302)
                    self.send_header("Location", api.elsewhere)
                    self.end_headers()
                    return
                sent = {name.lower(): value for name, value in self.headers.items()}
                event = event_of(self.path)
                event["headers"] = sent
                found = api.world.answer(event)
                api.statuses.append(found.status)
                self.send_response(found.status)
                for name, value in found.headers.items():
                    if name not in {"content-encoding", "content-length"}:
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(found.body)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    yield api
    api.close()


@pytest.fixture
def token_file(api: Api, tmp_path: Path) -> Path:
    path = tmp_path / "token"
    path.write_text(f"{api.token}\n")
    return path


class Listener:
    """What Home Assistant would hear: the retained messages of a broker, and what comes."""

    def __init__(self, port: int) -> None:
        self.messages: dict[str, str] = {}
        self._client = Client(CallbackAPIVersion.VERSION2, protocol=MQTTv5)
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        for topic in ("homeassistant/#", "roomidity-forecast/#"):
            self._client.subscribe(topic, qos=1)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.messages[message.topic] = message.payload.decode()


def test_what_is_forecast_is_there_for_who_comes_later_and_none_of_it_is_a_reading(
    broker: Mosquitto,  # noqa: F811
    bridge: Any,  # noqa: F811
    sqs: SqsServer,  # noqa: F811
    api: Api,
    token_file: Path,
) -> None:
    running = bridge("--topic", "#", "--api", api.url, "--token-file", str(token_file))
    running.wait_until_it_carries()
    until(lambda: len(api.statuses) >= 2, "the bridge to ask the API")
    listener = Listener(broker.port)
    try:
        until(lambda: listener.messages.get(STATUS) == "online", "what is retained")
        until(lambda: "roomidity-forecast/h1/bath/status" in listener.messages, "the room")
        configs = [json.loads(text) for topic, text in listener.messages.items() if topic.endswith("/config")]
        assert {one["dev"]["name"] for one in configs} == {"h1", "bath"}
        state = json.loads(listener.messages["roomidity-forecast/h1/bath/state"])
        assert state["humidity_now"] == 50.0
        assert set(api.statuses) == {200}
        running.kill()
        until(lambda: listener.messages[STATUS] == "offline", "the broker to tell that it is gone")
        assert sqs.bodies == []
        again = bridge("--topic", "#", "--api", api.url, "--token-file", str(token_file))
        until(lambda: listener.messages[STATUS] == "online", "it to be back")
        assert again.end() == 0
        until(lambda: listener.messages[STATUS] == "offline", "it to say that it leaves")
    finally:
        listener.close()


def test_what_has_not_changed_is_not_sent_again_and_no_redirect_is_followed(api: Api, token_file: Path) -> None:
    reader = ApiReader(api.url, token_file)
    first = reader.read("/v1/house/notices")
    assert reader.read("/v1/house/notices") == first
    assert api.statuses == [200, 304]
    api.elsewhere = "http://127.0.0.1:1/"
    with pytest.raises(BridgeError, match="answers 302"):
        reader.read("/v1/house/notices")
    api.elsewhere = None
    token_file.write_text(api.world.token("h1", secret=b"x" * 32))
    assert reader.read("/v1/house/notices") == first, "a new token is read"
    token_file.write_text("rm1.h1.c3Nzc3Nz")
    with pytest.raises(BridgeError, match="does not accept the token"):
        reader.read("/v1/house/notices")
