"""The runtimes that Lambda accepts, and the dates on which it stops."""

from __future__ import annotations

from typing import Final, NamedTuple


class RuntimeLifecycle(NamedTuple):
    """ISO dates from which a runtime is deprecated, and functions with it can no longer be created or updated."""

    deprecated: str
    create_block: str
    update_block: str


RUNTIME_LIFECYCLES: Final = {
    "dotnet10": RuntimeLifecycle("2028-11-14", "2028-12-14", "2029-01-15"),
    "dotnet6": RuntimeLifecycle("2024-12-20", "2027-02-01", "2027-03-03"),
    "dotnet8": RuntimeLifecycle("2026-11-10", "2027-02-01", "2027-03-03"),
    "dotnetcore1.0": RuntimeLifecycle("2019-06-27", "2019-06-30", "2019-07-30"),
    "dotnetcore2.0": RuntimeLifecycle("2019-05-30", "2019-04-30", "2019-05-30"),
    "dotnetcore2.1": RuntimeLifecycle("2022-01-05", "2022-01-05", "2022-04-13"),
    "dotnetcore3.1": RuntimeLifecycle("2023-04-03", "2023-04-03", "2023-05-03"),
    "go1.x": RuntimeLifecycle("2024-01-08", "2024-02-08", "2027-03-03"),
    "java11": RuntimeLifecycle("2027-06-30", "2027-07-31", "2027-08-31"),
    "java17": RuntimeLifecycle("2027-06-30", "2027-07-31", "2027-08-31"),
    "java21": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "java25": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "java8": RuntimeLifecycle("2024-01-08", "2024-02-08", "2027-03-03"),
    "java8.al2": RuntimeLifecycle("2027-06-30", "2027-07-31", "2027-08-31"),
    "nodejs": RuntimeLifecycle("2016-08-30", "2016-09-30", "2016-10-31"),
    "nodejs10.x": RuntimeLifecycle("2021-07-30", "2021-07-30", "2022-02-14"),
    "nodejs12.x": RuntimeLifecycle("2023-03-31", "2023-03-31", "2023-04-30"),
    "nodejs14.x": RuntimeLifecycle("2023-12-04", "2024-01-09", "2027-03-03"),
    "nodejs16.x": RuntimeLifecycle("2024-06-12", "2027-02-01", "2027-03-03"),
    "nodejs18.x": RuntimeLifecycle("2025-09-01", "2027-02-01", "2027-03-03"),
    "nodejs20.x": RuntimeLifecycle("2026-04-30", "2027-02-01", "2027-03-03"),
    "nodejs22.x": RuntimeLifecycle("2027-04-30", "2027-06-01", "2027-07-01"),
    "nodejs24.x": RuntimeLifecycle("2028-04-30", "2028-06-01", "2028-07-01"),
    "nodejs4.3": RuntimeLifecycle("2020-03-05", "2020-02-03", "2020-03-05"),
    "nodejs4.3-edge": RuntimeLifecycle("2020-03-05", "2019-03-31", "2019-04-30"),
    "nodejs6.10": RuntimeLifecycle("2019-08-12", "2019-07-12", "2019-08-12"),
    "nodejs8.10": RuntimeLifecycle("2020-03-06", "2020-02-04", "2020-03-06"),
    "provided": RuntimeLifecycle("2024-01-08", "2024-02-08", "2027-03-03"),
    "provided.al2": RuntimeLifecycle("2026-07-31", "2027-02-01", "2027-03-03"),
    "provided.al2023": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python2.7": RuntimeLifecycle("2021-07-15", "2021-07-15", "2022-05-30"),
    "python3.10": RuntimeLifecycle("2026-10-31", "2027-02-01", "2027-03-03"),
    "python3.11": RuntimeLifecycle("2027-06-30", "2027-07-31", "2027-08-31"),
    "python3.12": RuntimeLifecycle("2028-10-31", "2028-11-30", "2029-01-10"),
    "python3.13": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.14": RuntimeLifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.6": RuntimeLifecycle("2022-07-18", "2022-07-18", "2022-08-29"),
    "python3.7": RuntimeLifecycle("2023-12-04", "2024-01-09", "2027-03-03"),
    "python3.8": RuntimeLifecycle("2024-10-14", "2027-02-01", "2027-03-03"),
    "python3.9": RuntimeLifecycle("2025-12-15", "2027-02-01", "2027-03-03"),
    "ruby2.5": RuntimeLifecycle("2021-07-30", "2021-07-30", "2022-03-31"),
    "ruby2.7": RuntimeLifecycle("2023-12-07", "2024-01-09", "2027-03-03"),
    "ruby3.2": RuntimeLifecycle("2026-03-31", "2027-02-01", "2027-03-03"),
    "ruby3.3": RuntimeLifecycle("2027-03-31", "2027-04-30", "2027-05-31"),
    "ruby3.4": RuntimeLifecycle("2028-03-31", "2028-04-30", "2028-05-31"),
    "ruby4.0": RuntimeLifecycle("2029-03-31", "2029-04-30", "2029-05-31"),
}
"""Every runtime with published dates."""

_RUNTIMES_WITHOUT_DATES: Final = (
    *("java11.al2023", "java17.al2023", "java8.al2023"),
    *("nodejs26.x", "python3.15"),
)
RUNTIME_NAMES: Final = tuple(sorted((*RUNTIME_LIFECYCLES, *_RUNTIMES_WITHOUT_DATES)))


def blocks_create(runtime: str, today: str) -> bool:
    """Return True where Lambda refuses to create functions with the runtime on an ISO date."""
    return runtime in RUNTIME_LIFECYCLES and RUNTIME_LIFECYCLES[runtime].create_block <= today


def blocks_update(runtime: str, today: str) -> bool:
    """Return True where Lambda refuses to update functions with the runtime on an ISO date."""
    return runtime in RUNTIME_LIFECYCLES and RUNTIME_LIFECYCLES[runtime].update_block <= today
