"""Every error that roomidity raises on purpose.

RoomidityError
├── ConfigurationError      a setting is missing or cannot be used
├── InputError              something a person handed in cannot be used
│   ├── ReadingsFileError   a file of readings has the wrong shape
│   ├── RejectedFileError   more rows of a file of readings are bad than good
│   └── NotFoundError       the house, room or object that was asked for does not exist
│       └── ForgottenError  the house was forgotten
├── ModelError              a model cannot be used
│   ├── ModelRefusedError   its bytes do not match the registry, or do not parse
│   ├── ModelUnreadableError  it could not be read just now; what it is like is not known
│   └── NotEnoughDataError  there is too little history to train on
├── VerificationError       some houses could not be verified
├── StoreError              a table, queue or bucket did not do what was asked
│   ├── ItemDamagedError    a stored item cannot be read, or only in part
│   ├── ConflictError       another writer kept getting there first
│   ├── RuleNotFollowedError  observations are older than a quarantine rule that concerns them
│   └── ChampionChangedError  another model became the champion meanwhile
├── ProviderError           a provider of the weather gave no answer that can be used
├── WeatherError            some places have no new forecast of the weather
├── BridgeError             the broker did not let the bridge in
└── EngineError             the local engine did not start, or is not running
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = [
    "BridgeError",
    "ChampionChangedError",
    "ConfigurationError",
    "ConflictError",
    "EngineError",
    "ForgottenError",
    "InputError",
    "ItemDamagedError",
    "ModelError",
    "ModelRefusedError",
    "ModelUnreadableError",
    "NotEnoughDataError",
    "NotFoundError",
    "ProviderError",
    "ReadingsFileError",
    "RejectedFileError",
    "RoomidityError",
    "RuleNotFollowedError",
    "StoreError",
    "VerificationError",
    "WeatherError",
]


class RoomidityError(Exception):
    """The base class of every error that the package raises on purpose."""


class ConfigurationError(RoomidityError):
    """A setting is missing or cannot be used."""

    def __init__(self, setting: str, *, found: object, expected: str) -> None:
        self.setting = setting
        self.found = found
        self.expected = expected
        super().__init__(f"{setting} is {found!r}; expected {expected}")


class InputError(RoomidityError):
    """Something a person handed in cannot be used."""


class ReadingsFileError(InputError):
    """A file of readings has the wrong shape."""

    def __init__(self, path: object, *, column: str | None, found: str, expected: str) -> None:
        self.path = str(path)
        self.column = column
        self.found = found
        self.expected = expected
        where = f"{self.path}: " + (f"column {column!r}: " if column else "")
        super().__init__(f"{where}found {found}; expected {expected}")


class RejectedFileError(InputError):
    """More rows of a file of readings are bad than good, so nothing of it is used."""

    def __init__(
        self,
        path: object,
        *,
        readings: int,
        rejected: Mapping[str, int],
        found: Sequence[str],
        remedies: Sequence[str],
    ) -> None:
        self.path = str(path)
        self.readings = readings
        self.rejected = dict(rejected)
        bad = sum(rejected.values())
        lines = [f"{self.path}: {bad:,} of its {bad + readings:,} rows hold no good reading, so none was used; found"]
        lines += [f"  {line}" for line in found]
        lines += ["what to do", *(f"  {line}" for line in remedies)] if remedies else []
        super().__init__("\n".join(lines))


class NotFoundError(InputError):
    """The house, room or object that was asked for does not exist."""

    def __init__(self, what: str, *, hint: str) -> None:
        self.what = what
        self.hint = hint
        super().__init__(f"{what} does not exist; {hint}")


class ForgottenError(NotFoundError):
    """The house was forgotten, so pending work for it can be dropped."""

    def __init__(self, house: str) -> None:
        self.house = house
        super().__init__(f"house {house!r}", hint="it was forgotten, and appears anew with its next reading")


class ModelError(RoomidityError):
    """A model cannot be used."""


class ModelRefusedError(ModelError):
    """A model's bytes do not match the registry, or do not parse.

    ``is_newer`` means that a newer roomidity can parse them.
    """

    def __init__(self, version: str, *, found: str, expected: str, is_newer: bool = False) -> None:
        self.version = version
        self.is_newer = is_newer
        self.found = found
        self.expected = expected
        super().__init__(f"model {version} refused: found {found}; expected {expected}")


class ModelUnreadableError(ModelError):
    """A model could not be read just now.

    Serving falls back to the next version, and judging or changing the model is retried.
    """

    def __init__(self, version: str, *, why: str) -> None:
        self.version = version
        super().__init__(f"model {version} cannot be read now: {why}; it may well be intact, try again in a minute")


class NotEnoughDataError(ModelError):
    """There is too little history to train on."""

    def __init__(self, house: str, *, found_slots: int, needed_slots: int) -> None:
        self.house = house
        self.found_slots = found_slots
        self.needed_slots = needed_slots
        super().__init__(
            f"house {house!r} has {found_slots} slots with readings; training needs {needed_slots} "
            f"({needed_slots / 96:.0f} days); send more, or wait: the prior serves until then"
        )


class VerificationError(RoomidityError):
    """Some houses could not be verified. All others were."""

    def __init__(self, houses: list[str]) -> None:
        self.houses = houses
        super().__init__(f"could not verify {len(houses)} houses, the log says why: {', '.join(sorted(houses)[:20])}")


class StoreError(RoomidityError):
    """A table, queue or bucket did not do what was asked."""


class ConflictError(StoreError):
    """Another writer kept getting there first."""

    def __init__(self, what: str, *, attempts: int) -> None:
        self.what = what
        self.attempts = attempts
        super().__init__(f"{what} was changed by another writer {attempts} times in a row; it will be tried again")


class ItemDamagedError(StoreError):
    """A stored item cannot be read, because something other than roomidity, or another version, wrote it."""

    def __init__(self, table: str, *, key: Mapping[str, str], why: str) -> None:
        self.table = table
        self.key = dict(key)
        self.why = why
        named = ", ".join(f"{name} {value!r}" for name, value in self.key.items())
        super().__init__(f"the item {named} of table {table} is damaged: {why}; `roomidity doctor` says how to mend it")


class RuleNotFollowedError(StoreError):
    """Observations are older than a quarantine rule that concerns them."""

    def __init__(self, house: str, *, rule: str, interval: str, slots: int) -> None:
        self.house = house
        self.rule = rule
        self.slots = slots
        super().__init__(
            f"house {house!r} has {slots} observations from before its quarantine rule {rule} ({interval}); expected "
            f"none: the command that put it still runs, or ended half way; wait for it, or run `roomidity "
            f"quarantine add {house} --rule {rule}`; then train again"
        )


class ChampionChangedError(StoreError):
    """Another model became the champion in the meantime."""

    def __init__(self, house: str, *, found: str | None, expected: str | None) -> None:
        self.house = house
        self.found = found
        self.expected = expected
        super().__init__(
            f"the champion of house {house!r} changed meanwhile: found {found or 'the prior'}; expected "
            f"{expected or 'the prior'}; look at `roomidity models history {house}` and try again"
        )


class ProviderError(RoomidityError):
    """A provider of the weather gave no answer that can be used.

    ``is_passing``: the same question may be answered later, after ``wait_s`` where the provider says so. ``body`` is
    what came with a status that is none of success.
    """

    def __init__(self, why: str, *, is_passing: bool = False, wait_s: float | None = None, body: bytes = b"") -> None:
        self.why = why
        self.is_passing = is_passing
        self.wait_s = wait_s
        self.body = body
        super().__init__(why)

    def saying(self, reason: str) -> ProviderError:
        """Returns the error with the reason that the provider gave, if any."""
        why = f"{self.why}: {reason}" if reason else self.why
        return ProviderError(why, is_passing=self.is_passing, wait_s=self.wait_s)


class WeatherError(RoomidityError):
    """Some places have no new forecast of the weather; the others have."""

    def __init__(self, *, failed: int, left: int, places: int, why: str) -> None:
        self.failed = failed
        self.left = left
        self.why = why
        super().__init__(
            f"{failed + left} of {places} places have no new weather ({failed} failed, {left} were not asked for): "
            f"{why}; forecasts go by the newest that covers their 24 h, then without"
        )


class EngineError(RoomidityError):
    """The local engine did not start, or is not running."""


class BridgeError(RoomidityError):
    """The broker refused the bridge, or some of what it asked for."""
