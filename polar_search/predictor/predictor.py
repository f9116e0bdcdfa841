"""A trained predictor: prompts in, ranked programs out; kept in a folder in the Hub's style."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from polar_search.errors import PredictorError, one_line
from polar_search.execution import ProgramEngine
from polar_search.predictor.card import model_card
from polar_search.predictor.decoding import Ranked, paper_beam, top_paths
from polar_search.predictor.distribution import PathDistribution
from polar_search.predictor.encoder import Encoder, make_encoder, padded
from polar_search.predictor.network import HeadShape, ProgramHead
from polar_search.predictor.settings import Decoding
from polar_search.program import ProgramSpace
from polar_search.search.places import writing

FORMAT = "polar-search predictor"
CONFIG, WEIGHTS, CARD = "config.json", "model.safetensors", "README.md"


@dataclass(frozen=True)
class Origin:
    """What a predictor was made for, and of.

    Attributes:
        model: Name of the base model.
        fingerprint: Of the base model; the predictor is refused on any other.
        task: Its task.
        task_options: The task's own options.
        encoder: See `polar_search.predictor.encoder`.
        space: The options of the program space it was trained in.
        candidates: Programs that were valid for most training examples, most often first.
        training: The training's options and results, for the model card.
        dtype: That the base model's weights were loaded in.
        max_new_tokens: Length of an answer at most; None is the task's own.
    """

    model: str
    fingerprint: str
    task: str
    task_options: dict[str, Any]
    encoder: str
    space: dict[str, Any]
    candidates: list[str]
    training: dict[str, Any]
    dtype: str = "auto"
    max_new_tokens: int | None = None


class Predictor:
    """An encoder and a head, on one base model.

    Attributes:
        origin: What it was made for.
        encoder: From prompts to token encodings.
        head: From token encodings to distributions over paths.
    """

    def __init__(self, origin: Origin, encoder: Encoder, head: ProgramHead) -> None:
        if encoder.width != head.shape.encoder_width:
            raise PredictorError(
                f"expected an encoder of width {head.shape.encoder_width}, received '"
                f"{origin.encoder}' of width {encoder.width}; use the one it was trained with"
            )
        self.origin, self.encoder, self.head = origin, encoder, head.eval()

    @property
    def space(self) -> ProgramSpace:
        """The program space it was trained in."""
        return ProgramSpace.from_dict(self.origin.space)

    @torch.no_grad()
    def distribution(self, encodings: Sequence[Tensor]) -> PathDistribution:
        """The distribution of already encoded prompts."""
        return self.head(*padded(encodings, self.head.queries.device))  # type: ignore[no-any-return]

    def rank(
        self,
        prompts: Sequence[str],
        k: int,
        space: ProgramSpace | None = None,
        decoding: Decoding = "exact",
        batch: int = 256,
    ) -> list[list[Ranked]]:
        """The k likeliest programs of each prompt, best first.

        Args:
            prompts: As the base model will see them.
            k: Programs wanted.
            space: Where they must lie (exact decoding only); by default anything that the
                predictor can write.
            decoding: ``exact``, or the ``paper``'s threshold and beam.
            batch: Prompts at once.
        """
        rows: list[list[Ranked]] = []
        for i in range(0, len(prompts), batch):
            distribution = self.distribution(self.encoder.encode(prompts[i : i + batch]))
            exact = decoding == "exact"
            rows += top_paths(distribution, k, space) if exact else paper_beam(distribution, k)
        return rows

    def save_pretrained(self, folder: str | Path) -> None:
        """Write config, weights and model card.

        Raises:
            RunError: The folder cannot be written.
        """
        folder = Path(folder)
        config = {"format": FORMAT, "head": asdict(self.head.shape), **asdict(self.origin)}
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            weights = {name: w.cpu().contiguous() for name, w in self.head.state_dict().items()}
            save_file(weights, folder / WEIGHTS)
            (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
            card = model_card(config, self.head.num_parameters())
            (folder / CARD).write_text(card, encoding="utf-8")

    @classmethod
    def from_pretrained(cls, name_or_path: str | Path, engine: ProgramEngine) -> Predictor:
        """Load a predictor for the model of `engine`.

        Args:
            name_or_path: A folder, or a Hub id.
            engine: Of the base model that it was trained for.

        Raises:
            PredictorError: No predictor of ours, a broken one, or one for another model.
        """
        folder = _folder(str(name_or_path))
        origin, shape = read_config(folder)
        if origin.fingerprint != engine.fingerprint:
            raise PredictorError(
                f"expected the model that '{name_or_path}' was trained for ({origin.model}, "
                f"fingerprint {origin.fingerprint}), received one of fingerprint "
                f"{engine.fingerprint}; load that model, or train a predictor for this one"
            )
        head = ProgramHead(shape)
        try:
            head.load_state_dict(load_file(folder / WEIGHTS))
        except (OSError, SafetensorError, RuntimeError) as error:
            raise PredictorError(
                f"expected the weights of a predictor, received '{folder / WEIGHTS}', which raises "
                f"{one_line(error)[:200]}; train again"
            ) from error
        encoder = make_encoder(origin.encoder, engine.model, engine.tokenizer)
        return cls(origin, encoder, head.to(engine.model.device))

    def push_to_hub(self, repository: str, **options: Any) -> None:  # noqa: ANN401
        """Upload what `save_pretrained` writes; options go to `HfApi.create_repo`."""
        from tempfile import TemporaryDirectory

        from huggingface_hub import HfApi

        api = HfApi()
        api.create_repo(repository, exist_ok=True, **options)
        with TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            api.upload_folder(repo_id=repository, folder_path=folder)


def read_config(folder: Path) -> tuple[Origin, HeadShape]:
    """What a predictor folder says of itself.

    Raises:
        PredictorError: The folder holds no predictor of ours.
    """
    path = folder / CONFIG
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise ValueError(f"its format is {config['format']!r}")
        shape = HeadShape(**config.pop("head"))
        config.pop("format")
        return Origin(**config), shape
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PredictorError(
            f"expected a predictor's folder, received '{folder}' ({one_line(error)}); "
            "make one with `polar-search train RUN --out DIR`"
        ) from error


def _folder(name: str) -> Path:
    """The folder itself, or the Hub's files in the local cache."""
    if Path(name).exists() or name.count("/") != 1 or name.startswith((".", "/", "~")):
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, allow_patterns=[CONFIG, WEIGHTS, CARD]))
    except (OSError, ValueError) as error:
        raise PredictorError(
            f"expected a predictor's folder or Hub id, received '{name}', which is neither here "
            "nor reached on the Hub; check the spelling and the network"
        ) from error
