"""Programs of layers and the spaces they are searched in. Pure Python."""

from polar_search.program.actions import Draft, SegmentActions
from polar_search.program.encoding import Encoding
from polar_search.program.program import Program
from polar_search.program.segment import Operation, Segment
from polar_search.program.space import ProgramSpace

__all__ = ["Draft", "Encoding", "Operation", "Program", "ProgramSpace", "Segment", "SegmentActions"]
