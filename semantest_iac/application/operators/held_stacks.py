"""Stacks that a deployment holds because it needed an operator: who is refused, and how a person frees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from semantest_iac.application.deployment.recorder import read_deployment, require_deployment
from semantest_iac.application.deployment.rollback import recovery_commands
from semantest_iac.application.message_bus import RecordEvent
from semantest_iac.application.operators.stack_decisions import decide_at_version
from semantest_iac.application.operators.user_names import require_user_name
from semantest_iac.application.ports.ledger import DeploymentRow, LedgerReader
from semantest_iac.application.queries.history import require_row
from semantest_iac.domain.deployment.stack import Stack
from semantest_iac.domain.deployment.status import ACTIVE_STATUSES, DeploymentStatus
from semantest_iac.domain.errors import Fault, RefusedError
from semantest_iac_events.deployments import DeploymentResolved

_MOST_SHOWN = 5  # of what is left over: the events of the deployment have all of it
_HELD_CODE = "STACK_HELD"


@dataclass(frozen=True, slots=True)
class StackHold:
    """A stack that is held: by which deployment, why it needed an operator, what it left, and what to run."""

    stack: str
    deployment: str
    reason: str
    remainder: tuple[str, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands for an operator, in their order."""
        return recovery_commands(Stack.parse(self.stack), self.deployment)

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Why it is held, the first things that are left over, and what to run."""
        left, more = list(self.remainder[:_MOST_SHOWN]), len(self.remainder) - _MOST_SHOWN
        if more > 0:
            left.append(f"{more} more, which `semantest-iac events --deployment {self.deployment} --json` lists")
        return (
            Fault("why", self.reason),
            *(Fault("left over", each) for each in left),
            *(Fault("run", command) for command in self.commands),
        )

    def to_refusal(self) -> RefusedError:
        """Return the error of a request that is refused before it is recorded."""
        hint = "Bring what is left in order, then resolve the deployment; the next one reads the cloud first."
        return RefusedError(self._message, _HELD_CODE, hint=hint, faults=self.faults)

    def to_short_refusal(self) -> RefusedError:
        """Return the error of a request that was recorded: an event is no place for what another one says."""
        hint = f"Bring what is left in order, run `semantest-iac resolve {self.deployment}`, then this command again."
        return RefusedError(self._message, _HELD_CODE, hint=hint)

    @property
    def _message(self) -> str:
        return f"Cannot change '{self.stack}': deployment {self.deployment} needs an operator, and holds the stack."


def find_hold(ledger: LedgerReader, stack: str) -> StackHold | None:
    """Return what holds the stack; None if it is free."""
    holder = ledger.stack(stack).held_by
    if holder is None:
        return None
    row = ledger.deployment(holder)
    error = (row.error if row else None) or {}
    return StackHold(stack, holder, str(error.get("message", "")), tuple(error.get("remainder", ())))


def require_free_stack(ledger: LedgerReader, stack: str) -> None:
    """Raise RefusedError where a deployment holds the stack."""
    if hold := find_hold(ledger, stack):
        raise hold.to_refusal()


class HeldStacks:
    """Frees held stacks; what waits for one starts by itself, as the queue reads from the ledger what is held."""

    def __init__(self, ledger: LedgerReader, record: RecordEvent) -> None:
        self._ledger = ledger
        self._record = record

    def require_hold(self, deployment: str) -> StackHold:
        """Return what a deployment holds; raises NotFoundError for an unknown one, RefusedError if it holds nothing."""
        row = self._require_row(deployment)
        hold = find_hold(self._ledger, row.stack)
        if hold is None or hold.deployment != deployment:
            raise self._explain(row, hold)
        return hold

    async def resolve(self, deployment: str, by: str, reason: str = "") -> DeploymentRow:
        """Record that a person has put the stack in order, and return the deployment; raises as `require_hold`.

        Of several at the same time one is recorded, the others are told so.
        """
        require_user_name(by)
        stack = self._require_row(deployment).stack
        await decide_at_version(self._ledger, stack, lambda: self._resolve(deployment, by, reason), self._record)
        return self._require_row(deployment)

    def _resolve(self, deployment: str, by: str, reason: str) -> DeploymentResolved:
        self.require_hold(deployment)
        return require_deployment(self._ledger, deployment).resolve(by, reason)

    def _require_row(self, deployment: str) -> DeploymentRow:
        return require_row(self._ledger, deployment, "`semantest-iac status` names the deployments that hold stacks.")

    def _explain(self, row: DeploymentRow, hold: StackHold | None) -> RefusedError:
        """Return why a deployment cannot be resolved."""
        state = row.state.replace("_", " ")
        hint = "Its stack is free: deploy or destroy it."
        if row.state in ACTIVE_STATUSES:
            hint = f"It has not ended: `semantest-iac cancel {row.deployment}` ends it."
        if hold:
            hint = f"Deployment {hold.deployment} holds its stack: resolve that one."
        if row.state is not DeploymentStatus.NEEDS_OPERATOR:
            cause = f"it is {state}, and holds no stack"
            return RefusedError(f"Cannot resolve deployment '{row.deployment}': {cause}.", "NOTHING_HELD", hint=hint)
        found = read_deployment(self._ledger, row.deployment)
        cause = "it is resolved already" if found and found.is_resolved else "a later deployment has freed its stack"
        return RefusedError(f"Cannot resolve deployment '{row.deployment}': {cause}.", "RESOLVED_ALREADY", hint=hint)


def list_held_stacks(ledger: LedgerReader) -> Sequence[StackHold]:
    """Return everything that is held, by the names of the stacks."""
    return [hold for row in ledger.stacks() if row.held_by and (hold := find_hold(ledger, row.stack))]
