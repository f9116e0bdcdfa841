"""Evaluation, the store, the agent contract and the driver."""
