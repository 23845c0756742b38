"""One broker of its own, from deploy/local/kafka."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import processes

ROOT = Path(__file__).resolve().parent.parent.parent
_KAFKA = ROOT / "deploy/local/kafka"


class Broker:
    """A broker that runs: where it is, and what it costs."""

    def __init__(self, port: int, data: Path, rdkafka: Path) -> None:
        self.address = f"localhost:{port}"
        self.variables = {
            "KAFKA_PORT": str(port), "KAFKA_CONTROLLER_PORT": str(port + 1), "KAFKA_DATA": str(data),
        }
        self._data = data
        self._rdkafka = rdkafka
        self.pid = 0

    def start(self) -> None:
        processes.run([str(_KAFKA / "start")], 180, **self.variables)
        self.pid = int((self._data / "pid").read_text())

    def stop(self) -> None:
        processes.run([str(_KAFKA / "stop")], 60, **self.variables)

    def tool(self, *words: str) -> list[str]:
        """The command for one of Kafka's own tools."""
        settings = [f"{name}={value}" for name, value in self.variables.items()]
        return ["env", *settings, str(_KAFKA / "tool"), *words]

    @contextmanager
    def topic(self, name: str, partitions: int) -> Iterator[str]:
        """A topic of that name, for as long as it is needed."""
        where = ["--brokers", self.address, "--topic", name]
        processes.run([str(self._rdkafka), "create", *where, "--partitions", str(partitions)])
        try:
            yield name
        finally:
            processes.run([str(self._rdkafka), "delete", *where])


@contextmanager
def running(port: int, work: Path, rdkafka: Path) -> Iterator[Broker]:
    """A broker with an empty folder, stopped at the end."""
    broker = Broker(port, work / "kafka", rdkafka)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


def compile_rdkafka(work: Path) -> Path:
    """The yardstick's program, compiled outside the workspace: nothing of ours compiles C."""
    program = work / "rdkafka"
    source = Path(__file__).with_name("rdkafka.c")
    subprocess.run(["cc", "-O2", str(source), "-o", str(program), "-lrdkafka"], check=True)
    return program


def librdkafka_version() -> str:
    version = ["dpkg-query", "--show", "--showformat=${Version}", "librdkafka1"]
    found = subprocess.run(version, capture_output=True, text=True)
    return f"librdkafka {found.stdout or '(unknown version)'}"
