"""The local engine: an AWS emulator on loopback in a child process, with the stack's own queues, tables and bucket."""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import boto3

from roomidity.domain.slots import format_moment
from roomidity.errors import EngineError
from roomidity.local.kept import RUNNING, Kept, damaged_objects, read
from roomidity.local.outcomes import Outcomes
from roomidity.local.saving import longest_loss_s
from roomidity.local.stack import resolved, template_of

__all__ = ["ONLY_HTTP", "Engine", "running", "set_aside"]

_START_S: Final = 60.0
"""Time limit for starting in s. It normally answers in 0.5 s, but takes longer on a loaded machine."""

_STOP_S: Final = 60.0
"""Time limit for stopping in s, during which it writes its state."""

_NAMED: Final = 5
"""Maximum number of damaged objects that are named."""

ONLY_HTTP: Final = {"SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0"}
"""Environment of the emulator that disables its other servers, which listen to the whole network."""

_POLLING: Final = {"Delay": 0.1, "MaxAttempts": 300}
"""Polling while a stack is created or changed, which takes some 0.2 s."""

_REGION: Final = "eu-central-1"
_ACCOUNT: Final = "000000000000"


@dataclass(frozen=True)
class Engine:
    """A running engine: its endpoint, the stage it holds, and the environment variables deployed with it."""

    endpoint: str
    service: str
    stage: str
    deployed: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables with which a shell or process talks only to this engine."""
        return {
            **self.deployed,
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",  # The emulator accepts any.
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "ROOMIDITY_SERVICE": self.service,
            "ROOMIDITY_STAGE": self.stage,
            "ROOMIDITY_BUCKET": f"{self.service}-{self.stage}-{_ACCOUNT}",
            "ROOMIDITY_BATCH_INSERT": "on",
            "ROOMIDITY_ADVICE": "on",
            "ROOMIDITY_POLL_WAIT_S": "0",  # the emulator's short polls miss nothing
            "POWERTOOLS_LOG_LEVEL": "WARNING",
        }


@contextmanager
def running(
    root: Path,
    state: Path,
    *,
    stage: str,
    port: int | None = None,
    prepare: Callable[[Path], None] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[Engine]:
    """Yields an engine with the stack in ``root``'s serverless.yml, which runs until the block ends.

    Parameters
    ----------
    root
        The checkout.
    state
        The folder of the engine's state. It is created if missing.
    stage
        The stage to hold.
    port
        The port on loopback, or None for a free one.
    prepare
        Called with ``state`` once it is locked for this engine and before it is read.
    tell
        Called with what a person should know about the state: that some was lost, or that it cannot be saved.

    Raises
    ------
    EngineError
        If the engine does not start or the port is taken, or if ``state`` is damaged, held by another engine or cannot
        be saved at the end.
    """
    if importlib.util.find_spec("ministack") is None:
        raise EngineError("the local engine is not installed; install it with: pip install 'roomidity[local]'")
    content = resolved(root, stage=stage, cache=state.parent)
    state.parent.mkdir(parents=True, exist_ok=True)
    with _held(state) as lock, ExitStack() as stack:
        if prepare is not None:
            prepare(state)
        state.mkdir(parents=True, exist_ok=True)
        kept = read(state)
        _tell_losses(state, kept, tell)
        endpoint = stack.enter_context(_child(state, kept, port or _free_port(), tell, lock))
        deployed = {name: text for name, text in content["provider"]["environment"].items() if isinstance(text, str)}
        engine = Engine(endpoint=endpoint, service=content["service"], stage=stage, deployed=deployed)
        _create_stack(engine, template_of(content))
        yield engine


def set_aside(state: Path) -> Path | None:
    """Moves an existing state out of the way. Returns the new path, or None if there was no state."""
    if not state.exists() or not any(state.iterdir()):
        return None
    number = 1
    while (aside := state.with_name(f"{state.name}-{number}")).exists():
        number += 1
    shutil.move(state, aside)
    return aside


@contextmanager
def _held(state: Path) -> Iterator[int]:
    """Yields the descriptor of a lock, so that only one engine writes a state.

    The emulator shares the lock until it has saved and ended. An emulator whose parent was killed ends by itself
    shortly, so this waits for it.
    """
    with (state.parent / f"{state.name}.lock").open("w") as lock:
        deadline = time.monotonic() + _STOP_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if not _is_orphan(state) or time.monotonic() > deadline:
                    raise EngineError(
                        f"another engine runs on {state}; end it (Ctrl-C where `roomidity up` runs), or give another "
                        "--state"
                    ) from error
                time.sleep(0.1)
            else:
                break
        yield lock.fileno()


def _is_orphan(state: Path) -> bool:
    """Returns whether the process that started the running emulator is gone."""
    try:
        os.kill(int((state / RUNNING).read_text()), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


@contextmanager
def _child(state: Path, kept: Kept | None, port: int, tell: Callable[[str], None], lock: int) -> Iterator[str]:
    """Runs the emulator's process. Yields its endpoint once it answers."""
    endpoint = f"http://127.0.0.1:{port}"
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)) == 0:
            raise EngineError(f"port {port} is taken; give another with --port")
    log_path = state.parent / f"{state.name}.log"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "MINISTACK_REGION": _REGION,
        "PERSIST_STATE": "1",
        "S3_PERSIST": "1",
        "STATE_DIR": str((kept.folder if kept else state).resolve()),  # Where it reads its state.
        "ROOMIDITY_ENGINE_STATE": str(state.resolve()),
        "S3_DATA_DIR": str((state / "s3").resolve()),
        "LOG_LEVEL": "WARNING",
        **ONLY_HTTP,
    }
    with log_path.open("wb") as log, Outcomes(tell) as outcomes:
        child = subprocess.Popen(
            [sys.executable, "-m", "roomidity.local.emulator"],
            env={**environment, "ROOMIDITY_ENGINE_TELL": str(outcomes.fd)},
            stdout=log,
            stderr=subprocess.STDOUT,
            pass_fds=[outcomes.fd, lock],
            start_new_session=True,  # A Ctrl-C is meant for the parent, which stops the child once it is done.
        )
        (state / RUNNING).write_text(str(os.getpid()))
        try:
            _wait_until_ready(child, endpoint, log_path)
            yield endpoint
        finally:
            child.terminate()
            try:
                child.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            outcomes.close()
        if outcomes.trouble is not None:
            since = f"what is kept is of {outcomes.saved_at}" if outcomes.saved_at else "it is as it was at the start"
            raise EngineError(
                f"the engine's state could not be saved when it ended ({outcomes.trouble}); {since}, what came later "
                "is lost. Make room, or give another --state"
            )


