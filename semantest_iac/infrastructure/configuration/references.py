"""`${env.NAME}` is replaced when the configuration is read; `${secrets.name}` stays until the cloud resolves it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from semantest_iac.domain.environments.configuration import SECRET_REFERENCE
from semantest_iac.domain.environments.names import shown
from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.configuration.layers import Path, dotted
from semantest_iac.infrastructure.configuration.scalars import is_variable, scalar

_ENV = re.compile(r"\$\{env\.([^{}]*)\}")


def substituted(value: Any, variables: Mapping[str, str], path: Path = ()) -> Any:
    """The value with what variables hold in place; of a missing one nothing is left."""
    return _mapped(value, path, lambda text, at: _text(text, variables, at))


def reference_faults(value: Any, variables: Mapping[str, str]) -> Iterator[Fault]:
    """References to variables that are not set, and secrets where nobody keeps them secret."""
    for text, path in _texts(value, ()):
        for name in _ENV.findall(text):
            if name not in variables:
                yield Fault(dotted(path), f"variable '{shown(name)}' is not set", "Set it, or add it to .env.")
        if SECRET_REFERENCE.search(text) and not is_variable(path):
            yield Fault(dotted(path), "secrets can be used in components.<name>.environment only")


def _text(text: str, variables: Mapping[str, str], path: Path) -> Any:
    replaced = _ENV.sub(lambda match: variables.get(match[1], ""), text)
    if is_variable(path) or not _ENV.fullmatch(text):
        return replaced
    return scalar(replaced, path)


def _mapped(value: Any, path: Path, change: Callable[[str, Path], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _mapped(inner, (*path, key), change) for key, inner in value.items()}
    if isinstance(value, list):
        return [_mapped(inner, (*path, place), change) for place, inner in enumerate(value)]
    return change(value, path) if isinstance(value, str) else value


def _texts(value: Any, path: Path) -> Iterator[tuple[str, Path]]:
    if isinstance(value, str):
        yield value, path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield from _texts(below, (*path, step))
