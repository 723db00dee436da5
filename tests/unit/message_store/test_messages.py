"""What a store of messages promises: nothing lost, nothing twice at once, order, locks, dead letters and limits."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from semantest_iac.domain.errors import StorageError
from semantest_iac.domain.messaging.message_filters import parse_filter
from semantest_iac.domain.messaging.messages import (
    HoldingRules,
    MessageCounts,
    MessageHolder,
    MessageLimits,
    MessageRoute,
    SentMessage,
    route_to_holder,
)
from semantest_iac.infrastructure.message_store.messages import MessagesFullError, MessageStore

_STACK = "workers.aws.development.us-east-1"
_DEAD = MessageHolder("orders/dead", _STACK)
_RULES = HoldingRules(lock_s=10, lifetime_s=100, max_deliveries=2, dead_letters=_DEAD.key, dead_lifetime_s=500)
_QUEUE = MessageHolder("orders", _STACK, _RULES)
_ORDERED = replace(_QUEUE, rules=replace(_RULES, ordered=True))


class _Clock:
    """The time that a test sets."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def store(tmp_path: Path, clock: _Clock) -> MessageStore:
    return MessageStore(tmp_path / "home", clock)


def _send(store: MessageStore, *bodies: str, holder: MessageHolder = _QUEUE, group: str = "") -> list[str]:
    return store.send(route_to_holder(holder), [SentMessage(body, group=group) for body in bodies])


def _bodies(store: MessageStore, holder: MessageHolder = _QUEUE, most: int = 10) -> list[str]:
    return [it.body for it in store.receive(holder, most)]


class TestMessages:
    def test_come_in_the_order_in_which_they_were_sent(self, store: MessageStore) -> None:
        ids = _send(store, "1", "2", "3")

        received = store.receive(_QUEUE, 2)

        assert [(it.id, it.body, it.deliveries) for it in received] == [(ids[0], "1", 1), (ids[1], "2", 1)]
        assert store.count(_QUEUE) == MessageCounts(waiting=1, locked=2)

    def test_that_were_handled_are_gone(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "1", "2")
        one, _ = store.receive(_QUEUE, 2)

        assert store.delete(_QUEUE, [one.receipt, "unknown", ""]) == 1
        clock.now += 11
        assert _bodies(store) == ["2"]

    def test_of_a_lost_receiver_come_again(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "1")
        (first,) = store.receive(_QUEUE, 1)
        assert store.receive(_QUEUE, 1) == []

        clock.now += 10.5
        (second,) = store.receive(_QUEUE, 1)

        assert (second.id, second.deliveries) == (first.id, 2)
        assert store.delete(_QUEUE, [first.receipt]) == 0

    def test_that_were_tried_often_enough_become_dead_letters(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "1")
        for _ in range(2):
            assert _bodies(store) == ["1"]
            clock.now += 11

        assert _bodies(store) == []
        assert _bodies(store, _DEAD) == ["1"]
        clock.now += 500
        assert _bodies(store, _DEAD) == []

    def test_that_are_given_back_come_again_at_once(self, store: MessageStore) -> None:
        _send(store, "1")
        for _ in range(2):
            (message,) = store.receive(_QUEUE, 1)
            store.change_lock(_QUEUE, [message.receipt], 0)

        assert store.count(_QUEUE) == MessageCounts()
        assert store.count(_DEAD) == MessageCounts(waiting=1)

    def test_stay_locked_for_as_long_as_is_asked(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "1")
        (message,) = store.receive(_QUEUE, 1)
        store.change_lock(_QUEUE, [message.receipt], 60)
        clock.now += 30

        assert _bodies(store) == []
        assert store.find_next_time(_QUEUE) == clock.now + 30

    def test_that_are_too_old_are_gone(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "1")
        clock.now += 100

        assert _bodies(store) == []
        assert store.count(_QUEUE) == MessageCounts()

    def test_wait_for_their_delay(self, store: MessageStore, clock: _Clock) -> None:
        delayed = replace(_QUEUE, rules=replace(_RULES, delay_s=5))
        store.send(route_to_holder(delayed), [SentMessage("late"), SentMessage("now", delay_s=0)])

        assert _bodies(store) == ["now"]
        assert store.count(_QUEUE) == MessageCounts(locked=1, delayed=1)
        clock.now += 5
        assert _bodies(store) == ["late"]

    def test_are_at_most_as_many_bytes_as_asked(self, store: MessageStore) -> None:
        _send(store, "x" * 100, "y" * 100, "z")

        assert [it.body[0] for it in store.receive(_QUEUE, 10, most_bytes=150)] == ["x"]
        assert [it.body[0] for it in store.receive(_QUEUE, 10, most_bytes=150)] == ["y", "z"]

    def test_are_only_looked_at(self, store: MessageStore) -> None:
        _send(store, "1")

        assert [it.deliveries for it in store.peek(_QUEUE, 10)] == [0]
        assert _bodies(store) == ["1"]


