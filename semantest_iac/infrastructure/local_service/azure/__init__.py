"""What surrounds a function app on Azure, on this machine: its host, API Management, Web PubSub, Entra and tables."""
