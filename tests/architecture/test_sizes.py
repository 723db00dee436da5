"""A module holds one whole thought, a folder a dozen of them, a function one job."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path, PurePosixPath

LINES_PER_MODULE = 500
LINES_PER_FUNCTION = 60
MODULES_PER_FOLDER = 12

_Function = ast.FunctionDef | ast.AsyncFunctionDef


class TestSizes:
    def test_of_modules_are_bounded(self, root: Path, all_modules: dict[str, ast.Module]) -> None:
        lengths = {path: len((root / path).read_text(encoding="utf-8").splitlines()) for path in all_modules}

        assert {path: length for path, length in lengths.items() if length > LINES_PER_MODULE} == {}

    def test_of_functions_are_bounded(self, all_modules: dict[str, ast.Module]) -> None:
        lengths = {f"{path}: {f.name}": _length(f) for path, tree in all_modules.items() for f in _functions(tree)}

        assert {name: length for name, length in lengths.items() if length > LINES_PER_FUNCTION} == {}

    def test_of_folders_are_bounded(self, shipped_modules: dict[str, ast.Module]) -> None:
        folders = Counter(
            PurePosixPath(path).parent for path in shipped_modules if not path.endswith(("__init__.py", "__main__.py"))
        )

        assert {str(folder): count for folder, count in folders.items() if count > MODULES_PER_FOLDER} == {}


def _functions(tree: ast.Module) -> list[_Function]:
    return [node for node in ast.walk(tree) if isinstance(node, _Function)]


def _length(function: _Function) -> int:
    """Lines from `def` to the end, its docstring left out."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
    return (function.end_lineno or 0) - function.lineno + 1 - docstring
