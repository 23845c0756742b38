"""The socket that `ctl` speaks on: one JSON object per line, a request and its answer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Iterator

if TYPE_CHECKING:
    from .child import Child
    from .supervisor import Supervisor

SOCKET = "ctl.sock"
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "cont": signal.SIGCONT, "term": signal.SIGTERM}
WAIT_PAUSE = 0.1
END_SECONDS = 60.0
CLOSE_SECONDS = 2.0


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """A socket's path may have about a hundred bytes; its name alone always fits."""
    back = os.getcwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(back)


def ask(folder: Path, request: dict, timeout: float) -> dict | None:
    """Sends a request; the answer, or `None` if nothing runs there."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(timeout)
        try:
            with _inside(folder):
                line.connect(SOCKET)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        line.sendall(json.dumps(request).encode() + b"\n")
        with line.makefile() as answer:
            text = answer.readline()
    return json.loads(text) if text else None


def _forget(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        (folder / SOCKET).unlink()


class Control:
    """The socket, and who is being answered."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._answers: set[asyncio.Task] = set()
        self._server: asyncio.AbstractServer | None = None

    async def open(self) -> None:
        folder = self._supervisor.plan.data
        _forget(folder)
        with _inside(folder):
            self._server = await asyncio.start_unix_server(self._take, SOCKET)

    async def close(self) -> None:
        """Nobody new; whoever waits for an answer has it first."""
        self._server.close()
        _forget(self._supervisor.plan.data)
        if self._answers:
            await asyncio.wait(self._answers, timeout=CLOSE_SECONDS)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        self._answers.add(task)
        try:
            with contextlib.suppress(OSError, ValueError):
                await self._answer(reader, writer)
        finally:
            writer.close()
            self._answers.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        try:
            result = {"ok": True, "value": await _do(self._supervisor, request)}
        except _Refused as refusal:
            result = {"ok": False, "value": str(refusal)}
        writer.write(json.dumps(result).encode() + b"\n")
        await writer.drain()


class _Refused(Exception):
    pass


async def _do(supervisor: Supervisor, request: dict) -> object:
    what, names = request["do"], request.get("names", [])
    if what == "ps":
        return [
            {"name": c.name, "pid": c.pid, "state": c.state, "ports": c.program.ports, "seconds": c.seconds}
            for c in supervisor.children.values()
        ]
    if what == "wait":
        return await _wait(supervisor, names, request["seconds"])
    if what == "down":
        supervisor.stopping.set()
        await supervisor.stopped.wait()
        if supervisor.complaints:
            raise _Refused("; ".join(supervisor.complaints))
        return []
    if what == "start":
        return [await _start(supervisor, name) for name in names]
    return [await _signal(supervisor, name, SIGNALS[what]) for name in names]


async def _wait(supervisor: Supervisor, names: list, seconds: float) -> None:
    for name in names:
        _known(supervisor, name)
    deadline = time.monotonic() + seconds
    while True:
        missing = await supervisor.all_ready(names)
        if supervisor.ready and not missing:
            return
        if supervisor.stopping.is_set():
            raise _Refused("it is stopping")
        if time.monotonic() > deadline:
            raise _Refused(f"not ready after {seconds:.0f} s: {', '.join(missing) or 'still starting'}")
        await asyncio.sleep(WAIT_PAUSE)


def _known(supervisor: Supervisor, name: str) -> Child:
    child = supervisor.children.get(name)
    if child is None:
        raise _Refused(f"there is no {name}")
    return child


async def _start(supervisor: Supervisor, name: str) -> str:
    known = supervisor.children.get(name)
    if known is not None and known.runs:
        raise _Refused(f"{name} runs already")
    program = known.program if known is not None else supervisor.plan.named(name)
    if program is None:
        raise _Refused(f"there is no {name}")
    try:
        child = await supervisor.start(program)
    except OSError as error:
        raise _Refused(f"{name}: {error}") from error
    supervisor.log.write("up", f"{name} started as process {child.pid}")
    return f"{name}: process {child.pid}"


async def _signal(supervisor: Supervisor, name: str, number: signal.Signals) -> str:
    child = _known(supervisor, name)
    pid = child.pid
    if not child.signal(number):
        raise _Refused(f"{name} does not run")
    supervisor.log.write("up", f"{name}: {number.name} to process {pid}")
    if number in (signal.SIGKILL, signal.SIGTERM):
        done, _ = await asyncio.wait([child.ended], timeout=END_SECONDS)
        if not done:
            raise _Refused(f"{name} still runs {END_SECONDS:.0f} s after {number.name}")
        return f"{name}: {child.state}"
    return f"{name}: {number.name} to process {pid}"
