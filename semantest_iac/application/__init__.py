"""What happens when a message arrives: intake, bus, handlers, the process that orders the steps.

Knows ports, never adapters."""
