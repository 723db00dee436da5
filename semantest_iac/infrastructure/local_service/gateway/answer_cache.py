"""Keeps answers for a time, up to a number of bytes; what was used longest ago makes room."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from semantest_iac.domain.networking.http_exchange import HttpRequest, HttpResponse, Pairs

CACHE_BYTES: Final = 16 * 1024 * 1024
_CACHED_METHODS: Final = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class CachedAnswer:
    """An answer, the time of its making by the clock of the cache, and for how long it holds."""

    response: HttpResponse
    made_at: float
    seconds: float


class AnswerCache:
    """Answers by their keys; one that is too old is none."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, largest: int = CACHE_BYTES) -> None:
        self.clock = clock
        self._largest = largest
        self._bytes = 0
        self._answers: OrderedDict[Hashable, CachedAnswer] = OrderedDict()

    def find(self, key: Hashable) -> CachedAnswer | None:
        """Return the answer of a key; None if there is none, or if it is too old."""
        cached = self._answers.get(key)
        if cached is None:
            return None
        if self.clock() - cached.made_at >= cached.seconds:
            self._remove(key)
            return None
        self._answers.move_to_end(key)
        return cached

    def keep(self, key: Hashable, response: HttpResponse, seconds: float) -> None:
        """Keep an answer; one that is larger than the cache is not kept."""
        size = len(response.body)
        if size > self._largest:
            return
        self._remove(key)
        while self._bytes + size > self._largest:
            self._remove(next(iter(self._answers)))
        self._answers[key] = CachedAnswer(response, self.clock(), seconds)
        self._bytes += size

    def purge(self) -> None:
        """Remove all answers."""
        self._answers.clear()
        self._bytes = 0

    def _remove(self, key: Hashable) -> None:
        if removed := self._answers.pop(key, None):
            self._bytes -= len(removed.response.body)


def find_cache_key(
    name: str, request: HttpRequest, query: tuple[str, ...] | None, headers: tuple[str, ...]
) -> Hashable | None:
    """Return what an answer is kept under: the path with the named parameters and headers; None for other methods."""
    if request.method not in _CACHED_METHODS:
        return None
    parameters: Pairs = tuple(sorted(pair for pair in request.query if query is None or pair[0] in query))
    values = tuple(request.header(header.lower()) for header in headers)
    return name, request.method, request.path, parameters, values
