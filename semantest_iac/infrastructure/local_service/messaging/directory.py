"""Finds the queues and topics of all stacks that are deployed in simulated clouds, by their addresses and names."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import TypeVar
from urllib.parse import urlsplit

from semantest_iac.infrastructure.local_service.messaging.deployed_messaging import (
    DeployedMessaging,
    DeployedQueue,
    DeployedTopic,
)

_Found = TypeVar("_Found")


class MessagingDirectory:
    """What is deployed, by stack; whoever watches the deployments replaces it."""

    def __init__(self) -> None:
        self.stacks: Mapping[str, DeployedMessaging] = {}

    def list_queues(self) -> Iterator[DeployedQueue]:
        """Yield every queue, subscription and their dead letters."""
        for messaging in self.stacks.values():
            yield from messaging.list_holders()

    def list_topics(self) -> Iterator[DeployedTopic]:
        """Yield every topic."""
        for messaging in self.stacks.values():
            yield from messaging.topics

    def find_queue(self, fits: Callable[[DeployedQueue], bool]) -> DeployedQueue | None:
        """Return the first queue that fits, None without one."""
        return next(filter(fits, self.list_queues()), None)

    def find_topic(self, address: str) -> DeployedTopic | None:
        """Return the topic with an address."""
        return next((it for it in self.list_topics() if it.address == address), None)

    def find_queue_by_path(self, url: str) -> DeployedQueue | None:
        """Return the queue whose address has the path of this one, whatever the host."""
        path = urlsplit(url).path
        return self.find_queue(lambda it: urlsplit(it.address).path == path and "://" in it.address)


async def find_newest(look_up: Callable[[], _Found], refresh: Callable[[], Awaitable[None]]) -> _Found:
    """Return what is found; what is not may have been deployed a moment ago, and is looked up again after a refresh."""
    found = look_up()
    if not found:
        await refresh()
        found = look_up()
    return found
