"""The model card of a predictor, written from its config."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CARD = """---
library_name: polar-search
base_model: {model}
tags:
- program-of-layers
---

# Program predictor for {model}

From a prompt to a distribution over programs of layers (which segments of the frozen model are
skipped, kept or repeated), after [PoLar](https://arxiv.org/abs/2606.06574), section 3.2.

| | |
|---|---|
| base model | {model}, fingerprint `{fingerprint}`; refused on any other |
| task | {task} |
| encoder | `{encoder}`, frozen |
| trained parameters | {parameters:,} |
| layers | {num_layers} |
| segments | at most {max_segment} layers, executed at most {max_repeats} times |

## Training
{training}

## Use
```python
from polar_search import Predictor, ProgramEngine

engine = ProgramEngine.from_pretrained("{model}")
predictor = Predictor.from_pretrained("FOLDER", engine)
program = predictor.rank(["a prompt"], k=1)[0][0].program
```

What it is worth on examples it has not seen: `polar-search evaluate FOLDER --split test`. A hit
among several programs needs the answer key, and is no accuracy of use.
"""


def model_card(config: Mapping[str, Any], parameters: int) -> str:
    """The card of a predictor of `config`, as its config.json holds it."""
    training = "\n".join(f"- {name}: {value}" for name, value in config["training"].items())
    values = {**config, **config["head"], "training": training or "- none"}
    return CARD.format(parameters=parameters, **values)
