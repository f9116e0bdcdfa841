"""Train a bundled model from scratch: `python experiments/bundled/train.py bundled-tracking`.

Seeded (batch and layer path of a step depend on seed and step alone) and resumable (the same
command goes on from the last checkpoint). Uses a GPU if there is one. Half an hour
to 80 minutes a model on one CPU core.
"""

from __future__ import annotations

import argparse
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from streams import IGNORE, ArithmeticStream, Stream, TrackingStream
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

from polar_search.tasks.groups import ALPHABET

SPECIAL = ("<pad>", "<bos>", "<eos>")
CHARACTERS = {"tracking": ".=" + ALPHABET, "arithmetic": "0123456789+-*="}


@dataclass(frozen=True)
class Recipe:
    """What is trained: task, layers, schedule, and how the layer path of a step is drawn.

    `phases` are pairs (step, horizon): until that step the rate follows a cosine that would reach
    zero at the horizon. The first `wide_steps` of arithmetic see larger numbers than the task has.
    """

    task: str
    layers: int
    phases: tuple[tuple[int, int], ...]
    drop: float = 0.0
    repeat: float = 0.0
    loop: tuple[int, int] | None = None
    passes: tuple[float, ...] = (1.0,)
    rate: float = 1e-3
    wide_steps: int = 0

    @property
    def steps(self) -> int:
        """All steps of the training."""
        return self.phases[-1][0]

    def horizon(self, step: int) -> int:
        """Where the cosine that `step` belongs to reaches zero."""
        return next(horizon for until, horizon in self.phases if step < until)

    def path(self, rng: np.random.Generator) -> list[int]:
        """The layers of one training step, in order: the loop's passes, then drops and repeats."""
        path = list(range(self.layers))
        if self.loop:
            start, stop = self.loop
            passes = 1 + int(rng.choice(len(self.passes), p=self.passes))
            path = path[:start] + path[start:stop] * passes + path[stop:]
        draws = rng.random(len(path))
        copies = np.where(draws < self.drop, 0, np.where(draws > 1 - self.repeat, 2, 1))
        return np.repeat(path, copies).tolist() or path


RECIPES = {
    # The long schedule is left early: the longer it trains, the longer the words that a single pass
    # tracks, and the less repeating layers has to do.
    "bundled-tracking": Recipe(
        "tracking",
        8,
        ((3_500, 10_000), (4_500, 4_500)),
        drop=0.06,
        loop=(2, 6),
        passes=(0.35, 0.35, 0.2, 0.1),
    ),
    "bundled-arithmetic": Recipe(
        "arithmetic",
        12,
        ((5_500, 6_000), (8_000, 8_000)),
        drop=0.1,
        repeat=0.05,
        wide_steps=5_500,
    ),
    # Without dropped layers the same accuracy takes fewer steps.
    "bundled-arithmetic-control": Recipe(
        "arithmetic", 12, ((2_000, 6_000), (4_500, 4_500)), wide_steps=2_000
    ),
}


def vocabulary(task: str) -> dict[str, int]:
    """Token ids of the task's characters, special tokens first."""
    return {token: i for i, token in enumerate([*SPECIAL, *CHARACTERS[task]])}


def build_model(recipe: Recipe) -> LlamaForCausalLM:
    """A Llama of width 128 with random weights."""
    tokens = vocabulary(recipe.task)
    config = LlamaConfig(
        vocab_size=len(tokens),
        hidden_size=128,
        intermediate_size=344,
        num_hidden_layers=recipe.layers,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=tokens["<pad>"],
        bos_token_id=tokens["<bos>"],
        eos_token_id=tokens["<eos>"],
    )
    model = LlamaForCausalLM(config)
    if recipe.task == "tracking":
        factorise(model, first_letter=tokens["a"])
    return model


@torch.no_grad()
def factorise(model: LlamaForCausalLM, first_letter: int) -> None:
    """Start the letters of S_3 x S_3 as sums of two vectors, one a component of the pair.

    The products are then learned as those of two small groups; without this start, the product of
    two letters is not found within the first 800 steps.
    """
    for weight in (model.model.embed_tokens.weight, model.lm_head.weight):
        left, right = torch.randn(2, 6, weight.shape[1]) * model.config.initializer_range
        letters = (left[:, None] + right[None]).flatten(0, 1)
        weight[first_letter : first_letter + len(letters)] = letters


def logits_along(model: LlamaForCausalLM, ids: Tensor, path: list[int]) -> Tensor:
    """Logits [B, T, V] of running the layers of `path` in order, without a cache."""
    base = model.model
    hidden = base.embed_tokens(ids)
    positions = torch.arange(ids.shape[1], device=ids.device)[None]
    rotary = base.rotary_emb(hidden, positions)
    for index in path:
        # Without a mask the attention is causal; padding stands on the right, where nothing looks.
        hidden = base.layers[index](hidden, attention_mask=None, position_embeddings=rotary)
    return model.lm_head(base.norm(hidden))


def train(name: str, seed: int, folder: Path) -> None:
    """Train `name` and leave its checkpoint in `folder`."""
    recipe = RECIPES[name]
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = build_model(recipe).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.rate, betas=(0.9, 0.98), fused=True)
    tokens = vocabulary(recipe.task)
    stream: Stream = (
        TrackingStream(tokens)
        if recipe.task == "tracking"
        else ArithmeticStream(tokens, wide_steps=recipe.wide_steps)
    )
    first = restore(folder / "checkpoint.pt", model, optimizer, device)

    started, losses = time.monotonic(), []
    for step in range(first, recipe.steps):
        rng = np.random.default_rng([seed, step])
        horizon = recipe.horizon(step)
        ids, labels = (torch.from_numpy(a).to(device) for a in stream.batch(rng, step))
        for group in optimizer.param_groups:
            group["lr"] = recipe.rate * schedule(step, horizon)
        logits = logits_along(model, ids, recipe.path(rng))
        loss = cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORE)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        done = step + 1
        if done % 100 == 0:
            seconds = time.monotonic() - started
            print(f"{done}/{recipe.steps} loss {np.mean(losses):.4f} {seconds:.0f} s", flush=True)
            losses.clear()
        if done % 500 == 0 or done == recipe.steps:
            save(folder / "checkpoint.pt", model, optimizer, done)


def schedule(step: int, total: int, warmup: int = 200) -> float:
    """Share of the learning rate at `step`: linear warm-up, then a cosine down to zero."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def restore(
    path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, device: str
) -> int:
    """Take over the checkpoint at `path`, if there is one; the step to go on with."""
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True, map_location=device)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"])


def save(path: Path, model: LlamaForCausalLM, optimizer: torch.optim.Optimizer, step: int) -> None:
    """Write the checkpoint so that a crash leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}, partial
    )
    partial.replace(path)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=RECIPES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/bundled"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    train(arguments.name, arguments.seed, arguments.out / arguments.name)


if __name__ == "__main__":
    main()
