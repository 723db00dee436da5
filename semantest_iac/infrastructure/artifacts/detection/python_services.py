"""Finds ASGI and WSGI applications and function handlers in Python files, from their syntax trees."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

CONSTRUCTORS = {
    "fastapi.FastAPI": "FastAPI",
    "fastapi.applications.FastAPI": "FastAPI",
    "starlette.applications.Starlette": "Starlette",
    "flask.Flask": "Flask",
    "quart.Quart": "Quart",
    "litestar.Litestar": "Litestar",
    "litestar.app.Litestar": "Litestar",
    "falcon.App": "Falcon",
    "falcon.asgi.App": "Falcon",
    "bottle.Bottle": "Bottle",
    "bottle.default_app": "Bottle",
    "django.core.wsgi.get_wsgi_application": "Django",
    "django.core.asgi.get_asgi_application": "Django",
}
"""The calls that make an application, and the framework of each."""

_FILE_ORDER = ("main", "app", "wsgi", "asgi", "application", "server", "api", "__init__", "run", "index")
_NAME_ORDER = ("app", "application", "api", "server")
_HANDLER_NAME = re.compile(r"(lambda_)?handler|handle|main", re.IGNORECASE)
_SETTINGS_VARIABLE = "DJANGO_SETTINGS_MODULE"
_STATEMENT_LISTS = ("body", "orelse", "finalbody", "handlers")


@dataclass(frozen=True, slots=True)
class PythonApplication:
    """An application by its attribute, or a function without parameters that makes one."""

    file: str
    attribute: str
    framework: str
    imported: frozenset[str] = frozenset()

    @property
    def is_factory(self) -> bool:
        """Whether the attribute is a call."""
        return self.attribute.endswith("()")


@dataclass(frozen=True, slots=True)
class PythonFindings:
    """What the files of a project define, and the variables that they read."""

    applications: tuple[PythonApplication, ...] = ()
    handlers: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    optional_variables: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Module:
    file: str
    tree: ast.Module
    names: Mapping[str, str] = field(default_factory=dict)  # local name -> dotted path that was imported

    def dotted(self, node: ast.expr) -> str:
        """Return the imported path that an expression names, or the name itself; empty for other expressions."""
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value)
            return f"{base}.{node.attr}" if base else ""
        return self.names.get(node.id, node.id) if isinstance(node, ast.Name) else ""


def find_in_python(files: Mapping[str, str]) -> PythonFindings:
    """Return the applications, best first, and the handlers of a project's files."""
    modules = [module for file, text in files.items() if (module := _parse(file, text))]
    factories = {name: (module, framework) for module in modules for name, framework in _find_factories(module)}
    frameworks = {name: framework for name, (_, framework) in factories.items()}
    found = [
        *(application for module in modules for application in _find_attributes(module, frameworks)),
        *(
            PythonApplication(module.file, f"{name}()", framework, _imported_names(module))
            for name, (module, framework) in factories.items()
        ),
    ]
    required, optional = set[str](), set[str]()
    for module in modules:
        _collect_variables(module, required, optional)
    return PythonFindings(
        tuple(sorted(found, key=_rank)),
        tuple(handler for module in modules for handler in _find_handlers(module)),
        tuple(sorted(required)),
        tuple(sorted(optional - required)),
    )


def find_import_root(folder: Path, application: PythonApplication) -> str:
    """Return the folder, relative to the project, from which the file's own imports are found; empty for the project.

    A file that imports a module beside it by its plain name is started in its own folder, not in the project's.
    """
    parts = PurePosixPath(application.file).parts[:-1]
    roots = ["/".join(parts[:end]) for end in range(len(parts) + 1)]
    local = {root: {name for name in application.imported if _is_module(folder / root, name)} for root in roots}
    return max(roots, key=lambda root: (len(local[root]), -len(root)))


def _is_module(folder: Path, name: str) -> bool:
    return (folder / f"{name}.py").is_file() or (folder / name / "__init__.py").is_file()


def module_name(file: str) -> str:
    """Return the dotted name of a relative file: `project/wsgi.py` is `project.wsgi`."""
    path = PurePosixPath(file).with_suffix("")
    return ".".join(path.parts[:-1] if path.name == "__init__" else path.parts)


