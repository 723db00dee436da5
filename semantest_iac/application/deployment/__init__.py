"""Carries one accepted request to its terminal event: the steps and their order, their record, rollback and recovery.
Waiting for a stack belongs to intake, and what a single step does to DeploymentService and the engines.
"""
