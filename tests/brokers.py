"""Starts real brokers for the tests, on loopback, in folders of their own; their programs come from this machine."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ClassVar

import pytest

from tests.frozen_processes import freeze_processes

USERNAME, PASSWORD = "tester", "p@ss:w/rd?1"
MISSING_REASONS = {"kafka": "Kafka is not downloaded: `make kafka`"}
_LIMIT_S = 90.0
_FOLDERS = ("/usr/sbin", "/usr/lib/rabbitmq/bin")  # Debian's; the second has the scripts without the change of user
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_KAFKA = _CACHE / "semantest-iac" / "kafka-4.1.1"
_LARGEST_MESSAGE = 8 * 1024 * 1024


class BrokerServer:
    """A broker that can be killed, frozen and started again; what it has on disk stays."""

    program: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = find_free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address without credentials."""
        raise NotImplementedError

    def start(self) -> None:
        """Start the server and wait until it takes requests."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env={**os.environ, **self._variables()},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + _LIMIT_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                text = (self.folder / "log").read_text(encoding="utf-8", errors="replace")
                pytest.fail(f"{self.program} does not start: {text[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End the server at once, with what it has started."""
        if self._process is not None:
            for pid in self._pids():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            self._process.wait(_LIMIT_S)
            self._process = None

    @contextmanager
    def freeze(self) -> Iterator[None]:
        """Stop the server's processes for the block; connections stay open, and nothing is answered."""
        with freeze_processes(self._pids()):
            yield

    def _pids(self) -> list[int]:
        """The processes of the server's session, as it has one of its own."""
        assert self._process is not None
        return [pid for pid in _list_pids() if _session_of(pid) == self._process.pid]

    def _command(self) -> Sequence[str]:
        raise NotImplementedError

    def _variables(self) -> Mapping[str, str]:
        return {}

    def _is_ready(self) -> bool:
        """Whether the server greets or answers."""
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            return self._greets(connection)
        return False

    def _greets(self, connection: socket.socket) -> bool:
        raise NotImplementedError


class NatsServer(BrokerServer):
    """NATS with JetStream."""

    program = "nats-server"

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        config = self.folder / "nats.conf"
        config.write_text(
            f"listen: 127.0.0.1:{self.port}\n"
            f"max_payload: {_LARGEST_MESSAGE}\n"
            f"jetstream {{store_dir: '{self.folder}'}}\n"
            f"authorization {{user: '{USERNAME}', password: '{PASSWORD}'}}\n",
            encoding="utf-8",
        )
        return [find_program(self.program), "-c", str(config)]

    def _greets(self, connection: socket.socket) -> bool:
        return connection.recv(16).startswith(b"INFO ")


class RedisServer(BrokerServer):
    """Redis that writes each change to its disk."""

    program = "redis-server"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        config = self.folder / "redis.conf"
        config.write_text(
            f"bind 127.0.0.1\nport {self.port}\ndir {self.folder}\nsave ''\nappendonly yes\nappendfsync always\n"
            f"user default off\nuser {USERNAME} on >{PASSWORD} ~* &* +@all\n",
            encoding="utf-8",
        )
        return [find_program(self.program), str(config)]

    def _greets(self, connection: socket.socket) -> bool:
        connection.sendall(b"PING\r\n")  # an error says that it knows nobody yet, or is still loading
        return connection.recv(16).startswith((b"-NOAUTH", b"+PONG"))


