"""The worker: the child process that runs operations with the Automation API, and the IPC between it and its parent.

The parent imports only `ipc`; the other modules import Pulumi."""
