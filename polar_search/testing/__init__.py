"""Conformance suites for plug-ins: subclass one, override its fixture, run pytest."""

from polar_search.testing.agents import AgentSuite

__all__ = ["AgentSuite"]
