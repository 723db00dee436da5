"""Resolves the variables of a Serverless Framework service: `${self:…}`, `${opt:…}`, `${env:…}`, `${file(…)}`.

What only a cloud or a program knows (`${ssm:…}`, `${cf:…}`, JavaScript files) becomes an `UnresolvedValue`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from semantest_iac.domain.environments.names import make_printable
from semantest_iac.domain.errors import ConfigurationError, Fault
from semantest_iac.infrastructure.configuration.conversion.source_documents import (
    MAX_SOURCE_VALUES,
    SourceDocument,
    read_source_document,
)

UNNAMED_STAGE, DEFAULT_REGION = "dev", "us-east-1"
_LONGEST_CHAIN = 50
_LONGEST_TEXT = 65_536
_ADDRESS = re.compile(r"(?P<source>[A-Za-z][\w-]*)(\((?P<argument>.*)\))?(:(?P<address>.*))?", re.DOTALL)
_LITERAL = re.compile(r"""'(?P<single>[^']*)'|"(?P<double>[^"]*)\"""")
_DATA_ENDINGS = (".yml", ".yaml", ".json")
_KNOWN_BY_CLOUD = {
    "ssm": "a parameter of Systems Manager",
    "cf": "an output of a CloudFormation stack",
    "s3": "an object in S3",
    "aws": "known to the account alone",
    "git": "known to git alone",
    "vault": "a value in Vault",
    "output": "an output of Serverless Compose",
}


@dataclass(frozen=True, slots=True)
class UnresolvedValue:
    """A value that this machine cannot know: the text of the variable, and why."""

    expression: str
    reason: str


class _Missing:
    """A variable without a value, so that its fallback counts."""


_MISSING = _Missing()


class ServerlessVariables:
    """The variables of one service; `options` are those that `serverless deploy --NAME VALUE` would have."""

    def __init__(
        self, document: SourceDocument, folder: Path, options: Mapping[str, str], environment: Mapping[str, str]
    ) -> None:
        self._document = document
        self._folder = folder
        self._options = options
        self._environment = environment
        self._files: dict[Path, Any] = {}
        self._count = 0
        self._depth = 0
        self.unset_variables: dict[str, None] = {}
        """Variables of the machine that are not set, so that their fallback was taken."""

    @property
    def stage(self) -> str:
        """The stage whose values are taken."""
        return str(self._options.get("stage") or self._read_provider("stage", UNNAMED_STAGE))

    @property
    def region(self) -> str:
        return str(self._options.get("region") or self._read_provider("region", DEFAULT_REGION))

    def resolve(self, value: Any, *, keep_environment: bool = False) -> Any:
        """Return the value with its variables replaced.

        With `keep_environment`, `${env:NAME}` without a fallback becomes this tool's own reference, `${env.NAME}`.
        """
        self._count += 1
        if self._count > MAX_SOURCE_VALUES:
            message = f"{self._document.name} has too many values once its variables are written out."
            raise ConfigurationError(message, hint="Look for variables that contain each other.")
        if isinstance(value, dict):
            return {key: self.resolve(inner, keep_environment=keep_environment) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.resolve(inner, keep_environment=keep_environment) for inner in value]
        return self._resolve_text(value, keep_environment) if isinstance(value, str) else value

    def _resolve_text(self, text: str, keep: bool) -> Any:
        parts = list(_split_variables(text))
        if len(parts) == 1 and not parts[0][1]:
            return text
        values = [self._resolve_variable(part, keep) if is_variable else part for part, is_variable in parts]
        for (part, _), value in zip(parts, values, strict=True):
            if isinstance(value, UnresolvedValue):
                return value
            if isinstance(value, _Missing):
                return UnresolvedValue(f"${{{part}}}", "has no value")
        if len(values) == 1:
            return values[0]
        if any(isinstance(value, dict | list) for value in values):
            return UnresolvedValue(text, "is a mapping or list inside of text")
        joined = "".join(map(to_text, values))
        return joined if len(joined) <= _LONGEST_TEXT else UnresolvedValue(parts[0][0][:80], "makes too long a text")

    def _resolve_variable(self, inner: str, keep: bool) -> Any:
        """Return the first of the alternatives that has a value."""
        self._depth += 1
        try:
            if self._depth > _LONGEST_CHAIN:
                return UnresolvedValue(f"${{{inner}}}", "refers to itself")
            alternatives = list(_split_at_commas(inner))
            for index, alternative in enumerate(alternatives):
                is_last = index == len(alternatives) - 1
                value = self._resolve_alternative(alternative.strip(), keep, is_last)
                if not isinstance(value, _Missing) and value is not None:
                    return value
            return _MISSING
        finally:
            self._depth -= 1

    def _resolve_alternative(self, text: str, keep: bool, is_last: bool) -> Any:
        if literal := _LITERAL.fullmatch(text):
            return literal["single"] if literal["single"] is not None else literal["double"]
        address = self._resolve_text(text, False) if "${" in text else text
        if not isinstance(address, str):
            return address
        match = _ADDRESS.fullmatch(address)
        if match is None or (match["address"] is None and match["argument"] is None):
            return address if "${" in text else _parse_plain(address)
        source, argument, rest = match["source"], match["argument"], match["address"] or ""
        if source == "env":
            return self._read_variable(rest, keep, is_last)
        readers = {"self": self._read_self, "opt": self._read_option, "sls": self._read_framework}
        if source in readers:
            found = readers[source](rest)
            return self.resolve(found, keep_environment=keep) if isinstance(found, str | dict | list) else found
        return self._read_elsewhere(source, argument, rest, keep)

    def _read_elsewhere(self, source: str, argument: str | None, rest: str, keep: bool) -> Any:
        shown = f"${{{source}{'' if argument is None else f'({argument})'}{f':{rest}' if rest else ''}}}"
        if source == "file" and argument:
            return self._read_file(argument.strip(), rest, shown, keep)
        if source == "strToBool" and argument is not None:
            return argument.strip().strip("'\"").lower() in ("true", "1")
        if source == "param":
            found = self._read_parameter(rest)
            return found if isinstance(found, _Missing) else self.resolve(found, keep_environment=keep)
        if source == "aws" and rest == "region":
            return self.region
        reason = _KNOWN_BY_CLOUD.get(source, "a kind of variable that is not known here")
        return UnresolvedValue(make_printable(shown, 120), f"is {reason}")

    def _read_provider(self, key: str, default: str) -> Any:
        provider = self._document.values.get("provider")
        written = provider.get(key) if isinstance(provider, dict) else None
        value = self.resolve(written) if written is not None else default
        return value if isinstance(value, str) else default

    def _read_self(self, address: str) -> Any:
        defaults = {"provider.stage": UNNAMED_STAGE, "provider.region": DEFAULT_REGION}
        found = self._walk(self._document.values, address)
        return defaults.get(address, _MISSING) if isinstance(found, _Missing) else found

    def _read_variable(self, name: str, keep: bool, is_last: bool) -> Any:
        """Return a variable of this machine; what is kept as a reference is never written out."""
        if not keep:
            return self._environment.get(name, _MISSING)
        if is_last or name in self._environment:
            return f"${{env.{name}}}"
        self.unset_variables[name] = None
        return _MISSING

    def _read_option(self, name: str) -> Any:
        return self._options.get(name, _MISSING)

    def _read_framework(self, name: str) -> Any:
        return self.stage if name == "stage" else UnresolvedValue(f"${{sls:{name}}}", "differs with every deployment")

    def _read_parameter(self, name: str) -> Any:
        parameters = self._document.values.get("params")
        if f"param:{name}" in self._options:
            return self._options[f"param:{name}"]
        for stage in (self.stage, "default"):
            found = self._walk(parameters, f"{stage}.{name}") if isinstance(parameters, dict) else _MISSING
            if not isinstance(found, _Missing):
                return found
        return _MISSING

    def _walk(self, values: Any, address: str) -> Any:
        """Follow a dotted address, through variables on the way."""
        for step in filter(None, address.split(".")):
            if isinstance(values, str):
                values = self._resolve_text(values, False)
            if isinstance(values, UnresolvedValue):
                return values
            if isinstance(values, list) and step.isdecimal() and int(step) < len(values):
                values = values[int(step)]
            elif isinstance(values, dict) and step in values:
                values = values[step]
            else:
                return _MISSING
        return values

    def _read_file(self, name: str, address: str, shown: str, keep: bool) -> Any:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve().parent):
            return UnresolvedValue(shown, "is a file outside of the folder around the service")
        if path.suffix.lower() not in _DATA_ENDINGS:
            return UnresolvedValue(shown, "is a file that is no YAML or JSON; programs are not run")
        if not _is_file(path):
            return _MISSING
        if path not in self._files:
            self._files[path] = read_source_document(path).values
        found = self._walk(self._files[path], address)
        return found if isinstance(found, _Missing) else self.resolve(found, keep_environment=keep)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # such as a name that is too long
        return False


