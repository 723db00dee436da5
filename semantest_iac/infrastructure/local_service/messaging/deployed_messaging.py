"""What a stack has of queues, topics, triggers and schedules, as its deployed resources say."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from semantest_iac.domain.compute.scheduled_calls import DueTick, KeptSchedule
from semantest_iac.domain.messaging.messages import DeliveredMessage, MessageHolder, MessageRoute
from semantest_iac.infrastructure.function_runtimes.function_spec import FunctionSpec, Invocation
from semantest_iac.infrastructure.local_service.api_frontend import DeployedResources, UnpackPackage

LARGEST_QUEUED_BYTES = 256 * 1024
"""Bytes of a message with its attributes. Source: the `maxMessageSize` and `maxMessageSizeInKilobytes` of queues."""

EXTRA_LOCK_S = 60.0
"""For how long a tick is locked beyond the timeout of its function, which may need to start."""


@dataclass(frozen=True, slots=True)
class DeployedQueue:
    """A queue, a subscription, or the dead letters of one: its name in the configuration and its address in the cloud.

    A subscription has the name of its `topic`, too. Nobody sends to a queue without `route`. `needs_identifier` where
    each message needs an id by which duplicates are found.
    """

    name: str
    address: str
    holder: MessageHolder
    route: MessageRoute | None = None
    topic: str = ""
    dead_letters: DeployedQueue | None = None
    needs_identifier: bool = False

    @property
    def needs_group(self) -> bool:
        return self.holder.rules.ordered


@dataclass(frozen=True, slots=True)
class DeployedTopic:
    """A topic: its name in the configuration, its address in the cloud, and where its messages go."""

    name: str
    address: str
    route: MessageRoute
    needs_group: bool = False
    needs_identifier: bool = False


@dataclass(frozen=True, slots=True)
class CalledFunction:
    """A function that messages, ticks or other functions call; `choose` returns the key of the version for one call."""

    name: str
    versions: Mapping[str, Callable[[], FunctionSpec]]
    choose: Callable[[], str]


@dataclass(frozen=True, slots=True)
class QueueTrigger:
    """A function that gets the messages of a queue, at most `batch_size` at once, collected for `window_s` seconds.

    At most `maximum` calls run at once. `find_failed` returns the receipts of what was not handled. A failed message
    comes again at once where the host `gives_back`, else when its lock ends.
    """

    queue: DeployedQueue
    function: CalledFunction
    batch_size: int
    window_s: float
    maximum: int | None
    build_event: Callable[[Sequence[DeliveredMessage]], Any]
    find_failed: Callable[[Invocation, Sequence[DeliveredMessage]], Collection[str]]
    gives_back: bool = False


@dataclass(frozen=True, slots=True)
class TimerTrigger:
    """A function that a schedule calls."""

    schedule: KeptSchedule
    function: CalledFunction
    build_event: Callable[[DueTick], Any]


@dataclass(frozen=True, slots=True)
class DeployedMessaging:
    """Everything of a stack that has to do with messages, schedules and calls between functions.

    `callable_functions` are those that others call, by their addresses; `faults` say what is not understood.
    """

    queues: Sequence[DeployedQueue] = ()
    topics: Sequence[DeployedTopic] = ()
    queue_triggers: Sequence[QueueTrigger] = ()
    timers: Sequence[TimerTrigger] = ()
    faults: Sequence[str] = ()
    callable_functions: Mapping[str, CalledFunction] = field(default_factory=dict)

    @property
    def called_functions(self) -> list[CalledFunction]:
        """The functions that anything but an API calls."""
        triggered = [*(it.function for it in self.queue_triggers), *(it.function for it in self.timers)]
        return [*triggered, *self.callable_functions.values()]

    @property
    def keys(self) -> set[str]:
        """The keys under which anything of it is kept."""
        holders = {it.holder.key for it in self.list_holders()}
        return holders | {it.route.key for it in self.topics} | {it.schedule.key for it in self.timers}

    def list_holders(self) -> Iterator[DeployedQueue]:
        """Yield all that holds messages, dead letters too."""
        for queue in self.queues:
            yield queue
            if queue.dead_letters:
                yield queue.dead_letters


ReadDeployedMessaging = Callable[[str, DeployedResources, UnpackPackage], DeployedMessaging]
"""Reads what a stack has, by its name and resources; one per cloud."""


def format_utc(moment: datetime) -> str:
    """Return a moment in UTC as both clouds' schedulers write it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
