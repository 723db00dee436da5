"""The sizes of containers on Azure, and what its rules say of services."""

from __future__ import annotations

from collections.abc import Iterator

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.environments.rules.findings import Finding, RuleSubject, advise

CONTAINER_SIZES = tuple(number / 4 for number in range(1, 16 + 1))
"""Virtual processors of the Consumption profile, each with 2 GiB of memory for one of them.

Source: Azure's page on containers in Container Apps.
"""
_MIB_PER_PROCESSOR = 2048
DEDICATED_TIERS = {"standard": "D4", "premium": "D8"}
"""The machines of an environment by its tier; the lowest is paid by use."""


def choose_container_size(cpu: float, memory_mb: int) -> tuple[float, str]:
    """Return the smallest size with as many processors and as much memory, the memory as Azure writes it: `0.5Gi`."""
    size = next((it for it in CONTAINER_SIZES if it >= cpu and it * _MIB_PER_PROCESSOR >= memory_mb), None)
    chosen = CONTAINER_SIZES[-1] if size is None else size
    return chosen, f"{chosen * 2:g}Gi"


def warn_of_container_sizes(subject: RuleSubject) -> Iterator[Finding]:
    """Processors and memory come in fixed pairs."""
    services = subject.platform.services.services if subject.platform else {}
    for name, service in services.items():
        cpu, memory = choose_container_size(service.cpu, service.memory_mb)
        memory_mb = float(memory.removesuffix("Gi")) * 1024
        if (cpu, memory_mb) != (service.cpu, service.memory_mb):
            hint = f"Write cpu: {cpu:g} and memory: {memory_mb:g} to silence this."
            reason = (
                f"{service.cpu:g} processors with {service.memory_mb} MB become {cpu:g} with {memory_mb:g} MB: "
                "a container has 2 GiB for each processor"
            )
            yield advise(f"services.{make_printable(name)}.memory", reason, hint)
