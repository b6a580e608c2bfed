"""Mutations of the way in: queue, drain, sets, houses, observations, rejects."""

from __future__ import annotations

from scripts.tools.mutations.mutation import mutation

__all__ = ["MUTATIONS"]

DRAIN = "tests/unit/pipeline/test_drain.py"
FAULTS = "tests/unit/pipeline/test_faults.py"
UNREADABLE = "tests/unit/pipeline/test_unreadable.py"
RESTORES = "tests/unit/pipeline/test_restores.py"
CREDIBLE = "tests/unit/pipeline/test_credible.py"
SCHEDULES = "tests/unit/pipeline/test_faults_schedules.py"
HOSTILE_DRAIN = "tests/unit/pipeline/test_hostile_drain.py"
SETS = "tests/unit/readings/test_sets.py"
CHECKS = "tests/unit/readings/test_checks.py"
REJECTED = "tests/unit/readings/test_rejected.py"
AUTHORITY = "tests/unit/readings/test_authority.py"
PROGRESS = "tests/unit/pipeline/test_progress.py"
QUOTAS = "tests/unit/pipeline/test_quotas.py"
STORE_ALL = "            _store_all(storer, summary, remaining_s=remaining_s)\n"
HOSTILE_WIRE = "tests/unit/readings/test_hostile_wire.py"
QUEUES = "tests/integration/test_queues.py"
CONTRACT = "tests/integration/test_contract_moto.py"
DAMAGED_ITEMS = "tests/integration/test_damaged_items.py"
DAMAGED_SETS = "tests/unit/readings/test_damaged_sets.py"
ISOLATION = "tests/integration/test_isolation.py"
HANGING = "tests/integration/test_hanging.py"
NAMES = "tests/unit/test_names.py"
HOSTILE_NAMES = "tests/integration/test_hostile_names.py"
HOUSES = "tests/unit/test_houses.py"
INSERTING = "tests/unit/test_inserting.py"
BATCHES = "tests/integration/test_batches_moto.py"
RECORDING = "tests/unit/test_house_recording.py"
INVARIANTS = "tests/unit/forecasting/test_invariants.py"

KEPT_BACK = "[message for place, message in enumerate(messages) if place not in kept]"
DELETE = f"""            undeleted = self.ports.readings.delete(
                {KEPT_BACK}
            )
"""
DELETE_ALL = "            undeleted = self.ports.readings.delete(messages)\n"
DECODE = "            sent_weather = sent_issues(decode(messages, mark_foreign=True))\n"
PUT_SETS = "        lost = self.sets.put_many(held)\n"
CHECK = (
    "            checked = check("
    "decoded, now=self.now, limits=self.config.limits, units=units, past=past, aliases=aliases)\n"
)
REJECT = "            rejected = self._keep_rejects(decoded, checked, left, deletions)\n"
PUT_REJECTS = "                    key = self.ports.rejects.put(self.now.date(), rejects)\n"