def to_text(value: Any) -> str:
    """Return a value as JavaScript writes it in text: `true`, `1`."""
    return value if isinstance(value, str) else json.dumps(value)


def find_unresolved(value: Any) -> Iterator[UnresolvedValue]:
    """Yield every value in a value that is not known."""
    if isinstance(value, UnresolvedValue):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from find_unresolved(inner)


def require_mapping(document: SourceDocument) -> None:
    """Raise ConfigurationError where the top level is no mapping."""
    if not isinstance(document.values, dict):
        fault = Fault("", "the top level must be a mapping", "", document.name, 1, 1)
        raise ConfigurationError(f"Cannot read {document.name}.", faults=[fault])


def _split_variables(text: str) -> Iterator[tuple[str, bool]]:
    """Yield plain text, and with True what is inside of `${}`; `${AWS::Region}` and an unclosed one are plain."""
    ends = _find_ends(text)
    start = position = 0
    while (opening := text.find("${", position)) >= 0:
        end = ends.get(opening)
        if end is None or text.startswith("AWS::", opening + 2):
            position = opening + 2
            continue
        if opening > start:
            yield text[start:opening], False
        yield text[opening + 2 : end], True
        start = position = end + 1
    if start < len(text) or start == 0:
        yield text[start:], False


def _find_ends(text: str) -> dict[int, int]:
    """Return the closing bracket of each `${`."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for index, character in enumerate(text):
        if character == "{" and index and text[index - 1] == "$":
            opened.append(index - 1)
        elif character == "}" and opened:
            ends[opened.pop()] = index
    return ends


def _split_at_commas(text: str) -> Iterator[str]:
    """Yield the alternatives of a variable; commas in quotes, brackets and inner variables separate none."""
    start = depth = 0
    quote = ""
    for index, character in enumerate(text):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "({":
            depth += 1
        elif character in ")}":
            depth -= 1
        elif character == "," and depth == 0:
            yield text[start:index]
            start = index + 1
    yield text[start:]


def _parse_plain(text: str) -> Any:
    """Return a fallback without quotes: a number, true, false or null."""
    try:
        return json.loads(text)
    except ValueError:
        return text
