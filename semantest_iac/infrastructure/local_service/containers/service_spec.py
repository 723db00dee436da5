"""What is needed to run a service on this machine, and how many instances of it there should be."""

from __future__ import annotations

import math
import os
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from semantest_iac.domain.compute.containers import HealthProbe, ServiceScaling

PORT_VARIABLE = "PORT"
"""Tells a service where it listens: on clouds its configured port, here one for each of its instances."""


class ServiceUnreachableError(Exception):
    """Says why no instance of a service answers."""


@dataclass(frozen=True, slots=True)
class IngressRules:
    """What the ingress of a cloud does: `idle_s` is how long nothing may pass, either way, of a request or a WebSocket.

    `broken_status` is the answer where an instance ends before its own.
    """

    idle_s: float = 240.0
    broken_status: int = 503


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """A service: `command` starts an instance in `folder`; without a folder, `fault` says why it does not run here.

    `environment` are all variables that it has in the cloud, as they are on this machine; `secrets` are the values that
    its log must not show. `queues` are waiting messages for each instance by the name of the queue.
    """

    name: str
    folder: Path | None = None
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    probe: HealthProbe = field(default_factory=HealthProbe)
    scaling: ServiceScaling = field(default_factory=ServiceScaling)
    queues: Mapping[str, int] = field(default_factory=dict)
    ingress: IngressRules = IngressRules()
    is_public: bool = False
    fault: str = ""


@dataclass(frozen=True, slots=True)
class ServiceTimes:
    """How fast things happen here: `cooldown_s` is for how long instances stay that are not needed any more.

    A second passes between two looks at what is needed. An instance that ended is started again at once, then after
    `restart_s`, and after twice as long each time, up to `longest_restart_s`; one that ran for `steady_s` begins anew.
    """

    cooldown_s: float = 300.0  # as on both clouds: KEDA's cool-down, and that of Application Auto Scaling
    look_s: float = 1.0
    restart_s: float = 1.0
    longest_restart_s: float = 60.0
    steady_s: float = 60.0
    stop_s: float = 10.0

    def find_restart_delay_s(self, failures: int) -> float:
        """Return after how many seconds a service is started again that has failed so often in a row."""
        return min(self.restart_s * 2.0 ** (failures - 2), self.longest_restart_s) if failures > 1 else 0.0


def find_instance_limit() -> int:
    """Return how many instances of one service this machine runs at most."""
    return max(2, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class ServiceLoad:
    """What a service has to do: requests that wait or are being answered, and messages by the name of their queue."""

    requests: int = 0
    messages: Mapping[str, int] = field(default_factory=dict)


def count_wanted_instances(spec: ServiceSpec, load: ServiceLoad, most: int) -> int:
    """Return how many instances a load needs, within the limits of the service and of this machine.

    Processor and memory are not measured. A request always finds an instance.
    """
    scaling = spec.scaling
    shares = [_divide(load.messages.get(queue, 0), length) for queue, length in spec.queues.items()]
    if scaling.concurrent_requests:
        shares.append(_divide(load.requests, scaling.concurrent_requests))
    least = max(scaling.minimum, 1 if load.requests else 0)
    return min(max([least, *shares]), max(1, scaling.maximum), most)


def _divide(amount: int, share: int) -> int:
    return math.ceil(amount / share)


@dataclass(frozen=True, slots=True)
class DeployedContainer:
    """A container of a deployed service: its variables, the cloud's among them, its secrets' values, its ingress."""

    service: str
    ingress: IngressRules
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)


FindServiceAddress = Callable[[str, str], Awaitable[str]]
"""Returns the address on this machine of a service of a stack."""

FindServiceSpecs = Callable[[str, FindServiceAddress], Awaitable[Mapping[str, ServiceSpec]]]
"""Finds the services of a stack by name, as they are deployed now."""

CountWaiting = Callable[[str, str], int]
"""Counts the messages of a stack that wait in a queue of this name."""
