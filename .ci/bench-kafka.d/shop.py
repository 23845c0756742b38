"""The shop on Kafka and MongoDB under load: a backlog, payments, what they cost."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import processes
import store
from tables import heading, median, notes, rate, short, spread, table
from topology import Topology, running

WORKER = "notifications-service"
_NONE_BUT_WORKER = {name: "0" for name in ("USERS", "PAYMENTS", "INVENTORIES", "LOGS")}


@dataclass
class Load:
    """How much of it."""

    seconds: float
    events: int
    rounds: int


class Client:
    """services/bench against a topology."""

    def __init__(self, program: Path, topology: Topology) -> None:
        self._program = program
        self._payments = f"http://127.0.0.1:{topology.port(3002)}"
        self._logs = f"ws://127.0.0.1:{topology.port(3000)}/"
        self.cpu_seconds = 0.0

    def run(self, what: str, *flags: str, logs: bool = True) -> str:
        """One measurement, as it shows itself; with problems, too, which it then names."""
        where = ["--service" if what == "load" else "--payments", self._payments]
        where += ["--logs", self._logs] if logs else []
        command = [str(self._program), "--markdown", what, *where, *flags]
        ended = processes.run(["sh", "-c", '"$@" || [ $? = 1 ]', "sh", *command], 1_800)
        self.cpu_seconds = ended.cpu_seconds
        return ended.out


def counted(report: str) -> int:
    """The payments in the first table of a report."""
    lines = [line.strip("| ").split("|") for line in report.splitlines() if line.startswith("|")]
    column = [name.strip() for name in lines[0]].index("n")
    return max(int(line[column]) for line in lines[2:] if line[column].strip().isdecimal())


def drained(topology: Topology, load: Load) -> None:
    """notifications-service finds a backlog: from its start until nothing is left."""
    heading(f"{WORKER} drains a backlog of {load.events:,} events")
    took, own, kafka, lines = [], [], [], []
    with running(topology, **_NONE_BUT_WORKER):
        # The group has then committed on every partition, and its lag counts from there.
        topology.append("notifications", 300, 0)
        topology.until_lag(lambda lag: lag == 0, WORKER)
        for turn in range(load.rounds + 1):
            topology.ctl("term", WORKER)
            topology.append("notifications", load.events, turn + 1)
            topology.until_lag(lambda lag: lag == load.events, WORKER)
            broker = topology.pids()["kafka"]
            processes.until_quiet(broker)
            before, written = processes.cpu_seconds(broker), topology.records()["logs"]
            began = time.monotonic()
            topology.ctl("start", WORKER)
            worker = topology.pids()[WORKER]
            ended = processes.worked_until(worker)
            costs = processes.cpu_seconds(worker), processes.cpu_seconds(broker) - before
            topology.until_lag(lambda lag: lag == 0, WORKER)
            # The first time is for the broker's JVM, which compiles what it runs often.
            if turn > 0:
                took.append(ended - began)
                own.append(costs[0] / load.events * 1e6)
                kafka.append(costs[1] / load.events * 1e6)
                lines.append(topology.records()["logs"] - written)
    rates = [load.events / seconds for seconds in took]
    table(
        ["", "events/s, median", "lowest-highest", "seconds", "CPU µs/event", "broker CPU µs/event",
         "lines written"],
        [[f"{load.rounds} times", rate(median(rates)), spread(rates, rate), short(median(took)),
          short(median(own)), short(median(kafka)), ", ".join(map(str, lines))]],
    )
    notes("From starting the process until its committed offsets are at the end of all three "
          "partitions: consumed, one line each published and acknowledged, committed. That is when "
          "it goes quiet; that no lag is left is asked afterwards. kcat wrote the events; once "
          "before, the same unmeasured.")


@dataclass(frozen=True)
class Costs:
    """Running totals: seconds of CPU, records and operations."""

    cpu: dict[str, float]
    records: dict[str, int]
    operations: dict[str, int]

    @classmethod
    def now(cls, topology: Topology) -> Costs:
        cpu = {name: processes.cpu_seconds(pid) for name, pid in topology.pids().items()}
        return cls(cpu, topology.records(), store.operations(topology.port(27017)))

    def since(self, before: Costs) -> Costs:
        def less(now: dict, then: dict) -> dict:
            return {name: count - then.get(name, 0) for name, count in now.items()}

        return Costs(less(self.cpu, before.cpu), less(self.records, before.records),
                     less(self.operations, before.operations))


class Paid:
    """The costs of payments, one column per kind of load."""

    def __init__(self, topology: Topology, client: Client) -> None:
        self._topology, self._client = topology, client
        self._columns: dict[str, tuple[int, Costs, float]] = {}

    def measure(self, name: str, what: str, *flags: str, warm_up: int = 0) -> None:
        """Runs a load until all of it is settled, shows it and keeps its costs. The report leaves
        out the payments of the warm-up, but they cost as much."""
        before = Costs.now(self._topology)
        report = self._client.run(what, *flags)
        self._topology.until_lag(lambda lag: lag == 0)
        costs = Costs.now(self._topology).since(before)
        print(report, flush=True)
        payments = warm_up + counted(report)
        self._columns[name] = (payments, costs, self._client.cpu_seconds)

    def show(self) -> None:
        columns = self._columns.values()
        heading("CPU per payment, µs of user and system time")
        programs = sorted({name for _, costs, _ in columns for name in costs.cpu})
        rows = [[name, *(short(c.cpu.get(name, 0) / n * 1e6) for n, c, _ in columns)]
                for name in programs]
        rows.append(["the load client", *(short(cpu / n * 1e6) for n, _, cpu in columns)])
        rows.append(["together", *(short((sum(c.cpu.values()) + cpu) / n * 1e6) for n, c, cpu in columns)])
        table(["program", *self._columns], rows)

        heading("Records per payment")
        topics = sorted({name for _, costs, _ in columns for name, more in costs.records.items() if more})
        rows = [[name, *(short(c.records.get(name, 0) / n) for n, c, _ in columns)] for name in topics]
        rows.append(["together", *(short(sum(c.records.values()) / n) for n, c, _ in columns)])
        table(["topic", *self._columns], rows)

        heading("Store operations per payment")
        asked = sorted({name for _, costs, _ in columns for name, more in costs.operations.items() if more})
        if not asked:
            print("This store does not count them.")
            return
        rows = [[name, *(short(c.operations.get(name, 0) / n) for n, c, _ in columns)] for name in asked]
        table(["command, and documents (*)", *self._columns], rows)


def paid(topology: Topology, program: Path, load: Load) -> None:
    """Everything about payments, on one topology."""
    seconds = str(load.seconds)
    with running(topology):
        time.sleep(min(load.seconds, 10))
        pids = topology.pids()
        idle = {name: processes.memory_mib(pid)[0] for name, pid in pids.items()}
        client = Client(program, topology)
        # Two JVMs compile what they run often, and take their time: what few payments at a time
        # need is not what many need.
        for rate in ("100", "500", "100"):
            client.run("line", "--rate", rate, "--seconds", str(2 * load.seconds))
        client.run("load", "--seconds", seconds)
        topology.until_lag(lambda lag: lag == 0)
        paid = Paid(topology, client)

        for per_second in ("100", "500"):
            heading(f"From sending /pay to its first line on the WebSocket, {per_second}/s")
            flags = ["--rate", per_second, "--seconds", seconds, "--warmup", "1"]
            paid.measure(f"{per_second}/s", "line", *flags, warm_up=int(per_second))
        heading("/pay, closed loop, 64 connections")
        print(client.run("pay", "--seconds", seconds, "--warmup", "1", logs=False), flush=True)
        topology.until_lag(lambda lag: lag == 0)
        heading("/pay, closed loop, 64 connections, every line read")
        paid.measure("closed loop", "load", "--seconds", seconds)
        heading("Highest rate without a growing backlog")
        print(client.run("rate", "--seconds", seconds, "--from", "1000"), flush=True)
        paid.show()

        heading("Resident memory, MiB")
        rows = [[name, short(idle[name]), *map(short, processes.memory_mib(pid))]
                for name, pid in sorted(pids.items())]
        table(["program", f"idle, {min(load.seconds, 10):.0f} s after its start", "after all this",
               "at most"], rows)
