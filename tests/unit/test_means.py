"""The short way from an answer of DynamoDB to a slot's means."""

from __future__ import annotations

import json

import pytest

from roomidity.aws.store.means import PAGE, slot_means


def page_of(mean: float) -> bytes:
    statistics = {"mean": {"N": str(mean)}, "count": {"N": "3"}}
    item = {
        "house": {"S": "h1"},
        "slot": {"S": "2026-01-05T12:00Z"},
        "rooms": {"M": {"bath": {"M": {"humidity": {"M": statistics}}}}},
        "version": {"N": "1"},
        "expires_at": {"N": "1800000000"},
    }
    return json.dumps({"Items": [item]}).encode()


def test_a_mean_that_was_measured_is_taken_as_it_is() -> None:
    (item,) = PAGE.decode(page_of(55.5))["Items"]
    assert slot_means(item)[1] == {"bath": {"humidity": 55.5}}


@pytest.mark.parametrize("mean", [200.0, -3.0])
def test_a_mean_that_no_sensor_measures_is_refused(mean: float) -> None:
    (item,) = PAGE.decode(page_of(mean))["Items"]
    with pytest.raises(ValueError, match=str(mean)):
        slot_means(item)
