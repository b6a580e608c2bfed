"""The emulator's process: ``python -m roomidity.local.emulator``, configured by its own environment variables.

It holds tables as nested dictionaries, so that Python's collector takes most of its time unless told otherwise. And
for a Query it goes through a house's every item and parses the key condition's text anew for each; here the parsed text
is kept from one item to the next. What is evaluated is the same.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
from functools import lru_cache
from typing import Any

from ministack.app import main
from ministack.services import dynamodb

__all__: list[str] = []


def _remember_key_conditions() -> None:
    evaluate = dynamodb._evaluate_condition  # noqa: SLF001  # there is no public way
    tokens_of = lru_cache(maxsize=256)(dynamodb._tokenize)  # noqa: SLF001
    checked: dict[str, Any] = {}

    def evaluate_remembering(
        expression: str, item: Any, values: Any, names: Any, slot: str = "ConditionExpression"
    ) -> bool:
        if slot != "KeyConditionExpression":
            return bool(evaluate(expression, item, values, names, slot=slot))
        if checked.get(expression) is not values:
            outcome = evaluate(expression, item, values, names, slot=slot)  # with every check of text and values
            checked[expression] = values
            return bool(outcome)
        return bool(dynamodb._ExprEval(tokens_of(expression), item, values, names).evaluate())  # noqa: SLF001

    dynamodb._evaluate_condition = evaluate_remembering  # noqa: SLF001


def _end_with(parent: int) -> None:
    """End, keeping the state, when the process that started this one is gone, however it went."""
    while os.getppid() == parent:
        time.sleep(1)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    gc.set_threshold(200_000, 50, 1_000)  # the tables are millions of small objects, none of them garbage
    _remember_key_conditions()
    main()
