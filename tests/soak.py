"""Many more cases of the tests with faults, and what was tried: ``python -m pytest -p tests.soak --soak 50 -k faults``.

Without ``--soak`` it prints the totals of the usual number of cases. A case of the schedules has some six faults, so
that ``--soak 80 tests/unit/pipeline/test_faults_schedules.py -k exact`` injects over 20,000, in 20 minutes of CPU time.
No time limit ends a test that soaks.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.schedules import Effort, Tally

_total = Tally()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", type=int, default=1, metavar="N", help="N times as many cases of the tests with faults")
    parser.addoption("--no-shrink", action="store_true", help="leave a failing case as it was found")


@pytest.hookimpl(tryfirst=True)  # before the plugin that ends tests which take long reads its option
def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--soak") > 1:
        config.option.timeout = 0
    Effort.times = config.getoption("--soak")
    Effort.shrinks = not config.getoption("--no-shrink")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """With pytest-xdist the reports of all processes come here."""
    for name, value in report.user_properties if report.when == "call" else ():
        if name == "tally":
            add(value)


def add(value: Any) -> None:
    _total.cases += value["cases"]
    _total.drains += value["drains"]
    _total.faults.update(Counter(value["faults"]))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.section("faults")
    terminalreporter.write_line(str(_total))
