"""Our client beside librdkafka and Kafka's own, on one broker: append, consume, one at a time."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

import processes
from broker import Broker
from tables import heading, median, notes, rate, short, spread, table

SIZE = 200
PARTITIONS = (1, 3)
OURS, RDKAFKA = "comptoir-kafka", "librdkafka"
# The one that all others are divided by.
YARDSTICK = RDKAFKA
_UNITS = {"ns": 1e-3, "µs": 1.0, "ms": 1e3, "s": 1e6}


@dataclass(frozen=True)
class Contender:
    """A client, and how one kind of work is done with it."""

    name: str
    # The command for a topic, its partitions and a number of records.
    command: Callable[[str, int, int], list[str]]
    # The figure in what it prints.
    read: Callable[[str], float]
    # Of the records that the others get: a JVM takes its time.
    share: float = 1.0


@dataclass
class Figures:
    """What was measured of one contender."""

    values: list[float] = field(default_factory=list)
    # Per million records.
    own_cpu: list[float] = field(default_factory=list)
    broker_cpu: list[float] = field(default_factory=list)


class Bench:
    """All contenders on one broker."""

    def __init__(self, broker: Broker, ours: Path, rdkafka: Path, records: int, rounds: int) -> None:
        self.broker, self.ours, self.rdkafka = broker, ours, rdkafka
        self.records, self.rounds = records, rounds
        self._made = 0

    def run(self) -> None:
        self._warm_up()
        for partitions in PARTITIONS:
            self._append(partitions)
        for partitions in PARTITIONS:
            self._consume(partitions)
        self._one_at_a_time()

    def _warm_up(self) -> None:
        """The broker's JVM compiles what it runs often; nobody is to pay for that alone."""
        with self.broker.topic("warm-up", 3) as topic:
            for contender in (*self._appenders(), *self._consumers()):
                if contender.share == 1.0:
                    processes.run(contender.command(topic, 3, max(self.records // 4, 1)))

    def _append(self, partitions: int) -> None:
        heading(f"Append, {SIZE}-byte values, acks=all, {partitions} partition{'s' * (partitions > 1)}")
        contenders = self._appenders()
        figures = {c.name: Figures() for c in contenders}
        for contender in self._rotated(contenders):
            self._made += 1
            with self.broker.topic(f"append-{self._made}", partitions) as topic:
                self._measure(contender, topic, partitions, figures[contender.name])
        self._show("records/s", figures, rate)

    def _consume(self, partitions: int) -> None:
        heading(f"Consume as a group, {SIZE}-byte values, {partitions} partition{'s' * (partitions > 1)}")
        contenders = self._consumers()
        figures = {c.name: Figures() for c in contenders}
        with self.broker.topic(f"consume-{partitions}", partitions) as topic:
            fill = Contender("", self._rdkafka("produce"), _json_rate)
            processes.run(fill.command(topic, partitions, self.records))
            for contender in self._rotated(contenders):
                self._made += 1
                self._measure(contender, topic, partitions, figures[contender.name])
        self._show("records/s", figures, rate)

    def _one_at_a_time(self) -> None:
        heading(f"One acknowledged record at a time, {SIZE}-byte values, acks=all")
        records = max(self.records // 400, 200)
        contenders = [
            Contender(OURS, self._ours("one-at-a-time"), _our_median),
            Contender(RDKAFKA, self._rdkafka("one-at-a-time", "linger.ms=0"),
                      lambda out: json.loads(out)["p50_us"]),
        ]
        figures = {c.name: Figures() for c in contenders}
        for contender in self._rotated(contenders):
            self._made += 1
            with self.broker.topic(f"one-{self._made}", 1) as topic:
                self._measure(contender, topic, 1, figures[contender.name], records)
        self._show("median µs", figures, short, cpu=False)

    def _rotated(self, contenders: list[Contender]) -> list[Contender]:
        """Every round begins with another one, so that none always follows the same."""
        order = []
        for turn in range(self.rounds):
            at = turn % len(contenders)
            order += contenders[at:] + contenders[:at]
        return order

    def _measure(
        self, contender: Contender, topic: str, partitions: int, figures: Figures,
        records: int | None = None,
    ) -> None:
        records = records or int(self.records * contender.share)
        processes.until_quiet(self.broker.pid)
        before = processes.cpu_seconds(self.broker.pid)
        ended = processes.run(contender.command(topic, partitions, records))
        millions = records / 1e6
        figures.values.append(contender.read(ended.out))
        figures.own_cpu.append(ended.cpu_seconds / millions)
        figures.broker_cpu.append((processes.cpu_seconds(self.broker.pid) - before) / millions)

    def _show(self, unit: str, figures: dict[str, Figures], form: Callable, cpu: bool = True) -> None:
        yardstick = median(figures[YARDSTICK].values)
        columns = ["client", f"{unit}, median", "lowest-highest", f"of {YARDSTICK}"]
        if cpu:
            columns += ["client CPU s/M", "broker CPU s/M"]
        rows = []
        for name, found in figures.items():
            middle = median(found.values)
            row = [name, form(middle), spread(found.values, form), f"{middle / yardstick:.2f}"]
            if cpu:
                row += [short(median(found.own_cpu)), short(median(found.broker_cpu))]
            rows.append(row)
        table(columns, rows)

    # Who appends, and who consumes.

    def _appenders(self) -> list[Contender]:
        java = ["enable.idempotence=false", "batch.size=1000000", "linger.ms=5"]
        return [
            Contender(OURS, self._ours("produce"), _our_rate),
            Contender(RDKAFKA, self._rdkafka("produce"), _json_rate),
            Contender(f"{RDKAFKA}, one in flight", self._rdkafka("produce", "max.in.flight=1"),
                      _json_rate),
            Contender("Kafka's Java client", self._java_produce(), _java_produced, 0.5),
            Contender("Kafka's Java client, large batches", self._java_produce(*java),
                      _java_produced, 0.5),
        ]

    def _consumers(self) -> list[Contender]:
        return [
            Contender(OURS, self._ours("consume"), _our_rate),
            Contender(RDKAFKA, self._rdkafka("consume"), _json_rate),
            Contender("Kafka's Java client", self._java_consume, _java_consumed, 0.5),
        ]

    def _ours(self, mode: str) -> Callable[[str, int, int], list[str]]:
        return lambda topic, partitions, records: [
            str(self.ours), "--mode", mode, "--brokers", self.broker.address, "--topic", topic,
            "--partitions", str(partitions), "--records", str(records), "--size", str(SIZE),
            "--group", f"ours-{self._made}",
        ]

    def _rdkafka(self, mode: str, *properties: str) -> Callable[[str, int, int], list[str]]:
        extra = [word for text in properties for word in ("-X", text)]
        return lambda topic, partitions, records: [
            str(self.rdkafka), mode, "--brokers", self.broker.address, "--topic", topic,
            "--records", str(records), "--size", str(SIZE), "--group", f"rdkafka-{self._made}", *extra,
        ]

    def _java_produce(self, *properties: str) -> Callable[[str, int, int], list[str]]:
        extra = ["--command-property", *properties] if properties else []
        return lambda topic, partitions, records: self.broker.tool(
            "producer-perf-test", "--topic", topic, "--num-records", str(records),
            "--record-size", str(SIZE), "--throughput", "-1", *extra,
        )

    def _java_consume(self, topic: str, partitions: int, records: int) -> list[str]:
        return self.broker.tool(
            "consumer-perf-test", "--topic", topic, "--num-records", str(records),
            "--group", f"java-{self._made}", "--timeout", "30000", "--hide-header",
        )


# What each of them prints.


def _json_rate(out: str) -> float:
    figures = json.loads(out.splitlines()[-1])
    return figures["records"] / figures["seconds"]


def _our_rate(out: str) -> float:
    return float(re.search(r": (\d+) records/s", out)[1])


def _our_median(out: str) -> float:
    number, unit = re.search(r"median ([\d.]+)(ns|µs|ms|s)", out).groups()
    return float(number) * _UNITS[unit]


def _java_produced(out: str) -> float:
    """The last line of ProducerPerformance is that of the whole run."""
    return float(re.findall(r"([\d.]+) records/sec", out)[-1])


def _java_consumed(out: str) -> float:
    """The last column of ConsumerPerformance: records per second without the time to join."""
    lines = [line for line in out.splitlines() if line.count(",") >= 9]
    return float(lines[-1].split(",")[-1])


def said(librdkafka: str, records: int, rounds: int) -> None:
    """What to know about these tables."""
    notes(
        f"{records:,} records each ({records // 2:,} for the Java client), {rounds} rounds in turn, "
        "each beginning with another client; a new topic, or a new group, each time; client and "
        f"broker on the same cores. {librdkafka}, its defaults; Kafka's Java client as its own "
        "performance tools set it up, and with batches as large as librdkafka's.",
        "Every record is acknowledged by acks=all. Ours has at most one request in flight per "
        "partition, so a retry cannot change the order; librdkafka's default does not promise that, "
        "but with max.in.flight=1 it does.",
        "Consuming counts from the first record. Ours commits every 50 ms what is handled, "
        "the others every 5 s.",
        "CPU is user and system time per million records, that of a client with its start.",
    )
