"""Models against moto: what was published comes back, one pointer says what serves, nothing that it names is lost."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import GetError

from roomidity.aws.bucket import Bucket
from roomidity.aws.registry import Registry
from roomidity.aws.registry.records import ModelTable
from roomidity.aws.silence import SILENT_S
from roomidity.composition import Stage
from roomidity.domain.damage import Damage
from roomidity.domain.models import PROMOTED, ROLLED_BACK, Pointer, version_of
from roomidity.errors import (
    ChampionChangedError,
    InputError,
    ModelRefusedError,
    ModelUnreadableError,
    NotFoundError,
    StoreError,
)
from roomidity.forecasting import Model, State, load_prior
from tests.fake_registry import champion_of
from tests.integration.stage import tables_of

TRAINED_AT = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = TRAINED_AT + DAY

FORBIDDEN = ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetObject")
SLOW_DOWN = ClientError({"Error": {"Code": "SlowDown", "Message": "later"}}, "GetObject")
HANGING = ReadTimeoutError(endpoint_url="https://s3")


def model_of(number: int = 0) -> Model:
    """Models that differ."""
    model = load_prior()[0]
    return replace(model, bias3=model.bias3 + number / 1024)


def state_at(through: int = 1000) -> State:
    return replace(load_prior()[1], through=through)


def publish(stage: Stage, number: int = 0, *, promote: bool = True, at: datetime = TRAINED_AT, **more: Any) -> str:
    version = stage.registry.publish(
        "h1", model=model_of(number), state=state_at(), manifest={"reason": "test"}, trained_at=at, **more
    )
    if promote:
        stage.registry.promote("h1", version, at=at)
    return version


def elsewhere(stage: Stage) -> Registry:
    """The registry as another function sees it: nothing cached."""
    return Registry(ModelTable(tables_of(stage).models, Damage()), stage.bucket)


def failing(error: Exception, asked: list[int] | None = None) -> Callable[..., None]:
    """What raises; ``asked`` counts the calls."""

    def fail(**_: Any) -> None:
        if asked is not None:
            asked[0] += 1
        raise error

    return fail


def objects(stage: Stage) -> dict[str, int]:
    """How many objects each version has."""
    found: dict[str, int] = {}
    for key in stage.bucket.keys("models/h1/"):
        version = key.split("/")[2]
        found[version] = found.get(version, 0) + 1
    return found


def test_a_house_has_no_champion_of_its_own_at_first(stage: Stage) -> None:
    registry = stage.registry
    assert champion_of(registry, "h1") is None
    assert registry.pointer("h1").points_to is None
    assert registry.succession("h1") == ()
    assert registry.pointer("h1") == Pointer()
    assert (registry.manifests("h1"), registry.served("h1")) == ([], [])
    assert registry.served_at("h1", LATER) is None
    assert registry.prune("h1", now=LATER) == []


def test_a_model_serves_once_it_is_promoted(stage: Stage) -> None:
    version = publish(stage, promote=False)
    assert champion_of(stage.registry, "h1") is None
    stage.registry.promote("h1", version, at=TRAINED_AT)
    champion = champion_of(elsewhere(stage), "h1")
    assert champion is not None
    assert champion.version == version
    assert champion.model.to_bytes() == model_of().to_bytes()
    assert champion.state.to_bytes() == state_at().to_bytes()
    assert champion_of(elsewhere(stage), "h2") is None


def test_the_manifest_says_what_the_bytes_are(stage: Stage, plain_buckets: Any) -> None:
    version = publish(stage)
    manifest = stage.registry.record("h1", version).facts
    key = f"models/h1/{version}/model.npz"
    content = plain_buckets.get_object(Bucket=stage.settings.bucket, Key=key)["Body"].read()
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["bytes"], manifest["house"], manifest["reason"]) == (len(content), "h1", "test")
    assert version == f"20260314T1230Z-{manifest['sha256'][:8]}" == version_of(model_of().to_bytes(), TRAINED_AT)
    assert stage.registry.manifests("h1") == [manifest]


def test_only_a_version_that_is_there_can_be_promoted_or_moved_on(stage: Stage) -> None:
    with pytest.raises(NotFoundError, match="nowhere"):
        stage.registry.promote("h1", "nowhere", at=TRAINED_AT)
    with pytest.raises(NotFoundError, match="nowhere"):
        stage.registry.put_state("h1", "nowhere", state_at())
    assert champion_of(stage.registry, "h1") is None
    assert list(stage.bucket.keys("models/")) == []


# ---- Standing: derived from the record and the pointer.


def standings(stage: Stage, now: datetime) -> dict[str, str]:
    pointer = stage.registry.pointer("h1")
    return {record.version: record.standing(pointer) for record in stage.registry.records("h1", now=now)}


def test_what_a_version_is_follows_from_pointer_log_and_decision(stage: Stage) -> None:
    first = publish(stage, 1)
    second = publish(stage, 2, at=LATER)
    waiting = publish(stage, 3, promote=False, at=LATER)
    lost = publish(stage, 4, promote=False, at=LATER, decision={"won": False, "reasons": ["worse"]})
    assert standings(stage, LATER) == {first: "retired", second: "champion", waiting: "candidate", lost: "refused"}
    stage.registry.refuse("h1", waiting, decision={"won": False, "reasons": ["overtaken"]}, at=LATER)
    stage.registry.refuse("h1", first, decision={"won": False, "reasons": ["it has served"]}, at=LATER)
    assert standings(stage, LATER) == {first: "retired", second: "champion", waiting: "refused", lost: "refused"}
    assert stage.registry.record("h1", waiting).facts["decision"]["reasons"] == ["overtaken"]
    assert "decision" not in stage.registry.record("h1", first).facts


def test_what_was_never_decided_expires_and_blocks_nothing(stage: Stage) -> None:
    died = publish(stage, 1, promote=False)
    lost = publish(stage, 2, promote=False, decision={"won": False, "reasons": ["worse"]})
    served = publish(stage, 3)
    assert set(standings(stage, TRAINED_AT + 29 * DAY)) == {died, lost, served}
    assert set(standings(stage, TRAINED_AT + 31 * DAY)) == {lost, served}
    assert set(standings(stage, TRAINED_AT + 91 * DAY)) == {served}
    assert len(stage.registry.manifests("h1")) == 3  # the table drops them when it comes to it
    assert len(stage.registry.manifests("h1", now=TRAINED_AT + 91 * DAY)) == 1
    with pytest.raises(NotFoundError, match=f"model {died} of house 'h1' does not exist"):
        stage.registry.promote("h1", died, at=TRAINED_AT + 31 * DAY)
    newer = publish(stage, 4, at=TRAINED_AT + 91 * DAY)
    assert stage.registry.pointer("h1").points_to == newer


def test_published_again_a_version_that_has_served_stays_as_it_is(stage: Stage) -> None:
    version = publish(stage)
    stage.registry.put_state("h1", version, state_at(2000))
    assert publish(stage, promote=False, decision={"won": False, "reasons": ["again"]}) == version
    assert standings(stage, TRAINED_AT + 91 * DAY) == {version: "champion"}
    champion = champion_of(elsewhere(stage), "h1")
    assert champion is not None
    assert champion.state.through == 2000


def test_published_again_a_candidate_is_the_newer(stage: Stage) -> None:
    version = publish(stage, promote=False, decision={"won": False, "reasons": ["worse"]})
    assert publish(stage, promote=False, decision={"won": True, "reasons": ["better"]}) == version
    assert standings(stage, TRAINED_AT) == {version: "candidate"}


# ---- One pointer, moved from where it was seen.


def test_of_two_promotions_at_once_the_second_learns_of_the_first(stage: Stage) -> None:
    seen = stage.registry.pointer("h1")
    first, second = publish(stage, 1, promote=False), publish(stage, 2, promote=False)
    elsewhere(stage).promote("h1", first, at=TRAINED_AT, seen=seen)
    with pytest.raises(ChampionChangedError) as changed:
        stage.registry.promote("h1", second, at=TRAINED_AT, seen=seen)
    assert (changed.value.found, changed.value.expected) == (first, None)
    assert stage.registry.pointer("h1").points_to == first
    assert [entry.version for entry in stage.registry.served("h1")] == [first]
    assert standings(stage, TRAINED_AT) == {first: "champion", second: "candidate"}


def test_a_pointer_that_went_and_came_back_has_moved(stage: Stage) -> None:
    first, second = publish(stage, 1), publish(stage, 2, promote=False)
    seen = stage.registry.pointer("h1")
    stage.registry.promote("h1", second, at=LATER)
    stage.registry.promote("h1", first, at=LATER)
    with pytest.raises(ChampionChangedError):
        stage.registry.promote("h1", second, at=LATER, seen=seen)


def test_what_is_the_champion_is_not_promoted_again(stage: Stage) -> None:
    version = publish(stage)
    pointer = stage.registry.pointer("h1")
    assert stage.registry.promote("h1", version, at=LATER) == pointer == stage.registry.pointer("h1")
    assert len(stage.registry.served("h1")) == 1


def test_who_served_at_a_time(stage: Stage) -> None:
    first = publish(stage, 1)
    second = publish(stage, 2, at=LATER)
    hour = timedelta(hours=1)

    def at(moment: datetime) -> str | None:
        entry = stage.registry.served_at("h1", moment)
        return entry.version if entry else None

    assert at(TRAINED_AT - timedelta(seconds=1)) is None
    assert at(TRAINED_AT) == at(LATER - timedelta(seconds=1)) == first
    assert at(LATER) == at(LATER + 1000 * DAY) == second
    assert stage.registry.rollback("h1", at=LATER + hour).pointer.points_to == first
    assert (at(LATER), at(LATER + hour)) == (second, first)
    assert stage.registry.served_at("h2", LATER) is None
    assert [(entry.version, entry.since, entry.why) for entry in stage.registry.served("h1")] == [
        (first, LATER + hour, ROLLED_BACK),
        (second, LATER, PROMOTED),
        (first, TRAINED_AT, PROMOTED),
    ]


def test_the_log_agrees_with_the_pointer_whatever_the_clock_says(stage: Stage) -> None:
    """Twice in a second, and by a clock that is behind."""
    publish(stage, 1)
    second, third = publish(stage, 2), publish(stage, 3, promote=False)
    for moment in (TRAINED_AT, LATER):
        assert stage.registry.served_at("h1", moment).version == second
    moved = stage.registry.promote("h1", third, at=TRAINED_AT - DAY)
    assert moved.since == TRAINED_AT == stage.registry.pointer("h1").since
    assert stage.registry.served_at("h1", TRAINED_AT).version == third
    assert len(stage.registry.served("h1")) == 3


def test_rolled_back_is_what_served_before_and_in_the_end_the_prior(stage: Stage) -> None:
    first, second, third = (publish(stage, number, at=TRAINED_AT + number * DAY) for number in (1, 2, 3))
    at = TRAINED_AT + 4 * DAY
    assert stage.registry.succession("h1") == (third, second)
    assert stage.registry.rollback("h1", at=at).pointer.points_to == second
    assert stage.registry.succession("h1") == (second, first)
    assert stage.registry.rollback("h1", at=at).pointer.points_to == first
    assert stage.registry.succession("h1") == (first,)
    assert stage.registry.rollback("h1", at=at).pointer.points_to is None
    assert (champion_of(stage.registry, "h1"), stage.registry.succession("h1")) == (None, ())
    assert stage.registry.served_at("h1", at).version is None
    with pytest.raises(InputError, match="the prior serves house 'h1'; there is nothing to roll back to"):
        stage.registry.rollback("h1", at=at)
    stage.registry.promote("h1", third, at=at)
    assert stage.registry.pointer("h1").points_to == third


def test_after_promotions_by_hand_rolling_back_ends_at_the_prior_too(stage: Stage) -> None:
    first, second = publish(stage, 1), publish(stage, 2)
    stage.registry.promote("h1", first, at=LATER, why="promoted by hand")
    went = [stage.registry.rollback("h1", at=LATER + number * DAY).pointer for number in range(2)]
    assert [(one.points_to, one.previous) for one in went] == [(second, None), (None, None)]
    stage.registry.promote("h1", second, at=LATER + 2 * DAY)  # the line begins anew
    assert stage.registry.rollback("h1", at=LATER + 3 * DAY).pointer.points_to is None


def test_what_is_broken_or_pruned_is_passed_over_on_the_way_back(stage: Stage) -> None:
    oldest, old, pruned, broken, champion = (publish(stage, number, at=TRAINED_AT) for number in range(5))
    stage.bucket.delete(f"models/h1/{broken}/model.npz")
    stage.registry._table.mark_pruned("h1", pruned, at=LATER)
    back = elsewhere(stage).rollback("h1", at=LATER)
    assert stage.registry.succession("h1") == back.pointer.succession == (old, oldest)
    assert list(back.skipped) == [broken, pruned]
    assert f"model {broken} refused: found nothing" in back.skipped[broken]
    assert back.skipped[pruned] == f"model {pruned} was pruned, its bytes are gone"
    assert champion not in back.skipped
    assert elsewhere(stage).rollback("h1", at=LATER).pointer.points_to == oldest


def test_where_nothing_older_is_intact_the_prior_serves_again(stage: Stage) -> None:
    first, _ = publish(stage, 1), publish(stage, 2)
    stage.bucket.delete(f"models/h1/{first}/model.npz")
    back = elsewhere(stage).rollback("h1", at=LATER)
    assert (back.pointer.points_to, list(back.skipped)) == (None, [first])


def test_nothing_is_passed_over_because_it_cannot_be_read_just_now(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(stage, 1)
    second = publish(stage, 2)
    monkeypatch.setattr(stage.bucket._client, "get_object", failing(SLOW_DOWN))
    with pytest.raises(ModelUnreadableError, match="try again in a minute"):
        elsewhere(stage).rollback("h1", at=LATER)
    assert stage.registry.pointer("h1").points_to == second


def test_the_predecessor_of_what_is_promoted_is_what_really_served(stage: Stage) -> None:
    first, second, third = publish(stage, 1), publish(stage, 2), publish(stage, 3, promote=False)
    moved = stage.registry.promote("h1", third, at=LATER, refused=[second])
    assert moved.succession == stage.registry.succession("h1") == (third, first)


# ---- Bytes that are not what was registered.


def damage(stage: Stage, version: str, which: str, kind: str) -> None:
    (key,) = [key for key in stage.bucket.keys(f"models/h1/{version}/") if f"/{which}" in key]
    content = stage.bucket.get(key)
    if kind == "missing":
        stage.bucket.delete(key)
    else:
        wrong = {"flipped": content[:-1] + bytes([content[-1] ^ 1]), "empty": b"", "cut": content[:100]}[kind]
        stage.bucket.put(key, wrong, content_type="application/octet-stream")


@pytest.mark.parametrize("which", ["model", "state"])
@pytest.mark.parametrize("kind", ["missing", "flipped", "empty", "cut"])
def test_bytes_that_are_not_those_registered_are_refused(stage: Stage, which: str, kind: str) -> None:
    version = publish(stage)
    damage(stage, version, which, kind)
    with pytest.raises(ModelRefusedError) as refused:
        champion_of(elsewhere(stage), "h1")
    assert refused.value.version == version


@pytest.mark.parametrize("error", [FORBIDDEN, SLOW_DOWN, HANGING])
def test_bytes_that_cannot_be_read_are_refused_for_now(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    version = publish(stage)
    with monkeypatch.context() as patched:
        patched.setattr(stage.bucket._client, "get_object", failing(error))
        with pytest.raises(ModelUnreadableError, match="cannot be read") as unreadable:
            champion_of(elsewhere(stage), "h1")
        with pytest.raises(StoreError):
            stage.bucket.get("models/h1/x")
    assert unreadable.value.version == version
    assert champion_of(elsewhere(stage), "h1") is not None


def test_while_s3_gives_no_answer_it_is_not_asked_again_and_what_is_in_memory_serves(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = publish(stage, 1), publish(stage, 2)
    seconds, asked = [100.0], [0]
    reads = Bucket(lambda: stage.bucket._client, stage.bucket.name, clock=lambda: seconds[0])
    registry = Registry(ModelTable(tables_of(stage).models, Damage()), reads)
    registry.load("h1", first)
    with monkeypatch.context() as patched:
        patched.setattr(reads._client, "get_object", failing(HANGING, asked))
        for _ in range(10):
            with pytest.raises(ModelUnreadableError):
                registry.load("h1", second)
        assert asked == [1]
        assert registry.load("h1", first).version == first
        with pytest.raises(StoreError, match="gave no answer in the last minute"):
            reads.get("models/h1/x")
        with pytest.raises(ReadTimeoutError):
            list(stage.bucket.lines("rejects/x"))  # others are as patient as before
        seconds[0] += SILENT_S
        with pytest.raises(ModelUnreadableError):
            registry.load("h1", second)
        assert asked == [3]
    seconds[0] += SILENT_S
    assert registry.load("h1", second).version == second


@pytest.mark.parametrize("error", [FORBIDDEN, SLOW_DOWN])
def test_an_s3_that_answers_is_asked_again(stage: Stage, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    version = publish(stage)
    reads = Bucket(lambda: stage.bucket._client, stage.bucket.name, clock=lambda: 0.0)
    registry = Registry(ModelTable(tables_of(stage).models, Damage()), reads)
    with monkeypatch.context() as patched:
        patched.setattr(reads._client, "get_object", failing(error))
        with pytest.raises(ModelUnreadableError):
            registry.load("h1", version)
    assert registry.load("h1", version).version == version


def test_forecasts_read_models_by_a_client_that_gives_up_soon(stage: Stage) -> None:
    assert stage.training_ports.registry is stage.verify_ports.registry is stage.registry
    assert stage.forecast_ports.registry is stage.hasty_registry
    configs: list[Any] = [one._objects._bucket._client.meta.config for one in (stage.hasty_registry, stage.registry)]
    reads, patient = configs
    assert (reads.connect_timeout, reads.read_timeout, reads.retries["total_max_attempts"]) == (2, 2, 2)
    assert (patient.read_timeout, patient.retries["total_max_attempts"]) == (5, 3)


@pytest.mark.parametrize("change", ["REMOVE manifest", "REMOVE manifest.sha256", "REMOVE manifest.first_state_sha256"])
def test_a_version_without_a_manifest_of_use_is_refused(stage: Stage, plain_tables: Any, change: str) -> None:
    version = publish(stage)
    plain_tables.Table("roomidity-test-models").update_item(
        Key={"house": "h1", "version": version}, UpdateExpression=change
    )
    with pytest.raises(ModelRefusedError, match="expected a manifest of house 'h1'"):
        champion_of(elsewhere(stage), "h1")


@pytest.mark.parametrize("name", ["champion", "served#2026-03-14T12:30:00Z#00000001"])
def test_what_is_no_version_is_not_found(stage: Stage, name: str) -> None:
    publish(stage)
    with pytest.raises(NotFoundError):
        stage.registry.record("h1", name)
    with pytest.raises(ModelRefusedError):
        stage.registry.load("h1", name)


def test_a_table_that_does_not_answer_is_unreadable(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    version = publish(stage)
    registry = elsewhere(stage)

    def throttled(*_: Any, **__: Any) -> None:
        raise GetError("throttled")

    monkeypatch.setattr(registry._table._item, "get", throttled)
    with pytest.raises(ModelUnreadableError, match="throttled"):
        registry.load("h1", version)
    with pytest.raises(StoreError, match="'champion' of house 'h1' cannot be read from the table: throttled"):
        registry.succession("h1")


def test_a_pointer_to_what_is_gone_is_refused(stage: Stage, plain_tables: Any) -> None:
    version = publish(stage)
    plain_tables.Table("roomidity-test-models").delete_item(Key={"house": "h1", "version": version})
    with pytest.raises(ModelRefusedError, match="found nothing; expected a manifest of house 'h1'"):
        champion_of(elsewhere(stage), "h1")


# ---- States that move on.


def states(stage: Stage, version: str) -> list[int]:
    """The states that are kept, by the slot through which they reach."""
    keys = [key for key in stage.bucket.keys(f"models/h1/{version}/") if "/state-" in key]
    return sorted(State.from_bytes(stage.bucket.get(key), version).through for key in keys)


def test_a_state_that_moved_on_is_served_by_those_who_had_the_older_one(stage: Stage) -> None:
    version = publish(stage)
    other = elsewhere(stage)
    before = champion_of(other, "h1")
    assert before is not None
    assert stage.registry.put_state("h1", version, state_at(2000))
    after = champion_of(other, "h1")
    assert after is not None
    assert (before.state.through, after.state.through) == (1000, 2000)
    assert after.version == version
    assert after.model is before.model  # its bytes are read once, however often its state moves on


def test_a_version_is_judged_again_with_its_first_state(stage: Stage) -> None:
    version = publish(stage, first_state=state_at(500))
    stage.registry.put_state("h1", version, state_at(2000))
    loaded = [elsewhere(stage).load("h1", version, first_state=first).state.through for first in (False, True)]
    assert loaded == [2000, 500]


def test_of_states_the_first_the_present_and_the_one_before_are_kept(stage: Stage) -> None:
    version = publish(stage, first_state=state_at(500))
    for through in (2000, 3000, 4000):
        assert stage.registry.put_state("h1", version, state_at(through))
    assert states(stage, version) == [500, 3000, 4000]
    other = publish(stage, 1)
    for through in (2000, 3000):  # the first is what it serves with
        assert stage.registry.put_state("h1", other, state_at(through))
    assert states(stage, other) == [1000, 2000, 3000]


def test_of_two_verifiers_at_once_the_state_that_reaches_further_stays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = publish(stage)
    table = stage.registry._table
    replace_state = table.replace_state

    def beaten(*arguments: Any, by: Callable[[], object], **more: Any) -> bool:
        monkeypatch.setattr(table, "replace_state", replace_state)
        by()
        return replace_state(*arguments, **more)

    def race(own: int, other: int) -> bool:
        def by() -> object:
            return elsewhere(stage).put_state("h1", version, state_at(other))

        monkeypatch.setattr(table, "replace_state", lambda *a, **more: beaten(*a, by=by, **more))
        return stage.registry.put_state("h1", version, state_at(own))

    def current() -> int:
        return elsewhere(stage).load("h1", version).state.through

    assert not race(own=2000, other=2000)
    assert current() == 2000
    assert not race(own=3000, other=3100)
    assert current() == 3100
    assert race(own=4000, other=3500)
    assert current() == 4000
    assert not stage.registry.put_state("h1", version, state_at(4000))
    assert not stage.registry.put_state("h1", version, state_at(100))
    assert current() == 4000


def test_moving_a_state_on_leaves_a_promotion_alone(stage: Stage) -> None:
    """A record is changed in place: what a promotion wrote beside the state stays."""
    version = publish(stage, promote=False)
    stage.registry.put_state("h1", version, state_at(2000))
    stage.registry.promote("h1", version, at=TRAINED_AT)
    stage.registry.put_state("h1", version, state_at(3000))
    assert standings(stage, TRAINED_AT + 999 * DAY) == {version: "champion"}


# ---- Pruning.


def test_pruned_is_what_neither_serves_nor_may_be_needed(stage: Stage) -> None:
    served = [publish(stage, number, at=TRAINED_AT + number * DAY) for number in range(5)]
    at = TRAINED_AT + 5 * DAY
    lost = publish(stage, 10, promote=False, at=at, decision={"won": False, "reasons": ["worse"]})
    waiting = publish(stage, 11, promote=False, at=at)
    stage.bucket.put("models/h1/20260101T0000Z-00000000/model.npz", b"orphan", content_type="x")
    assert {one.version for one in stage.registry.prune("h1", now=at)} == {
        *served[:2],
        "20260101T0000Z-00000000",
    }  # what was refused is not an hour old
    assert set(objects(stage)) == {*served[2:], lost, waiting}
    (one,) = stage.registry.prune("h1", now=at + 2 * timedelta(hours=1))
    assert (one.version, one.objects) == (lost, 2)
    assert stage.registry.record("h1", lost).facts["decision"]["reasons"] == ["worse"]
    assert [one.version for one in stage.registry.prune("h1", now=at + 31 * DAY)] == [waiting]
    assert set(objects(stage)) == set(served[2:])
    assert stage.registry.prune("h1", now=at + 31 * DAY) == []
    with pytest.raises(InputError, match=f"model {lost} of house 'h1' was pruned"):
        stage.registry.promote("h1", lost, at=at + DAY)
    with pytest.raises(InputError, match="was pruned"):
        stage.registry.promote("h1", served[0], at=at + DAY)
    assert stage.registry.rollback("h1", at=at).pointer.points_to == served[3]
    assert stage.registry.rollback("h1", at=at).pointer.points_to == served[2]
    assert stage.registry.succession("h1") == (served[2],)  # what was before it is gone
    assert stage.registry.rollback("h1", at=at).pointer.points_to is None


def test_what_comes_to_serve_while_others_prune_keeps_its_bytes(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(stage, 1, at=LATER)
    lost = publish(stage, 2, promote=False, decision={"won": False, "reasons": ["worse"]})
    table = stage.registry._table
    mark = table.mark_pruned

    def promoted_first(*arguments: Any, **more: Any) -> bool:
        elsewhere(stage).promote("h1", lost, at=LATER + DAY)
        return mark(*arguments, **more)

    monkeypatch.setattr(table, "mark_pruned", promoted_first)
    assert stage.registry.prune("h1", now=LATER + DAY) == []
    champion = champion_of(elsewhere(stage), "h1")
    assert champion is not None
    assert champion.version == lost


def test_what_is_being_pruned_cannot_come_to_serve(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    first = publish(stage, 1, at=LATER)
    lost = publish(stage, 2, promote=False, decision={"won": False, "reasons": ["worse"]})
    delete = stage.bucket.delete
    refused = []

    def promoted_now(key: str) -> None:
        with pytest.raises(InputError, match="was pruned"):
            elsewhere(stage).promote("h1", lost, at=LATER + DAY)
        refused.append(key)
        if len(refused) > 1:
            raise StoreError("ended half way")
        delete(key)

    monkeypatch.setattr(stage.bucket, "delete", promoted_now)
    with pytest.raises(StoreError):
        stage.registry.prune("h1", now=LATER + DAY)
    monkeypatch.setattr(stage.bucket, "delete", delete)
    assert [(one.version, one.objects) for one in stage.registry.prune("h1", now=LATER + DAY)] == [(lost, 1)]
    assert set(objects(stage)) == {first}


def test_published_again_what_was_pruned_does_not_come_back(stage: Stage) -> None:
    lost = publish(stage, promote=False, decision={"won": False, "reasons": ["worse"]})
    stage.registry.prune("h1", now=LATER)
    assert publish(stage, promote=False) == lost
    assert objects(stage) == {}
    with pytest.raises(InputError, match="was pruned"):
        stage.registry.promote("h1", lost, at=LATER)


def test_a_house_is_erased_with_its_pointer_and_its_log(stage: Stage) -> None:
    publish(stage, 1)
    publish(stage, 2)
    assert sum(stage.forget_ports.by_house["models"].erase("h1")) == 5
    assert stage.registry.served("h1") == []
    assert stage.registry.pointer("h1") == Pointer()
    assert sum(stage.registry.erase_objects("h1")) == 4


def test_what_is_decided_is_plain(stage: Stage) -> None:
    decision = {"won": True, "reasons": ["better than prior"], "scores": {"prior": {"humidity": {"mae": 1.25}}}}
    version = publish(stage, decision=decision)
    assert stage.registry.record("h1", version).facts["decision"] == decision
    assert np.isfinite(stage.registry.record("h1", version).state_through)
