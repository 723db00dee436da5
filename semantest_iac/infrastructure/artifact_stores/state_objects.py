"""The files of a Pulumi backend as objects of S3 or of Azure's blobs, opened by the URL that the CLI takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlsplit

from semantest_iac.domain.errors import ExtraMissingError, StateStoreError, UnreachableStateError
from semantest_iac.infrastructure.artifact_stores.store_failures import describe_store_failure, is_object_missing

_CONNECT_TIMEOUT, _REQUEST_TIMEOUT = "5s", "60s"
_MOST_RETRIES, _RETRY_TIMEOUT_S = 3, 30
_AZURE_HOST = "blob.core.windows.net"
_SETTING = "state.backend"


@dataclass(frozen=True, slots=True)
class StoreParameters:
    """A class of obstore with what it is created from; `credentials` names the variables that open it."""

    client_class: str
    options: Mapping[str, Any] = field(repr=False)
    credentials: str
    is_insecure: bool = False


def _read_s3(parameters: Mapping[str, str], variables: Mapping[str, str]) -> StoreParameters:
    """Credentials that no variable has come from the chain of boto3, if it is installed: profiles, logins, roles."""
    scheme = "http" if parameters.get("disableSSL", "").lower() == "true" else "https"
    endpoint = parameters.get("endpoint", "")
    named = endpoint if "://" in endpoint else f"{scheme}://{endpoint}" if endpoint else ""
    endpoint = named or variables.get("AWS_ENDPOINT_URL_S3", "") or variables.get("AWS_ENDPOINT_URL", "")
    region = parameters.get("region") or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
    path_style = parameters.get("s3ForcePathStyle", parameters.get("use_path_style", "")).lower() == "true"
    is_virtual_hosted = not endpoint and not path_style
    options: dict[str, Any] = {
        "endpoint": endpoint, "region": region, "virtual_hosted_style_request": is_virtual_hosted
    }  # fmt: skip
    known = {
        "access_key_id": variables.get("AWS_ACCESS_KEY_ID"),
        "secret_access_key": variables.get("AWS_SECRET_ACCESS_KEY"),
        "session_token": variables.get("AWS_SESSION_TOKEN"),
    }
    if known["access_key_id"] and not parameters.get("profile"):
        options |= known
    elif provider := _find_boto3_credentials(parameters.get("profile") or variables.get("AWS_PROFILE"), region):
        options["credential_provider"] = provider
    names = "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_REGION, or AWS_PROFILE"
    return StoreParameters("S3Store", options, names, endpoint.startswith("http://"))


def _find_boto3_credentials(profile: str | None, region: str | None) -> Any:
    """Return what asks boto3 for credentials; None without boto3, or where it has none."""
    from importlib.util import find_spec

    if find_spec("boto3") is None:
        return None
    from boto3 import Session
    from botocore.exceptions import BotoCoreError
    from obstore.auth.boto3 import Boto3CredentialProvider

    with suppress(BotoCoreError, ValueError):
        session = Session(profile_name=profile, region_name=region)
        return Boto3CredentialProvider(session) if session.get_credentials() else None
    return None


def _read_azure(parameters: Mapping[str, str], variables: Mapping[str, str]) -> StoreParameters:
    account = parameters.get("storage_account") or variables.get("AZURE_STORAGE_ACCOUNT", "")
    scheme, domain = parameters.get("protocol") or "https", parameters.get("domain") or _AZURE_HOST
    is_emulator = parameters.get("localemu", "").lower() == "true"
    endpoint = f"{scheme}://{domain}/{account}" if is_emulator else f"{scheme}://{account}.{domain}"
    key, token = variables.get("AZURE_STORAGE_KEY"), variables.get("AZURE_STORAGE_SAS_TOKEN")
    application = {
        "client_id": variables.get("AZURE_CLIENT_ID"),
        "client_secret": variables.get("AZURE_CLIENT_SECRET"),
        "tenant_id": variables.get("AZURE_TENANT_ID"),
        "federated_token_file": variables.get("AZURE_FEDERATED_TOKEN_FILE"),
    }
    options: dict[str, Any] = {"account_name": account, "endpoint": endpoint}
    if key:
        options["account_key"] = key
    elif token:
        options["sas_key"] = token
    elif application["client_id"]:
        options |= application
    else:
        options["use_azure_cli"] = True
    names = "AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or run az login"
    return StoreParameters("AzureStore", options, names, scheme == "http")


_READERS: Mapping[str, Callable[[Mapping[str, str], Mapping[str, str]], StoreParameters]] = {
    "s3": _read_s3,
    "azblob": _read_azure,
}
"""Scheme of the URL -> what reads its parameters and the variables, as the CLI does."""


class StateObjects:
    """The files below `.pulumi` of a backend in an object store; writing one replaces it as a whole.

    Raises StateStoreError, whose text repeats nothing of what the store says.
    """

    def __init__(self, url: str, variables: Mapping[str, str]) -> None:
        self._parts = urlsplit(url)
        self._variables = variables
        prefix = self._parts.path.strip("/")
        self._prefix = f"{prefix}/.pulumi" if prefix else ".pulumi"
        self.location = f"{self._parts.scheme}://{self._parts.netloc}/{self._prefix}"

    def locate(self, name: str) -> str:
        """Return the URL of a file, as it is shown."""
        return f"{self.location}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return the content of a file, None if there is none."""
        import obstore

        with self._translate_errors("read"):
            try:
                return bytes(obstore.get(self._client, name).bytes())
            except FileNotFoundError as error:
                if not is_object_missing(error):
                    raise
        return None

    def write(self, name: str, content: bytes) -> None:
        """Give a file this content."""
        import obstore

        with self._translate_errors("write"):
            obstore.put(self._client, name, content)

    def delete(self, name: str) -> None:
        """Remove a file that may be gone already."""
        import obstore

        with self._translate_errors("write"), suppress(FileNotFoundError):
            obstore.delete(self._client, name)

    def list_files(self, folder: str) -> list[str]:
        """Return the names of all files below a folder, sorted."""
        import obstore

        with self._translate_errors("list"):
            return sorted(found["path"] for batch in obstore.list(self._client, folder) for found in batch)

    def remove_incomplete(self, folder: str) -> None:
        """Leave everything: an object is complete or it is not there."""

    @cached_property
    def _parameters(self) -> StoreParameters:
        from importlib.util import find_spec

        if find_spec("obstore") is None:
            raise ExtraMissingError(f"use the state in '{self.location}'", "obstore", "object-store")
        parameters = {name: values[-1] for name, values in parse_qs(self._parts.query).items()}
        return _READERS[self._parts.scheme](parameters, self._variables)

    @cached_property
    def _client(self) -> Any:
        from obstore import store

        parameters = self._parameters
        return getattr(store, parameters.client_class)(
            self._parts.netloc,
            prefix=self._prefix,
            client_options={
                "connect_timeout": _CONNECT_TIMEOUT,
                "timeout": _REQUEST_TIMEOUT,
                "allow_http": parameters.is_insecure,
            },
            retry_config={"max_retries": _MOST_RETRIES, "retry_timeout": timedelta(seconds=_RETRY_TIMEOUT_S)},
            **{name: value for name, value in parameters.options.items() if value not in (None, "")},
        )

    @contextmanager
    def _translate_errors(self, verb: str) -> Iterator[None]:
        credentials = self._parameters.credentials
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, FileNotFoundError, ValueError) as error:
            purpose = f"{verb} the state in '{self.location}'"
            failure = describe_store_failure(error, purpose, _SETTING, credentials)
            if failure.is_unreachable:
                raise UnreachableStateError(failure.message, hint=failure.hint) from error
            raise StateStoreError(failure.message, f"STATE_STORE_{failure.code}", hint=failure.hint) from error
