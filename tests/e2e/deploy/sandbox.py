"""A machine within the machine: mounts, network, processes and a Docker of its own, which all end with it.

Root may have that from Linux alone. Nothing of it is seen outside: port 80, the name of a registry, Docker's bridge and
its rules, its files in /etc and /run exist within only. What runs inside reaches the outside world as any program of
this machine does, by slirp4netns, and not this machine's own loopback.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

__all__ = ["REGION", "REGISTRY", "Sandbox", "SandboxError", "missing", "sandbox"]

REGION: Final = "eu-central-1"
REGISTRY: Final = f"000000000000.dkr.ecr.{REGION}.amazonaws.com"
"""What the emulator calls its registry; inside, the name is loopback's."""

_NEEDED: Final = {
    "dockerd": "docker.io",
    "docker": "docker.io",
    "iptables": "iptables",
    "mmdebstrap": "mmdebstrap",
    "slirp4netns": "slirp4netns",
    "ip": "iproute2",
    "mount": "mount",
    "setpriv": "util-linux",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
"""Programs, each with Debian's package."""

_CGROUP: Final = "roomidity-"
"""What the kernel's control groups of a sandbox begin with; the number of its first process follows."""

_START_S: Final = 60.0

_IN_MEMORY_BYTES: Final = 8 * 2**30
"""The most that Docker's files may take of memory, where there is twice as much: a disk deletes them in minutes."""

_INIT: Final = """
set -eu
ip link set lo up
for folder in /etc /opt; do  # written by Docker, so each gets a layer of its own
    mount -t tmpfs tmpfs "$1"
    mkdir "$1/upper" "$1/work"
    mount -t overlay overlay -o "lowerdir=$folder,upperdir=$1/upper,workdir=$1/work" "$folder"
done
mount -t tmpfs tmpfs /run
if [ -n "$3" ]; then mount -t tmpfs -o "size=$3" tmpfs "$4"; fi
rm -f /etc/resolv.conf
echo "nameserver 10.0.2.3" >/etc/resolv.conf  # slirp4netns answers there
printf '127.0.0.1 localhost\\n127.0.0.1 %s\\n' "$2" >/etc/hosts.new
mv /etc/hosts.new /etc/hosts
echo ready
exec sleep infinity
"""


class SandboxError(Exception):
    """The sandbox, or a command in it, failed."""


def missing() -> list[str]:
    """What this machine lacks for a sandbox, each with how to get it; empty where nothing is missing."""
    lacks = []
    if os.uname().sysname != "Linux":
        return ["Linux: namespaces are its own"]
    if os.geteuid() != 0:
        lacks.append("root: run this as root, or under sudo")
    packages = {_NEEDED[program] for program in _NEEDED if shutil.which(program, path=_path()) is None}
    lacks += [f"{package}: apt-get install --no-install-recommends {package}" for package in sorted(packages)]
    if not Path("/dev/net/tun").exists():
        lacks.append("/dev/net/tun: modprobe tun, or give it to the container that this runs in")
    return lacks


def _path() -> str:
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


@dataclass(frozen=True)
class Sandbox:
    """A running one. ``folder`` is seen inside under the same path, as are all files but those that Docker writes."""

    folder: Path
    pid: int
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, arguments: Sequence[str | Path], *, cwd: Path | None = None) -> list[str]:
        """The command line that runs ``arguments`` inside."""
        entered = ["nsenter", "--target", str(self.pid), "--mount", "--net", "--pid"]
        return [*entered, "env", f"--chdir={cwd or self.folder}", *map(str, arguments)]

    @property
    def environment(self) -> dict[str, str]:
        """What commands inside see: a home of their own, so that no login of this machine's user is read or changed."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        return {**os.environ, "HOME": str(home), "TMPDIR": str(self.folder / "tmp"), "PATH": _path(), "DOCKER_HOST": ""}

    def run(
        self,
        *arguments: str | Path,
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 600,
    ) -> str:
        """What a command inside prints.

        Raises
        ------
        SandboxError
            If it fails, with all that it said.
        """
        done = subprocess.run(  # noqa: S603  # our own commands
            self.command(arguments, cwd=cwd),
            env={**self.environment, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if done.returncode:
            called = " ".join(map(str, arguments))
            raise SandboxError(f"{called}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def start(
        self, *arguments: str | Path, log: Path, environment: Mapping[str, str] | None = None, **options: Any
    ) -> subprocess.Popen[bytes]:
        """Start a command inside that ends with the sandbox; what it says goes to ``log``."""
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603  # our own commands
                self.command(arguments),
                env={**self.environment, **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                **options,
            )
        self.started.append(process)
        return process


@contextmanager
def sandbox(folder: Path) -> Iterator[Sandbox]:
    """Run a sandbox that keeps its files in ``folder``: made anew, and of Docker's none are left.

    Raises
    ------
    SandboxError
        If it does not start.
    """
    for name in ("layers", "tmp", "docker"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for left in _cgroups(f"{_CGROUP}*"):  # by a sandbox that was killed
        if not Path("/proc", left.name.removeprefix(_CGROUP)).exists():
            _remove_cgroups(left.name)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder / "docker", ignore_errors=True)
        started: list[subprocess.Popen[bytes]] = []
        stack.callback(_wait_for, started)
        init = stack.enter_context(_namespaces(folder))
        stack.enter_context(_network(init, folder / "network.log"))
        inside = Sandbox(folder, init, started)
        cgroup = f"{_CGROUP}{init}"
        stack.callback(_remove_cgroups, cgroup)
        _start_docker(inside, cgroup)
        stack.callback(_remove_containers, inside)
        yield inside


@contextmanager
def _namespaces(folder: Path) -> Iterator[int]:
    """New ones for mounts, network and processes; the first process in them, as it is numbered outside."""
    if_killed = [shutil.which("setpriv", path=_path()) or "setpriv", "--pdeathsig", "KILL"]  # so is all within
    entering = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
    in_memory = str(_IN_MEMORY_BYTES) if _free_bytes() >= 2 * _IN_MEMORY_BYTES else ""
    of_init = [str(folder / "layers"), REGISTRY, in_memory, str(folder / "docker")]
    process = subprocess.Popen(  # noqa: S603  # our own command
        [*if_killed, *entering, "sh", "-c", _INIT, "init", *of_init],
        env={**os.environ, "PATH": _path()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        if process.stdout.readline() != "ready\n":
            raise SandboxError("could not make a sandbox; what is missing stands above")
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text()
        yield int(children.split()[0])
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _free_bytes() -> int:
    """What is free of memory, or the limit of the control group that this runs in, where that is less."""
    facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    limits = [Path("/sys/fs/cgroup", name) for name in ("memory.max", "memory/memory.limit_in_bytes")]
    found = [path.read_text().strip() for path in limits if path.exists()]
    return min([int(facts["MemAvailable"].split()[0]) * 1024, *(int(one) for one in found if one.isdigit())])


@contextmanager
def _network(init: int, log: Path) -> Iterator[None]:
    """A network card within that leads out; gone when the pipe that is held here is closed."""
    ready, tell_ready = os.pipe()
    until, hold = os.pipe()
    program = shutil.which("slirp4netns", path=_path()) or "slirp4netns"
    options = ["--configure", "--mtu=65520", "--disable-host-loopback"]
    try:
        with log.open("wb") as file:
            process = subprocess.Popen(  # noqa: S603  # our own command
                [program, *options, f"--ready-fd={tell_ready}", f"--exit-fd={until}", str(init), "tap0"],
                env={**os.environ, "PATH": _path()},
                pass_fds=(tell_ready, until),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        os.close(tell_ready)
        os.close(until)
        if os.read(ready, 1) != b"1":
            raise SandboxError(f"the sandbox has no network:\n{log.read_text()}")
        yield
    finally:
        os.close(ready)
        os.close(hold)
        process.wait(10)


def _start_docker(inside: Sandbox, cgroup: str) -> None:
    log = inside.folder / "dockerd.log"
    process = inside.start(
        *("dockerd", "--data-root", inside.folder / "docker", "--log-level", "warn", "--insecure-registry", REGISTRY),
        *("--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", f"/{cgroup}"),
        log=log,
    )
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(SandboxError):
            inside.run("docker", "version")
            return
        time.sleep(0.2)
    raise SandboxError(f"dockerd did not start; the end of its log:\n{_tail(log)}")


def _wait_for(started: Sequence[subprocess.Popen[bytes]]) -> None:
    for process in started:
        process.wait(_START_S)


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-10:])


def _remove_containers(inside: Sandbox) -> None:
    """By Docker itself, so that the kernel's control groups go too."""
    with suppress(SandboxError, subprocess.TimeoutExpired):
        if running := inside.run("docker", "ps", "--all", "--quiet").split():
            inside.run("docker", "rm", "--force", "--volumes", *running, timeout_s=60)


def _remove_cgroups(name: str) -> None:
    """Those that Docker made and leaves; they are folders that are no folders, so only ``rmdir`` takes them away."""
    for top in _cgroups(name):
        for path, _, _ in os.walk(top, topdown=False):
            with suppress(OSError):
                Path(path).rmdir()


def _cgroups(pattern: str) -> list[Path]:
    """At the top, or below each controller where the kernel has the older kind."""
    top = Path("/sys/fs/cgroup")
    return [*top.glob(pattern), *top.glob(f"*/{pattern}")]
