"""Show that the tests bite: break the code on purpose, one promise at a time, and see that a test fails.

    scripts/mutate                    every mutation, over half an hour; exit status 1 if the tests miss one
    scripts/mutate --in PATH...       those of some files or folders: roomidity/forecasting, roomidity/aws/registry
    scripts/mutate --only NAME...     some of them
    scripts/mutate --list             their names, and what each breaks

It works on a copy of the checkout in a temporary directory, never on the checkout itself. First the tests must pass in
the copy as it is. Then each mutation replaces a piece of the source, which must be there exactly once, runs the tests
that ought to see it, and puts the piece back:

    killed      a test failed, as it should: the first that did is named
    SURVIVED    no test failed: what the mutation breaks is promised and not tested. Write the test that fails, then
                run this again with --only
    STALE       the source has changed, and the piece is not there: bring the mutation up to date

At the end it counts them by module. A test is named by its file, from the top of the checkout. To add a mutation, add
it to a module of scripts/tools/mutations.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

from scripts.tools.mutations import MUTATIONS, Mutation

ROOT = Path(__file__).resolve().parents[2]

COPIED = ("roomidity", "handlers", "tests", "scripts", "pyproject.toml", "serverless.yml")
OWN = ("roomidity", "handlers", "tests", "scripts")
PRELOADED = ("numpy", "polars", "sklearn.linear_model", "joblib", "boto3", "moto", "pynamodb.models", "rich", "click")
"""What tests import that is not ours, and takes long."""

TIMEOUT_S = 600
NAME_WIDTH = max(len(one.name) for one in MUTATIONS)


class StaleError(Exception):
    """A piece of source is not there exactly once."""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="mutate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="say which mutations there are, and end")
    parser.add_argument("--in", nargs="+", metavar="PATH", dest="paths", help="those of some files or folders")
    parser.add_argument(
        "--only", nargs="+", metavar="NAME", choices=[one.name for one in MUTATIONS], help="some of them, by name"
    )
    arguments = parser.parse_args()
    chosen = [
        one
        for one in MUTATIONS
        if (not arguments.only or one.name in arguments.only)
        and (not arguments.paths or any(Path(one.file).is_relative_to(path) for path in arguments.paths))
    ]
    if arguments.list:
        for one in chosen:
            print(f"{one.name:{NAME_WIDTH}} {one.breaks} ({one.file})")
        return 0
    if not chosen:
        parser.error("none is of those files; --list says which there are")
    with tempfile.TemporaryDirectory(prefix="roomidity-mutate-") as folder:
        return try_all(chosen, Path(folder))


def try_all(chosen: list[Mutation], copy: Path) -> int:
    """Try mutations in a copy of the checkout; the exit status."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(ROOT / name, copy / name)
    for name in PRELOADED:
        import_module(name)
    begun = time.monotonic()
    failed = first_failure(copy, sorted({test for one in chosen for test in one.tests}))
    if failed is not None:
        print(f"The tests fail before anything is broken: {failed}", file=sys.stderr)
        return 1
    print(f"{'as it is':{NAME_WIDTH}} {'passed':9} {time.monotonic() - begun:5.0f} s", flush=True)
    verdicts: dict[str, Counter[str]] = {}
    for one in chosen:
        begun = time.monotonic()
        try:
            verdict, why = try_one(one, copy)
        except StaleError as error:
            verdict, why = "STALE", str(error)
        verdicts.setdefault(one.file, Counter())[verdict] += 1
        print(f"{one.name:{NAME_WIDTH}} {verdict:9} {time.monotonic() - begun:5.0f} s  {why}", flush=True)
    print(f"\n{'module':44} mutations killed survived stale")
    for file, counts in sorted(verdicts.items()):
        killed, survived, stale = (counts[verdict] for verdict in ("killed", "SURVIVED", "STALE"))
        print(f"{file:44} {counts.total():9} {killed:6} {survived:8} {stale:5}")
    missed = len(chosen) - sum(counts["killed"] for counts in verdicts.values())
    print(f"{len(chosen) - missed} of {len(chosen)} mutations killed.")
    return 1 if missed else 0


def try_one(one: Mutation, copy: Path) -> tuple[str, str]:
    """Break the copy, run the tests, mend it; the verdict, and the test that failed or what none saw."""
    path = copy / one.file
    whole = path.read_text()
    broken = whole
    for old, new in one.pieces:
        if broken.count(old) != 1:
            raise StaleError(f"{one.file} has {broken.count(old)} times, expected once: {old.strip()[:90]!r}")
        broken = broken.replace(old, new)
    compile(broken, one.file, "exec")
    path.write_text(broken)
    try:
        failed = first_failure(copy, one.tests)
    finally:
        path.write_text(whole)
    return ("SURVIVED", one.breaks) if failed is None else ("killed", failed)


def first_failure(copy: Path, tests: list[str] | tuple[str, ...]) -> str | None:
    """The first test that fails in the copy, or None."""
    options = ("-q", "-x", "-n0", "-p", "no:cacheprovider", "-p", "tests.soak", "--no-shrink", "--tb=no", "-rfE")
    status, output = pytest_in(copy, [*options, *tests])
    if status is None:
        return f"none ended within {TIMEOUT_S} s"
    if status == 0:
        return None
    named = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - |$)", output, re.MULTILINE)
    return named[1] if named else output.strip()[-400:]


def pytest_in(copy: Path, arguments: list[str]) -> tuple[int | None, str]:
    """Exit status (None: it took too long) and output of pytest in the copy.

    It runs in a fork of this process, which has imported what takes long: of a mutation's ten seconds, eight would go
    into that.
    """
    log = copy / "pytest.log"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with log.open("w") as target:
                for stream in (1, 2):
                    os.dup2(target.fileno(), stream)
            run_pytest(copy, arguments)
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        finally:
            os._exit(status)
    last = time.monotonic() + TIMEOUT_S
    while (ended := os.waitpid(child, os.WNOHANG)) == (0, 0):
        if time.monotonic() > last:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return None, log.read_text()
        time.sleep(0.1)
    return os.waitstatus_to_exitcode(ended[1]), log.read_text()


def run_pytest(copy: Path, arguments: list[str]) -> None:
    """Never returns: ends with pytest's status, or 1 if the tests would run anything but the copy."""
    os.chdir(copy)
    os.environ["PYTHONPATH"] = str(copy)  # of what tests start
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"  # nor do they: broken code is not kept
    sys.path[:] = [str(copy), *(path for path in sys.path if path != str(ROOT))]
    for name in [name for name in sys.modules if name.partition(".")[0] in OWN]:
        del sys.modules[name]
    found = Path(import_module("roomidity.pipeline.drain").__file__ or "")
    if not found.is_relative_to(copy):
        print(f"The tests would run {found}, not the copy in {copy}.")
        sys.exit(1)
    sys.exit(int(import_module("pytest").main(arguments)))


if __name__ == "__main__":
    sys.exit(main())
