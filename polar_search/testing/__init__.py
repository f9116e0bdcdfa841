"""Conformance suites for plug-ins: subclass one, override its fixture, run pytest."""

from polar_search.testing.agents import AgentSuite
from polar_search.testing.tasks import TaskSuite

__all__ = ["AgentSuite", "TaskSuite"]
