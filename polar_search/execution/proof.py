"""Before its first row the engine shows that it computes what the model's own forward computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from polar_search.errors import ModelError
from polar_search.execution.adapter import refusal
from polar_search.execution.admission import Job
from polar_search.execution.decoding import Ending, RowState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from polar_search.execution.adapter import ModelAdapter

IDS = tuple(range(1, 7))
"""Four tokens of a prompt, and two that follow whatever the model would choose."""


def prove(adapter: ModelAdapter, run: Callable[[Sequence[Job]], None]) -> None:
    """Compare the logits of ``run`` with those of the model, on a few tokens.

    Raises:
        ModelError: They differ: the model does something that its parts do not show.
    """
    model = adapter.model
    with torch.no_grad():
        own = model(torch.tensor([IDS[:5]], device=adapter.device)).logits[0, 3:]
    seen: list[torch.Tensor] = []

    def watch(logits: torch.Tensor, step: int) -> int:
        seen.append(logits)
        return IDS[4 + step]

    state = RowState(Ending.after(model, 2), chooser=watch)
    run([Job(IDS[:4], tuple(range(adapter.num_layers)), state)])
    tolerance = 1e-3 if model.dtype == torch.float32 else 0.1
    same = (
        torch.allclose(a, b.float(), tolerance, tolerance) for a, b in zip(seen, own, strict=False)
    )
    if own.isfinite().all() and not all(same):
        if getattr(model, "is_quantized", False):
            raise ModelError(
                "expected quantised layers that treat a token alike whatever stands beside it, "
                f"received a {type(model).__name__} whose layers do not; use another quantisation, "
                "or the checkpoint before it"
            )
        raise refusal(type(model).__name__, "its forward does more than run its layers one by one")
