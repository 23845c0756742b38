"""The shop on Kafka and a MongoDB-wire store, as deploy/local starts it."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import processes
from broker import ROOT

_LOCAL = ROOT / "deploy/local"
_POLL_SECONDS = 0.1


class Topology:
    """What runs, and what is known about it."""

    def __init__(self, offset: int, data: Path, programs: Path) -> None:
        self._offset = offset
        self._variables = {
            "PORT_OFFSET": str(offset), "LOCAL_DATA": str(data), "BIN_DIR": str(programs),
            "STORE": "memory",
        }

    def port(self, usual: int) -> int:
        return usual + self._offset

    def up(self, **counts: str) -> None:
        processes.run([str(_LOCAL / "up"), "--detach"], 200, **self._variables, **counts)

    def ctl(self, *words: str) -> str:
        return processes.run([str(_LOCAL / "ctl"), *words], 200, **self._variables).out

    def pids(self) -> dict[str, int]:
        """Every process that runs, by its name."""
        return {p["name"]: p["pid"] for p in json.loads(self.ctl("ps", "--json")) if p["pid"]}

    def ask(self, path: str) -> object:
        """What the topic console answers."""
        url = f"http://127.0.0.1:{self.port(8080)}/api/v1/{path}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return json.load(answer)

    def records(self) -> dict[str, int]:
        """Records of every topic."""
        return {topic["name"]: topic["records"] for topic in self.ask("overview")["topics"]}

    def lag(self, group: str | None = None) -> int:
        """Records that a group, or all together, have not committed yet."""
        groups = self.ask("groups")
        return sum(g["lag"] for g in groups if group in (None, g["group"]))

    def until_lag(self, wanted, group: str | None = None, seconds: float = 300) -> None:
        """Waits until the lag is as wanted."""
        deadline = time.monotonic() + seconds
        while not wanted(lag := self.lag(group)):
            if time.monotonic() > deadline:
                raise processes.Failed(f"the lag is still {lag} after {seconds:.0f} s")
            time.sleep(_POLL_SECONDS)

    def append(self, topic: str, events: int, seed: int) -> None:
        """Events on a topic, by kcat: no client of ours has a hand in it."""
        folder = Path(__file__).parent
        generator = subprocess.Popen(
            ["python3", str(folder / "events.py"), str(events), str(seed)], stdout=subprocess.PIPE)
        subprocess.run(
            ["kcat", "-P", "-b", f"localhost:{self.port(9092)}", "-t", topic, "-K", r"\t",
             "-H", "content-type=application/cloudevents+json",
             "-X", "topic.partitioner=murmur2_random", "-X", "acks=all"],
            stdin=generator.stdout, check=True, timeout=300)
        if generator.wait() != 0:
            raise processes.Failed("the events could not be made")


@contextmanager
def running(topology: Topology, **counts: str) -> Iterator[Topology]:
    """The topology, stopped at the end."""
    topology.up(**counts)
    try:
        yield topology
    finally:
        topology.ctl("down")
