"""Failures from outside (network, disk, AWS) as one sentence: what was found and what to do; no traceback."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

import click

from roomidity.aws.account import explanation_of
from roomidity.domain.names import visible

__all__ = ["INTERRUPTED", "told"]

INTERRUPTED: Final = 130
"""The status of what Ctrl-C ended: 128 and the number of the signal, as shells have it."""

_TO_DO: Final[Mapping[int, str]] = {
    errno.ENOSPC: "the disk is full: make room, then run the same command again",
    errno.EDQUOT: "the disk quota is used up: make room, then run the same command again",
    errno.EFBIG: "the file is larger than the disk takes: split it, or use another disk",
    errno.EROFS: "nothing can be written there: give another path",
    errno.EACCES: "it may not be read or written by this user: change its rights (chmod, chown), or give another path",
    errno.EPERM: "this user may not do that: change the rights (chmod, chown), or give another path",
    errno.ENOENT: "there is no such file or folder: check the path",
    errno.EEXIST: "there is such a file already: move it, or give another path",
    errno.EISDIR: "it is a folder; expected a file: give a file's path",
    errno.ENOTDIR: "a part of the path is a file; expected folders: check the path",
    errno.ENAMETOOLONG: "the path is too long: give a shorter one",
    errno.ELOOP: "its links lead in a circle: give another path",
    errno.EIO: "the disk or its connection failed: check it (dmesg), or use another",
    errno.EBUSY: "another program uses it: end that program, or give another path",
    errno.ETXTBSY: "another program uses it: end that program, or give another path",
    errno.EMFILE: "too many files are open: raise the limit (ulimit -n)",
    errno.ENFILE: "too many files are open: end other programs",
    errno.ENOMEM: "there is not enough memory: end other programs, or take less at a time",
    errno.EAGAIN: "the machine is out of processes or threads: end other programs, or raise the limit (ulimit -u)",
    errno.EADDRINUSE: "the port is taken: give another with --port",
    errno.EADDRNOTAVAIL: "this machine has no such address: check the network",
    errno.ECONNREFUSED: "nothing listens there: is the local engine running (`roomidity up`)?",
    errno.ECONNRESET: "the connection broke: run the same command again",
    errno.ETIMEDOUT: "there was no answer: check the network, then run the same command again",
    errno.EHOSTUNREACH: "there is no way there: check the network",
    errno.ENETUNREACH: "there is no network: check it, then run the same command again",
}
"""By what the operating system says."""

_ANY: Final = "run the same command again; `roomidity --debug ...` shows where it failed"


def told(ctx: click.Context, run: Callable[[], Any]) -> Any:
    """Run a command; what the world stops ends with a sentence and status 1, Ctrl-C with status 130.

    With ``--debug`` the traceback stands before the sentence. A fault of the program keeps its traceback: it is for who
    mends the program.
    """
    try:
        return run()
    except KeyboardInterrupt as error:
        _end(ctx, error, "interrupted; what was done by then stays, the same command again does the rest", INTERRUPTED)
    except click.Abort as error:  # a question was not answered by yes
        if isinstance(error.__context__, KeyboardInterrupt):
            _end(ctx, error, "interrupted; nothing was changed", INTERRUPTED)
        _end(ctx, error, "not confirmed; nothing was changed. To do it without being asked: --yes")
    except BrokenPipeError:
        _leave_quietly()
    except Exception as error:
        explanation = explanation_of(error) or _of_the_machine(error)
        if explanation is None:
            raise
        _end(ctx, error, explanation)


def _of_the_machine(error: Exception) -> str | None:
    """What the machine lacks; None where it is a fault of the program."""
    if isinstance(error, MemoryError):
        return f"out of memory; {_TO_DO[errno.ENOMEM]}"
    if isinstance(error, OSError):
        place = next((f"{name}: " for name in (error.filename2, error.filename) if name is not None), "")
        said = (error.strerror or str(error) or type(error).__name__).splitlines()[0]
        return f"{place}{said}; {_TO_DO.get(error.errno or 0, _ANY)}"
    return None


def _end(ctx: click.Context, error: BaseException, sentence: str, status: int = 1) -> NoReturn:
    if ctx.params.get("debug"):
        click.echo(visible("".join(traceback.format_exception(error))), err=True, nl=False)
    said = visible(f"roomidity: {sentence}")  # it quotes what was given
    if status == 1:
        sys.exit(said)  # to standard error
    click.echo(said, err=True)
    sys.exit(status)


def _leave_quietly() -> NoReturn:
    """Who read our output has seen enough (`roomidity show h1 | head`): that is no failure to speak of."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())  # what Python still writes at its end goes there
    sys.exit(1)
