"""Programs of layers on a frozen model: the engine, and the reference it is proven against."""

from polar_search.boxes import closed_box
from polar_search.execution.engine import ProgramEngine
from polar_search.execution.live import LiveBatch, LiveRow
from polar_search.execution.loading import fingerprint, load_model
from polar_search.execution.reference import generate_reference, score_reference, unrolled
from polar_search.execution.rows import Generation, Likelihood, Row, Sampling
from polar_search.execution.work import EngineStats, Switches, Work

__all__ = [
    "EngineStats",
    "Generation",
    "Likelihood",
    "LiveBatch",
    "LiveRow",
    "ProgramEngine",
    "Row",
    "Sampling",
    "Switches",
    "Work",
    "closed_box",
    "fingerprint",
    "generate_reference",
    "load_model",
    "score_reference",
    "unrolled",
]
