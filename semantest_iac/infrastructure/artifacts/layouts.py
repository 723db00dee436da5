"""What a package is made of: our files by cloud and language, the layers of a user's files, and their recipe."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from semantest_iac.domain.errors import Fault
from semantest_iac.infrastructure.artifacts.file_filter import FileFilter
from semantest_iac.infrastructure.artifacts.installers import ProgramRunner
from semantest_iac.infrastructure.artifacts.linked_modules import find_linked_modules
from semantest_iac.infrastructure.artifacts.node_modules import find_dev_module_folders
from semantest_iac.infrastructure.container_images.image_archives import ChooseLayer, ImageSettings

PAYLOADS = Path(__file__).parents[2] / "payloads"
NODE_SHIM_FILES = (
    "semantest_application.cjs",
    "semantest_server.cjs",
    "semantest_http.cjs",
    "semantest_stream.cjs",
)
FUNCTIONS_SHIM_FILES = (
    "semantest_events.cjs",
    "semantest_functions.cjs",
    "semantest_payload.cjs",
    "semantest_trigger.cjs",
    "semantest_vault.cjs",
)
_NODE_SEND_PREFIX = "node_modules/semantest-send/"
PAYLOAD_PREFIXES = {
    "websocket_node_send": _NODE_SEND_PREFIX,
    "message_node_send": _NODE_SEND_PREFIX,
    "function_node_call": "node_modules/semantest-call/",
}
"""Prefixes of payloads that are not at the root of their package: where `require` finds them, on either cloud."""

HOST_SETTINGS = {"functions_host": ("host.json",)}


@dataclass(frozen=True, slots=True)
class PackageLayout:
    """The structure of a package for one cloud and language.

    `handler` is what the cloud calls; `source` and `site` are the folders of the user's files and of their
    requirements; `library` is a payload whose locked node modules lie beside them. With `calls_handlers` the cloud
    calls our handlers directly, without an entry between. `wrapper` is a handler that runs before the user's handler.
    Of payloads with a file of the same path the last wins; `renamed` are files that then get another path.
    """

    handler: str
    payloads: Mapping[str, tuple[str, ...]]
    settings: str
    source: str = ""
    site: str = ""
    library: str = ""
    calls_handlers: bool = False
    wrapper: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)

    def with_wrapper(self, wrapper: str, payloads: Mapping[str, tuple[str, ...]]) -> PackageLayout:
        return replace(self, wrapper=wrapper, payloads={**self.payloads, **payloads})

    def with_payloads(self, payloads: Mapping[str, tuple[str, ...]]) -> PackageLayout:
        return replace(self, payloads={**self.payloads, **payloads})

    def with_messages(self, payloads: Mapping[str, tuple[str, ...]]) -> PackageLayout:
        return replace(self.with_payloads(payloads), renamed=MESSAGE_RENAMES)

    def generated_files(self, **settings: Any) -> dict[str, bytes]:
        """Return our own files by path, with the settings that name the handlers to load."""
        settings |= {"wrapper": self.wrapper} if self.wrapper else {}
        files = {
            self.renamed.get(f"{folder}/{name}", PAYLOAD_PREFIXES.get(folder, "") + name): content
            for folder, names in self.payloads.items()
            for name, content in read_payload(folder, *names)
        }
        return files | {self.settings: json.dumps(settings, sort_keys=True).encode()}


def read_payload(folder: str, *names: str) -> list[tuple[str, bytes]]:
    """Return files of a payload with their content; without names all its Python modules."""
    modules = sorted(path.name for path in (PAYLOADS / folder).glob("*.py"))
    return [(name, (PAYLOADS / folder / name).read_bytes()) for name in names or modules]


LAYOUTS: Mapping[tuple[str, str], PackageLayout] = {
    ("aws", "python"): PackageLayout(
        "semantest_entry.handler",
        {"python_entry": ("semantest_entry.py", "semantest_handler.py")},
        "semantest_entry.json",
        calls_handlers=True,
    ),
    ("aws", "nodejs"): PackageLayout(
        "semantest_shim.handler",
        {"node_shim": ("semantest_shim.cjs", *NODE_SHIM_FILES, "semantest_secrets.cjs")},
        "semantest_shim.json",
        calls_handlers=True,
    ),
    ("azure", "python"): PackageLayout(
        "function_app.py",
        {
            **HOST_SETTINGS,
            "functions_python": (
                "function_app.py",
                "semantest_events.py",
                "semantest_payload.py",
                "semantest_trigger.py",
                "semantest_vault.py",
            ),
            "python_entry": ("semantest_handler.py",),
        },
        "semantest_entry.json",
        source="source/",
        site=".python_packages/lib/site-packages/",  # where the worker looks
    ),
    ("azure", "nodejs"): PackageLayout(
        "semantest_functions.cjs",
        {
            **HOST_SETTINGS,
            "functions_node": ("package.json", *FUNCTIONS_SHIM_FILES),
            "node_shim": NODE_SHIM_FILES,
        },
        "semantest_shim.json",
        source="source/",
        library="functions_node",
    ),
}
"""By provider and language. Azure's folders keep our files and modules apart from the user's."""

APPLICATION_FILES = {"python_application": ("semantest_application.py",)}
"""What serves an ASGI or WSGI application, on every cloud; its adapters are requirements."""

WEB_PUBSUB_FILES = (
    "semantest_admission.py",
    "semantest_azure.py",
    "semantest_cloudevents.py",
    "semantest_identity.py",
)
NODE_WEB_PUBSUB_FILES = ("semantest_gateway_events.cjs", "semantest_azure.cjs", "semantest_identity.cjs")
TOKEN_FILES = {"websocket_authorizer": ("semantest_tokens.py",)}
NODE_TOKEN_FILES = {"gateway_authorizer": ("semantest_tokens.cjs",)}
PYTHON_SEND_FILES = {"websocket_send": ("semantest_send.py",)}
NODE_SEND_FILES = {"websocket_node_send": ("index.cjs", "package.json")}
WEBSOCKET_ADDITIONS: Mapping[tuple[str, str], tuple[str, Mapping[str, tuple[str, ...]]]] = {
    ("aws", "nodejs"): ("", NODE_SEND_FILES),
    ("aws", "python"): ("", {**PYTHON_SEND_FILES, "websocket_service": ("semantest_aws.py",)}),
    ("azure", "python"): (
        "semantest_gateway_events.handler",
        {
            **PYTHON_SEND_FILES,
            **TOKEN_FILES,
            "websocket_azure": ("semantest_gateway_events.py", *WEB_PUBSUB_FILES),
        },
    ),
    ("azure", "nodejs"): (
        "./semantest_gateway_events.cjs",
        {**NODE_SEND_FILES, **NODE_TOKEN_FILES, "websocket_node": NODE_WEB_PUBSUB_FILES},
    ),
}
"""The wrapper and the additional payloads of a package that serves WebSockets."""

MESSAGE_HOST_SETTINGS = {"functions_host_messages": ("host.json",)}
"""Takes the place of HOST_SETTINGS: the host needs a bundle of extensions for messages, and none for requests."""
_PYTHON_MESSAGE_FILES = {**PYTHON_SEND_FILES, "message_send": ("semantest_messages.py", "semantest_send.py")}
_NODE_MESSAGE_FILES = {**NODE_SEND_FILES, "message_node_send": ("messages.cjs", "package.json", "send.cjs")}
MESSAGE_ADDITIONS: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("aws", "nodejs"): _NODE_MESSAGE_FILES,
    ("aws", "python"): _PYTHON_MESSAGE_FILES,
    ("azure", "nodejs"): {**MESSAGE_HOST_SETTINGS, **_NODE_MESSAGE_FILES},
    ("azure", "python"): {**MESSAGE_HOST_SETTINGS, **_PYTHON_MESSAGE_FILES},
}
"""The additional payloads of a package whose functions get or send messages; others stay as they are."""
MESSAGE_RENAMES = {"websocket_send/semantest_send.py": "semantest_post.py"}
"""The helper that sends to clients alone, where one that also sends messages takes its name."""

CALL_ADDITIONS: Mapping[tuple[str, str], Mapping[str, tuple[str, ...]]] = {
    ("aws", "nodejs"): {"function_node_call": ("call.cjs", "package.json")},
    ("aws", "python"): {"function_call": ("semantest_call.py",)},
    ("azure", "nodejs"): {
        "function_node_call": ("call.cjs", "package.json"),
        "websocket_node": ("semantest_azure.cjs", "semantest_identity.cjs"),
        **NODE_TOKEN_FILES,
    },
    ("azure", "python"): {
        "function_call": ("semantest_call.py", "semantest_callers.py"),
        "websocket_azure": ("semantest_azure.py", "semantest_identity.py"),
        **TOKEN_FILES,
    },
}
"""The additional payloads of a package whose functions call each other; others stay as they are.

