"""Processes: what they cost, and how to run one to its end."""

from __future__ import annotations

import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
# A process that uses less than this part of one core does nothing to speak of.
_QUIET = 0.05
# And one that uses more than this works on what it was given.
_BUSY = 0.2


@dataclass(frozen=True)
class Ended:
    """A process that has ended well: what it printed, and what it cost."""

    out: str
    cpu_seconds: float
    seconds: float


class Failed(Exception):
    """A process that has not, with what it printed."""


def run(command: list[str], seconds: float = 600, **variables: str) -> Ended:
    """Runs a command to its end; user and system time are those of all its threads."""
    began = time.monotonic()
    child = subprocess.Popen(
        command, env={**os.environ, **variables}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    try:
        out, usage = _to_the_end(child, began + seconds)
    finally:
        if child.returncode is None:
            child.kill()
            child.wait()
    if child.returncode != 0:
        raise Failed(f"{' '.join(command)}\nended with {child.returncode}:\n{out[-4000:]}")
    return Ended(out, usage.ru_utime + usage.ru_stime, time.monotonic() - began)


def _to_the_end(child: subprocess.Popen, deadline: float) -> tuple[str, object]:
    """`wait4` alone tells what this one child used, so the output is read beside it."""
    import threading

    chunks: list[str] = []
    reader = threading.Thread(target=lambda: chunks.append(child.stdout.read()))
    reader.start()
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > deadline:
            child.kill()
        time.sleep(0.005)
    child.returncode = os.waitstatus_to_exitcode(status)
    reader.join()
    return "".join(chunks), usage


def cpu_seconds(pid: int) -> float:
    """User and system time of a process that runs, all threads."""
    # The name in brackets may hold spaces.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int) -> tuple[float, float]:
    """Resident now, and the most it ever was."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)
           if name in ("VmRSS", "VmHWM")}
    return kib["VmRSS"] / 1024, kib["VmHWM"] / 1024


def worked_until(pid: int, seconds: float = 300) -> float:
    """When, by the monotonic clock, a process last did something to speak of; returns once it has
    been quiet for a while. Costs nobody anything, unlike asking."""
    deadline = time.monotonic() + seconds
    last, busy = cpu_seconds(pid), time.monotonic()
    while (now := time.monotonic()) < busy + 1 and now < deadline:
        time.sleep(0.05)
        used = cpu_seconds(pid)
        if used - last >= 0.05 * _BUSY:
            busy = time.monotonic()
        last = used
    return busy


def until_quiet(pid: int, seconds: float = 10) -> None:
    """Waits until a process has nothing left to do from what came before, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        before = cpu_seconds(pid)
        time.sleep(0.3)
        if cpu_seconds(pid) - before < 0.3 * _QUIET:
            return
