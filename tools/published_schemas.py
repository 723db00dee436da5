"""Reads the inputs of resource types from the classes of a Pulumi SDK, and writes or checks the files of schemas.

What the files hold is explained in `docs/simulated-types.md`; the two generators add what only their cloud publishes.
"""

from __future__ import annotations

import argparse
import enum
import inspect
import json
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi._types import input_type_py_to_pulumi_names, input_type_types, resource_types

SIMULATED_CLOUD = Path(__file__).resolve().parent.parent / "semantest_iac/infrastructure/simulated_cloud"

Node = dict[str, Any]
"""One input: `is` says its kind; flags are True; limits have the names of JSON Schema."""

FLAGS = ("required", "replace", "computed", "secret")
_SCALARS = {bool: "boolean", int: "integer", float: "number", str: "string"}
_PARAMETER = re.compile(r"^ *:param [^:]*? (\w+): ", re.MULTILINE)


@dataclass(frozen=True)
class Input:
    """Where an input stands: its path, the vendor's text about it, and whether its output is never absent."""

    path: tuple[str, ...]
    text: str
    is_promised: bool


class SdkInputs:
    """Collects the inputs of resource types, and the nested types that they name."""

    def __init__(self, enrich: Callable[[Node, Input], None] = lambda _node, _input: None) -> None:
        self.nested: dict[str, dict[str, Node]] = {}
        self._enrich = enrich
        self._open: set[str] = set()

    def fields(
        self, classes: Sequence[type], path: tuple[str, ...] = (), outputs: type | None = None
    ) -> dict[str, Node]:
        """Return the inputs of a class, or of the classes that one input accepts; `required` are those of all."""
        required = set.intersection(*(set(required_inputs(cls)) for cls in classes))
        promised = promised_outputs(outputs) if outputs else set()
        hints = resource_types(outputs) if outputs else {}
        found: dict[str, Node] = {}
        texts = {name: text for cls in classes for name, text in input_texts(cls).items()}
        types: dict[str, dict[Any, None]] = {}  # a name may mean something else in each class
        for cls in classes:
            for name, hint in input_type_types(cls).items():
                types.setdefault(name, {}).update(dict.fromkeys(union_members(hint)))
        for name, members in types.items():
            here = Input((*path, name), texts.get(name, ""), name in promised)
            merged: Any = typing.Union[tuple(members)]  # noqa: UP007 - made of what a program finds
            found[name] = self._node(merged, here, nested_class(hints.get(name))) | flag("required", name in required)
            self._enrich(found[name], here)
        return dict(sorted(found.items()))

    def _node(self, hint: Any, here: Input, outputs: type | None) -> Node:
        members = list(union_members(hint))
        if any(inspect.isclass(one) and one.__name__.startswith("PolicyDocument") for one in members):
            return {"is": "json"}
        if blocks := [one for one in members if inspect.isclass(one) and one.__name__.endswith("Args")]:
            return {"is": self._block(blocks, here.path, outputs)}
        for matches, describe in _KINDS:
            if (found := next((one for one in members if matches(one)), None)) is not None:
                return describe(self, found, here, outputs)
        return {"is": "archive" if any("Archive" in str(one) for one in members) else "any"}

    def kind_of(self, hint: Any) -> str:
        """Return the kind of an output, without what is inside."""
        node = self._node(hint, Input((), "", is_promised=False), None)
        return "object" if nested_class(hint) and node["is"] == "any" else str(node["is"])

    def _block(self, classes: Sequence[type], path: tuple[str, ...], outputs: type | None) -> str:
        name = "|".join(cls.__name__.removesuffix("Args").removesuffix("Init") for cls in classes)
        if name in self._open:  # a type may contain itself
            return name
        self._open.add(name)
        fields = self.fields(classes, path, outputs)
        self._open.remove(name)
        while self.nested.setdefault(name, fields) != fields:
            name += "'"  # the same class under other limits
        return name

    def _elements(self, hint: Any, here: Input, outputs: type | None) -> Node:
        return self._collection("[{}]", "*", typing.get_args(hint)[0], here, outputs)

    def _values(self, hint: Any, here: Input, outputs: type | None) -> Node:
        return self._collection("{{{}}}", "{}", typing.get_args(hint)[1], here, outputs)

    def _collection(self, form: str, step: str, hint: Any, here: Input, outputs: type | None) -> Node:
        inner = Input((*here.path, step), "", is_promised=False)
        node = self._node(hint, inner, outputs)
        self._enrich(node, inner)
        return {"is": form.format(node["is"])} if node.keys() == {"is"} else {"is": form.format(""), "items": node}

    def _scalar(self, hint: Any, _here: Input, _outputs: type | None) -> Node:
        return {"is": _SCALARS[hint]}

    def _enumeration(self, hint: Any, _here: Input, _outputs: type | None) -> Node:
        return {"is": "string", "enum": [str(member.value) for member in hint]}


def _is(origin: Any) -> Callable[[Any], bool]:
    return lambda member: typing.get_origin(member) in (origin, getattr(typing, origin.__name__, origin))


def _is_enum(member: Any) -> bool:
    return inspect.isclass(member) and issubclass(member, enum.Enum)


# In this order: an enumeration beside text is open.
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[..., Node]], ...] = (
    (_is(Sequence), SdkInputs._elements),
    (_is(Mapping), SdkInputs._values),
    (lambda member: member in _SCALARS, SdkInputs._scalar),
    (_is_enum, SdkInputs._enumeration),
)


