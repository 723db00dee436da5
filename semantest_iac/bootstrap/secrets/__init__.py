"""Joins what secrets need: variables, the stores of clouds, and the redactor that knows their values.

What is done with secrets belongs to `application/secrets`, how a store is called to `infrastructure/secret_stores`.
"""
