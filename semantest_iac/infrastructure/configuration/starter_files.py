"""Writes the first semantest.yaml of a project: what was found in its folder, with comments on what can be changed."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from semantest_iac.domain.environments.names import DEFAULT_PROVIDER, SERVICE_TYPES, secret_variable_name
from semantest_iac.domain.ports.service_finder import FoundService
from semantest_iac.domain.security.secret_patterns import looks_secret

_COMMENT_COLUMN = 28
_PLAIN = re.compile(r"[A-Za-z./][\w./@()-]*(:[\w.()]+)?")
_CONNECTION_NAME = re.compile(r"(_|^)(URL|URI|DSN)$")
_HANDLER_NAMES = ("handler", "lambda_handler", "lambdaHandler", "main")
_WITHOUT_SERVICE = "no service was found here: without a source, a small one is deployed that answers GET /health"
_WITHOUT_SOURCE = """\
    # memory: 1024
    # source: .
    # entry: server.js  # a Node server; or app: main:app (FastAPI, Flask, ...), or handler: index.handler
"""


def render_starter_file(
    project: str, provider: str, components: Mapping[str, FoundService | None], folder: Path
) -> str:
    """Return the text of the file; None is a component without code of one's own. Sources are relative to `folder`."""
    default = "" if provider == DEFAULT_PROVIDER else "; without this line it would be aws"
    lines = [
        "# What `python -m semantest_iac deploy` deploys, and where. docs/configuration.md describes every key, and",
        "# `python -m semantest_iac config validate` checks this file.",
        _with_comment(f"project: {project}", "the first part of every name in the cloud; keep it"),
        _with_comment(f"provider: {provider}", f"aws or azure{default}"),
        _with_comment("# region: eu-west-1", "by default us-east-1 on aws, eastus on azure"),
        "",
        "components:",
    ]
    for name, service in components.items():
        if service is None:
            lines += [*_render_name(name, _WITHOUT_SERVICE), *_WITHOUT_SOURCE.splitlines()]
        else:
            lines += _render_component(name, service, folder)
    return "".join(f"{line}\n" for line in lines)


def _secret_name(variable: str) -> str:
    """Return the name of the secret that holds a variable."""
    return re.sub(r"_+", "_", variable.lower()).strip("_")


def _find_required_secrets(service: FoundService) -> tuple[str, ...]:
    """Return the variables that the service does not start without and that hold secrets."""
    return tuple(name for name in service.variables if _is_secret(name))


def _render_component(name: str, service: FoundService, folder: Path) -> Iterator[str]:
    place = (service.folder / service.file).resolve()
    yield from _render_name(name, f"{service.framework}, found in {os.path.relpath(place, folder.resolve())}")
    yield f"    source: {_scalar(os.path.relpath(service.folder.resolve(), folder.resolve()))}"
    if service.build:
        yield _with_comment(f"    build: {service.build}", "runs in a copy of the source before it is packaged")
    if service.option:
        yield f"    {service.option}: {_scalar(service.value)}"
    if service.runtime:
        yield _with_comment(f"    runtime: {service.runtime}", "the Python of this machine, on which it is tried out")
    if service.handlers:
        yield _with_comment("    routes:", "a function for each; write the paths and methods that your clients use")
        for handler in service.handlers:
            yield f"      - {{path: {_scalar(_suggest_path(handler))}, handler: {_scalar(handler)}}}"
    yield _with_comment("    # memory: 1024", "MB; 512 in development, 1024 in production")
    yield _with_comment("    # health: {path: /ready}", "what is asked after a deployment; /health, if there is one")
    yield from _render_variables(service)


def _render_name(name: str, comment: str) -> Iterator[str]:
    yield _with_comment(f"  {name}:", comment)
    if name not in SERVICE_TYPES:
        yield "    type: rest-api"


def _suggest_path(handler: str) -> str:
    file, _, function = handler.rpartition(".")
    return f"/{file}" if function in _HANDLER_NAMES else f"/{file}/{function}"


def _render_variables(service: FoundService) -> Iterator[str]:
    secrets = _find_required_secrets(service)
    if secrets:
        yield "    environment:"
        for name in secrets:
            where = f"from {secret_variable_name(_secret_name(name))}, in your environment or .env"
            yield _with_comment(f"      {name}: ${{secrets.{_secret_name(name)}}}", where)
    others = [name for name in (*service.variables, *service.optional_variables) if name not in secrets]
    if not others:
        return
    if not secrets:
        yield _with_comment("    # environment:", "the code reads these")
    for name in others:
        value = f"${{secrets.{_secret_name(name)}}}" if _is_secret(name) else "..."
        yield f"    #   {name}: {value}"


def _is_secret(name: str) -> bool:
    return looks_secret(name, "value") or _CONNECTION_NAME.search(name) is not None


def _with_comment(text: str, comment: str) -> str:
    return f"{text.ljust(_COMMENT_COLUMN)}  # {comment}" if comment else text


def _scalar(text: str) -> str:
    """Return the text as YAML reads it back, in quotes where that is needed."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
