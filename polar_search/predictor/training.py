"""Training a predictor on the labels of a run folder, into a folder of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from polar_search.errors import PredictorError
from polar_search.execution import ProgramEngine
from polar_search.models import locate
from polar_search.predictor.config import TrainConfig
from polar_search.predictor.encoder import Encoder, encode_cached, make_encoder
from polar_search.predictor.execution import Executor
from polar_search.predictor.labels import LabelSet, read_labels
from polar_search.predictor.network import HeadShape, ProgramHead
from polar_search.predictor.predictor import Origin, Predictor
from polar_search.predictor.trainer import Data, Epoch, Trainer, best_epoch
from polar_search.program import ProgramSpace
from polar_search.search.evaluation import Evaluator
from polar_search.search.places import Location
from polar_search.search.run import RunFolder
from polar_search.search.store import outcome_of, read_outcomes


@dataclass(frozen=True)
class Training:
    """What a training came to: the predictor, its epochs, the labels."""

    predictor: Predictor
    history: list[Epoch]
    labels: LabelSet


def train(
    run: Location,
    out: Path,
    config: TrainConfig,
    on_epoch: Callable[[Epoch], None] | None = None,
    on_labels: Callable[[LabelSet], None] | None = None,
) -> Training:
    """Train a predictor on the run folder `run` into the folder `out`, or go on there.

    Raises:
        PredictorError: No labels, an encoder that is missing, or a loss that is no number.
        RunError: A folder is broken, in use or of another configuration.
    """
    labels = read_labels(
        run, config.weighting, config.max_programs, config.max_repeats, config.level
    )
    if on_labels:
        on_labels(labels)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    engine = load_engine(labels, config.device)
    encoder = make_encoder(config.encoder, engine.model, engine.tokenizer)
    folder = RunFolder(out / "training")
    with folder.owned():
        folder.begin({**config.fixed(), "labels": _stamp(labels)}, config.to_dict())
        trainer, origin = prepare(run, labels, engine, encoder, config, folder.path)
        trainer.run(folder.path / "state.pt", on_epoch)
        folder.write("history.json", [asdict(epoch) for epoch in trainer.history])
        best = best_epoch(trainer.history)
        origin.training.update(
            {**config.to_dict(), "examples": len(labels.labels), "best": asdict(best)}
        )
        predictor = Predictor(origin, encoder, trainer.head)
        predictor.save_pretrained(out)
    return Training(predictor, trainer.history, labels)


def load_engine(labels: LabelSet, device: str) -> ProgramEngine:
    """The run's model.

    Raises:
        PredictorError: It is not the one that the labels came from.
    """
    run = labels.run
    source = locate(run["model"], labels.task)
    engine = ProgramEngine.from_pretrained(source, device=device, dtype=run["dtype"])
    if engine.fingerprint != run["model fingerprint"]:
        raise PredictorError(
            f"expected the model of the labels, of fingerprint {run['model fingerprint']}, "
            f"received '{run['model']}' of {engine.fingerprint}; search again with this model"
        )
    return engine


def _stamp(labels: LabelSet) -> dict[str, Any]:
    """What tells label sets apart."""
    run = labels.run
    return {
        "model": run["model fingerprint"],
        "task": run["task fingerprint"],
        "examples": len(labels.labels),
        "programs": sum(len(label.programs) for label in labels.labels),
    }


def prepare(
    run: Location,
    labels: LabelSet,
    engine: ProgramEngine,
    encoder: Encoder,
    config: TrainConfig,
    folder: Path,
) -> tuple[Trainer, Origin]:
    """Everything that a training needs, built or read; encodings are kept in `folder`.

    Raises:
        PredictorError: There are no validation examples.
    """
    task, options = labels.task, labels.run
    labelled = [label.example for label in labels.labels]
    ids = {example.id for example in labelled}
    others = [example for example in labels.examples if example.id not in ids]
    levels = {example.level for example in labels.examples}
    val = [
        example
        for level in sorted(levels)
        for example in [e for e in task.examples("val") if e.level == level][: config.val_limit]
    ]
    if not val:
        raise PredictorError(
            f"expected validation examples of levels {sorted(levels)} in task '{task.name}', "
            "received none; choose other levels"
        )
    splits = {}
    for name, examples in (("train", [*labelled, *others]), ("val", val)):
        prompts = [task.prompt(example, engine.tokenizer) for example in examples]
        path = folder / f"encodings-{name}.safetensors"
        splits[name] = Data(examples, encode_cached(encoder, prompts, path))
    repeats = config.max_repeats or options["max_repeats"]
    space = ProgramSpace(
        options["num_layers"],
        max_segment=options["max_segment"],
        max_repeats=repeats,
        segmentation=options["segmentation"],
        max_depth=options["max_depth"],
        max_edits=options["max_edits"],
    )
    torch.manual_seed(config.seed)
    shape = HeadShape(
        space.num_layers, encoder.width, space.max_segment, repeats, width=config.width
    )
    head = ProgramHead(shape).to(engine.model.device)
    # Only REINFORCE executes programs on training examples.
    known = read_outcomes(run).to_pylist() if config.reinforce_epochs else []
    stored = [outcome_of(r, space.num_layers) for r in known if r["source"] == "executed"]
    evaluator = Evaluator(engine, task, options["max_new_tokens"], settle=True)
    executor = Executor(evaluator, [*labels.examples, *val], stored)
    origin = Origin(
        options["model"],
        engine.fingerprint,
        options["task"],
        dict(options.get("task_options") or {}),
        config.encoder,
        space.to_dict(),
        list(map(str, labels.often_valid)),
        {},
        options["dtype"],
        options["max_new_tokens"],
    )
    trainer = Trainer(config, labels, executor, splits["train"], splits["val"], head, space)
    return trainer, origin
