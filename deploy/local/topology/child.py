"""One process of the topology: started, watched, signalled, its output handed on line by line."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from typing import Callable

from .plan import Program

# A line without an end is handed on in pieces of this size.
MAX_LINE = 64 * 1024
HEALTH_TIMEOUT = 2.0


def _die_with_parent() -> None:
    """On Linux, a child is told to stop when `up` is gone, however that went. It runs between fork
    and exec; elsewhere nothing happens."""
    if sys.platform == "linux":
        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A program and the process that runs it, if one does."""

    def __init__(self, program: Program, write: Callable[[str, str], None]) -> None:
        self.program = program
        self.name = program.name
        self._write = write
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task | None = None
        self._since = 0.0
        self.paused = False
        # Somebody asked for its end: it is no news.
        self.expected_end = False
        self.ended: asyncio.Future | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self.runs else None

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def state(self) -> str:
        if self._process is None:
            return "not started"
        if self.runs:
            return "paused" if self.paused else "running"
        return describe_end(self._process.returncode)

    @property
    def seconds(self) -> int:
        return int(time.monotonic() - self._since) if self.runs else 0

    async def start(self) -> None:
        environment = {**os.environ, **self.program.environment}
        self.paused = self.expected_end = False
        self._since = time.monotonic()
        # A session of its own: Ctrl-C reaches `up` alone, which stops everything in order.
        self._process = await asyncio.create_subprocess_exec(
            *self.program.command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,
        )
        self._reader = asyncio.create_task(self._read(self._process.stdout))
        self.ended = asyncio.ensure_future(self._end(self._process))

    async def _read(self, stream: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await stream.read(MAX_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > MAX_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._write(self.name, line.decode(errors="replace"))
        if rest:
            self._write(self.name, rest.decode(errors="replace"))

    async def _end(self, process: asyncio.subprocess.Process) -> int:
        code = await process.wait()
        # What it said last comes before the word that it has ended. A grandchild may hold the pipe.
        await asyncio.wait([self._reader], timeout=1)
        if not self.expected_end:
            self._write("up", f"{self.name} ended: {describe_end(code)}")
        return code

    def signal(self, number: int) -> bool:
        """Sends a signal; whether there was a process to send it to."""
        if not self.runs:
            return False
        if number == signal.SIGSTOP:
            self.paused = True
        elif number == signal.SIGCONT:
            self.paused = False
        elif number in (signal.SIGTERM, signal.SIGKILL):
            self.expected_end = True
        self._process.send_signal(number)
        if number == signal.SIGTERM and self.paused:
            # A paused process takes the signal when it goes on.
            self.paused = False
            self._process.send_signal(signal.SIGCONT)
        return True

    async def stop(self, grace: float) -> str | None:
        """Asks it to stop and waits; kills it after the grace. What was wrong about it, if anything."""
        if not self.signal(signal.SIGTERM):
            return None
        done, _ = await asyncio.wait([self.ended], timeout=grace)
        if not done:
            complaint = f"{self.name} did not stop within {grace:.0f} s: killed"
            self.signal(signal.SIGKILL)
            await self.ended
        else:
            code = self.ended.result()
            # Java ends with 128 + SIGTERM after a clean stop.
            clean = (0, 143, -signal.SIGTERM) if self.program.is_server else (0,)
            complaint = None if code in clean else f"{self.name} stopped: {describe_end(code)}"
        if complaint:
            self._write("up", complaint)
        return complaint

    async def ready(self) -> bool:
        """Whether it says that it can do its work. A server has shown it once it is waited for."""
        if not self.runs or self.paused:
            return False
        if self.program.is_server:
            return await self._waits()
        try:
            return await asyncio.wait_for(_http_ok(self.program.health_port), HEALTH_TIMEOUT)
        except (OSError, asyncio.TimeoutError):
            return False

    async def _waits(self) -> bool:
        waiter = await asyncio.create_subprocess_exec(
            *self.program.wait, "1",
            env={**os.environ, **self.program.environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return await waiter.wait() == 0


async def _http_ok(port: int) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(f"GET /health/ready HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
        await writer.drain()
        status = await reader.readline()
        return status.split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()


def describe_end(code: int) -> str:
    """A process's end in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
