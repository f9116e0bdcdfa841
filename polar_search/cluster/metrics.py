"""The progress of a search as Ray metrics, which Prometheus scrapes, and as a TensorBoard log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ray.util.metrics import Counter, Gauge

from polar_search.errors import ConfigError
from polar_search.search.status import Status

GAUGES = {
    "examples_ended": "examples that were searched to their end",
    "examples_queued": "examples that no worker has yet",
    "workers_searching": "workers that search now",
    "workers_lost": "workers that died and were replaced",
    "outcomes_per_second": "outcomes executed per second, since the search began",
    "engine_share": "part of the searching workers' time spent in executing and grading",
}


def values(status: Status) -> dict[str, float]:
    """The value of each gauge."""
    searching = [worker for worker in status.workers if worker.doing == "searching"]
    share = sum(worker.engine_share for worker in searching) / max(1, len(searching))
    measured = (
        status.progress.examples,
        status.queue,
        len(searching),
        status.deaths,
        status.rate,
        share,
    )
    return dict(zip(GAUGES, map(float, measured), strict=True))


class RayMetrics:
    """Gauges and a counter of outcomes, under `polar_search_*`, with the run's name as a tag.

    Args:
        run: Name of the run.
    """

    def __init__(self, run: str) -> None:
        tags = {"run": run}
        self._gauges = {
            name: Gauge(f"polar_search_{name}", description=text, tag_keys=("run",))
            for name, text in GAUGES.items()
        }
        self._outcomes = Counter(
            "polar_search_outcomes", description="outcomes executed", tag_keys=("run",)
        )
        for metric in (*self._gauges.values(), self._outcomes):
            metric.set_default_tags(tags)
        self._counted = 0

    def update(self, status: Status) -> None:
        """Set all metrics to what `status` says."""
        for name, value in values(status).items():
            self._gauges[name].set(value)
        if new := status.progress.executed - self._counted:
            self._outcomes.inc(new)
            self._counted += new


@contextmanager
def tensorboard(folder: str | None) -> Iterator[Callable[[Status], None]]:
    """A callback that logs to `folder`, against the number of outcomes executed; None logs nothing.

    Raises:
        ConfigError: The package is missing, or the folder cannot be written.
    """
    if folder is None:
        yield lambda _: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(folder)
    except (ImportError, OSError) as error:
        raise ConfigError(
            f"expected to log to '{folder}', received {error}; install tensorboard, or choose "
            "another folder with --tensorboard"
        ) from error

    def log(status: Status) -> None:
        for name, value in values(status).items():
            writer.add_scalar(f"search/{name}", value, status.progress.executed)
        writer.flush()

    try:
        yield log
    finally:
        writer.close()
