"""The sizes that a task of Fargate may have.

Source: ECS's page on invalid sizes of tasks, which lists them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

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
