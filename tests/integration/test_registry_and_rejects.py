"""Models and rejects against moto: what was kept comes back, what was tampered with does not serve."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from roomidity.composition import Roomidity
from roomidity.errors import ModelRefusedError, NotFoundError
from roomidity.forecasting import load_prior
from roomidity.registry import Registry
from tests.integration.stage import tables_of

TRAINED_AT = datetime(2026, 3, 14, 12, 30, tzinfo=UTC)


def publish(stage: Roomidity, *, promote: bool = True, at: datetime = TRAINED_AT) -> str:
    model, state, _ = load_prior()
    version = stage.registry.publish("h1", model=model, state=state, manifest={"reason": "test"}, trained_at=at)
    if promote:
        stage.registry.promote("h1", version, at=at)
    return version


def elsewhere(stage: Roomidity) -> Registry:
    """The registry as another function sees it: nothing cached."""
    return Registry(tables_of(stage).models, stage.bucket)


def test_a_house_has_no_champion_of_its_own_at_first(stage: Roomidity) -> None:
    assert stage.registry.champion("h1") is None
    assert stage.registry.champion_version("h1") is None
    assert stage.registry.manifests("h1") == []


def test_a_model_serves_once_it_is_promoted(stage: Roomidity) -> None:
    version = publish(stage, promote=False)
    assert stage.registry.champion("h1") is None
    stage.registry.promote("h1", version, at=TRAINED_AT)
    champion = elsewhere(stage).champion("h1")
    assert champion is not None
    model, state, _ = load_prior()
    assert champion.version == version
    assert champion.model.to_bytes() == model.to_bytes()
    assert champion.state.to_bytes() == state.to_bytes()
    assert elsewhere(stage).champion("h2") is None


def test_the_manifest_says_what_the_bytes_are(stage: Roomidity, plain_buckets: Any) -> None:
    version = publish(stage)
    manifest = stage.registry.manifest("h1", version)
    key = f"models/h1/{version}/model.npz"
    content = plain_buckets.get_object(Bucket=stage.settings.bucket, Key=key)["Body"].read()
    assert manifest["sha256"] == hashlib.sha256(content).hexdigest()
    assert (manifest["bytes"], manifest["house"], manifest["reason"]) == (len(content), "h1", "test")
    assert version == f"20260314T1230Z-{manifest['sha256'][:8]}"
    assert stage.registry.manifests("h1") == [manifest]


def test_only_a_version_that_is_there_can_be_promoted_or_moved_on(stage: Roomidity) -> None:
    _, state, _ = load_prior()
    with pytest.raises(NotFoundError, match="nowhere"):
        stage.registry.promote("h1", "nowhere", at=TRAINED_AT)
    with pytest.raises(NotFoundError, match="nowhere"):
        stage.registry.put_state("h1", "nowhere", state)
    assert stage.registry.champion("h1") is None


@pytest.mark.parametrize("which", ["model", "state"])
def test_bytes_that_are_not_those_registered_are_refused(stage: Roomidity, which: str) -> None:
    version = publish(stage)
    (key,) = [key for key in stage.bucket.keys("models/") if f"/{which}" in key]
    content = stage.bucket.get(key)
    stage.bucket.put(key, content[:-1] + bytes([content[-1] ^ 1]), content_type="application/octet-stream")
    with pytest.raises(ModelRefusedError) as refused:
        elsewhere(stage).champion("h1")
    assert refused.value.version == version
    assert refused.value.expected == hashlib.sha256(content).hexdigest()


def test_a_model_whose_object_is_gone_is_refused(stage: Roomidity, plain_buckets: Any) -> None:
    version = publish(stage)
    key = f"models/h1/{version}/model.npz"
    plain_buckets.delete_object(Bucket=stage.settings.bucket, Key=key)
    with pytest.raises(ModelRefusedError, match=f"found nothing; expected an object at {key}"):
        elsewhere(stage).champion("h1")


def test_a_state_that_moved_on_is_served_by_those_who_had_the_older_one(stage: Roomidity) -> None:
    version = publish(stage)
    other = elsewhere(stage)
    before = other.champion("h1")
    assert before is not None
    moved = replace(before.state, through=before.state.through + 96)
    stage.registry.put_state("h1", version, moved)
    after = other.champion("h1")
    assert after is not None
    assert after.state.through == before.state.through + 96
    assert after.version == version
    assert after.model.to_bytes() == before.model.to_bytes()


def test_an_object_that_is_not_there_is_an_error_that_names_it(stage: Roomidity) -> None:
    with pytest.raises(NotFoundError, match="s3://roomidity-test-123456789012/models/none"):
        stage.bucket.get("models/none")


def test_rejects_come_back_as_they_were_by_day(stage: Roomidity) -> None:
    monday, tuesday = date(2026, 3, 16), date(2026, 3, 17)
    first = {"reason": "malformed", "house": None, "message_id": "m1", "position": 0, "original": "☔\n{"}
    second = {"reason": "implausible", "house": "h1", "message_id": "m2", "position": 3, "original": {"humidity": 101}}
    key = stage.rejects.put(monday, [first, second])
    assert key.startswith("rejects/2026-03-16/")
    assert stage.rejects.put(monday, [first, second]) == key  # the same wave again is the same object
    stage.rejects.put(tuesday, [second])
    assert stage.rejects.days() == [monday, tuesday]
    assert stage.rejects.days(last=monday) == [monday]
    assert stage.rejects.days(tuesday, date(2026, 3, 30)) == [tuesday]
    assert stage.rejects.keys(monday) == [key]
    assert list(stage.rejects.read(key)) == [first, second]
    assert [list(stage.rejects.read(one)) for one in stage.rejects.keys(tuesday)] == [[second]]
    assert list(stage.rejects.read("rejects/2026-03-16/gone.ndjson")) == []
    assert len(stage.bucket.get(key).splitlines()) == 2


def test_the_buckets_name_is_the_accounts_where_none_is_set(stage: Roomidity) -> None:
    unnamed = Roomidity(replace(stage.settings, bucket=None))
    assert unnamed.bucket.name == "roomidity-test-123456789012"
