"""Groups of commands that understand words of other tools, and options before the command that they belong to."""

from __future__ import annotations

from collections.abc import Mapping

import click

ALIASES: Mapping[str, str] = {"plan": "preview"}
"""Other names of commands, which run them."""

WORDS_OF_OTHER_TOOLS: Mapping[str, str] = {
    "apply": "deploy",
    "create": "deploy",
    "provision": "deploy",
    "up": "deploy",
    "delete": "destroy",
    "down": "destroy",
    "remove": "destroy",
    "rm": "destroy",
    "diff": "preview",
    "call": "invoke",
    "curl": "invoke",
    "dev": "serve",
    "list": "status",
    "ls": "status",
    "ps": "status",
    "stacks": "status",
    "describe": "outputs",
    "get": "outputs",
    "info": "outputs",
    "output": "outputs",
    "show": "outputs",
    "consume": "receive",
    "enqueue": "send",
    "log": "logs",
    "tail": "logs",
    "check": "doctor",
    "install": "setup",
    "validate": "config validate",
    "version": "--version",
}
"""What people type who come from another tool -> what to type here. They are suggested and not run: `up` deploys."""


class CommandGroup(click.Group):
    """Shows its help if it is called alone, and names the right command for a wrong one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Understand `help deploy`, and `--json status` as `status --json`."""
        words = list(args)
        if words[:1] == ["help"]:
            words = [*words[1:], "--help"]
        if not words and not ctx.resilient_parsing:
            words = ["--help"]
        return super().parse_args(ctx, self._put_command_first(ctx, words))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command in any case and under its other names; raises UsageError with a suggestion."""
        word, *rest = args
        name = self._find_name(word)
        suggested = WORDS_OF_OTHER_TOOLS.get(word.lower()) if name is None and ctx.parent is None else None
        if suggested and not ctx.resilient_parsing:
            raise click.UsageError(f"No such command '{word}'. Did you mean '{suggested}'?", ctx)
        return super().resolve_command(ctx, [name or word, *rest])

    def _find_name(self, word: str) -> str | None:
        name = ALIASES.get(word.lower(), word.lower())
        return name if name in self.commands else None

    def _put_command_first(self, ctx: click.Context, words: list[str]) -> list[str]:
        """Move options that stand before the command behind it, except those of the group itself."""
        position = next((place for place, word in enumerate(words) if self._find_name(word)), 0)
        leading = words[:position]
        if not leading or not leading[0].startswith("-") or "--" in leading:
            return words
        own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
        kept = [word for word in leading if word in own]
        return [*kept, words[position], *(word for word in leading if word not in own), *words[position + 1 :]]
