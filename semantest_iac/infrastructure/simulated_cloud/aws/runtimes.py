"""Lambda runtimes: which names the API takes, and from which dates on it refuses the old ones."""

from __future__ import annotations

from typing import Final, NamedTuple


class Lifecycle(NamedTuple):
    """ISO dates: no longer supported, no longer created, no longer updated."""

    deprecated: str
    create_block: str
    update_block: str


LIFECYCLES: Final = {
    "nodejs": Lifecycle("2016-08-30", "2016-09-30", "2016-10-31"),
    "nodejs10.x": Lifecycle("2021-07-30", "2021-07-30", "2022-02-14"),
    "nodejs12.x": Lifecycle("2023-03-31", "2023-03-31", "2023-04-30"),
    "nodejs14.x": Lifecycle("2023-12-04", "2024-01-09", "2027-03-03"),
    "nodejs16.x": Lifecycle("2024-06-12", "2027-02-01", "2027-03-03"),
    "nodejs18.x": Lifecycle("2025-09-01", "2027-02-01", "2027-03-03"),
    "nodejs20.x": Lifecycle("2026-04-30", "2027-02-01", "2027-03-03"),
    "nodejs22.x": Lifecycle("2027-04-30", "2027-06-01", "2027-07-01"),
    "nodejs24.x": Lifecycle("2028-04-30", "2028-06-01", "2028-07-01"),
    "nodejs4.3": Lifecycle("2020-03-05", "2020-02-03", "2020-03-05"),
    "nodejs4.3-edge": Lifecycle("2020-03-05", "2019-03-31", "2019-04-30"),
    "nodejs6.10": Lifecycle("2019-08-12", "2019-07-12", "2019-08-12"),
    "nodejs8.10": Lifecycle("2020-03-06", "2020-02-04", "2020-03-06"),
    "python2.7": Lifecycle("2021-07-15", "2021-07-15", "2022-05-30"),
    "python3.10": Lifecycle("2026-10-31", "2027-02-01", "2027-03-03"),
    "python3.11": Lifecycle("2027-06-30", "2027-07-31", "2027-08-31"),
    "python3.12": Lifecycle("2028-10-31", "2028-11-30", "2029-01-10"),
    "python3.13": Lifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.14": Lifecycle("2029-06-30", "2029-07-31", "2029-08-31"),
    "python3.6": Lifecycle("2022-07-18", "2022-07-18", "2022-08-29"),
    "python3.7": Lifecycle("2023-12-04", "2024-01-09", "2027-03-03"),
    "python3.8": Lifecycle("2024-10-14", "2027-02-01", "2027-03-03"),
    "python3.9": Lifecycle("2025-12-15", "2027-02-01", "2027-03-03"),
}
"""Node and Python, the languages that are deployed here; the other names are only known to the API."""

_FUTURE: Final = ("nodejs26.x", "python3.15")
_OTHERS: Final = (
    *("dotnet10", "dotnet6", "dotnet8", "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1"),
    *("go1.x", "java11", "java11.al2023", "java17", "java17.al2023", "java21", "java25", "java8", "java8.al2"),
    *("java8.al2023", "provided", "provided.al2", "provided.al2023", "ruby2.5", "ruby2.7", "ruby3.2", "ruby3.3"),
    *("ruby3.4", "ruby4.0"),
)
NAMES: Final = tuple(sorted((*LIFECYCLES, *_FUTURE, *_OTHERS)))


def blocks_create(runtime: str, today: str) -> bool:
    """Whether new functions with the runtime are refused on that ISO date."""
    return runtime in LIFECYCLES and LIFECYCLES[runtime].create_block <= today


def blocks_update(runtime: str, today: str) -> bool:
    """Whether even existing functions with the runtime can no longer be changed on that ISO date."""
    return runtime in LIFECYCLES and LIFECYCLES[runtime].update_block <= today
