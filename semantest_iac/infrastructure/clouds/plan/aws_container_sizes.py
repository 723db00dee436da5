"""The sizes and the least number of tasks on Fargate, and what its rules say of services.

Source of the sizes: ECS's page on invalid sizes of tasks, which lists them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from semantest_iac.domain.compute.containers import ServiceScaling
from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.platform.service_settings import ServiceSettings
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, advise, refuse
from semantest_iac.domain.resource import Ref

_GB: Final = 1024


class TaskSize(NamedTuple):
    """The units of processors, of which 1024 are one, and the memory of a task."""

    cpu_units: int
    memory_mb: int


TASK_MEMORIES_MB: Final[Mapping[int, tuple[int, ...]]] = {
    256: (512, _GB, 2 * _GB),
    512: tuple(range(_GB, 4 * _GB + 1, _GB)),
    1024: tuple(range(2 * _GB, 8 * _GB + 1, _GB)),
    2048: tuple(range(4 * _GB, 16 * _GB + 1, _GB)),
    4096: tuple(range(8 * _GB, 30 * _GB + 1, _GB)),
    8192: tuple(range(16 * _GB, 60 * _GB + 1, 4 * _GB)),
    16384: tuple(range(32 * _GB, 120 * _GB + 1, 8 * _GB)),
}
"""By units of processors, what memory there may be."""


def choose_task_size(cpu: float, memory_mb: int) -> TaskSize:
    """Return the smallest size with at least these processors and this memory; raises ValueError beyond the largest."""
    for units, memories in TASK_MEMORIES_MB.items():
        fitting = [memory for memory in memories if memory >= memory_mb]
        if units >= cpu * 1024 and fitting:
            return TaskSize(units, fitting[0])
    raise ValueError(f"Fargate has no task with {cpu:g} processors and {memory_mb} MB.")


def starts_from_nothing(scaling: ServiceScaling) -> bool:
    """Return whether a service has no task while there is nothing to do: queues alone start one then.

    Source: the guide of Application Auto Scaling on target tracking: without tasks there is no load to follow. A load
    balancer without targets answers 503.
    """
    others = (scaling.concurrent_requests, scaling.cpu_percent, scaling.memory_percent)
    return scaling.minimum == 0 and bool(scaling.queues) and not any(others)


def choose_minimum(scaling: ServiceScaling) -> int:
    """Return the least number of tasks that a service has on AWS."""
    return scaling.minimum if starts_from_nothing(scaling) else max(scaling.minimum, 1)


def warn_of_tasks(subject: RuleSubject) -> Iterator[Finding]:
    """Processors and memory come in fixed sizes, and few services can do without a task."""
    services = subject.platform.services.services if subject.platform else {}
    for name, service in services.items():
        yield from _warn_of_task(f"services.{make_printable(name)}", service)


def _warn_of_task(at: str, service: ServiceSettings) -> Iterator[Finding]:
    size = choose_task_size(service.cpu, service.memory_mb)
    if size != (service.cpu * 1024, service.memory_mb):
        reason = (
            f"{service.cpu:g} processors with {service.memory_mb} MB become {size.cpu_units / 1024:g} with "
            f"{size.memory_mb} MB: Fargate has fixed sizes"
        )
        hint = f"Write cpu: {size.cpu_units / 1024:g} and memory: {size.memory_mb} to silence this."
        yield advise(f"{at}.memory", reason, hint)
    scaling = replace(service.scaling, queues={Ref(name): count for name, count in service.queue_lengths.items()})
    if choose_minimum(scaling) != scaling.minimum:
        reason = "0 becomes 1: on AWS nothing but a queue can start a service that has no task"
        yield advise(f"{at}.scale.min", reason, "Scale by queues alone, or write 1.")


def check_way_to_images(subject: RuleSubject) -> Iterator[Finding]:
    """A task in a network fetches its image and its secrets, and writes its log, before its code runs.

    Source: ECS's guide on task networking for Fargate: in a private subnet that takes a NAT gateway, or an endpoint of
    every service; the network has none of CloudWatch Logs.
    """
    platform = subject.platform
    if platform is None or "network" not in platform.layers or platform.environment.network.nat_gateway:
        return
    for name in platform.services.services:
        reason = "without a NAT gateway Fargate can fetch neither the image nor the secrets, and no task starts"
        yield refuse(f"services.{make_printable(name)}", reason, "Turn on network.nat_gateway.")
