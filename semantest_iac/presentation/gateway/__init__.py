"""The HTTP and WebSocket server of simulated stacks: translates between loopback connections and requests.

Which stack, version or process answers a request, and whether it may, is decided in local_service.
"""
