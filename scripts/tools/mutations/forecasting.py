"""Mutations of forecasts: serving, the daily state, calibration, grades, notes, the gate."""

from __future__ import annotations

from scripts.tools.mutations.mutation import mutation

__all__ = ["MUTATIONS"]

TESTS = "tests/unit/forecasting"
ARTIFACTS = f"{TESTS}/test_artifacts.py"
BANDS = f"{TESTS}/test_bands.py"
BACKTEST = f"{TESTS}/test_backtest.py"
EXPERTS = f"{TESTS}/test_experts.py"
CADENCE = f"{TESTS}/test_cadence.py"
CHALLENGE = f"{TESTS}/test_challenge.py"
DELIVERIES = f"{TESTS}/test_deliveries.py"
DRIFT = f"{TESTS}/test_drift.py"
FEATURES = f"{TESTS}/test_features.py"
GATE = f"{TESTS}/test_gate.py"
MIXING = f"{TESTS}/test_mixing_and_calibration.py"
NOTES = f"{TESTS}/test_notes.py"
ONLINE = f"{TESTS}/test_online.py"
SCORING = f"{TESTS}/test_scoring.py"
SERVING = f"{TESTS}/test_serving.py"
CREDIBLE = "tests/unit/pipeline/test_credible.py"
WEATHER = "tests/unit/forecasting/test_weather.py"

SERVE = "forecasting/serving/forecast.py"
MOVE = "forecasting/serving/online.py"
ABSORB = "forecasting/serving/experience.py"
AHEAD = "forecasting/serving/weather.py"
CALIBRATE = "forecasting/serving/calibration.py"
GATEKEEP = "forecasting/evaluation/gate.py"

