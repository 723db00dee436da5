"""Events over HTTP: signed webhooks, and Semantest's WebSocket server.

Only the modules that serve or connect import aiohttp.
"""
