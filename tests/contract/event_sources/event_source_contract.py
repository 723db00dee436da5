"""What every source of events guarantees; a subclass gives its hooks in the fixture `transport`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Protocol

from semantest_iac.application.ports.event_transports import EventSource, ReceivedMessage
from semantest_iac.domain.errors import LedgerError

LIMIT_S = 60.0
NAME = "orders"
Sent = tuple[bytes, dict[str, str]]


class SourceHooks(Protocol):
    """What the contract does to one transport. Each test has messages of its own."""

    redelivers: bool
    """Whether what could not be taken is delivered again."""
    keeps: bool
    """Whether what nobody took yet outlives its worker and its server."""
    carries_headers: bool
    attribute_prefix: str
    """How headers begin that are attributes of a CloudEvent: whoever reads the message knows their encoding by it."""
    numbers_messages: bool
    """Whether the source says where each message is kept."""
    bodies: Sequence[bytes]
    """Odd bodies that must arrive as they were sent."""

    def open_source(self) -> EventSource:
        """Return a source with the name `orders`; each one is another worker of the same group."""
        ...

    async def send(self, messages: Sequence[Sent]) -> None:
        """Send messages, one after the other, to what the source receives from."""
        ...


class Taker:
    """Takes messages, and remembers them; `refuse` says which it cannot take now."""

    def __init__(self, refuse: Callable[[ReceivedMessage], bool] = lambda _: False) -> None:
        self.taken: list[ReceivedMessage] = []
        self.refused: list[ReceivedMessage] = []
        self._refuse = refuse
        self._changed = asyncio.Condition()

    async def __call__(self, message: ReceivedMessage) -> None:
        """Take a message, or raise."""
        async with self._changed:
            refuses = self._refuse(message)
            (self.refused if refuses else self.taken).append(message)
            self._changed.notify_all()
        if refuses:
            raise LedgerError("The ledger is locked.")

    async def wait_for(self, *bodies: bytes) -> None:
        """Return when each of these was taken, as often as it stands here."""
        wanted = Counter(bodies)
        await self.wait_until(lambda: Counter(self.bodies) >= wanted)

    async def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Return when something is so after a message came."""
        async with asyncio.timeout(LIMIT_S), self._changed:
            await self._changed.wait_for(is_so)

    @property
    def bodies(self) -> list[bytes]:
        return [message.body for message in self.taken]


@asynccontextmanager
async def receiving(source: EventSource, take: Callable[[ReceivedMessage], Awaitable[None]]) -> AsyncIterator[None]:
    """Receive for the block, which begins when the source is connected; what goes wrong ends the block."""
    stopped = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(source.receive(take, stopped))
        try:
            await wait_until_connected(source)
            yield
        finally:
            stopped.set()


async def wait_until_connected(source: EventSource) -> None:
    """Return when the source has no fault."""
    async with asyncio.timeout(LIMIT_S):
        while source.find_fault():  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.01)


async def wait_for_fault(source: EventSource) -> str:
    """Return the fault of the source when it has one."""
    async with asyncio.timeout(LIMIT_S):
        while not source.find_fault():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    return source.find_fault()


def numbered(first: int, last: int) -> list[bytes]:
    """Bodies with numbers."""
    return [f'{{"number": {number}}}'.encode() for number in range(first, last + 1)]


def plain(bodies: Sequence[bytes]) -> list[Sent]:
    """Messages without headers."""
    return [(body, {}) for body in bodies]


class EventSourceContract:
    """A subclass provides the `transport` to test."""

    async def test_delivers_in_order(self, transport: SourceHooks) -> None:
        taker, bodies = Taker(), numbered(1, 100)

        async with receiving(transport.open_source(), taker):
            await transport.send(plain(bodies))
            await taker.wait_for(*bodies)

        assert taker.bodies == bodies
        assert {message.source for message in taker.taken} == {NAME}
        assert {message.deliveries for message in taker.taken} == {1}
        if transport.numbers_messages:
            assert len({message.place for message in taker.taken}) == 100

    async def test_delivers_bytes_as_they_were_sent(self, transport: SourceHooks) -> None:
        taker = Taker()

        async with receiving(transport.open_source(), taker):
            await transport.send(plain(transport.bodies))
            await taker.wait_for(*transport.bodies)

        assert taker.bodies == list(transport.bodies)

    async def test_delivers_headers(self, transport: SourceHooks) -> None:
        if not transport.carries_headers:
            return
        taker = Taker()
        headers = {"ce-type": "ServiceDeploymentNeeded", "content-type": "application/json", "ce-subject": "über 100 %"}

        async with receiving(transport.open_source(), taker):
            await transport.send([(b"{}", headers), (b'{"data": "x"}', {"Ce-Id": "7"})])
            await taker.wait_for(b"{}", b'{"data": "x"}')

        first, second = taker.taken
        received = {name.replace("ce-", transport.attribute_prefix): value for name, value in headers.items()}
        assert received.items() <= first.headers.items()
        assert second.headers[f"{transport.attribute_prefix}id"] == "7"

    async def test_delivers_again_what_could_not_be_taken_while_others_flow(self, transport: SourceHooks) -> None:
        refusals = Counter[bytes]()
        bad, others = b'{"number": "bad"}', numbered(1, 20)

        def refuse(message: ReceivedMessage) -> bool:
            refusals[message.body] += message.body == bad
            return message.body == bad and refusals[bad] <= 3

        taker = Taker(refuse)
        async with receiving(transport.open_source(), taker):
            await transport.send(plain([*others[:10], bad, *others[10:]]))
            await taker.wait_for(*others, *([bad] if transport.redelivers else []))

        assert Counter(taker.bodies) >= Counter(others)
        if transport.redelivers:
            assert [message.deliveries for message in taker.refused] == [1, 2, 3]
            assert [message.deliveries for message in taker.taken if message.body == bad] == [4]

    async def test_ends_what_it_has_begun_and_leaves_the_rest(self, transport: SourceHooks) -> None:
        begun, may_end, ended, stopped = asyncio.Event(), asyncio.Event(), list[bytes](), asyncio.Event()

        async def take(message: ReceivedMessage) -> None:
            begun.set()
            await may_end.wait()
            ended.append(message.body)

        bodies, source, other = numbered(1, 5), transport.open_source(), Taker()
        task = asyncio.create_task(source.receive(take, stopped))
        await wait_until_connected(source)
        await transport.send(plain(bodies))
        async with asyncio.timeout(LIMIT_S):
            await begun.wait()
            stopped.set()
            may_end.set()
            await task

        assert ended == bodies[:1]
        assert source.find_fault() != ""
        if transport.keeps:
            async with receiving(transport.open_source(), other):
                await other.wait_for(*bodies[1:])
            assert other.bodies == bodies[1:]

    async def test_delivers_again_what_a_lost_worker_had(self, transport: SourceHooks) -> None:
        if not transport.keeps:
            return
        begun, source, other = asyncio.Event(), transport.open_source(), Taker()

        async def take(_: ReceivedMessage) -> None:
            begun.set()
            await asyncio.Event().wait()

        bodies = numbered(1, 3)
        task = asyncio.create_task(source.receive(take, asyncio.Event()))
        await wait_until_connected(source)
        await transport.send(plain(bodies))
        async with asyncio.timeout(LIMIT_S):
            await begun.wait()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

        async with receiving(transport.open_source(), other):
            await other.wait_for(*bodies)
        assert sorted(other.bodies) == bodies
