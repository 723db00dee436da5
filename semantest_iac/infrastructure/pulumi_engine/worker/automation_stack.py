"""One stack under the Automation API, with as few starts of the CLI as possible."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from pulumi.automation import (
    LocalWorkspace,
    OutputMap,
    ProjectSettings,
    PulumiFn,
    Stack,
    StackSettings,
    UpdateSummary,
)
from pulumi.automation._stack import StackInitMode  # Stack.select would not make our subclass
from pulumi.automation.errors import CommandError

from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import BoundedCommand, CommandTimeouts
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import (
    PULUMI_PROJECT,
    BackendSettings,
    ensure_private_file,
)
from semantest_iac.infrastructure.pulumi_engine.state.states import (
    StackState,
    parse_state,
    read_state_file,
    resolve_pending_creates,
    reveal_secrets,
)
from semantest_iac.infrastructure.pulumi_engine.worker.engine_events import EventWatcher
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import PendingCreateRecovery, WorkerTask
from semantest_iac.infrastructure.pulumi_engine.worker.provider_relay import ProviderRelay

STACK_NOT_FOUND_EXIT_CODE = 6  # exit status of the CLI
_EMPTY_SUMMARY = UpdateSummary("update", datetime(1970, 1, 1, tzinfo=UTC), "", {}, {}, "succeeded")


class _Workspace(LocalWorkspace):
    """Selects nothing: every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Nothing to do."""


class _Stack(Stack):
    """Asks the CLI nothing after an update: three more starts would tell what the state says."""

    def outputs(self) -> OutputMap:
        """Read from the state instead."""
        return {}

    def info(self, show_secrets: bool = False) -> UpdateSummary:
        """Nobody looks at it."""
        return _EMPTY_SUMMARY


class AutomationStack:
    """The operations of the engine on the stack of one task; `exit_code` is that of the CLI that ran last."""

    def __init__(self, task: WorkerTask, program: PulumiFn | None) -> None:
        site = task.site
        self._task = task
        self._site = site
        self.command = BoundedCommand(
            task.cli, _cli_environment(task, self._lost), CommandTimeouts(site.deadline_s, site.grace_s)
        )
        self._workspace = _Workspace(
            work_dir=str(task.folder),
            pulumi_home=str(task.home),
            program=program,
            env_vars={},
            secrets_provider=site.secrets_provider,
            project_settings=ProjectSettings(PULUMI_PROJECT, "python"),
            pulumi_command=self.command,
        )
        self._stack = _Stack(task.stack, self._workspace, StackInitMode.SELECT)

    @property
    def is_self_contained(self) -> bool:
        """Nothing that the engine needs lives in the parent."""
        return not self._task.providers

    def state(self) -> StackState | None:
        """What is remembered of the stack; None where the backend does not know it."""
        if self._site.files:
            return read_state_file(self._site.files, self._task.stack)
        try:
            return parse_state(self.export(), "deployment")
        except CommandError:
            if self.command.exit_code == STACK_NOT_FOUND_EXIT_CODE:
                return None
            raise

    def export(self) -> bytes:
        """The state as the CLI tells it, secrets sealed (the SDK's own export opens them)."""
        file = self._task.folder / "state.json"
        self._run("stack", "export", "--file", str(file))
        return file.read_bytes()

    def revealed(self) -> StackState:
        """The state with its secrets opened; what the CLI prints is heard line by line and comes to no file."""
        lines: list[str] = []
        self._run("stack", "export", "--show-secrets", on_output=lines.append)
        return StackState(reveal_secrets(parse_state("\n".join(lines).encode(), "deployment").deployment))

    def open(self, state: StackState | None) -> None:
        """Make the stack where there is none, and settle with which key its secrets are sealed."""
        self._workspace.save_stack_settings(self._task.stack, _encryption_settings(state, self._site))
        if state is None:
            self._workspace.create_stack(self._task.stack)
        salt = self._workspace.stack_settings(self._task.stack).encryption_salt
        if salt:
            ensure_private_file(self._site.salt_file, lambda: salt)

    def recover(self, recovery: PendingCreateRecovery) -> None:
        """Adopt the creates whose results were found, and forget the others; nothing else is looked at."""
        whole = json.loads(self.export())
        whole["deployment"] = resolve_pending_creates(whole["deployment"], recovery.adopted)
        file = self._task.folder / "completed.json"
        file.write_text(json.dumps(whole), encoding="utf-8")
        self._run("stack", "import", "--file", str(file))
        if recovery.adopted:
            targets = [flag for urn in sorted(recovery.adopted) for flag in ("--target", urn)]
            self._run("refresh", "--yes", "--skip-preview", *targets)

    def preview(self, watch: EventWatcher) -> None:
        """What up would do."""
        with _raise_watcher_error(watch):
            self._stack.preview(on_event=watch, color="never")

    def up(self, watch: EventWatcher) -> None:
        """Run the program for real."""
        with _raise_watcher_error(watch):
            self._stack.up(on_event=watch, color="never", show_secrets=False, suppress_outputs=True)

    def preview_removal(self, watch: EventWatcher) -> None:
        """What destroy would do."""
        with _raise_watcher_error(watch):
            self._stack.preview_destroy(on_event=watch, color="never")

    def destroy(self, watch: EventWatcher) -> None:
        """Delete everything; the empty stack and its history stay."""
        with _raise_watcher_error(watch):
            self._stack.destroy(on_event=watch, color="never", show_secrets=False)

    def preview_refresh(self, watch: EventWatcher) -> None:
        """How the cloud differs from the state."""
        with _raise_watcher_error(watch):
            self._stack.preview_refresh(on_event=watch, color="never", show_secrets=False)

    def _lost(self) -> None:
        self.command.kill()

    def _run(self, *arguments: str, on_output: Callable[[str], object] | None = None) -> None:
        command = [*arguments, "--stack", self._task.stack]
        self.command.run(command, str(self._task.folder), self._home(), on_output)

    def _home(self) -> Mapping[str, str]:
        return {"PULUMI_HOME": str(self._task.home), "PULUMI_DEBUG_COMMANDS": "true"}


def _cli_environment(task: WorkerTask, lost: Callable[[], None]) -> Mapping[str, str]:
    if not task.providers:
        return task.environment
    return {**task.environment, "PULUMI_DEBUG_PROVIDERS": ProviderRelay(lost).in_front_of(task.providers)}


@contextmanager
def _raise_watcher_error(watch: EventWatcher) -> Iterator[None]:
    """What the watch could not bear comes before what the CLI says of having been stopped for it."""
    try:
        yield
    finally:
        if watch.fault:
            raise watch.fault


def _encryption_settings(state: StackState | None, site: BackendSettings) -> StackSettings:
    """How the stack's secrets are sealed: as its state says, else as those of all stacks here."""
    sealing = state.sealing if state else {}
    kind, details = sealing.get("type"), sealing.get("state") or {}
    if kind == "cloud":
        return StackSettings(secrets_provider=details["url"], encrypted_key=details["encryptedkey"])
    if kind == "passphrase":
        return StackSettings(encryption_salt=details["salt"])
    if site.secrets_provider == "passphrase" and site.salt_file.exists():
        return StackSettings(encryption_salt=site.salt_file.read_text(encoding="utf-8"))
    return StackSettings()