MUTATIONS = (
    # Serving.
    mutation(
        "interval-scale-ignored",
        "quantiles are as wide as past errors were, whatever coverage has asked for since",
        SERVE,
        ("state.interval_scale[own][:, :, None, None] * state.offsets[own]\n", "state.offsets[own]\n"),
        tests=(BANDS,),
    ),
    mutation(
        "error-scale-ignored",
        "a restless hour has quantiles as narrow as a calm one",
        SERVE,
        ("median[:, :, None] + reach * scale)", "median[:, :, None] + reach)"),
        tests=(BANDS,),
    ),
    mutation(
        "missing-weather-is-no-matter",
        "without the weather ahead quantiles are as narrow as with it",
        SERVE,
        ("    if basis.weather is None and state.weather_days.any():\n", "    if False:\n"),
        tests=(WEATHER,),
    ),
    mutation(
        "weather-of-tomorrow",
        "a forecast sees issues that were not known yet",
        AHEAD,
        ("(self.known[near] <= times) & ", ""),
        tests=(WEATHER,),
    ),
    mutation(
        "issue-too-short",
        "an issue that ends before the forecast does is used",
        AHEAD,
        (" & (times <= last[near])", ""),
        tests=(WEATHER,),
    ),
    mutation(
        "oldest-issue",
        "a forecast rests on the oldest issue that covers it",
        AHEAD,
        ("near[len(near) - 1 - usable[:, ::-1].argmax(axis=1)]", "near[usable.argmax(axis=1)]"),
        tests=(WEATHER,),
    ),
    mutation(
        "provider-never-errs",
        "a provider's mean error stays in the weather ahead",
        AHEAD,
        (" - bias[..., None]\n", "\n"),
        tests=(WEATHER,),
    ),
    mutation(
        "no-anchor",
        "the weather ahead jumps from what the sensor outside shows",
        AHEAD,
        (" - course[..., :1]) * ANCHOR\n", " - course[..., :1]) * 0\n"),
        tests=(WEATHER,),
    ),
    mutation(
        "old-as-new",
        "persistence's quantiles are those of a fresh value, however old it is",
        SERVE,
        ("np.arange(STEPS) + age[..., None]\n", "np.arange(STEPS) + 0 * age[..., None]\n"),
        tests=(BANDS,),
    ),
    mutation(
        "growth-ends-after-a-day",
        "a value of a week ago is as sure as one of yesterday",
        SERVE,
        (" * growth[..., None]\n", "\n"),
        tests=(BANDS,),
    ),
    mutation(
        "own-rows-by-place",
        "a room has the errors of the room that stands in its place in the state",
        SERVE,
        (
            "    own = [place[room] for room in past.rooms]\n",
            "    own = [row + 1 for row in range(len(past.rooms))]\n",
        ),
        tests=(BANDS, SERVING),
    ),
    mutation(
        "forecasts-beyond-the-possible",
        "a humidity of 104 % is forecast",
        SERVE,
        ("        quantiles=np.clip(quantiles, low, high, out=quantiles),\n", "        quantiles=quantiles,\n"),
        tests=(SERVING,),
    ),
    mutation(
        "prior-called-full",
        "what other houses taught is graded as the house's own",
        SERVE,
        ('("persistence", "sparse", "prior" if prior else "full")', '("persistence", "sparse", "full")'),
        tests=(SERVING,),
    ),
    mutation(
        "sparse-before-persistence",
        "a value of yesterday is graded as sparse",
        SERVE,
        (
            "    grade = np.where(known.silent | unchanged, 0, np.where(known.covered < SPARSE_SHARE, 1, 2))\n",
            "    grade = np.where(known.covered < SPARSE_SHARE, 1, np.where(known.silent | unchanged, 0, 2))\n",
        ),
        tests=(SERVING,),
    ),
    mutation(
        "dead-sensor-forecast-on",
        "a sensor that has been silent for hours is forecast by the experts",
        SERVE,
        ("    fresh = measured & ~known.silent & (not unchanged)\n", "    fresh = measured & (not unchanged)\n"),
        tests=(SERVING,),
    ),
    mutation(
        "sparse-by-the-whole-window",
        "two days with little count as full where months before them were",
        "forecasting/serving/cadence.py",
        (
            "    covered = known[..., -WINDOW_SLOTS:].sum(axis=-1) / WINDOW_SLOTS\n",
            "    covered = known.mean(axis=-1)\n",
        ),
        tests=(BANDS,),
    ),
    mutation(
        "silence-explained-by-anything",
        "every gap of a sensor is a habit of it",
        "forecasting/serving/cadence.py",
        ("    return usual, reach, regular | (quiet & (gaps <= reach))\n", "    return usual, reach, gaps > 0\n"),
        tests=(CADENCE, SERVING),
    ),
    mutation(
        "a-day-of-silence-explained",
        "a sensor that has been silent for days is healthy if it was so before",
        "forecasting/serving/cadence.py",
        ("np.clip(SLACK * habit, FILL_SLOTS, LONGEST)", "np.clip(SLACK * habit, FILL_SLOTS, 9 * LONGEST)"),
        tests=(CADENCE,),
    ),
    mutation(
        "look-ahead",
        "inputs hold the first slot that is to be forecast",
        "forecasting/serving/gaps.py",
        (
            "    return led(fill(values[..., begin:end]), lead), np.asarray(origins) - begin + lead - 1\n",
            (
                "    found = led(fill(values[..., begin : end + 1]), lead)\n"
                "    return found, np.minimum(np.asarray(origins) - begin + lead, found.shape[-1] - 1)\n"
            ),
        ),
        tests=(FEATURES, BACKTEST),
    ),
    mutation(
        "levels-not-differences",
        "inputs carry the season's level",
        "forecasting/serving/features.py",
        ("padded[:, :, now[:, None] - LAGS] - newest[..., None]", "padded[:, :, now[:, None] - LAGS]"),
        tests=(FEATURES,),
    ),
    mutation(
        "inputs-unclipped",
        "one spike throws a forecast far",
        "forecasting/serving/experts.py",
        ("np.clip(inputs / model.scale, -CLIP, CLIP)", "inputs / model.scale"),
        tests=(FEATURES,),
    ),
    mutation(
        "weights-ignored",
        "experts count as they did before any experience",
        "forecasting/serving/experts.py",
        ("    weights = state.weights[:, KNOT_BLOCKS]\n", "    weights = state.initial[:, KNOT_BLOCKS]\n"),
        tests=(ONLINE,),
    ),
    mutation(
        "rooms-ridges-swapped",
        "a room is forecast by the ridges of another",
        "forecasting/serving/experts.py",
        ("        coefficients = [places[rooms[row]] for row in known]\n", "        coefficients = known\n"),
        tests=(SERVING,),
    ),
    mutation(
        "residual-without-prior",
        "the residual ridge's answer leaves out what it is a residual of",
        "forecasting/serving/experts.py",
        ("        residual_ridge[known] += (own", "        residual_ridge[known] = (own"),
        tests=(EXPERTS,),
    ),
    mutation(
        "incredible-in-order",
        "quantiles that cross are credible",
        "forecasting/serving/credibility.py",
        ("(np.diff(quantiles, axis=0) < -_ROUNDING).any()", "(np.diff(quantiles, axis=0) < -9e9).any()"),
        tests=(CREDIBLE,),
    ),
    mutation(
        "incredible-reach",
        "a median may lie anywhere",
        "forecasting/serving/credibility.py",
        ("    beyond = max(BEYOND[name], SPANS * (most - least))\n", "    beyond = 9e9\n"),
        tests=(CREDIBLE,),
    ),
    # The daily state.
    mutation(
        "interval-scale-stands-still",
        "the width of the quantiles does not follow coverage",
        ABSORB,
        (
            "        interval_scale=_adapted(state.interval_scale, _coverage(reach, residuals), share),\n",
            "        interval_scale=state.interval_scale,\n",
        ),
        tests=(BANDS,),
    ),
    mutation(
        "interval-scale-unbounded",
        "a bad month makes quantiles as wide as it likes",
        ABSORB,
        ("(TARGET_COVERAGE - coverage)), 0.5, 2.0)", "(TARGET_COVERAGE - coverage)), 0.0, 1e9)"),
        tests=(BANDS,),
    ),
    mutation(
        "interval-scale-backwards",
        "quantiles that hold too little become narrower",
        ABSORB,
        ("share * (TARGET_COVERAGE - coverage)", "share * (coverage - TARGET_COVERAGE)"),
        tests=(BANDS,),
    ),
    mutation(
        "half-a-day-as-a-whole",
        "a stretch of hours moves the width as much as a day",
        ABSORB,
        ("np.exp(WIDTH_RATE * share * ", "np.exp(WIDTH_RATE * "),
        tests=(BANDS,),
    ),
    mutation(
        "training-is-scored",
        "a model is scored on what it was trained on",
        MOVE,
        ("max(state.scored, model.trained_through, closed.last", "max(state.scored, closed.last"),
        tests=(ONLINE,),
    ),
    mutation(
        "scored-twice",
        "each day scores what was scored the day before",
        MOVE,
        ("    begin = max(state.scored, model.trained_through, ", "    begin = max(model.trained_through, "),
        tests=(ONLINE,),
    ),
    mutation(
        "open-hours-are-scored",
        "hours are scored before their 24 h are over, and then again",
        MOVE,
        (
            "        origins = np.arange(day, min(day + SLOTS_A_DAY, closed.last - STEPS + 1), SCORE_STRIDE)\n",
            "        origins = np.arange(day, day + SLOTS_A_DAY, SCORE_STRIDE)\n",
        ),
        tests=(ONLINE,),
    ),
    mutation(
        "faults-are-learnt",
        "what a broken sensor said is an error of the forecast",
        MOVE,
        (
            "        piece = without_faults(past.between(reach, day + SLOTS_A_DAY + STEPS))\n",
            "        piece = past.between(reach, day + SLOTS_A_DAY + STEPS)\n",
        ),
        tests=(ONLINE,),
    ),
    mutation(
        "errors-never-fade",
        "errors of last winter count as those of yesterday",
        ABSORB,
        ("    fade = 0.5 ** (share / ERROR_HALF_LIFE_DAYS)\n", "    fade = 1.0\n"),
        tests=(ONLINE, BANDS),
    ),
    mutation(
        "experience-never-fades",
        "experts of last winter count as those of yesterday",
        ABSORB,
        ("    fade = 0.5 ** (share / WEIGHT_HALF_LIFE_DAYS)\n", "    fade = 1.0\n"),
        tests=(ONLINE, BANDS),
    ),
    mutation(
        "weights-stand-still",
        "experience moves no weight",
        ABSORB,
        ("        weights=convex_weights(gram, days, state.initial),\n", "        weights=state.weights,\n"),
        tests=(ONLINE, BANDS),
    ),
    mutation(
        "errors-unscaled",
        "errors of a restless hour count as large ones of a calm hour",
        ABSORB,
        (
            "    residuals = np.where(known, (differences - median) / scale, np.nan)\n",
            "    residuals = np.where(known, differences - median, np.nan)\n",
        ),
        tests=(ONLINE, BANDS),
    ),
    mutation(
        "new-room-is-certain",
        "a new room's quantiles lie on its median",
        MOVE,
        (
            "        offsets=grown(state.offsets, state.offsets[0]),\n",
            "        offsets=grown(state.offsets, np.array(0.0)),\n",
        ),
        tests=(BANDS, ONLINE),
    ),
    mutation(
        "new-room-is-plain",
        "a new room does not have the house's interval scale",
        MOVE,
        (
            "        interval_scale=grown(state.interval_scale, state.interval_scale[0]),\n",
            "        interval_scale=grown(state.interval_scale, np.array(1.0)),\n",
        ),
        tests=(ONLINE, BANDS),
    ),
    mutation(
        "house-steadies-nothing",
        "a room's first errors alone make its quantiles",
        ABSORB,
        ("histogram[1:] + ANY_ROOM_DAYS * house", "histogram[1:] + 0 * house"),
        tests=(ONLINE, BANDS),
    ),
    mutation(
        "vanished-rooms-stay",
        "a state grows by every room that ever was",
        MOVE,
        (" if room in named or np.isfinite(recent[row]).any()]", "]"),
        tests=(ONLINE,),
    ),
    mutation(
        "impossible-past",
        "the state remembers what no air can be, and is refused when it is read",
        MOVE,
        (
            "np.where((recent >= _LEAST) & (recent <= _GREATEST), recent, np.nan)",
            "recent",
        ),
        tests=(ONLINE, SERVING),
    ),
    mutation(
        "pull-ignored",
        "one day decides between the experts",
        "forecasting/serving/mixing.py",
        ("PULL_DAYS: Final = 5.0", "PULL_DAYS: Final = 1e-6"),
        tests=(MIXING,),
    ),
    mutation(
        "weights-of-the-whole-line",
        "weights may be negative",
        "forecasting/serving/mixing.py",
        ("        if found.min() >= 0:\n", "        if found.size:\n"),
        tests=(MIXING,),
    ),
    # Calibration.
    mutation(
        "quantiles-cross",
        "a quantile above the median may lie below it",
        CALIBRATE,
        (
            "        side = np.minimum(offset, 0.0) if level < 0.5 else np.maximum(offset, 0.0)\n",
            "        side = offset\n",
        ),
        tests=(MIXING,),
    ),
    mutation(
        "median-moves",
        "the median is moved by the median error",
        CALIBRATE,
        ("side if level != 0.5 else 0.0, 0.0)", "offset if level == 0.5 else side, 0.0)"),
        tests=(MIXING,),
    ),
    mutation(
        "unknown-counted",
        "what was not measured counts as the largest error",
        CALIBRATE,
        ("    known = np.isfinite(errors)\n", "    known = np.isfinite(errors) | True\n"),
        tests=(MIXING,),
    ),
    mutation(
        "bins-off-by-one",
        "each error is put one bin too high",
        CALIBRATE,
        ("EDGES[q, 1:-1]", "EDGES[q, :-2]"),
        tests=(MIXING,),
    ),
    mutation(
        "error-scale-unbounded",
        "a room that lay still for a week has no quantiles to speak of",
        CALIBRATE,
        ("np.clip(moved**VOLATILITY_POWER, *ERROR_SCALES)", "moved**VOLATILITY_POWER"),
        tests=(BANDS,),
    ),
    mutation(
        "unknown-is-calm",
        "a room without a week behind it has the quantiles of one that lies still",
        CALIBRATE,
        ("np.where(basis.volatility > 0, np.clip", "np.where(basis.volatility >= 0, np.clip"),
        tests=(BANDS,),
    ),
    mutation(
        "offsets-of-nothing",
        "without an error known, quantiles lie at the end of the scale",
        CALIBRATE,
        ("np.where(total[..., 0] > 0, side", "np.where(total[..., 0] >= 0, side"),
        tests=(MIXING,),
    ),
    # The gate, and the challenge before it.
    mutation(
        "gate-ignores-mae",
        "a challenger with a worse median wins by its quantiles",
        GATEKEEP,
        ("decisive < 0 and self.mae < MARGIN and self.bound < MARGIN", "decisive < 0 and self.bound < MARGIN"),
        tests=(GATE,),
    ),
    mutation(
        "gate-ignores-chance",
        "a challenger wins by luck",
        GATEKEEP,
        ("decisive < 0 and self.mae < MARGIN and self.bound < MARGIN", "decisive < 0 and self.mae < MARGIN"),
        tests=(GATE,),
    ),
    mutation(
        "as-good-wins",
        "a challenger that is no better takes over",
        GATEKEEP,
        ("        return decisive < 0 and ", "        return decisive < MARGIN and "),
        tests=(GATE,),
    ),
    mutation(
        "one-win-suffices",
        "a challenger has to beat only one of those that could serve",
        GATEKEEP,
        ("all(one.won for one in comparisons)", "any(one.won for one in comparisons)"),
        tests=(GATE, CHALLENGE),
    ),
    mutation(
        "no-comparison-with-persistence",
        "a model that is worse than the last value serves",
        GATEKEEP,
        ('        comparisons.append(Comparison("persistence", None, mae.mean, mae.bound(draws)))\n', ""),
        tests=(GATE,),
    ),
    mutation(
        "outages-are-drawn",
        "half days without a reading take part in the bootstrap",
        GATEKEEP,
        ("    scored = count.sum(axis=(0, 2, 3)) > 0", "    scored = count.sum(axis=(0, 2, 3)) >= 0"),
        tests=(GATE,),
    ),
    mutation(
        "hours-are-drawn",
        "the bootstrap draws issue times as if neighbours told different things",
        GATEKEEP,
        ("BLOCKS_A_DAY: Final = 2\n", "BLOCKS_A_DAY: Final = 8\n"),
        tests=(GATE,),
    ),
    mutation(
        "rehearsed-with-the-answer",
        "a contender sees the hour that it is scored on",
        GATEKEEP,
        (
            "history.between(history.first, origin).tail(WINDOW_SLOTS)",
            "history.between(history.first, origin + 96).tail(WINDOW_SLOTS)",
        ),
        tests=(GATE,),
    ),
    mutation(
        "faults-are-judged-on",
        "who foresees a stuck value is the better model",
        GATEKEEP,
        ("    judged = without_faults(history).values\n", "    judged = history.values\n"),
        tests=(GATE,),
    ),
    mutation(
        "held-out-is-learnt",
        "a challenger is trained on what it is judged on",
        "forecasting/training/challenge.py",
        ("    seen = history.between(history.first, first)\n", "    seen = history\n"),
        tests=(GATE, CHALLENGE),
    ),
    mutation(
        "champion-judged-on-its-training",
        "the champion is judged on what it has learnt",
        "forecasting/training/challenge.py",
        ("    first = max(first, *(model.trained_through for model, _ in contenders.values()))\n", ""),
        tests=(GATE, CHALLENGE),
    ),
    # Scores and drift.
    mutation(
        "coverage-one-sided",
        "whatever lies below p90 counts as covered",
        "forecasting/evaluation/scores.py",
        (
            "known & (residuals[..., low, :] >= 0) & (residuals[..., high, :] <= 0)",
            "known & (residuals[..., high, :] <= 0)",
        ),
        tests=(SCORING,),
    ),
    mutation(
        "pinball-of-one-side",
        "a quantile that is too high costs nothing",
        "forecasting/evaluation/scores.py",
        ("np.maximum(q * residuals, (q - 1) * residuals)", "np.maximum(q * residuals, 0)"),
        tests=(SCORING,),
    ),
    mutation(
        "drift-by-one-day",
        "one party is a drift",
        "forecasting/evaluation/drift.py",
        ("BAD_DAYS: Final = 2\n", "BAD_DAYS: Final = 1\n"),
        tests=(DRIFT,),
    ),
    mutation(
        "drift-without-coverage",
        "quantiles that hold half of what they should are no drift",
        "forecasting/evaluation/drift.py",
        ("    return None if least <= share <= most else f", "    return None if share <= 1 else f"),
        tests=(DRIFT,),
    ),
    # Notes.
    mutation(
        "stuck-not-told",
        "of a sensor that stands still nothing is said",
        "forecasting/serving/notes.py",
        ('        "stuck": there & np.isin(last, (STUCK, STOPPED)),\n', '        "stuck": there & False,\n'),
        tests=(NOTES,),
    ),
    mutation(
        "stuck-for-ever",
        "a sensor that moves again is still stuck",
        "forecasting/serving/notes.py",
        ("np.isin(last, (STUCK, STOPPED)),", "np.isin(codes, (STUCK, STOPPED)).any(axis=-1),"),
        tests=(NOTES,),
    ),
    mutation(
        "spiking-for-ever",
        "a wild value is told for as long as anything is known of it",
        "forecasting/serving/notes.py",
        ("    recent = codes[..., -SPIKING_SLOTS:]\n", "    recent = codes\n"),
        tests=(NOTES,),
    ),
    mutation(
        "showers-are-spikes",
        "a jump that the next slot may confirm is told as wild",
        "forecasting/serving/notes.py",
        ("    wild[..., :-1] |= recent[..., :-1] == UNCONFIRMED\n", "    wild |= recent == UNCONFIRMED\n"),
        tests=(NOTES,),
    ),
    mutation(
        "silent-house-is-dead",
        "a house that sends nothing has only dead sensors",
        "forecasting/serving/notes.py",
        ('        "dead": there & (silence > reach) & reports,\n', '        "dead": there & (silence > reach),\n'),
        tests=(NOTES,),
    ),
    mutation(
        "readings-left-out-untold",
        "wild readings within a slot are left out in silence",
        "forecasting/serving/notes.py",
        ("_spiking(codes) | _left_out(window)", "_spiking(codes)"),
        tests=(NOTES,),
    ),
    mutation(
        "zone-is-a-clock",
        "local time sent as UTC is told as a clock that is off",
        "forecasting/serving/deliveries.py",
        ('    return "zone" if is_offset and ', '    return "zone" if not is_offset and '),
        tests=(DELIVERIES,),
    ),
    mutation(
        "late-and-off",
        "readings of a clock that is off are told as late as well",
        "forecasting/serving/deliveries.py",
        ('"late": not off and _is_late(deliveries),', '"late": _is_late(deliveries),'),
        tests=(DELIVERIES,),
    ),
    mutation(
        "accidents-are-told",
        "a single reading that was refused is told of",
        "forecasting/serving/deliveries.py",
        ("FEW: Final = 8\n", "FEW: Final = 1\n"),
        tests=(DELIVERIES,),
    ),
)
