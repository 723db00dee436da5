"""The types of Azure that only the platform's layers use, one module per family of services.

Belongs here: rules like those in the folder above, which `catalogue` combines. Not here: rules of types that services
use without the platform.
"""
