"""One thing per stack, renewed when the stack has another release."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Generic, TypeVar

from semantest_iac.domain.deployment.stack import Stack

Thing = TypeVar("Thing")


class Renewal(Generic[Thing]):
    """`renewed` is given what there was, None at first, and gives what there is from now on."""

    def __init__(self, renewed: Callable[[Stack, Thing | None], Awaitable[Thing]]) -> None:
        self._renewed = renewed
        self._things: dict[str, tuple[str, Thing]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @property
    def releases(self) -> Mapping[str, str]:
        """What is kept, by stack."""
        return {name: release for name, (release, _) in self._things.items()}

    async def of(self, name: str, release: str) -> Thing:
        """The thing of a stack, renewed where it is one of another release."""
        release_now, thing = self._things.get(name, (None, None))
        if release_now == release and thing is not None:
            return thing
        async with self._turns[name]:
            release_now, thing = self._things.get(name, (None, None))
            if release_now != release or thing is None:
                thing = await self._renewed(Stack.parse(name), thing)
                self._things[name] = release, thing
            return thing

    def without(self, names: Collection[str]) -> list[Thing]:
        """Forget all but these stacks, and give what was forgotten."""
        return [self._things.pop(name)[1] for name in list(self._things) if name not in names]
