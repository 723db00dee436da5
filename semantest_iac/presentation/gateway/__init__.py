"""The HTTP and WebSocket face of simulated stacks: bytes from loopback to requests, answers back to bytes.

Not here: which stack, version or process answers, and whether it may (local_service)."""
