"""What a server tells Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from polar_search.serving.worker import Worker

SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300)
LAYERS = (4, 8, 12, 16, 24, 32, 48, 64, 96, 128)


class Gauges:
    """Counts of requests, tokens and layers.

    Args:
        worker: Whose engine and batch are looked at when somebody asks.
    """

    def __init__(self, worker: Worker) -> None:
        self._registry = own = CollectorRegistry()
        self._requests = Counter(
            "polar_requests", "Requests by path and status", ["path", "status"], registry=own
        )
        self._seconds = Histogram(
            "polar_request_seconds", "Until the last byte", ["path"], buckets=SECONDS, registry=own
        )
        self.first_token = Histogram(
            "polar_first_token_seconds", "Until the first news", buckets=SECONDS, registry=own
        )
        self.prompt_tokens = Counter("polar_prompt_tokens", "Tokens of prompts", registry=own)
        self.new_tokens = Counter("polar_generated_tokens", "Tokens of answers", registry=own)
        self.depth = Histogram(
            "polar_program_depth", "Layers of answers' programs", buckets=LAYERS, registry=own
        )
        self.rows = Gauge("polar_rows", "Answers under way", registry=own)
        running = Gauge("polar_rows_running", "Those that have their memory", registry=own)
        running.set_function(lambda: worker.running)
        stats = worker.model.engine.stats
        layers = Gauge(
            "polar_layer_tokens", "Tokens through a layer: asked, computed", ["kind"], registry=own
        )
        layers.labels("asked").set_function(lambda: stats.work.asked)
        layers.labels("prefill").set_function(lambda: stats.work.prefill)
        layers.labels("decoding").set_function(lambda: stats.work.decoding)
        ties = Gauge("polar_near_ties", "Answers that the reference decided", registry=own)
        ties.set_function(lambda: stats.near_ties)

    def served(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All of them, in Prometheus's text format."""
        return generate_latest(self._registry)
