"""What is to run, from the variables that a person sets. Nothing here starts anything."""

from __future__ import annotations

import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

LOCAL = Path(__file__).resolve().parent.parent
ROOT = LOCAL.parent.parent

# Program, its port variable, the port of its first instance. Each further instance is ten ports on.
SERVICES = {
    "users-service": ("USERS_PORT", 3001),
    "payments-service": ("PAYMENTS_PORT", 3002),
    "inventories-service": ("INVENTORIES_PORT", 3003),
    "notifications-service": ("NOTIFICATIONS_PORT", 3004),
    "logs-service": ("LOGS_PORT", 3000),
    "console-service": ("CONSOLE_PORT", 8080),
}
INSTANCE_STRIDE = 10
# Ten instances would reach the next hundred, where PORT_OFFSET may have put another topology.
MAX_INSTANCES = 9
KAFKA_PORT = 9092
MONGO_PORT = 27017
# Where each store keeps its data, and whether a new start finds it again.
STORES = {"memory": False, "ferretdb": True}


class Wrong(Exception):
    """What the person set cannot be; told in one line each."""


@dataclass
class Program:
    """One process: how to start it, and how to tell that it is ready."""

    name: str
    command: list[str]
    environment: dict[str, str]
    ports: list[int]
    # An HTTP port whose /health/ready says it; else a command that waits for it.
    health_port: int | None = None
    wait: list[str] = field(default_factory=list)

    @property
    def is_server(self) -> bool:
        """Kafka or the store: started before the services, stopped after them."""
        return self.health_port is None


@dataclass
class Plan:
    """Everything that `up` needs to know."""

    data: Path
    profile: str
    programs_dir: Path | None
    store: str
    offset: int
    deadline: float
    kafka_brokers: str
    own_kafka: bool
    mongodb_uri: str
    own_store: bool
    counts: dict[str, int]

    def servers(self) -> list[Program]:
        """Kafka and the store, as far as they are ours."""
        programs = []
        if self.own_kafka:
            port = KAFKA_PORT + self.offset
            variables = {
                "KAFKA_PORT": str(port),
                "KAFKA_CONTROLLER_PORT": str(port + 1),
                "KAFKA_DATA": str(self.store_data / "kafka"),
            }
            folder = LOCAL / "kafka"
            programs.append(
                Program("kafka", [str(folder / "run")], variables, [port, port + 1],
                        wait=[str(folder / "wait")])
            )
        if self.own_store:
            port = MONGO_PORT + self.offset
            variables = {
                "MONGO_STORE": self.store,
                "MONGO_PORT": str(port),
                "MONGO_DATA": str(self.store_data / "mongo"),
            }
            folder = LOCAL / "mongo"
            programs.append(
                Program("mongo", [str(folder / "run")], variables, [port],
                        wait=[str(folder / "wait")])
            )
        return programs

    def services(self) -> list[Program]:
        """Every instance of every service."""
        return [
            self.service(service, instance)
            for service, count in self.counts.items()
            for instance in range(1, count + 1)
        ]

    def service(self, service: str, instance: int) -> Program:
        """One instance of a service; the first has the service's own name."""
        variable, first_port = SERVICES[service]
        port = first_port + self.offset + INSTANCE_STRIDE * (instance - 1)
        name = service if instance == 1 else f"{service}-{instance}"
        # The live page learns from them where the other services are.
        others = {other: str(first + self.offset) for other, first in SERVICES.values()}
        variables = {
            **others,
            variable: str(port),
            "KAFKA_BROKERS": self.kafka_brokers,
            "MONGODB_URI": self.mongodb_uri,
            "JWT_SECRET": self.jwt_secret(),
        }
        return Program(name, [str(self.bin_dir / service)], variables, [port], health_port=port)

    def named(self, name: str) -> Program | None:
        """The service instance of this name, which need not be among those that are counted."""
        match = re.fullmatch(r"([a-z]+-service)(?:-([2-9]))?", name)
        if match is None or match[1] not in SERVICES:
            return None
        return self.service(match[1], int(match[2] or 1))

    @property
    def bin_dir(self) -> Path:
        if self.programs_dir is not None:
            return self.programs_dir
        target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
        return target / ("debug" if self.profile == "dev" else self.profile)

    @property
    def store_data(self) -> Path:
        """Kafka's and the store's data belong together: each store has its own broker's folder."""
        return self.data / self.store

    @property
    def keeps_data(self) -> bool:
        return STORES[self.store]

    def jwt_secret(self) -> str:
        """The secret that tokens are signed with: given, or made once and kept in the data folder."""
        given = os.environ.get("JWT_SECRET")
        if given:
            return given
        path = self.data / "jwt-secret"
        try:
            return path.read_text().strip()
        except FileNotFoundError:
            pass
        # Aside and linked, so that two that start at once end with the same whole secret.
        aside = path.with_suffix(f".{os.getpid()}")
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(aside, path)
        except FileExistsError:
            pass
        finally:
            aside.unlink()
        return path.read_text().strip()


def data_folder(variables: dict[str, str]) -> Path:
    """LOCAL_DATA, or one folder per PORT_OFFSET here."""
    if variables.get("LOCAL_DATA"):
        return Path(variables["LOCAL_DATA"]).resolve()
    offset = variables.get("PORT_OFFSET") or "0"
    return LOCAL / ".data" / ("up" if offset == "0" else f"up-{offset}")


def read(variables: dict[str, str]) -> Plan:
    """The plan; raises `Wrong` with everything that is not right."""
    problems: list[str] = []

    def number(name: str, default: int, least: int, most: int) -> int:
        text = variables.get(name) or str(default)
        if text.isdecimal() and least <= int(text) <= most:
            return int(text)
        problems.append(f"{name}: must be {least} to {most}")
        return default

    counts = {
        service: number(service.split("-", 1)[0].upper(), 1, 0, MAX_INSTANCES)
        for service in SERVICES
    }
    offset = number("PORT_OFFSET", 0, 0, 30_000)
    store = variables.get("STORE") or "memory"
    if store not in STORES:
        problems.append(f"STORE: must be {' or '.join(STORES)}")
    brokers = variables.get("KAFKA_BROKERS")
    uri = variables.get("MONGODB_URI")
    plan = Plan(
        data=data_folder(variables),
        profile=variables.get("PROFILE") or "release",
        programs_dir=Path(variables["BIN_DIR"]).resolve() if variables.get("BIN_DIR") else None,
        store=store,
        offset=offset,
        deadline=number("START_SECONDS", 120, 1, 3_600),
        kafka_brokers=brokers or f"localhost:{KAFKA_PORT + offset}",
        own_kafka=not brokers,
        mongodb_uri=uri or f"mongodb://localhost:{MONGO_PORT + offset}",
        own_store=not uri,
        counts=counts,
    )
    if problems:
        raise Wrong("\n".join(problems))
    return plan