On Azure they hold what finds out who calls.
"""


def find_layout(provider: str, language: str, *, for_sockets: bool = False) -> PackageLayout:
    layout, sockets = LAYOUTS[provider, language], WEBSOCKET_ADDITIONS.get((provider, language))
    return layout.with_wrapper(*sockets) if for_sockets and sockets else layout


@dataclass(frozen=True, slots=True)
class PackageLayer:
    """A folder whose filtered files go into the package under `prefix`.

    Links may point to everything in `boundary`, which is the folder itself unless it is given.
    """

    folder: Path
    file_filter: FileFilter
    prefix: str = ""
    boundary: Path | None = None


def find_node_layers(folder: Path, boundary: Path, file_filter: FileFilter, prefix: str) -> tuple[PackageLayer, ...]:
    """Return the layer of a project, and one for each module that lies in a store and is linked from there."""
    linked = find_linked_modules(folder)
    left_out = file_filter.excluded_paths | find_dev_module_folders(folder) | linked.replaced
    root = PackageLayer(folder, replace(file_filter, excluded_paths=left_out), prefix, boundary)
    layers = [root]
    for place, module in linked.places.items():
        inner = f"{module.relative_to(folder.resolve()).as_posix()}/"
        links = frozenset(path.removeprefix(inner) for path in linked.replaced if path.startswith(inner))
        inside = replace(file_filter, excluded_paths=links, place=f"{place}/")
        layers += [PackageLayer(module, inside, f"{prefix}{place}/", boundary)]
    return tuple(layers)


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """What makes an image of a package: the base by its name, what the image says, and its layers.

    `python` is the version for which dependencies are installed, empty without any.
    """

    base: str
    settings: ImageSettings
    layers: Sequence[str]
    choose_layer: ChooseLayer
    notes: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True, slots=True)
class PreparedLayers:
    """The layers of a package in the order of their precedence, with notes for the user.

    `inputs` are files besides the recipe's layers that decided about the content. `generated` takes the place of
    our files in the recipe where these depend on what a build makes. `exits` holds folders in place until it is closed.
    """

    layers: Sequence[PackageLayer] = ()
    notes: tuple[str, ...] = ()
    inputs: tuple[Path, ...] = ()
    generated: Mapping[str, bytes] | None = None
    exits: ExitStack = field(default_factory=ExitStack)


@dataclass(frozen=True, slots=True)
class PackageRecipe:
    """The files of a package: ours (`generated`), then the layers that `prepare` sets up in a workspace.

    The states of `root` and of the `watched` folders, and `facts`, decide whether the package is built again. With
    `is_transformed`, what is packaged differs from `root`, which may then be of any size. `missing_programs` are faults
    of this machine that building it would meet. `sources` hold the person's own files, with the patterns that select
    them: the source, and the local projects that it depends on. With an `image` the package is one.
    """

    handler: str
    runtime: str
    generated: Mapping[str, bytes]
    root: PackageLayer | None = None
    watched: Sequence[PackageLayer] = ()
    facts: Sequence[bytes] = ()
    is_transformed: bool = False
    missing_programs: tuple[Fault, ...] = ()
    prepare: Callable[[Path, ProgramRunner], PreparedLayers] = field(default=lambda workspace, runner: PreparedLayers())
    sources: Sequence[PackageLayer] = ()
    image: ImagePlan | None = None
