"""Run a campaign: tests that take from minutes to hours, of which `make test` runs a sample."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

CAMPAIGNS = (
    "canaries",
    "damage",
    "differential",
    "full-disks",
    "gateway",
    "interruptions",
    "kills",
    "messages",
    "nemesis",
    "platforms",
    "queue-kills",
    "rollback",
    "seams",
    "serve-load",
    "transports",
)


def main(arguments: Sequence[str]) -> int:
    """Run the campaign that the first argument names with the other arguments; without one, list them."""
    if not arguments:
        for name in CAMPAIGNS:
            print(f"  make campaign {name:14} {import_module(_module_of(name)).__doc__}")
        return 0
    name, *options = arguments
    if name not in CAMPAIGNS:
        print(f"There is no campaign '{name}'. Known: {', '.join(CAMPAIGNS)}.", file=sys.stderr)
        return 2
    code: int = import_module(_module_of(name)).main(options)
    return code


def _module_of(name: str) -> str:
    return f"tests.campaigns.{name.replace('-', '_')}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
