"""What a command works with: the application under its home, and the way its answer is given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from semantest_iac.presentation.cli.words import Words

if TYPE_CHECKING:
    from semantest_iac.application.intake.orders import Order
    from semantest_iac.application.intake.written import Written
    from semantest_iac.domain.deployment.stack import Stack
    from semantest_iac.domain.guardrails.engine_choice import EngineChoice
    from semantest_iac.presentation.cli.application import Application
    from semantest_iac.presentation.cli.terminal import Terminal
    from semantest_iac.presentation.cli.words import ConfigurationOptions, ManyWords


DEFAULT_HOME = ".semantest"


class Meant(NamedTuple):
    """A stack that is there already, what deploys it, and where its secrets are looked for."""

    stack: Stack
    engine: EngineChoice
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """One run of one command."""

    application: Application
    terminal: Terminal
    json: bool

    @property
    def home_option(self) -> str:
        """What a command must add to reach the same home."""
        from shlex import quote

        usual = Path(os.environ.get("SEMANTEST_HOME") or DEFAULT_HOME).absolute()
        return "" if self.application.home == usual else f" --home {quote(str(self.application.home))}"

    @property
    def person(self) -> str:
        """Who asks, for the record."""
        from getpass import getuser

        try:
            return getuser()
        except (KeyError, OSError):  # a user without a name, as in many containers
            return f"uid {os.getuid()}"

    def answer(self, value: Any, lines: Iterable[str]) -> None:
        """The answer in the form that was asked for."""
        if self.json:
            self.terminal.json(value)
        else:
            self.terminal.say(*lines)

    def read(self, words: Words, written: ConfigurationOptions) -> Written:
        """The configuration with the words over it; from here on no secret in its variables is shown."""
        found = self.application.configuration(
            folder=Path(),
            file=written.config,
            environ=os.environ,
            overrides=written.overrides,
            options={
                "provider": words.provider,
                "environment": words.environment,
                "region": words.region,
                "engine": written.engine,
                "cloud": written.cloud,
            },
        )
        self.terminal.hide(self.application.redactor(found.variables))
        return found

    def target(self, words: Words, written: ConfigurationOptions) -> tuple[Stack, Written]:
        """The stack that is meant; raises ValidationError with every fault."""
        from semantest_iac.application.intake.orders import target

        found = self.read(words, written)
        return target(words.component, found, self.application.providers), found

    def meant(self, words: Words, written: ConfigurationOptions) -> Meant:
        """The stack that is meant, with the engine that it was deployed with; raises as `target` does."""
        stack, found = self.target(words, written)
        return Meant(stack, self.application.engine(stack, found.configuration), found.variables)

    def each_meant(self, words: ManyWords, written: ConfigurationOptions) -> list[Meant]:
        """The same for several stacks, before anything is done to one of them."""
        from semantest_iac.application.intake.spreading import together

        return together(partial(self.meant, each, written) for each in self._spread(words))

    def orders(self, words: ManyWords, written: ConfigurationOptions) -> list[Order]:
        """The stacks and what they are to become, with warnings told; raises ValidationError with every fault."""
        from semantest_iac.application.intake.spreading import together

        accepted = together(partial(self._order, each, written) for each in self._spread(words))
        self._warn(accepted)
        return accepted

    def _spread(self, words: ManyWords) -> list[Words]:
        from semantest_iac.application.intake.spreading import components, places

        return [
            Words(component, provider, words.environment, region)
            for component in components(words.component)
            for provider, region in places(words.provider, words.region, self.application.providers)
        ]

    def _order(self, words: Words, written: ConfigurationOptions) -> Order:
        from semantest_iac.application.intake.orders import order

        return order(words.component, self.read(words, written), self.application)

    def _warn(self, orders: Sequence[Order]) -> None:
        from semantest_iac.application.intake.sharing import shared
        from semantest_iac.presentation.error_lines import warning_lines

        found = [warning for order in orders for warning in order.warnings]
        found += shared(orders, self.application.account_stacks)
        self.terminal.remark(*warning_lines(dict.fromkeys(found)))
