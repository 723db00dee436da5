"""Remembers which requests have no answer yet, for the process after one that ends before it gave it."""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import get_args
from uuid import uuid4

from semantest_iac.infrastructure.durable_files import (
    make_private_folder,
    open_lock_file,
    remove_file,
    remove_folder,
    replace_file,
)
from semantest_iac.infrastructure.file_locks import is_in_place, lock_or_close
from semantest_iac.infrastructure.pythoneda_bridge.messages import ReceivedRequest, Wanted

_LOG = logging.getLogger(__name__)
_LOCK_FILE = "lock"
_NAME_LENGTH = 32


class UnansweredRequests:
    """Files below the home, in a folder for each application, and in that one for each process.

    A request is written before it is submitted, without its metadata, and removed once its answer was given. A process
    holds a lock in its folder, which ends with it: what is left behind is taken over by one other process of the same
    application. Any thread may call it.
    """

    def __init__(self, home: Path, application: str) -> None:
        self._folder = home / "pythoneda" / _file_name(application)
        self._own = self._folder / uuid4().hex
        self._held: dict[Path, int] = {}
        self._holding = Lock()

    def note(self, request: ReceivedRequest) -> None:
        """Remember that a request is to be answered; it is durable when this returns. Raises OSError."""
        make_private_folder(self._own)
        if not self._hold(self._own):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK), str(self._own))
        fields = {
            "wanted": request.wanted,
            "id": request.id,
            "stack_name": request.stack_name,
            "project_name": request.project_name,
            "location": request.location,
            "causes": request.causes,
        }
        replace_file(self._own / _request_file(request.id), json.dumps(fields))

    def forget(self, id_: str) -> None:
        """The request is answered. Raises OSError."""
        for folder in tuple(self._held):
            remove_file(folder / _request_file(id_))
            if folder != self._own:
                self._remove_if_empty(folder)

    def take_over(self) -> Iterator[ReceivedRequest]:
        """Yield the requests of processes that have ended; a damaged file is left alone and logged."""
        for folder in sorted(self._folder.glob("[0-9a-f]" * _NAME_LENGTH)):
            if folder == self._own or not self._hold(folder):
                continue
            for path in sorted(folder.glob("*.json")):
                try:
                    yield _read_request_file(path)
                except (OSError, ValueError, KeyError, TypeError) as error:
                    _LOG.warning("Cannot read '%s', which names an unanswered request: %s", path, type(error).__name__)
            self._remove_if_empty(folder)

    def close(self) -> None:
        """Leave what is not answered to another process, as the end of this one does."""
        for folder in tuple(self._held):
            self._remove_if_empty(folder)
        with self._holding:
            for descriptor in self._held.values():
                os.close(descriptor)
            self._held.clear()
            self._own = self._folder / uuid4().hex

    def _hold(self, folder: Path) -> bool:
        """Take the lock of a folder, unless a living process has it."""
        with self._holding:
            if folder in self._held:
                return True
            try:
                descriptor = lock_or_close(open_lock_file(folder / _LOCK_FILE))
            except FileNotFoundError:  # another process has removed the folder
                return False
            if descriptor is None:
                return False
            if not is_in_place(descriptor, folder / _LOCK_FILE):
                os.close(descriptor)
                return False
            self._held[folder] = descriptor
            return True

    def _remove_if_empty(self, folder: Path) -> None:
        if next(folder.glob("*.json"), None) is not None:
            return
        with self._holding:
            descriptor = self._held.pop(folder, None)
            if descriptor is not None:
                remove_folder(folder)
                os.close(descriptor)


def _read_request_file(path: Path) -> ReceivedRequest:
    fields = json.loads(path.read_text(encoding="utf-8"))
    if fields["wanted"] not in get_args(Wanted):
        raise ValueError(fields["wanted"])
    id_, *names = [str(fields[name]) for name in ("id", "stack_name", "project_name", "location")]
    stack_name, project_name, location = names
    causes = tuple(map(str, fields["causes"]))
    return ReceivedRequest(fields["wanted"], id_, stack_name, project_name, location, causes)


def _request_file(id_: str) -> str:
    return f"{_file_name(id_)}.json"


def _file_name(text: str) -> str:
    """Return a file name for any text: ids and names are those of others."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:_NAME_LENGTH]
