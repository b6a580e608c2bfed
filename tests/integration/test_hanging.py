"""One dependency that hangs leaves ten houses their forecasts within the function's 60 s: it is waited for once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from moto.core.botocore_stubber import BotocoreStubber

from handlers.batch import BatchFailedError
from roomidity.aws import dynamodb
from roomidity.aws.dynamodb import botocore_session, dynamodb_client
from roomidity.aws.registry.records import ModelTable
from roomidity.aws.silence import SILENT_S
from roomidity.aws.store import bind
from roomidity.composition import Stage
from roomidity.domain.damage import Damage
from roomidity.domain.slots import format_slot
from roomidity.errors import StoreError
from roomidity.forecasting import load_prior
from tests.integration.test_handlers import NOW, Invoke, failed, invoke, observe, promote, records

__all__ = ["invoke"]  # a fixture

HOUSES: Final = [f"h{number}" for number in range(10)]
TIMEOUT_S: Final = 60
"""Of the function forecast, in serverless.yml."""
WORK_S: Final = 15
"""More than ten houses' forecasts take, a cold start among them."""


@pytest.fixture
def silent() -> Iterator[tuple[str, list[Any]]]:
    """An address that takes connections and never answers, and the connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken: list[Any] = []

    def accept() -> None:
        while True:
            try:
                taken.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in taken:
        connection.close()


def test_a_table_that_takes_a_call_and_never_answers_is_asked_twice_a_minute(
    silent: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, taken = silent
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", address)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    assert dynamodb._HASTY.read_timeout * dynamodb._HASTY.retries["total_max_attempts"] < 5  # type: ignore[attr-defined]
    monkeypatch.setattr(dynamodb, "_HASTY", dynamodb._HASTY.merge(Config(read_timeout=0.2)))
    seconds = [100.0]
    client = dynamodb_client(botocore_session(), region="eu-central-1", hasty=lambda: seconds[0])
    table = ModelTable(bind("test", client).models, Damage())
    for _ in range(10):
        with pytest.raises(StoreError):
            table.pointer("h1")
    assert len(taken) == 2
    seconds[0] += SILENT_S
    with pytest.raises(StoreError):
        table.pointer("h1")
    assert len(taken) == 4


def hang(monkeypatch: pytest.MonkeyPatch, concerns: Callable[[Any], bool]) -> list[float]:
    """Requests that ``concerns`` holds of are not answered; what was waited for, by the timeouts that are set.

    Threads that ran before sleep as they did: those that an earlier test left behind are none of the function's.
    """
    waited: list[float] = []
    stub, sleep = BotocoreStubber.__call__, time.sleep
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}

    def silent(self: BotocoreStubber, event_name: str, request: Any, **more: Any) -> Any:
        if concerns(request):
            waited.append(2.0)
            raise ReadTimeoutError(endpoint_url=request.url)
        return stub(self, event_name, request, **more)

    def doze(seconds: float) -> None:
        if threading.get_ident() in others:
            sleep(seconds)
        else:
            waited.append(seconds)

    monkeypatch.setattr(BotocoreStubber, "__call__", silent)
    monkeypatch.setattr("time.sleep", doze)  # botocore's, between attempts
    return waited


def of_table(name: str) -> Callable[[Any], bool]:
    return lambda request: f'"roomidity-test-{name}"'.encode() in (request.body or b"")


def live(stage: Stage) -> None:
    for house in HOUSES:
        observe(stage, house, days=0.1, rooms=1)
        promote(stage, house, NOW)


JOBS: Final = [{"house": house, "issued_at": format_slot(NOW)} for house in HOUSES]


@pytest.mark.parametrize("what", ["models", "bucket"])
def test_where_models_hang_the_prior_serves_all_ten(
    stage: Stage, invoke: Invoke, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(stage)
    with monkeypatch.context() as patched:
        waited = hang(
            patched,
            of_table("models")
            if what == "models"
            else lambda request: "amazonaws.com/models/" in request.url or ".s3." in request.url,
        )
        assert failed(invoke("forecast", records("forecast", *JOBS))) == set()
    assert 0 < sum(waited) + WORK_S < TIMEOUT_S
    assert len([one for one in waited if one == 2.0]) == 2, "it was asked twice in all"
    for house in HOUSES:
        issued = stage.forecasts.latest(house, "room 0", now=NOW)
        assert issued is not None
        assert issued.model_version == load_prior()[2]["version"]


@pytest.mark.parametrize("table", ["houses", "observations", "forecasts"])
def test_where_what_a_forecast_rests_on_hangs_the_jobs_fail_soon_and_come_again(
    stage: Stage, invoke: Invoke, table: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    live(stage)
    with monkeypatch.context() as patched:
        waited = hang(patched, of_table(table))
        with pytest.raises(BatchFailedError):
            invoke("forecast", records("forecast", *JOBS))
    assert 0 < sum(waited) + WORK_S < TIMEOUT_S
    assert len([one for one in waited if one == 2.0]) == 2


def test_forecasts_read_and_write_all_by_clients_that_give_up_soon(stage: Stage) -> None:
    ports = stage.forecast_ports
    for table in (ports.houses, ports.observations, ports.forecasts, ports.registry._table):  # type: ignore[attr-defined]
        config: Any = table._item._get_connection().connection.client.meta.config
        assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (1, 2, 2)
    patient: Any = stage.houses._item._get_connection().connection.client.meta.config
    assert patient.retries["total_max_attempts"] == 4