class TestGroups:
    def test_keep_their_order(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "a1", "a2", group="a", holder=_ORDERED)
        _send(store, "b1", group="b", holder=_ORDERED)

        (first,) = store.receive(_ORDERED, 1)
        assert (first.body, first.group) == ("a1", "a")
        assert _bodies(store, _ORDERED) == ["b1"]
        clock.now += 11
        assert _bodies(store, _ORDERED) == ["a1", "a2", "b1"]

    def test_go_on_after_a_dead_letter(self, store: MessageStore, clock: _Clock) -> None:
        _send(store, "a1", "a2", group="a", holder=_ORDERED)
        for _ in range(2):
            assert _bodies(store, _ORDERED, most=1) == ["a1"]
            clock.now += 11

        assert _bodies(store, _ORDERED) == ["a2"]


class TestRoutes:
    def test_reach_whoever_takes_the_message(self, store: MessageStore) -> None:
        audit, all_of_them = MessageHolder("audit", _STACK), MessageHolder("all", _STACK)
        paid = parse_filter({"kind": "order.paid"})
        route = MessageRoute("events", _STACK, ((audit, paid), (all_of_them, parse_filter({}))))

        store.send(route, [SentMessage("1", {"kind": "order.paid"}), SentMessage("2", {"kind": "other"})])

        assert _bodies(store, audit) == ["1"]
        assert _bodies(store, all_of_them) == ["1", "2"]

    @pytest.mark.parametrize(("window_s", "kept"), [(300, 1), (0, 2)])
    def test_drop_duplicates(self, store: MessageStore, clock: _Clock, window_s: float, kept: int) -> None:
        route = route_to_holder(_QUEUE, duplicate_window_s=window_s)
        ids = [store.send(route, [SentMessage("1", identifier="7")]) for _ in range(2)]

        assert (ids[0] == ids[1]) == (kept == 1)
        assert store.count(_QUEUE).waiting == kept
        clock.now += 301
        store.send(replace(route, holders=((_DEAD, parse_filter({})),)), [SentMessage("1", identifier="7")])
        assert store.count(_DEAD).waiting == 1

    def test_keep_the_ids_of_senders(self, store: MessageStore) -> None:
        route = route_to_holder(_QUEUE, keeps_identifiers=True)

        assert store.send(route, [SentMessage("1", identifier="7"), SentMessage("2", identifier="7")]) == ["7", "7"]
        assert store.count(_QUEUE).waiting == 2


class TestStore:
    def test_is_bounded(self, tmp_path: Path) -> None:
        store = MessageStore(tmp_path, limits=MessageLimits(messages=2))
        _send(store, "1", "2")

        with pytest.raises(MessagesFullError, match=r"messages\.db' keeps 2 messages"):
            _send(store, "3")
        assert store.count(_QUEUE).waiting == 2
        store.purge(_QUEUE)
        _send(store, "3")

    def test_forgets_what_is_no_longer_deployed(self, store: MessageStore) -> None:
        other = replace(_QUEUE, key="other")
        elsewhere = replace(_QUEUE, key="elsewhere", stack="another")
        for holder in (_QUEUE, other, elsewhere):
            _send(store, "1", holder=holder)

        store.forget(_STACK, kept=[other.key])

        assert [store.count(it).waiting for it in (_QUEUE, other, elsewhere)] == [0, 1, 1]
        store.forget(_STACK)
        assert store.list_stacks() == {"another"}

    def test_creates_nothing_by_looking(self, tmp_path: Path) -> None:
        store = MessageStore(tmp_path / "home")

        assert (store.receive(_QUEUE, 1), store.peek(_QUEUE, 1), store.list_stacks()) == ([], [], set())
        store.forget(_STACK)
        assert not (tmp_path / "home").exists()

    def test_notices_other_processes(self, store: MessageStore, tmp_path: Path) -> None:
        _send(store, "1")
        before = store.read_version()
        _send(MessageStore(tmp_path / "home"), "2")

        assert store.read_version() != before

    def test_gives_each_message_to_one_of_many(self, tmp_path: Path) -> None:
        _send(MessageStore(tmp_path), *map(str, range(60)))

        def receive_all(_: int) -> list[str]:
            store, found = MessageStore(tmp_path), list[str]()
            while bodies := _bodies(store, most=3):
                found += bodies
            return found

        with ThreadPoolExecutor(4) as threads:
            received = [body for bodies in threads.map(receive_all, range(4)) for body in bodies]
        assert sorted(received, key=int) == list(map(str, range(60)))

    def test_has_after_a_kill_what_was_sent(self, tmp_path: Path) -> None:
        def send_and_die() -> None:
            store = MessageStore(tmp_path)
            _send(store, "kept")
            with store.database.transaction() as connection:
                connection.execute("delete from messages")
                os.kill(os.getpid(), signal.SIGKILL)

        _run_in_fork(send_and_die)

        assert _bodies(MessageStore(tmp_path)) == ["kept"]

    @pytest.mark.parametrize("content", [b"no database " * 100, "foreign"], ids=["damaged", "foreign"])
    def test_refuses_other_files(self, tmp_path: Path, content: bytes | str) -> None:
        path = tmp_path / "messages.db"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            import sqlite3

            with sqlite3.connect(path) as connection:
                connection.execute("create table others(one)")

        with pytest.raises(StorageError, match=r"Cannot use .*messages\.db"):
            _send(MessageStore(tmp_path), "1")


def _run_in_fork(act: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        act()
        os._exit(0)
    assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
