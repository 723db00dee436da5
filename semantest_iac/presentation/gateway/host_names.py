"""Whether a request names this machine: a page of another site must not reach simulated stacks under its own name.

A browser sends the name in the page's address as Host, also if that name was made to resolve to 127.0.0.1.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from ipaddress import ip_address

from semantest_iac_events.stack_names import split_stack_name

_LONGEST_SHOWN = 200
_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?")
"""What answers repeat of the header: addresses of stacks, in redirects and in the variables of sites."""


def find_host_fault(hosts: Sequence[str], other_names: Collection[str] = ()) -> tuple[int, str] | None:
    """Return the status and the sentence that refuse a request with these Host headers; None if it is for us."""
    if len(hosts) != 1 or not hosts[0].strip():
        return 400, "A request needs exactly one Host header."
    if not _HOST.fullmatch(hosts[0].strip()):
        return 400, "The Host header is not a name with a port."
    name = name_of_host(hosts[0])
    if name == "localhost" or name.endswith(".localhost") or _is_loopback(name):
        return None
    if name in {other.lower() for other in other_names}:
        return None
    shown = hosts[0][:_LONGEST_SHOWN]
    return 421, (
        f"'{shown}' is not a name of this machine: use localhost, 127.0.0.1 or [::1], or start serve with --allow-host."
    )


def find_stack_of_host(host: str) -> str:
    """Return the stack whose own host this is, such as `rest-api.aws.development.us-east-1.localhost`; else nothing."""
    stack, _, last = name_of_host(host).rpartition(".")
    if last != "localhost":
        return ""
    try:
        split_stack_name(stack)
    except ValueError:
        return ""
    return stack


def split_domain_target(target: str, path: str) -> tuple[str, str, bool]:
    """Return the stack of a domain, the path of a request below it, and whether all paths are the stack's own."""
    name, slash, below = target.partition("/")
    return name, f"/{below}{path}" if below else path, not slash


def name_of_host(host: str) -> str:
    """Return the name without the port, in lower case."""
    host = host.strip().lower()
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].removesuffix(".")


def _is_loopback(name: str) -> bool:
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
