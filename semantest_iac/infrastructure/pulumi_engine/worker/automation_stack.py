"""One stack under the Automation API, with as few starts of the CLI as possible."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterator, Mapping
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

from semantest_iac.infrastructure.durable_files import ensure_private_file, replace_file
from semantest_iac.infrastructure.pulumi_engine.cli.policy_packs import write_policy_host
from semantest_iac.infrastructure.pulumi_engine.cli.pulumi_command import BoundedCommand, CommandTimeouts
from semantest_iac.infrastructure.pulumi_engine.state.backend_settings import (
    PULUMI_PROJECT,
    BackendSettings,
)
from semantest_iac.infrastructure.pulumi_engine.state.state_files import open_state_files
from semantest_iac.infrastructure.pulumi_engine.state.states import (
    StackState,
    parse_state,
    read_state_file,
    resolve_pending_creates,
    reveal_secrets,
    write_empty_state,
)
from semantest_iac.infrastructure.pulumi_engine.worker.engine_events import EventWatcher
from semantest_iac.infrastructure.pulumi_engine.worker.ipc import PendingCreateRecovery, WorkerTask
from semantest_iac.infrastructure.pulumi_engine.worker.provider_relay import ProviderRelay

_STACK_NOT_FOUND_EXIT_CODE = 6
_EMPTY_SUMMARY = UpdateSummary("update", datetime(1970, 1, 1, tzinfo=UTC), "", {}, {}, "succeeded")


class _Workspace(LocalWorkspace):
    """Does not start the CLI to select a stack: every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        pass


class _Stack(Stack):
    """Does not start the CLI three times after an update for what is in the state anyway."""

    def outputs(self) -> OutputMap:
        return {}

    def info(self, show_secrets: bool = False) -> UpdateSummary:
        return _EMPTY_SUMMARY


