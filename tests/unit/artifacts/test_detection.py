"""Services are recognized by their files, and nothing of them is run."""

from __future__ import annotations

from pathlib import Path

import pytest

from semantest_iac.domain.ports.service_finder import FoundService
from semantest_iac.infrastructure.artifacts.detection.services import find_services
from tests.documented_examples import read_examples, write_example

Files = dict[str, str]

# Title of the documented example -> its framework, option and value.
_DOCUMENTED = {
    "FastAPI": ("FastAPI", "app", "main:app"),
    "Starlette": ("Starlette", "app", "main:app"),
    "Flask": ("Flask", "app", "main:create_app()"),
    "Django": ("Django", "app", "project.wsgi:application"),
    "Express": ("Express", "entry", "server.js"),
    "Fastify": ("Fastify", "entry", "server.js"),
    "Koa": ("Koa", "entry", "server.js"),
    "NestJS": ("NestJS", "entry", "dist/main.js"),
}
_EXPRESS = '{"dependencies": {"express": "5"}%s}'
_LISTEN = "require('express')().listen(3000)\n"
_FASTAPI = "from fastapi import FastAPI\n"

# Files -> the source, the framework, and the option with its value.
_FOUND: dict[str, tuple[Files, tuple[str, str, str]]] = {
    "module import and another name": (
        {"service.py": "import fastapi as web\nif True:\n    api: web.FastAPI = web.FastAPI()\n"},
        (".", "FastAPI", "app: service:api"),
    ),
    "the application of a package": (
        {"shop/__init__.py": "", "shop/main.py": f"{_FASTAPI}app = FastAPI()\n"},
        (".", "FastAPI", "app: shop.main:app"),
    ),
    "main before its parts": (
        {"main.py": f"{_FASTAPI}app = FastAPI()\n", "admin.py": f"{_FASTAPI}app = FastAPI()\n"},
        (".", "FastAPI", "app: main:app"),
    ),
    "what a factory in another file makes": (
        {
            "shop/__init__.py": "import flask\ndef make():\n    return flask.Flask('shop')\n",
            "wsgi.py": "from shop import make\napp = make()\n",
        },
        (".", "Flask", "app: wsgi:app"),
    ),
    "modules that are imported from their own folder": (
        {"src/main.py": f"{_FASTAPI}import store\napp = FastAPI()\n", "src/store.py": ""},
        ("src", "FastAPI", "app: main:app"),
    ),
    "Django below manage.py": (
        {
            "backend/manage.py": "",
            "backend/site1/__init__.py": "",
            "backend/site1/wsgi.py": "from django.core.wsgi import get_wsgi_application as get\napplication = get()\n",
        },
        ("backend", "Django", "app: site1.wsgi:application"),
    ),
    "only what runs on import": (
        {
            "a.py": f"{_FASTAPI}def test():\n    app = FastAPI()\nif __name__ == '__main__':\n    app = FastAPI()\n",
            "handler.py": "def handler(event, context): ...\n",
        },
        (".", "Python handler", "handler: handler.handler"),
    ),
    "the usual handler": (
        {"lambda_function.py": "def lambda_handler(event, _context):\n    return 1\n", "broken.py": "def (\n"},
        (".", "Python handler", "handler: lambda_function.lambda_handler"),
    ),
    "a start script": (
        {
            "package.json": _EXPRESS % ', "scripts": {"start": "node --enable-source-maps web/run.js"}',
            "web/run.js": _LISTEN,
        },
        (".", "Express", "entry: web/run.js"),
    ),
    "main of package.json, without its ending": (
        {"package.json": _EXPRESS % ', "main": "./lib/go"', "lib/go.js": _LISTEN, "other.js": "a.listen(1)"},
        (".", "Express", "entry: lib/go.js"),
    ),
    "TypeScript in place of what is made of it": (
        {"package.json": _EXPRESS % ', "scripts": {"start": "node dist/main"}', "src/main.ts": _LISTEN},
        (".", "Express", "entry: src/main.ts"),
    ),
    "nest's own command": (
        {
            "package.json": '{"dependencies": {"@nestjs/core": "11"}, "scripts": {"start": "nest start"}}',
            "src/main.ts": "await app.listen(3000)",
        },
        (".", "NestJS", "entry: src/main.ts"),
    ),
    "what only a build makes": (
        {"package.json": _EXPRESS % ', "main": "dist/run.js", "scripts": {"build": "make-it"}'},
        (".", "Express", "entry: dist/run.js, build: npm run build"),
    ),
    "a server without a framework": (
        {"run.mjs": "import http from 'node:http'\nhttp.createServer(f).listen(3000)\n"},
        (".", "node:http", "entry: run.mjs"),
    ),
    "a Node handler": (
        {"index.mjs": "export const handler = async (event) => 1\n"},
        (".", "Node handler", "handler: index.handler"),
    ),
}


