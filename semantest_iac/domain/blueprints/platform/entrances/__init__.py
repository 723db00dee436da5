"""The layers that receive requests from outside."""
