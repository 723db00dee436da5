"""Removes the values of secrets from text, in every form that text gives them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import chain, islice
from typing import Any, NamedTuple

from semantest_iac.domain.security.secret_forms import SHORTEST_SECRET, FormPiece, SecretForm, list_forms

MASK = "***"
_UNFINISHED_ESCAPE = re.compile(r"\\[\w{}\\]*|%[0-9A-Fa-f%]*|&[\w#;]*|['\"\r\n][\s'\"\\]*")
ELLIPSIS, _MOST_ELLIPSES = "…", 100
SHORTEST_BEGINNING = 8  # of a secret at the end of a text that was cut
# Words that the tool itself prints; masking them would hide what it says and nothing that nobody knows.
COMMON_VALUES = frozenset(
    {
        "true", "false", "null", "none", "undefined", "default", "enabled", "disabled", "test", "tests", "admin",
        "root", "user", "username", "guest", "password", "secret", "token", "changeme", "example", "sample",
        "localhost", "info", "debug", "warning", "error", "http", "https", "12345", "sandbox", "pulumi", "simulated",
        "real", "semantest", "function", "handler", "index", "source", "python", "node", "create", "update", "replace",
        "delete", "done", "failed", "completed", "development", "staging", "production", "rest-api", "websocket",
        "platform", "account",
    }
)  # fmt: skip


def is_maskable(value: str) -> bool:
    """Whether a value is masked: it is neither short, nor a word or a small number that any text may hold."""
    text = value.strip()
    is_small_number = text.isdecimal() and len(text) <= SHORTEST_SECRET
    return len(text) >= SHORTEST_SECRET and text.lower() not in COMMON_VALUES and not is_small_number


class Redactor:
    """Replaces the values of secrets by `***` in each form that `secret_forms` lists; `docs/secrets.md` describes them.

    Overlapping values are replaced together, so that no part of one remains. The values are compiled on first use.
    """

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._values = frozenset(filter(is_maskable, values))

    def __repr__(self) -> str:
        return "Redactor()"

    def with_values(self, values: Iterable[str]) -> Redactor:
        """Return a redactor of these values too."""
        return Redactor((*self._values, *values))

    @property
    def longest_form(self) -> int:
        """The characters of the longest form of a value."""
        return _compile_forms(self._values).longest if self._values else 0

    def redact(self, text: str) -> str:
        """Return the text without the values; it must be whole, because half of a value is not recognized."""
        return self.redact_from(text, 0)

    def redact_from(self, text: str, start: int) -> str:
        """Return the text from this offset on without the values, also without the rest of one that begins before."""
        parts: list[str] = []
        at = start
        for begin, end in self._find_values(text):
            if end > start:
                parts += (text[at:begin], MASK)
                at = end
        return "".join((*parts, text[at:])) if at else text

    def redact_end(self, text: str, longest: int) -> str:
        """Return at most so many characters of the end of a text, redacted before it is cut."""
        return self.redact(text)[-longest:]

    def redact_json(self, value: Any) -> Any:
        """Redact every text in a JSON value, and names that no field of ours could have."""
        return redact_texts(value, self.redact, is_shown=True) if self._values else value

    def find_unfinished(self, text: str) -> int:
        """Return where a value may begin that the text ends within, else the length of the text."""
        at = self._find_beginning(text) if self._values else len(text)
        if at == len(text):
            return at
        return next((begin for begin, end in self._find_whole_values(text) if begin < at < end), at)

    def _find_beginning(self, text: str) -> int:
        """Return where the longest beginning of a form starts that the text ends with, else the length of the text."""
        forms = _compile_forms(self._values)
        at = max(0, len(text) - forms.longest + 1)
        while match := forms.beginnings.search(text, at):
            at = match.start()
            if any(_may_begin(form, text, at) for form in forms.by_first.get(text[at], ())):
                return at
            at += 1
        return len(text)

    def _find_values(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the begin and end of each group of overlapping values, in order."""
        whole = self._find_whole_values(text) if self._values else iter(())
        if not self._values or ELLIPSIS not in text:
            return whole
        return merge_spans(chain(whole, self._find_shortened_values(text)))

    def _find_shortened_values(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield the beginnings of values before an ellipsis, which stands where a text was shortened."""
        for match in islice(re.finditer(ELLIPSIS, text), _MOST_ELLIPSES):
            begin = self._find_beginning(text[: match.start()])
            if match.start() - begin >= SHORTEST_BEGINNING:
                yield begin, match.start()

    def _find_whole_values(self, text: str) -> Iterator[tuple[int, int]]:
        search = _compile_forms(self._values).pattern.search
        match = search(text)
        while match:
            begin, end = match.span()
            match = search(text, begin + 1)
            while match and match.start() < end:
                end = max(end, match.end())
                match = search(text, match.start() + 1)
            yield begin, end


def merge_spans(spans: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield the spans in order, those that overlap as one."""
    begin = end = -1
    for first, last in sorted(spans):
        if first >= end > begin:
            yield begin, end
        if first >= end:
            begin = first
        end = max(end, last)
    if end > begin:
        yield begin, end


_FIELD_NAME = re.compile(r"[a-z_]+(?:[A-Z][a-z]+)*")


def redact_texts(value: Any, redact: Callable[[str], str], *, is_shown: bool = False) -> Any:
    """Redact every text in a JSON value; a name such as `deployment` stays itself.

    Numbers and all names stay unless the value is only shown.
    """
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {
            redact(name) if is_shown and isinstance(name, str) and not _FIELD_NAME.fullmatch(name) else name: (
                redact_texts(inner, redact, is_shown=is_shown)
            )
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [redact_texts(inner, redact, is_shown=is_shown) for inner in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return MASK if is_shown and is_number and redact(str(value)) == MASK else value


class StreamRedactor:
    """Redacts a text that comes in parts: what may be the beginning of a value waits for the next part."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._waiting = ""

    def feed(self, part: str) -> str:
        """Return the redacted text up to where a value may have begun."""
        text = self._waiting + part
        at = self._redactor.find_unfinished(text)
        self._waiting = text[at:]
        return self._redactor.redact(text[:at])

    def finish(self) -> str:
        """Return the rest; the beginning of a value that never ended is replaced too."""
        rest, self._waiting = self._waiting, ""
        return redact_cut_text(self._redactor, rest)


def redact_cut_text(redactor: Redactor, text: str, start: int = 0) -> str:
    """Redact a text from this offset on that may end within a value, as the output of a process that was killed."""
    at = redactor.find_unfinished(text)
    whole = redactor.redact_from(text, start)
    if len(text) - at < SHORTEST_BEGINNING or whole.endswith(MASK):
        return whole
    return redactor.redact_from(text[:at], start) + MASK


_BEGINNING_PIECES = 4  # that the fast search for the beginning of a form looks at


class _CompiledForms(NamedTuple):
    pattern: re.Pattern[str]
    longest: int
    beginnings: re.Pattern[str]
    by_first: dict[str, list[SecretForm]]


@lru_cache(maxsize=16)
def _compile_forms(values: frozenset[str]) -> _CompiledForms:
    forms = {form for value in values for form in list_forms(value) if len(form) >= SHORTEST_SECRET}
    whole: _Tree = {}
    beginnings: _Tree = {}
    by_first: dict[str, list[SecretForm]] = {}
    for form in sorted(forms, key=len, reverse=True):  # where two forms begin alike the longer one is tried first
        patterns = [piece.pattern for piece in form]
        _insert(whole, patterns)
        _insert(beginnings, patterns[:_BEGINNING_PIECES], each_may_be_last=True)
        for first in dict.fromkeys(form[0].firsts):
            by_first.setdefault(first, []).append(form)
    longest = max(sum(piece.width for piece in form) for form in forms)
    return _CompiledForms(_compile_pattern(_render(whole)), longest, _compile_pattern(_render(beginnings)), by_first)


_Tree = dict[str, Any]
_FORM_END, _TEXT_END = "", r"\Z"  # keys of a tree: a form ends here; a text may end here


def _insert(tree: _Tree, patterns: Iterable[str], *, each_may_be_last: bool = False) -> None:
    for pattern in patterns:
        tree = tree.setdefault(pattern, {})
        if each_may_be_last:
            tree.setdefault(_TEXT_END, {})
    tree[_FORM_END] = {}


def _render(tree: _Tree) -> str:
    """Return the tree as a regular expression; a form that begins another one is the last to be tried."""
    text = []
    while len(tree) == 1 and _FORM_END not in tree:
        ((pattern, tree),) = tree.items()
        text.append(pattern)
    branches = [f"{pattern}{_render(inner)}" for pattern, inner in tree.items() if pattern != _FORM_END]
    if branches:
        text.append(f"(?:{'|'.join(branches)}){'?' if _FORM_END in tree else ''}")
    return "".join(text)


def _may_begin(form: SecretForm, text: str, at: int) -> bool:
    """Whether the rest of the text is the beginning of this form: all pieces match until the text ends."""
    ends = {at}
    for piece in form:
        if len(text) in ends or any(_ends_within(piece, text, end) for end in ends):
            return True
        ends = {next_end for end in ends for next_end in _find_ends(piece, text, end)}
        if not ends:
            return False
    return form[-1].is_open and len(text) in ends


def _ends_within(piece: FormPiece, text: str, at: int) -> bool:
    """Whether the text ends within an escape of this piece."""
    return len(text) - at < piece.width and _UNFINISHED_ESCAPE.fullmatch(text, at) is not None


def _find_ends(piece: FormPiece, text: str, at: int) -> Iterable[int]:
    """Return where this piece can end that begins here: a percent sign may be itself or the first of `%25`."""
    pattern = _compile_pattern(piece.pattern)
    match = pattern.match(text, at)
    if match is None or piece.width == 1 or piece.is_open:
        return () if match is None else (match.end(),)
    return [end for end in range(at + 1, min(at + piece.width, len(text)) + 1) if pattern.fullmatch(text, at, end)]


@lru_cache(maxsize=4096)
def _compile_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.DOTALL)
