"""Put trained checkpoints into the package: `python experiments/bundled/export.py NAME ...`.

Weights are stored in half precision, which keeps a model under 6 MB, and are loaded as float32.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from train import RECIPES, SPECIAL, build_model, vocabulary
from transformers import PreTrainedTokenizerFast

MODELS = Path(__file__).resolve().parents[2] / "polar_search" / "models"


def build_tokenizer(task: str) -> PreTrainedTokenizerFast:
    """A token for each character, `<bos>` in front of every text."""
    tokens = vocabulary(task)
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", tokens["<bos>"])]
    )
    pad, bos, eos = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, bos_token=bos, eos_token=eos
    )


def export(name: str, checkpoint: Path) -> None:
    """Write the folder of the bundled model `name`."""
    recipe = RECIPES[name]
    model = build_model(recipe)
    model.load_state_dict(torch.load(checkpoint, weights_only=True, map_location="cpu")["model"])
    folder = MODELS / name
    model.save_pretrained(folder)
    build_tokenizer(recipe.task).save_pretrained(folder)

    # Half precision on the disk, float32 by the config: "auto" loads what the searches run in.
    weights = folder / "model.safetensors"
    half = {key: tensor.half() for key, tensor in load_file(weights).items()}
    save_file(half, weights, metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": "float32"}, indent=2) + "\n")
    print(f"{folder}: {weights.stat().st_size / 1e6:.1f} MB")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="+", choices=RECIPES)
    parser.add_argument("--checkpoints", type=Path, default=Path("runs/bundled"))
    arguments = parser.parse_args()
    for name in arguments.names:
        export(name, arguments.checkpoints / name / "checkpoint.pt")


if __name__ == "__main__":
    main()
