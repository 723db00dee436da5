"""The command line: options to requests, results to text or JSON, errors to exit codes."""
