"""Notes in a backend that the state of a stack is being moved to another one, or was."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from semantest_iac.domain.errors import RefusedError
from semantest_iac.infrastructure.nested_text import parse_json
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import PULUMI_PROJECT
from semantest_iac.infrastructure.pulumi_engine.state.state_files import StateFiles


@dataclass(frozen=True, slots=True)
class StateMove:
    """Where a state goes, as the place is shown, and whether it has left here."""

    to: str
    is_done: bool = False


def read_move(files: StateFiles, stack: str) -> StateMove | None:
    """Return the note about a stack; None if it was never moved from here, or came back."""
    content = files.read(_move_name(stack))
    if content is None:
        return None
    try:
        found = parse_json(content)
        return StateMove(str(found["to"]), bool(found["is_done"]))
    except (ValueError, TypeError, KeyError):
        return StateMove("another backend")


def write_move(files: StateFiles, stack: str, move: StateMove) -> None:
    """Note a move; before it begins, and when the state has left."""
    files.write(_move_name(stack), json.dumps(asdict(move)).encode())


def forget_move(files: StateFiles, stack: str) -> None:
    """Remove the note: the state is here."""
    files.delete(_move_name(stack))


def require_not_moved(files: StateFiles, stack: str) -> None:
    """Raise RefusedError where the state of a stack was moved from here, or is being moved."""
    move = read_move(files, stack)
    if move is None:
        return
    if move.is_done:
        raise RefusedError(
            f"Cannot work on stack '{stack}': its state was moved to '{move.to}'.",
            "STATE_MOVED",
            hint="Set state.backend to that place, in semantest.yaml or SEMANTEST_STATE_URL.",
        )
    raise RefusedError(
        f"Cannot work on stack '{stack}': its state is being moved to '{move.to}', which was interrupted.",
        "STATE_MOVED",
        hint="Run the same `semantest-iac state move` again, which goes on; to this place again gives it up.",
    )


def _move_name(stack: str) -> str:
    return f"semantest/moves/{PULUMI_PROJECT}/{stack}.json"