class AutomationStack:
    """Runs the engine's operations on the stack of one task."""

    def __init__(self, task: WorkerTask, program: PulumiFn | None) -> None:
        settings = task.settings
        self._task = task
        self._settings = settings
        self.files = open_state_files(settings, task.environment)
        self._relay = ProviderRelay(self._kill_cli)
        self.command = BoundedCommand(
            task.cli,
            _prepare_cli_environment(task, self._relay),
            CommandTimeouts(settings.deadline_s, settings.grace_s),
        )
        self._workspace = _Workspace(
            work_dir=str(task.folder),
            pulumi_home=str(task.home),
            program=program,
            env_vars={},
            secrets_provider=settings.secrets_provider,
            project_settings=ProjectSettings(PULUMI_PROJECT, "python"),
            pulumi_command=self.command,
        )
        self._stack = _Stack(task.stack_name, self._workspace, StackInitMode.SELECT)

    @property
    def can_outlive_parent(self) -> bool:
        """Whether the engine can finish without the parent: none of its providers are in the parent."""
        return not self._task.providers

    def close(self) -> None:
        """End what serves the CLI; the worker may go on with another stack."""
        self._relay.close()

    def read_state(self) -> StackState | None:
        """The state of the stack, None if the backend has no such stack."""
        if self.files is not None:
            return read_state_file(self.files, self._task.stack_name)
        try:
            return parse_state(self.export(), "deployment")
        except CommandError:
            if self.command.exit_code == _STACK_NOT_FOUND_EXIT_CODE:
                return None
            raise

    def export(self) -> bytes:
        """The state as JSON with encrypted secrets; the SDK's own export would decrypt them."""
        file = self._task.folder / "state.json"
        self._run("stack", "export", "--file", str(file))
        return file.read_bytes()

    def export_with_secrets(self) -> StackState:
        """The state with its secrets in plain text, read from the CLI's output and never written to a file."""
        lines: list[str] = []
        self._run("stack", "export", "--show-secrets", on_output=lines.append)
        return StackState(reveal_secrets(parse_state("\n".join(lines).encode(), "deployment").deployment))

    def open(self, state: StackState | None) -> None:
        """Create the stack if there is none, and configure the encryption of its secrets."""
        encryption = _encryption_settings(state, self._settings)
        self._workspace.save_stack_settings(self._task.stack_name, encryption)
        if state is None and not self._create_in_files(encryption.encryption_salt):
            self._workspace.create_stack(self._task.stack_name)
        salt = self._workspace.stack_settings(self._task.stack_name).encryption_salt
        if salt:
            ensure_private_file(self._settings.salt_file, lambda: salt)

    def _create_in_files(self, salt: str | None) -> bool:
        """Create the stack without the CLI where its backend is files and the salt of its secrets is known."""
        backend = self._settings.file_backend
        if backend is None or not salt:
            return False
        return write_empty_state(backend, self._task.stack_name, salt, self._task.cli.version)

    def recover(self, recovery: PendingCreateRecovery, pending_changes: Collection[str]) -> None:
        """Adopt the pending creates whose resources were found, and forget the others.

        Of the adopted and those with pending changes the state is then read from the cloud: Pulumi itself forgets that
        an update or a delete was begun, and would take the state before it for the truth.
        """
        exported = json.loads(self.export())
        exported["deployment"] = resolve_pending_creates(exported["deployment"], recovery.adopted)
        file = self._task.folder / "completed.json"
        replace_file(file, json.dumps(exported))
        self._run("stack", "import", "--file", str(file))
        if unknown := sorted({*recovery.adopted, *pending_changes}):
            targets = [flag for urn in unknown for flag in ("--target", urn)]
            self._run("refresh", "--yes", "--skip-preview", *targets)

    def change_secrets_provider(self, provider: str) -> None:
        """Encrypt the state by another provider; the CLI writes the state once."""
        self._run("stack", "change-secrets-provider", provider)

    def preview(self, watcher: EventWatcher, *, refresh: bool = False) -> None:
        with _raise_watcher_error(watcher):
            packs = list(self._task.policy_packs) or None
            self._stack.preview(on_event=watcher, color="never", refresh=refresh, policy_packs=packs)

    def up(self, watcher: EventWatcher, *, refresh: bool = False) -> None:
        with _raise_watcher_error(watcher):
            self._stack.up(
                on_event=watcher,
                color="never",
                show_secrets=False,
                suppress_outputs=True,
                refresh=refresh,
                policy_packs=list(self._task.policy_packs) or None,
            )

    def preview_destroy(self, watcher: EventWatcher) -> None:
        with _raise_watcher_error(watcher):
            self._stack.preview_destroy(on_event=watcher, color="never")

    def destroy(self, watcher: EventWatcher) -> None:
        """Delete every resource; the empty stack and its history remain."""
        with _raise_watcher_error(watcher):
            self._stack.destroy(on_event=watcher, color="never", show_secrets=False)

    def preview_refresh(self, watcher: EventWatcher) -> None:
        with _raise_watcher_error(watcher):
            self._stack.preview_refresh(on_event=watcher, color="never", show_secrets=False)

    def _kill_cli(self) -> None:
        self.command.kill()

    def _run(self, *arguments: str, on_output: Callable[[str], object] | None = None) -> None:
        command = [*arguments, "--stack", self._task.stack_name]
        environment = {"PULUMI_HOME": str(self._task.home), "PULUMI_DEBUG_COMMANDS": "true"}
        self.command.run(command, str(self._task.folder), environment, on_output)


def _prepare_cli_environment(task: WorkerTask, relay: ProviderRelay) -> Mapping[str, str]:
    environment = dict(task.environment)
    if task.providers:
        environment["PULUMI_DEBUG_PROVIDERS"] = relay.serve(task.providers)
    if task.policy_packs:
        host = write_policy_host(task.folder / "policy-host")
        environment["PATH"] = os.pathsep.join((str(host), environment.get("PATH", os.defpath)))
    return environment


@contextmanager
def _raise_watcher_error(watcher: EventWatcher) -> Iterator[None]:
    """Raise the watcher's error in place of the CLI's, which only says that it was stopped."""
    try:
        yield
    finally:
        if watcher.handler_error:
            raise watcher.handler_error


def _encryption_settings(state: StackState | None, settings: BackendSettings) -> StackSettings:
    """The encryption that the state names, else that of all stacks of these settings."""
    provider = state.secrets_provider if state else {}
    kind, details = provider.get("type"), provider.get("state") or {}
    if kind == "cloud":
        return StackSettings(secrets_provider=details["url"], encrypted_key=details["encryptedkey"])
    if kind == "passphrase":
        return StackSettings(encryption_salt=details["salt"])
    if settings.secrets_provider == "passphrase" and settings.salt_file.exists():
        return StackSettings(encryption_salt=settings.salt_file.read_text(encoding="utf-8"))
    return StackSettings()
