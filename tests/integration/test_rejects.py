"""Rejects and objects against moto: what was kept comes back as it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from roomidity.composition import Stage
from roomidity.errors import NotFoundError


def test_an_object_that_is_not_there_is_an_error_that_names_it(stage: Stage) -> None:
    with pytest.raises(NotFoundError, match="s3://roomidity-test-123456789012/models/none"):
        stage.bucket.get("models/none")


def test_rejects_come_back_as_they_were_by_day(stage: Stage) -> None:
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


def test_the_buckets_name_is_the_accounts_where_none_is_set(stage: Stage) -> None:
    unnamed = Stage(replace(stage.settings, bucket=None))
    assert unnamed.bucket.name == "roomidity-test-123456789012"