def _tell_losses(state: Path, kept: Kept | None, tell: Callable[[str], None]) -> None:
    """Reports what was lost of the last engine's state if it was killed, and which objects are damaged."""
    if (state / RUNNING).exists():
        if kept is None:
            tell("The last engine was killed before its state was first saved: this one begins anew.")
        else:
            tell(
                f"The last engine was killed, or the machine went down. Its state is of {format_moment(kept.saved_at)};"
                f" what came after that, in {longest_loss_s(kept.took_s):.0f} s at most, is lost."
            )
    damaged = list(islice(damaged_objects(state / "s3"), _NAMED))
    if damaged:
        tell(
            f"Objects of the bucket are damaged: {'; '.join(damaged)}. A model among them is refused, and the one "
            "before it, or the prior, serves."
        )


def _wait_until_ready(child: subprocess.Popen[bytes], endpoint: str, log_path: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if child.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1):  # noqa: S310  # loopback
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    tail = "\n".join(log_path.read_text("utf-8", errors="replace").splitlines()[-5:])
    raise EngineError(f"the emulator did not start within {_START_S:.0f} s; the end of {log_path}:\n{tail}")


def _create_stack(engine: Engine, template: str) -> None:
    """Creates the queues, tables and bucket. A state from an earlier version gets the resources it lacks."""
    session = boto3.Session("test", "test", region_name=_REGION)
    formation: Any = session.client("cloudformation", endpoint_url=engine.endpoint)
    name = f"{engine.service}-{engine.stage}"
    stacks = [stack["StackName"] for stack in formation.describe_stacks().get("Stacks", [])]
    if name in stacks:
        found = formation.describe_stack_resources(StackName=name)["StackResources"]
        if json.loads(template)["Resources"].keys() - {one["LogicalResourceId"] for one in found}:
            formation.update_stack(StackName=name, TemplateBody=template)
            formation.get_waiter("stack_update_complete").wait(StackName=name, WaiterConfig=_POLLING)
        return
    formation.create_stack(StackName=name, TemplateBody=template)
    formation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig=_POLLING)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