def flag(name: str, is_set: bool) -> Node:
    """Return the flag, or nothing."""
    return {name: True} if is_set else {}


def union_members(hint: Any) -> Iterator[Any]:
    """Yield the types that a hint allows, without Pulumi's wrappers."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        for member in typing.get_args(hint):
            yield from union_members(member)
    elif "Awaitable" not in str(hint) or typing.get_origin(hint) is not None:
        yield hint


def nested_class(hint: Any) -> type | None:
    """Return the class of the objects in an output, however deep in lists and maps."""
    for member in union_members(hint):
        if inspect.isclass(member) and member.__module__.endswith("outputs"):
            return member
        for inner in typing.get_args(member):
            if found := nested_class(inner):
                return found
    return None


def required_inputs(cls: type) -> Iterator[str]:
    """Yield the wire names of the required inputs of a class."""
    parameters = inspect.signature(cls).parameters
    for python, name in input_type_py_to_pulumi_names(cls).items():
        if parameters[python].default is inspect.Parameter.empty:
            yield name


def promised_outputs(cls: type) -> set[str]:
    """Return the wire names of the outputs of a class that are typed as never absent."""
    getters = [value.fget for value in vars(cls).values() if isinstance(value, property) and value.fget]
    promised = [getter for getter in getters if "Optional[" not in inspect.getsource(getter).partition(":\n")[0]]
    return {str(getter.__dict__["_pulumi_name"]) for getter in promised if "_pulumi_name" in getter.__dict__}


def outputs_of(cls: type, inputs: Mapping[str, Any]) -> dict[str, str]:
    """Return the kind of each output of a resource class that is no input; `?` marks those that may be absent."""
    promised = promised_outputs(cls)
    kinds = {name: SdkInputs().kind_of(hint) for name, hint in resource_types(cls).items() if name not in inputs}
    return {name: kind if name in promised else f"{kind}?" for name, kind in sorted(kinds.items())}


def input_texts(cls: type) -> dict[str, str]:
    """Return what the SDK says about each input of a class, by wire name."""
    names = input_type_py_to_pulumi_names(cls)
    parts = _PARAMETER.split(inspect.getdoc(cls.__init__) or "")  # type: ignore[misc] # the class is known
    return {names[python]: " ".join(text.split()) for python, text in zip(parts[1::2], parts[2::2], strict=True)}


def module_of(token: str) -> str:
    """Return the SDK's module of a token, after which its file is named."""
    return re.split("[:/]", token)[1]


def render_files(
    command: str, sources: Mapping[str, str], resources: Mapping[str, Node], nested: Mapping[str, Mapping[str, Any]]
) -> dict[str, str]:
    """Return the text of each file by its name: an index, and one file for each module of the SDK."""
    index = {"generator": command, "sources": sources, "types": sorted(resources)}
    modules = sorted({module_of(token) for token in resources})
    files = {
        module: {
            "resources": {token: one for token, one in sorted(resources.items()) if module_of(token) == module},
            "types": dict(sorted(nested.get(module, {}).items())),
        }
        for module in modules
    }
    texts = {f"{name}.json": _render(one) for name, one in files.items()}
    return {"index.json": f"{_expand(index, 2)}\n", **texts}


def _render(file: Mapping[str, Any]) -> str:
    """Write one line for each input, so that a change of one shows as a change of one line."""
    resources, nested = _expand(file["resources"], 3, " "), _expand(file["types"], 2, " ")
    return f'{{\n "resources": {resources},\n "types": {nested}\n}}\n'


def shorten(nodes: Mapping[str, Node]) -> dict[str, Any]:
    """Write inputs as text where kind and flags say everything."""
    return {name: _shorten(node) for name, node in nodes.items()}


def _shorten(node: Node) -> Any:
    kind = " ".join((node["is"], *(name for name in FLAGS if node.get(name))))
    rest = {name: value for name, value in node.items() if name not in ("is", "items", *FLAGS)}
    items = {"items": _shorten(node["items"])} if "items" in node else {}
    return {"is": kind, **rest, **items} if rest or items else kind


def _expand(value: Any, levels: int, indent: str = "") -> str:
    """Write so many levels of objects and lists with a line for each entry, what is deeper in one line."""
    if not levels or not value or not isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    inner = f"{indent} "
    if isinstance(value, list):
        if len(value) < 3:
            return json.dumps(value)
        lines = [f"{inner}{_expand(one, levels - 1, inner)}" for one in value]
        return "[\n" + ",\n".join(lines) + f"\n{indent}]"
    lines = [f"{inner}{json.dumps(name)}: {_expand(one, levels - 1, inner)}" for name, one in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"


def write_or_check(folder: Path, files: Mapping[str, str], command: str, arguments: Sequence[str]) -> int:
    """Write the files of a folder and remove others, or with `--check` only compare; return the exit code."""
    parser = argparse.ArgumentParser(description=f"Writes {folder.name}: {command}")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a file is stale")
    before = {file.name: file.read_text(encoding="utf-8") for file in folder.glob("*.json")}
    if not parser.parse_args(arguments).check:
        folder.mkdir(exist_ok=True)
        for name in before.keys() - files.keys():
            (folder / name).unlink()
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
        return 0
    stale = sorted(name for name in before.keys() | files.keys() if before.get(name) != files.get(name))
    if stale:
        print(f"stale in {folder.parent.name}/{folder.name}: {', '.join(stale)}; run {command}")
    return 1 if stale else 0
