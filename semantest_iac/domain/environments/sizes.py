"""The sizes that a provider has for the memory of a function, where it has not all of them."""

from __future__ import annotations

# Azure: the instances of its Flex Consumption plan; some regions have refused the smallest (its issue tracker, 2026)
_SIZES = {"azure": (512, 2048, 4096)}


def memory_of(provider: str, asked: int) -> int:
    """The megabytes that the function gets: the next size up, or the largest that there is."""
    sizes = _SIZES.get(provider, (asked,))
    return next((size for size in sizes if size >= asked), sizes[-1])


def largest(provider: str, otherwise: int) -> int:
    """The most megabytes that the provider has."""
    return _SIZES[provider][-1] if provider in _SIZES else otherwise
