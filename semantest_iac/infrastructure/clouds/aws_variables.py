"""The variables of functions on AWS: those that this tool adds, and how many Lambda accepts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, TypeVar

ENVIRONMENT_LIMIT_BYTES: Final = 4096
"""The longest environment of a function; source: AWS's recorded answers to 4,096 and to 4,097 bytes."""

RESERVED_VARIABLES: Final = frozenset(
    (
        *("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_RUNTIME_API"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    )
)
"""The variables that Lambda sets itself; source: reserved environment variables in its developer guide."""

SECRETS_SETTING: Final = "SEMANTEST_SECRETS"
"""The setting that tells the code which secrets to fetch: a JSON map of setting to secret ARN."""

SECRETS_VERSION_SETTING: Final = "SEMANTEST_SECRETS_VERSION"
"""The setting that changes with the versions of these secrets, digits of a digest of their ids."""

CONNECTIONS_ENDPOINT_SETTING: Final = "SEMANTEST_CONNECTIONS_ENDPOINT"
CLIENT_TYPE_INDEX: Final = "by-client-type"
LONGEST_SECRET_NAME: Final = 505  # 512 without the hyphen and six characters that AWS appends to the ARN
LONGEST_TABLE_NAME: Final = 255
LONGEST_BUCKET_NAME: Final = 63

_Text = TypeVar("_Text")


def measure_environment(variables: Mapping[str, str]) -> int:
    """Return the bytes of the variables as Lambda measures them: as one JSON object without spaces."""
    return len(json.dumps(variables, separators=(",", ":"), ensure_ascii=False).encode())


def connection_table_variables(table: _Text, lifetime_s: int) -> dict[str, _Text | str]:
    """Return the variables of a function that uses the table of connections."""
    return {
        "SEMANTEST_CONNECTIONS_TABLE": table,
        "SEMANTEST_CONNECTIONS_INDEX": CLIENT_TYPE_INDEX,
        "SEMANTEST_CONNECTIONS_LIFETIME": str(lifetime_s),
    }
