"""The command line: turns options into requests, results into text or JSON, and errors into exit codes."""
