"""The AWS types on which the layers of the platform stand."""
