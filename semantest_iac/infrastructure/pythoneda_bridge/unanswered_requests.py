"""Remembers which requests have no answer yet, for the process after one that ends before it gave it."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from semantest_iac.infrastructure.durable_files import make_private_folder, remove_file, replace_file
from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest, Wanted

_LOG = logging.getLogger(__name__)


class UnansweredRequests:
    """Files below the home, in a folder for each application: each gets the answers to its own requests.

    A request is written before it is submitted, without its metadata, and removed once its answer was given: what is
    left belongs to a process that ended before that.
    """

    def __init__(self, home: Path, application: str) -> None:
        self._folder = home / "pythoneda" / _file_name(application)

    def note(self, request: ReceivedRequest) -> None:
        """Remember that a request is to be answered; it is durable when this returns."""
        make_private_folder(self._folder)
        fields = {
            "wanted": request.wanted,
            "id": request.id,
            "stack_name": request.stack_name,
            "project_name": request.project_name,
            "location": request.location,
            "causes": request.causes,
        }
        replace_file(self._request_file(request.id), json.dumps(fields))

    def forget(self, id_: str) -> None:
        """The request is answered."""
        remove_file(self._request_file(id_))

    def list_all(self) -> Iterator[ReceivedRequest]:
        """Yield the requests that were not answered; a damaged file is left alone and logged."""
        for path in sorted(self._folder.glob("*.json")):
            try:
                yield _read_request_file(path)
            except (OSError, ValueError, KeyError, TypeError) as error:
                _LOG.warning("Cannot read '%s', which names an unanswered request: %s", path, type(error).__name__)

    def _request_file(self, id_: str) -> Path:
        return self._folder / f"{_file_name(id_)}.json"


def _read_request_file(path: Path) -> ReceivedRequest:
    fields = json.loads(path.read_text(encoding="utf-8"))
    if fields["wanted"] not in get_args(Wanted):
        raise ValueError(fields["wanted"])
    id_, *names = [str(fields[name]) for name in ("id", "stack_name", "project_name", "location")]
    stack_name, project_name, location = names
    causes = tuple(map(str, fields["causes"]))
    return ReceivedRequest(fields["wanted"], id_, stack_name, project_name, location, causes)


def _file_name(text: str) -> str:
    """Return a file name for any text: ids and names are those of others."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