MUTATIONS = (
    mutation(
        "delete-first",
        "messages are deleted before their readings are stored",
        "pipeline/wave_storing.py",
        (DELETE, "            pass\n"),
        (DECODE, DECODE + DELETE_ALL),
        tests=(FAULTS, SCHEDULES),
    ),
    mutation(
        "delete-before-rejects",
        "messages are deleted before their rejects are kept",
        "pipeline/wave_storing.py",
        (REJECT, "            rejected: Counter[str] = Counter(checked.rejected['reason'])\n"),
        (DELETE, DELETE + "            self._keep_rejects(decoded, checked, left, deletions)\n"),
        tests=(FAULTS, SCHEDULES),
    ),
    mutation(
        "unreadable-deleted",
        "readings of a slot whose set cannot be read are deleted with the others",
        "pipeline/wave_storing.py",
        (DELETE, DELETE_ALL),
        tests=(UNREADABLE,),
    ),
    mutation(
        "no-version-condition",
        "a set replaces whatever stands there",
        "aws/store/sets.py",
        (
            "self._item.version == on if on else self._item.house.does_not_exist()",
            "self._item.house.does_not_exist() | self._item.house.exists()",
        ),
        tests=(CONTRACT,),
    ),
    mutation(
        "no-house-condition",
        "a house replaces whatever stands there",
        "aws/store/houses.py",
        (
            "self._item.version == house.version if house.version else self._item.house.does_not_exist()",
            "self._item.house.does_not_exist() | self._item.house.exists()",
        ),
        tests=(CONTRACT,),
    ),
    mutation(
        "sums",
        "a slot adds up all that comes instead of being a set: what comes again counts again",
        "readings/union.py",
        ("pl.concat([part.select(SLOT_VALUES.names()) for part in (alone, bins)])", "both.select(SLOT_VALUES.names())"),
        ('    moved = bins.filter(pl.col("new") | (pl.col("order") < pl.col("held")))\n', "    moved = bins\n"),
        tests=(SETS, FAULTS),
    ),
    mutation(
        "dense-before-conflict",
        "a reading one value of which is in conflict counts as one that is only dense",
        "readings/union.py",
        ('("stored", "conflict", "dense", "repeat")', '("stored", "dense", "conflict", "repeat")'),
        tests=(SETS,),
    ),
    mutation(
        "means-of-the-wave",
        "an observation is made of what just came, not of the whole set",
        "pipeline/slot_writing.py",
        (
            "_write_observations(rows_of(merged.values, due), derived,",
            "_write_observations(rows_of(union(unpack_sets({}).values, pending).values, due), derived,",
        ),
        tests=(DRAIN, SCHEDULES),
    ),
    mutation(
        "no-bins",
        "every value is kept, however dense",
        "readings/union.py",
        ('(SLOT_MS // BIN_MS) + bin_of("rank")', '(SLOT_MS << _VALUE_BITS) + pl.col("rank")'),
        tests=(SETS, HOSTILE_DRAIN),
    ),
    mutation(
        "first-come",
        "of two values in a bin the one that came first stays, so that the order matters",
        "readings/union.py",
        ('.sort("bin", "order", "place")', '.sort("bin", "place")'),
        tests=(SETS, SCHEDULES),
    ),
    mutation(
        "any-observation",
        "an observation of an older set replaces that of a newer one",
        "aws/store/observations.py",
        (
            "not_newer |= (self._item.version <= origin.version) & rules_not_newer",
            "not_newer |= self._item.house.exists()",
        ),
        tests=(CONTRACT,),
    ),
    mutation(
        "observe-first",
        "what is observed is written before it is stored",
        "pipeline/slot_writing.py",
        (PUT_SETS, "        lost: set[SlotKey] = set()\n"),
        (
            "\n        stored.slots_changed += len(changed - lost)\n",
            f"{PUT_SETS}\n        stored.slots_changed += len(changed - lost)\n",
        ),
        tests=(FAULTS, SCHEDULES),
    ),
    mutation(
        "observations-not-mended",
        "an observation that a dead drain left behind stays behind",
        "pipeline/slot_writing.py",
        (
            "        stale = found.behind\n",
            "        stale: set[SlotKey] = set()\n",
        ),
        tests=(FAULTS, DRAIN),
    ),
    mutation(
        "restores-unseen",
        "an observation of a set that was restored to an older version is taken for newer",
        "pipeline/slot_writing.py",
        ("for key in ahead.keys() & seen}", "for key in ahead.keys() & ()}"),
        tests=(RESTORES,),
    ),
    mutation(
        "digests-ignored",
        "the same number is taken for the same contents",
        "domain/observations.py",
        ("        return self.is_as_new_as(other) and not is_other\n", "        return self.is_as_new_as(other)\n"),
        tests=(RESTORES,),
    ),
    mutation(
        "unchecked-forecasts",
        "a forecast that cannot be is written",
        "pipeline/credible.py",
        ("        return issued, incredible(issued, window, state)\n", "        return issued, {}\n"),
        tests=(CREDIBLE,),
    ),
    mutation(
        "failed-ignored",
        "a deletion that SQS reports as failed counts as done",
        "aws/queues.py",
        (
            '                batch = [batch[int(failure["Id"])] for failure in answer.get("Failed", [])]\n',
            "                batch = []\n",
        ),
        tests=(QUEUES,),
    ),
    mutation(
        "undeleted-not-counted",
        "messages that could not be deleted are not told of",
        "pipeline/wave_storing.py",
        ("            undeleted=len(undeleted) + len(kept),\n", "            undeleted=0,\n"),
        tests=(DRAIN,),
    ),
    mutation(
        "rejects-not-written",
        "rejected readings are counted and not kept",
        "pipeline/wave_storing.py",
        (PUT_REJECTS, "                    key = ''\n"),
        tests=(FAULTS, DRAIN),
    ),
    mutation(
        "rejects-overwritten",
        "the rejects of a day replace those before",
        "aws/rejects.py",
        ("{hashlib.sha256(content).hexdigest()[:24]}.ndjson", "{hashlib.sha256(b'').hexdigest()[:24]}.ndjson"),
        tests=(CONTRACT,),
    ),
    mutation(
        "no-retry",
        "what another writer overtook is not tried again",
        "pipeline/slot_writing.py",
        ("        return still_pending\n", "        return still_pending.clear()\n"),
        tests=(FAULTS, DRAIN),
    ),
    mutation(
        "attempts-exhausted",
        "after the last attempt a drain goes on as if it had stored",
        "pipeline/slot_writing.py",
        ("        stored.leave(pending)\n", ""),
        tests=(DRAIN,),
    ),
    mutation(
        "house-not-retried",
        "what was seen of a house that another drain changed meanwhile is forgotten",
        "pipeline/admission.py",
        (
            "                    except ConflictError:\n                        continue\n",
            "                    except ConflictError:\n                        pass\n",
        ),
        tests=(DRAIN, FAULTS),
    ),
    mutation(
        "no-jitter",
        "drains that met meet again",
        "pipeline/backoff.py",
        ("self.randomness.uniform(0, min(_LONGEST_S, _FIRST_S * 2**attempt))", "_LONGEST_S"),
        tests=(DRAIN,),
    ),
    mutation(
        "late-dropped",
        "late readings are dropped",
        "pipeline/wave_storing.py",
        (
            CHECK,
            f"{CHECK}            checked = Checked(checked.accepted.filter(~pl.col('late')), checked.rejected)\n",
        ),
        tests=(DRAIN, FAULTS),
    ),
    mutation(
        "duplicates-stored",
        "a repeat counts as stored",
        "readings/union.py",
        ('.otherwise(_OUTCOMES.index("repeat"))', '.otherwise(_OUTCOMES.index("stored"))'),
        tests=(SETS, DRAIN),
    ),
    mutation(
        "wave-counted-twice",
        "readings are counted before they are told apart",
        "pipeline/wave_storing.py",
        (
            "            received=sent - not_received,\n",
            "            received=len(messages),\n",
        ),
        tests=(DRAIN, SCHEDULES),
    ),
    mutation(
        "first-of-two-counts",
        "of a field said twice the first counts where the wave has no other oddity",
        "readings/wire.py",
        (" or _may_repeat_a_field(lines, rows):\n", ":\n"),
        tests=(HOSTILE_WIRE,),
    ),
    mutation(
        "one-costs-all",
        "a body that cannot be read at C speed is given up whole",
        "readings/careful.py",
        (
            "        common, readings = split_body(message.body)\n        for position",
            "        common, readings = {}, [None]\n        for position",
        ),
        tests=("tests/unit/readings/test_wire.py", HOSTILE_WIRE),
    ),
    mutation(
        "names-forge-keys",
        "a house may be called like the key of another's room",
        "domain/names.py",
        ('_FORBIDDEN: Final = frozenset("/#$+")', '_FORBIDDEN: Final = frozenset("#$+")'),
        tests=(CHECKS, HOSTILE_WIRE, HOSTILE_DRAIN),
    ),
    mutation(
        "common-keys-repeated",
        "a long common key is kept with each of thousands of readings",
        "readings/rejected.py",
        ("    if len(found) > 1 and len(found) * _BESIDE > left:\n        return None\n", ""),
        ("        if len(found) > 1 and left < 0:\n            return None\n", ""),
        tests=(HOSTILE_WIRE, REJECTED),
    ),
    mutation(
        "any-number-of-sensors",
        "a house has as many sensors as names come",
        "domain/rooms.py",
        ("            and self._sensors < MAX_SENSORS\n", ""),
        tests=(HOSTILE_DRAIN, "tests/unit/test_houses.py"),
    ),
    mutation(
        "odd-item-raises",
        "an item that cannot be converted costs all that are read with it",
        "aws/store/reading.py",
        (
            "except Exception as error:  # whatever an odd item raises must not cost the others",
            "except ZeroDivisionError as error:",
        ),
        tests=(DAMAGED_ITEMS,),
    ),
    mutation(
        "odd-attribute-raises",
        "an attribute that cannot be deserialised costs all items after it",
        "aws/store/reading.py",
        (
            "except Exception:  # noqa: BLE001  # whatever an odd value raises",
            "except ZeroDivisionError:  # noqa: BLE001",
        ),
        tests=(DAMAGED_ITEMS,),
    ),
    mutation(
        "flawed-house-written",
        "a house that was read in part is written without the rest",
        "aws/store/houses.py",
        ("        if house.flaw is not None:\n            raise", "        if house.version < 0:\n            raise"),
        tests=(DAMAGED_ITEMS,),
    ),
    mutation(
        "flawed-house-admits",
        "readings of a house that cannot be read stop the wave instead of waiting",
        "pipeline/admission.py",
        ("                if house.flaw is not None:\n", "                if house.version < 0:\n"),
        tests=(ISOLATION,),
    ),
    mutation(
        "damaged-set-is-none",
        "a damaged set counts as one that is not there",
        "aws/store/sets.py",
        (
            "{_key(item): self._set(item) for item in found}",
            "{_key(item): self._set(item) for item in found if not item.flaw}",
        ),
        tests=(DAMAGED_ITEMS,),
    ),
    mutation(
        "set-unpacks-to-anything",
        "a set's bytes may unpack to hundreds of megabytes",
        "readings/packing.py",
        ("stream.decompress(packed, _MOST_BYTES)", "stream.decompress(packed)"),
        tests=(DAMAGED_SETS,),
    ),
    mutation(
        "hang-again",
        "a table that gave no answer is asked again for every house",
        "aws/silence.py",
        ("            self._until = self._clock() + SILENT_S\n", "            pass\n"),
        tests=(HANGING,),
    ),
    mutation(
        "hidden-names",
        "names with what cannot be seen come in",
        "domain/names.py",
        ("or not any(map(_hides, name)))", "or True)"),
        tests=(NAMES, HOSTILE_DRAIN),
    ),
    mutation(
        "shown-raw",
        "what a terminal would obey is printed as it is",
        "cli/output.py",
        ("Segment(visible(segment.text), segment.style)", "segment"),
        tests=(HOSTILE_NAMES,),
    ),
    mutation(
        "any-room-makes-place",
        "a flood of new rooms pushes out those that are heard",
        "domain/rooms.py",
        ("            if room.last_seen >= unheard:\n                break\n", ""),
        tests=(HOUSES, HOSTILE_DRAIN),
    ),
    mutation(
        "state-not-checked",
        "a state with numbers that none can have serves",
        "forecasting/model.py",
        ("        check_state(arrays, version)\n", ""),
        tests=(INVARIANTS,),
    ),
    mutation(
        "ask-first",
        "forecasts are asked for before the newest slot is stored",
        "pipeline/drain.py",
        (STORE_ALL, f"            asking.ask()\n{STORE_ALL}"),
        tests=(PROGRESS, SCHEDULES),
    ),
    mutation(
        "asking-unguarded",
        "no forecast is asked for where storing fails",
        "pipeline/drain.py",
        (
            '            storer.failures.append(error)\n        with timed("store"):\n',
            '            raise\n        with timed("store"):\n',
        ),
        tests=(PROGRESS, SCHEDULES),
    ),
    mutation(
        "nobody-asks-beside",
        "a call that hangs keeps forecasts from being asked for",
        "pipeline/asking.py",
        ("        clock.start()\n", ""),
        tests=(PROGRESS,),
    ),
    mutation(
        "one-costs-its-wave",
        "a message that cannot be dealt with costs all that came with it",
        "pipeline/drain.py",
        (
            "            if attempts > 0 and len(messages) > 1 and storer.may_go_on():\n",
            "            if len(messages) < 0:\n",
        ),
        tests=(PROGRESS,),
    ),
    mutation(
        "rejects-stop-all",
        "a bucket that refuses rejects stops the good readings too",
        "pipeline/wave_storing.py",
        ("                self.failures.append(error)\n", "                raise\n"),
        tests=(PROGRESS,),
    ),
    mutation(
        "failure-not-told",
        "a drain that left something ends as if all were well",
        "pipeline/drain.py",
        ("        raise failure\n", "        pass\n"),
        tests=(PROGRESS,),
    ),
    mutation(
        "clock-not-heeded",
        "a wave goes on, however little time is left",
        "pipeline/drain.py",
        ("may_go_on=lambda: remaining_s() > config.last_round_s,", "may_go_on=lambda: True,"),
        tests=(PROGRESS,),
    ),
    mutation(
        "rounds-count-slots",
        "a round takes as many sets as there are slots, whatever they hold",
        "pipeline/set_reading.py",
        (", most_values=left)", ")"),
        tests=("tests/unit/pipeline/test_bounds.py",),
    ),
    mutation(
        "no-quota",
        "a message may name any number of new houses",
        "pipeline/admission.py",
        ("if name in new and not self.allowance.places(self.houses.all):", "if name in new and len(new) < 0:"),
        tests=(QUOTAS, SCHEDULES),
    ),
    mutation(
        "known-after-new",
        "a flood of new houses goes before one that came in its own message",
        "pipeline/admission.py",
        ('.sort("company", "message", "house")', '.sort("company", "message", "house", descending=True)'),
        tests=(QUOTAS,),
    ),
    mutation(
        "never-real",
        "a house stays on trial for ever, and is lost after seven days of silence",
        "domain/houses.py",
        ("trial=None if is_real else", "trial="),
        tests=(QUOTAS,),
    ),
    mutation(
        "stamp-ignored",
        "a reading goes to whatever house it names, though another stands beside it",
        "readings/wire.py",
        ('pl.when(pl.lit(conflict)).then(pl.lit("house_conflict"))', "pl.lit(None, pl.String)"),
        tests=(AUTHORITY,),
    ),
    mutation(
        "stamp-not-kept",
        "a rejected reading of another house is kept as if it had come by that one",
        "readings/rejected.py",
        ("        if names_another_house(common, reading):\n            return None\n", ""),
        tests=(AUTHORITY,),
    ),
    mutation(
        "empty-list-dropped",
        "a reading beside an empty list is taken for nothing",
        "readings/wire.py",
        ("            if not packed.readings and any(", "            if packed.readings and not any("),
        tests=(HOSTILE_DRAIN, HOSTILE_WIRE),
    ),
    mutation(
        "duplicates-as-written",
        "an INSERT that found another item counts as done",
        "aws/store/inserting.py",
        (
            "written += [place for place, code in zip(places, codes, strict=True) if code is None]",
            "written += [place for place, code in zip(places, codes, strict=True) if code in (None, _DUPLICATE)]",
        ),
        tests=(INSERTING, BATCHES),
    ),
    mutation(
        "no-answer-as-written",
        "INSERTs that nobody answered count as done",
        "aws/store/inserting.py",
        (
            "            return [type(error).__name__] * len(statements)\n",
            "            return [None] * len(statements)\n",
        ),
        tests=(INSERTING,),
    ),
    mutation(
        "failed-statement-as-written",
        "of a batch that was answered all statements count as done",
        "aws/store/inserting.py",
        (
            'codes = [one["Error"].get("Code", "unknown") if one.get("Error") else None for one in answers]',
            "codes: list[str | None] = [None for _ in answers]",
        ),
        tests=(INSERTING, BATCHES),
    ),
    mutation(
        "refusal-forgotten",
        "a batch that was refused is tried again in the same tick",
        "aws/store/inserting.py",
        ("self.clock() + _REFUSED_FOR_S", "self.clock()"),
        tests=(INSERTING,),
    ),
    mutation(
        "uninserted-dropped",
        "what no INSERT wrote is not put",
        "aws/store/writing.py",
        ("            held.update(new[place] for place in done)\n", "            held.update(new)\n"),
        tests=(BATCHES,),
    ),
    mutation(
        "updates-inserted",
        "a set that stands there is inserted, as if it were new",
        "aws/store/sets.py",
        ("is_new=on == 0)", "is_new=True)"),
        tests=(BATCHES,),
    ),
    mutation(
        "lag-without-end",
        "when a room was heard is never written again",
        "domain/rooms.py",
        ("        return self.last_seen - before.last_seen < LAG and all(", "        return True or all("),
        tests=(RECORDING,),
    ),
    mutation(
        "new-sensor-lags",
        "a new sensor is not written until the hour is over",
        "domain/rooms.py",
        (
            "        if (self.first_seen, self.sensors, self.measured.keys()) != (",
            "        if (self.first_seen, before.sensors, self.measured.keys()) != (",
        ),
        tests=(RECORDING,),
    ),
    mutation(
        "odd-house-silent",
        "a house of which not all can be read is not asked for",
        "aws/store/houses.py",
        ("                doubtful.append(item.house)\n", "                pass\n"),
        tests=(ISOLATION,),
    ),
    mutation(
        "stale-state-kept",
        "a state that moved on is served as it was",
        "aws/registry/cache.py",
        ("if held is not None and held[0] == stamp:", "if held is not None:"),
        tests=("tests/unit/test_byte_cache.py",),
    ),
    mutation(
        "short-way-unchecked",
        "a number that no sensor measures comes into the window",
        "aws/store/means.py",
        ("mean = number_within(statistics.mean.N, plausible)", "mean = statistics.mean.N"),
        tests=("tests/unit/test_means.py",),
    ),
    mutation(
        "any-tick",
        "a live schedule's tick two years away is drained at",
        "domain/messages.py",
        ('if is_live and event.get("source")', 'if not is_live and event.get("source")'),
        tests=("tests/unit/test_events.py",),
    ),
)