def _parse(file: str, text: str) -> _Module | None:
    if not all(part.isidentifier() for part in PurePosixPath(file).with_suffix("").parts):
        return None  # no such module can be named
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    names = dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname: one.name for one in node.names if one.asname}
        elif isinstance(node, ast.ImportFrom):
            names |= {one.asname or one.name: f"{node.module or ''}.{one.name}" for one in node.names}
    return _Module(file, tree, names)


def _find_attributes(module: _Module, factories: Mapping[str, str]) -> Iterator[PythonApplication]:
    """Yield the applications that the module itself makes when it is imported."""
    for statement in _top_statements(module.tree.body):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and isinstance(statement.value, ast.Call):
            path = module.dotted(statement.value.func)
            framework = CONSTRUCTORS.get(path) or factories.get(path.rpartition(".")[2], "")
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            names = [target.id for target in targets if isinstance(target, ast.Name)]
            if framework and names:
                yield PythonApplication(module.file, names[0], framework, _imported_names(module))


def _top_statements(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Yield the statements that run on import, also those inside of `if`, `try` and `with`."""
    for statement in statements:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) or _is_main_guard(statement):
            continue
        yield statement
        for name in _STATEMENT_LISTS:
            yield from _top_statements(getattr(statement, name, ()))


def _is_main_guard(statement: ast.AST) -> bool:
    return isinstance(statement, ast.If) and "__main__" in ast.dump(statement.test)


def _find_factories(module: _Module) -> Iterator[tuple[str, str]]:
    """Yield functions that can be called without arguments and return an application, with its framework."""
    for function in module.tree.body:
        if not isinstance(function, ast.FunctionDef) or _count_required(function.args):
            continue
        made: dict[str, str] = {}
        for node in ast.walk(function):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Call):
                framework = CONSTRUCTORS.get(module.dotted(node.value.func), "")
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                made |= {target.id: framework for target in targets if framework and isinstance(target, ast.Name)}
        for node in ast.walk(function):
            value = node.value if isinstance(node, ast.Return) else None
            if isinstance(value, ast.Name) and value.id in made:
                yield function.name, made[value.id]
                break
            if isinstance(value, ast.Call) and (framework := CONSTRUCTORS.get(module.dotted(value.func), "")):
                yield function.name, framework
                break


def _count_required(arguments: ast.arguments) -> int:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional + sum(default is None for default in arguments.kw_defaults)


def _find_handlers(module: _Module) -> Iterator[str]:
    stem = str(PurePosixPath(module.file).with_suffix(""))
    for function in module.tree.body:
        if isinstance(function, ast.FunctionDef) and [one.arg.lstrip("_") for one in function.args.args] in (
            ["event", "context"],
            ["event", "ctx"],
        ):
            yield f"{stem}.{function.name}"


def order_handlers(handlers: Iterable[str]) -> list[str]:
    """Return handlers with the usual names first, then those nearest to the root."""

    def rank(handler: str) -> tuple[bool, int, str]:
        file, _, function = handler.rpartition(".")
        return not _HANDLER_NAME.fullmatch(function), file.count("/"), handler

    return sorted(handlers, key=rank)


def _collect_variables(module: _Module, required: set[str], optional: set[str]) -> None:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            found, of, key = required, module.dotted(node.value) == "os.environ", node.slice
        elif isinstance(node, ast.Call) and node.args:
            found, of, key = optional, module.dotted(node.func) in ("os.environ.get", "os.getenv"), node.args[0]
        else:
            continue
        if of and (name := _constant_text(key)):
            found.add(name)


def _imported_names(module: _Module) -> frozenset[str]:
    """Return the first parts of what the module imports by absolute names, its Django settings included."""
    found = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            found |= {one.name.partition(".")[0] for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
        elif isinstance(node, ast.Call) and [_constant_text(one) for one in node.args[:1]] == [_SETTINGS_VARIABLE]:
            found |= {text.partition(".")[0] for one in node.args[1:] if (text := _constant_text(one))}
    return frozenset(found)


def _constant_text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _rank(application: PythonApplication) -> tuple[bool, int, int, int, str]:
    path = PurePosixPath(application.file)
    return (
        application.is_factory,
        _position(application.attribute, _NAME_ORDER),
        len(path.parts),
        _position(path.stem, _FILE_ORDER),
        application.file,
    )


def _position(name: str, order: tuple[str, ...]) -> int:
    return order.index(name) if name in order else len(order)
