"""Starts the topology, keeps it together, and stops it: services first, then what they stand on."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
import time

from . import control
from .banner import banner
from .child import Child
from .plan import Plan, Program

# A program stops within 9 s, even while its servers are silent.
SERVICE_GRACE = 15.0
SERVER_GRACE = 30.0
# Two of these are kept at most.
MAX_LOG_BYTES = 256 * 1024 * 1024
READY_PAUSE = 0.1


class NotStarted(Exception):
    """Why nothing runs; what had been started is stopped again."""


class Log:
    """The one log: a file, and standard output where somebody looks."""

    def __init__(self, plan: Plan, echo: bool) -> None:
        self.path = plan.data / "up.log"
        self._keep_previous()
        self._file = self.path.open("a", buffering=1, encoding="utf-8")
        self._echo = echo
        self._width = max((len(program.name) for program in plan.services()), default=0) + 2

    def _keep_previous(self) -> None:
        if self.path.exists():
            self.path.replace(self.path.with_suffix(".log.1"))

    def write(self, name: str, line: str) -> None:
        text = f"{name:<{self._width}} | {line}\n"
        self._file.write(text)
        if self._file.tell() > MAX_LOG_BYTES:
            self._file.close()
            self._keep_previous()
            self._file = self.path.open("a", buffering=1, encoding="utf-8")
        if self._echo:
            try:
                sys.stdout.write(text)
                sys.stdout.flush()
            except OSError:
                # Whoever read it does not want it any more.
                self._echo = False

    def show(self, text: str) -> None:
        """Something for a person, without a prefix."""
        self._file.write(text)
        if self._echo:
            sys.stdout.write(text)
            sys.stdout.flush()


class Supervisor:
    """All processes of one plan."""

    def __init__(self, plan: Plan, echo: bool) -> None:
        self.plan = plan
        self.log = Log(plan, echo)
        self.children: dict[str, Child] = {}
        self.ready = False
        self.stopping = asyncio.Event()
        self.stopped = asyncio.Event()
        # What did not go as it should, in one line each.
        self.complaints: list[str] = []

    async def run(self) -> int:
        """Until it is told to stop. 0 after a clean stop, 1 if anything had to be killed or ended
        by itself, 2 if it did not start."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_signal)
        began = time.monotonic()
        server = control.Control(self)
        await server.open()
        try:
            if not await self._start_or_stop():
                self.ready = True
                self.log.show(banner(self.plan, time.monotonic() - began))
                await self.stopping.wait()
            self._note_fallen()
            await self._stop()
            return 1 if self.complaints else 0
        except NotStarted as reason:
            for line in str(reason).splitlines():
                self.log.write("up", line)
            await self._stop()
            return 2
        finally:
            self.stopped.set()
            await server.close()

    def _note_fallen(self) -> None:
        for child in self.children.values():
            if not child.runs and not child.expected_end:
                self.complaints.append(f"{child.name} had ended: {child.state}")

    def _on_signal(self) -> None:
        if self.stopping.is_set():
            self.complaints.append("killed by a second signal")
            for child in self.children.values():
                child.signal(signal.SIGKILL)
        self.stopping.set()

    async def _start_or_stop(self) -> bool:
        """Starts everything, unless it is told to stop meanwhile; whether it was."""
        starting = asyncio.ensure_future(self._start())
        stopping = asyncio.ensure_future(self.stopping.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
            return False
        starting.cancel()
        await asyncio.wait([starting])
        return True

    async def _start(self) -> None:
        plan = self.plan
        self._check_ports([*plan.servers(), *plan.services()])
        if not plan.keeps_data and plan.own_kafka:
            # The store forgets everything; events about what it forgot would be orphans.
            shutil.rmtree(plan.store_data / "kafka", ignore_errors=True)
        deadline = time.monotonic() + plan.deadline
        for stage in (plan.servers(), plan.services()):
            try:
                children = [await self.start(program) for program in stage]
            except OSError as error:
                raise NotStarted(str(error)) from error
            await asyncio.gather(*(self._until_ready(child, deadline) for child in children))

    def _check_ports(self, programs: list[Program]) -> None:
        taken = []
        for program in programs:
            for port in program.ports:
                if _taken(port):
                    taken.append(f"port {port} of {program.name} is in use")
        if taken:
            hint = "PORT_OFFSET=100 moves all ports; KAFKA_BROKERS and MONGODB_URI use servers that run already"
            raise NotStarted("\n".join([*taken, hint]))

    async def start(self, program: Program) -> Child:
        """Starts a process, again or for the first time."""
        child = self.children.get(program.name) or Child(program, self.log.write)
        self.children[program.name] = child
        await child.start()
        return child

    async def _until_ready(self, child: Child, deadline: float) -> None:
        while not await child.ready():
            if not child.runs:
                raise NotStarted(f"{child.name} ended before it was ready: {child.state}")
            if time.monotonic() > deadline:
                raise NotStarted(f"{child.name} is not ready after {self.plan.deadline:.0f} s")
            await asyncio.sleep(READY_PAUSE)

    async def all_ready(self, names: list[str]) -> list[str]:
        """Those of the named, or of all, that are not ready."""
        children = [c for c in self.children.values() if not names or c.name in names]
        ready = await asyncio.gather(*(child.ready() for child in children))
        return [child.name for child, is_ready in zip(children, ready) if not is_ready]

    async def _stop(self) -> None:
        self.ready = False
        self.stopping.set()
        self.log.show("  stopping: services first, then the store and Kafka\n")
        for servers, grace in ((False, SERVICE_GRACE), (True, SERVER_GRACE)):
            stage = [c for c in self.children.values() if c.program.is_server == servers]
            told = await asyncio.gather(*(child.stop(grace) for child in stage))
            self.complaints += [complaint for complaint in told if complaint]


def _taken(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port that only has closed connections in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