class RabbitServer(BrokerServer):
    """RabbitMQ, with a name server of its own, as Erlang's common one would outlive the tests."""

    program = "rabbitmq-server"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._names_port, self._distribution_port = find_free_port(), find_free_port()
        self._names: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"amqp://127.0.0.1:{self.port}/"

    def start(self) -> None:
        if self._names is None:
            command = [find_program("epmd"), "-port", str(self._names_port), "-address", "127.0.0.1"]
            self._names = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        super().start()

    def end(self) -> None:
        """End the name server."""
        if self._names is not None:
            self._names.kill()
            self._names.wait(_LIMIT_S)

    def _command(self) -> Sequence[str]:
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\nlog.console = true\nlog.file = false\n"
            f"default_user = {USERNAME}\ndefault_pass = {PASSWORD}\n",
            encoding="utf-8",
        )
        return [find_program(self.program)]

    def _variables(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.folder),  # of Erlang's cookie
            "ERL_EPMD_PORT": str(self._names_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RUNNING_UNDER_SYSTEMD": "1",  # no shell stays in front of it
            "RABBITMQ_NODENAME": f"test{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2",
        }

    def _greets(self, connection: socket.socket) -> bool:
        connection.sendall(b"AMQP\x00\x00\x09\x01")
        return connection.recv(1) == b"\x01"  # a method: Connection.Start


class KafkaServer(BrokerServer):
    """Kafka as its own controller; `tools/kafka/build` downloads it."""

    program = "kafka"
    memory = "256m"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._controller_port = find_free_port()

    @property
    def url(self) -> str:
        return f"kafka://127.0.0.1:{self.port}"

    def _command(self) -> Sequence[str]:
        config = self.folder / "server.properties"
        if not config.exists():
            config.write_text(self._write_properties(), encoding="utf-8")
            format_ = ("kafka.tools.StorageTool", "format", "-t", "MkU3OEVBNTcwNTJENDM2Qg", "-c", str(config))
            with (self.folder / "log").open("ab") as log:
                subprocess.run([*self._java(), *format_], stdout=log, stderr=log, check=True)
        return [*self._java(), "kafka.Kafka", str(config)]

    def _java(self) -> Sequence[str]:
        options = (f"-Xmx{self.memory}", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.disable.jmx=true")
        return (find_program("java"), *options, "-cp", f"{_KAFKA}/*")

    def _write_properties(self) -> str:
        listener = f"SASL_PLAINTEXT://127.0.0.1:{self.port}"
        login = f'username="{USERNAME}" password="{PASSWORD}" user_{USERNAME}="{PASSWORD}"'
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        properties = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller_port}",
            "listeners": f"{listener},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": listener,
            "controller.listener.names": "CONTROLLER",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT",
            "inter.broker.listener.name": "SASL_PLAINTEXT",
            "sasl.enabled.mechanisms": "PLAIN",
            "sasl.mechanism.inter.broker.protocol": "PLAIN",
            "listener.name.sasl_plaintext.plain.sasl.jaas.config": f"{module} required {login};",
            "log.dirs": f"{self.folder}/data",
            "log.flush.interval.messages": "1",
            "message.max.bytes": str(_LARGEST_MESSAGE),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
        }
        return "".join(f"{name}={value}\n" for name, value in properties.items())

    def _greets(self, connection: socket.socket) -> bool:
        """Ask for the versions of its requests, which it answers once it serves."""
        connection.sendall(bytes.fromhex("0000000e 0012 0000 00000001 0004 74657374"))
        return len(connection.recv(4)) == 4


def find_program(name: str) -> str:
    """Return the path of a program; an empty text where this machine has none."""
    if name == KafkaServer.program:
        return str(_KAFKA) if _KAFKA.is_dir() and shutil.which("java") else ""
    for folder in reversed(_FOLDERS):
        if (Path(folder) / name).is_file():
            return f"{folder}/{name}"
    return shutil.which(name) or ""


@contextmanager
def run_broker(kind: type[BrokerServer]) -> Iterator[BrokerServer]:
    """Serve an empty broker for the block; skips the test where its program is missing."""
    if not find_program(kind.program):
        pytest.skip(MISSING_REASONS.get(kind.program, f"{kind.program} is neither on the PATH nor in /usr/sbin"))
    with tempfile.TemporaryDirectory(prefix="semantest-broker-", ignore_cleanup_errors=True) as folder:
        server = kind(Path(folder))
        try:
            server.start()
            yield server
        finally:
            server.kill()
            if isinstance(server, RabbitServer):
                server.end()


def find_free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _list_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _session_of(pid: int) -> int:
    with suppress(OSError):
        return os.getsid(pid)
    return 0
