"""Before function apps of Azure: their host, API Management, Web PubSub, its directory, and tables."""