def _write(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def _describe(folder: Path, service: FoundService) -> tuple[str, str, str]:
    build = f", build: {service.build}" if service.build else ""
    source = service.folder.relative_to(folder).as_posix()
    return source, service.framework, f"{service.option}: {service.value}{build}"


class TestDocumentedExamples:
    def test_are_all_here(self) -> None:
        assert _DOCUMENTED.keys() == read_examples().keys()

    @pytest.mark.parametrize("title", _DOCUMENTED)
    def test_are_recognized(self, tmp_path: Path, title: str) -> None:
        (service,) = find_services(write_example(title, tmp_path))

        assert (service.framework, service.option, service.value) == _DOCUMENTED[title]

    def test_name_the_variables_without_which_they_do_not_start(self, tmp_path: Path) -> None:
        (service,) = find_services(write_example("Django", tmp_path))

        assert service.variables == ("DJANGO_SECRET_KEY",)


class TestServices:
    @pytest.mark.parametrize(("files", "expected"), _FOUND.values(), ids=_FOUND)
    def test_are_found_in(self, tmp_path: Path, files: Files, expected: tuple[str, str, str]) -> None:
        (service,) = find_services(_write(tmp_path, files))

        assert _describe(tmp_path, service) == expected

    def test_stand_beside_each_other(self, tmp_path: Path) -> None:
        write_example("Express", tmp_path / "web")
        write_example("FastAPI", tmp_path / "backend" / "api")

        found = find_services(tmp_path)

        assert [_describe(tmp_path, service)[:2] for service in found] == [
            ("backend/api", "FastAPI"),
            ("web", "Express"),
        ]

    def test_of_several_handlers_have_a_route_each(self, tmp_path: Path) -> None:
        handler = "def handler(event, context): ...\n"

        (service,) = find_services(_write(tmp_path, {"todos/add.py": handler, "todos/get.py": handler}))

        assert (service.option, service.handlers) == ("", ("todos/add.handler", "todos/get.handler"))

    @pytest.mark.parametrize(
        "files",
        [
            {},
            {"package.json": "[", "main.py": "print('hello')\n"},
            {"package.json": '{"dependencies": {"react": "19"}}', "src/index.js": "render()\n"},
            {"node_modules/express/index.js": _LISTEN, "tests/app.py": f"{_FASTAPI}app = FastAPI()\n"},
            {".venv/app.py": f"{_FASTAPI}app = FastAPI()\n", "dist.py/x": ""},
        ],
    )
    def test_are_not_invented(self, tmp_path: Path, files: Files) -> None:
        assert find_services(_write(tmp_path, files)) == ()

    def test_without_requirements_are_noted(self, tmp_path: Path) -> None:
        (service,) = find_services(_write(tmp_path, {"main.py": f"{_FASTAPI}app = FastAPI()\n"}))

        assert service.notes == ("No requirements.txt is there, which would install FastAPI: write one.",)
