"""Where the webhooks of the configuration may go, and what of their addresses may be shown."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import urlsplit


def is_forbidden_address(address: str) -> bool:
    """Whether a name must not lead there: this machine, its links such as the metadata of clouds, or no host at all.

    Private networks are allowed, as the receivers of many companies are there. An address that is configured itself
    leads where it says.
    """
    found = ip_address(address.partition("%")[0])
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    real: IPv4Address | IPv6Address = mapped or found
    return real.is_loopback or real.is_link_local or real.is_multicast or real.is_unspecified


def is_loopback_host(host: str) -> bool:
    """Whether the host of a URL says that it is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def find_url_fault(url: str) -> tuple[str, str] | None:
    """Return what is wrong with an address, without repeating it, and what to do."""
    example = "Such as https://hooks.example.com/events, or ${secrets.name} as a whole."
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is no URL", example
    if (
        parts.scheme not in ("http", "https")
        or not host
        or any(not char.isprintable() or char.isspace() for char in url)
    ):
        return "is no URL of HTTP", example
    if parts.scheme == "http" and not is_loopback_host(host):
        return "is not encrypted", "Use https; http is for addresses of this machine alone."
    if parts.username is not None or parts.password is not None:
        return "has a user name or a password", "Put what is secret into the path, or sign the messages with 'secret'."
    return None


def describe_url_host(url: str) -> str:
    """Return the part of a URL that is no secret."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}"
