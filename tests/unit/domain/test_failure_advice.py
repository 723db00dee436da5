"""What a person is told to do about a failure, by the words of languages and clients."""

from __future__ import annotations

import pytest

from semantest_iac.domain.compute.failure_advice import advise_on_failure

NODE = "node:internal/modules/cjs/loader:1143\n  throw err;\n\n"
CASES = {
    "Python's environment": ("KeyError: 'DATABASE_URL'", "the variable DATABASE_URL: set it under `environment`"),
    "another key": ("KeyError: 'name'", ""),
    "pydantic": (
        "pydantic_core._pydantic_core.ValidationError: 1 validation error for Settings\ndatabase_url\n  Field required "
        "[type=missing, input_value={}, input_type=dict]",
        "the variable database_url",
    ),
    "a check of one's own": ("Error: Missing required environment variable: STRIPE_KEY_ID", "STRIPE_KEY_ID"),
    "another check": ("AssertionError: MONGO_URI is not defined", "the variable MONGO_URI"),
    "Django": ("ImproperlyConfigured: The SECRET_KEY setting must not be empty.", "SECRET_KEY"),
    "a Python module": ("ModuleNotFoundError: No module named 'fastapi'", "'fastapi' to requirements.txt"),
    "Lambda's form": (
        "Runtime.ImportModuleError: Unable to import module 'app': No module named 'yaml.loader'",
        "module 'yaml' to requirements.txt",
    ),
    "a Node module": (f"{NODE}Error: Cannot find module 'express'\nRequire stack:", "'express' to the dependencies"),
    "a scoped module": ("Error: Cannot find module '@scope/lib/deep'", "'@scope/lib' to the dependencies"),
    "an ES module": (
        "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'zod' imported from /var/task/index.mjs",
        "'zod' to the dependencies of package.json",
    ),
    "a file": ("Error: Cannot find module './dist/app.js'\nRequire stack:", "'./dist/app.js' is not in the package"),
    "an unknown host": ("Error: getaddrinfo ENOTFOUND db.internal", "cannot reach db.internal"),
    "a closed port": ("Error: connect ECONNREFUSED 127.0.0.1:27017", "cannot reach 127.0.0.1:27017"),
    "psycopg": (
        'psycopg.OperationalError: connection failed: connection to server at "10.0.0.9", port 5432 failed: timeout',
        "cannot reach 10.0.0.9",
    ),
    "requests": (
        "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='api.example.com', port=443): Max retries "
        "exceeded with url: /v1 (Caused by NameResolutionError(\"Failed to resolve 'api.example.com'\"))",
        "cannot reach api.example.com",
    ),
    "redis": ("redis.exceptions.ConnectionError: Error 111 connecting to x:6379. Connection refused.", "cannot reach"),
    "boto3": ("botocore.exceptions.NoCredentialsError: Unable to locate credentials", "finds no credentials"),
    "the SDK of AWS": (
        "CredentialsProviderError: Could not load credentials from any providers",
        "finds no credentials",
    ),
    "nothing known": ("TypeError: x is not a function", ""),
}


@pytest.mark.parametrize(("output", "advice"), CASES.values(), ids=CASES)
def test_names_what_is_missing(output: str, advice: str) -> None:
    found = advise_on_failure(f"Traceback (most recent call last):\n  File app.py\n{output}\n")

    assert advice in found
    assert bool(found) is bool(advice)
