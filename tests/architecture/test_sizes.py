"""Nothing grows until it must be scrolled: modules stop at 300 lines, functions at 40."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class TestSizes:
    def test_of_modules_stay_under_300_lines(self, root: Path, all_modules: dict[str, ast.Module]) -> None:
        lengths = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path in all_modules}

        assert {path: length for path, length in lengths.items() if length > 300} == {}

    def test_of_functions_stay_under_40_lines(self, all_modules: dict[str, ast.Module]) -> None:
        lengths = {f"{path}: {f.name}": _length(f) for path, tree in all_modules.items() for f in _functions(tree)}

        assert {name: length for name, length in lengths.items() if length > 40} == {}

    def test_of_functions_are_nine_lines_at_the_median(self, shipped_modules: dict[str, ast.Module]) -> None:
        lengths = [_length(function) for tree in shipped_modules.values() for function in _functions(tree)]

        assert median(lengths) <= 9


def _functions(tree: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def _length(function: _Function) -> int:
    """Lines from `def` to the end, its docstring left out."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring
