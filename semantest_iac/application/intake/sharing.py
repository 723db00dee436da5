"""What is worth knowing of settings that stacks share, before those that are asked for together are deployed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from semantest_iac.application.intake.orders import Order
from semantest_iac.domain.deployment.account_settings import ACCOUNT, notices
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.errors import Fault
from semantest_iac.domain.guardrails.engine_choice import EngineChoice

AccountStacks = Callable[[Stack, EngineChoice], Sequence[str] | None]
"""The stacks that have set what a stack's account has once, but for itself; None where there is no such thing."""


def shared(orders: Sequence[Order], account_stacks: AccountStacks) -> Iterator[Fault]:
    """The notices for all of them: an account stack among them is there before the services."""
    for order in orders:
        known = account_stacks(order.stack, order.engine)
        if known is not None:
            beside = [str(other.stack) for other in orders if _goes_before(other, order)]
            yield from notices(order.stack, order.engine, [*known, *beside], wants_log=order.wants_access_log)


def _goes_before(other: Order, order: Order) -> bool:
    is_account = other.stack.component == ACCOUNT != order.stack.component
    return is_account and _place(other) == _place(order)


def _place(order: Order) -> tuple[str, str, EngineChoice]:
    return order.stack.provider, order.stack.region, order.engine
