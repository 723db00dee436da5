"""The entry of a packaged Python function on Lambda: secrets first, then the handler that the person named."""

from semantest_handler import named_handler
from semantest_secrets import load_secrets

load_secrets()
handler = named_handler()
