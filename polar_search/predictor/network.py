"""The network of the paper (section 3.2), for a model of any number of layers.

Token encodings are projected to width d; one learned query a layer attends to them; two transformer
blocks let the layers talk; two linear heads give the boundary and operation logits.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from polar_search.errors import PredictorError
from polar_search.predictor.distribution import PathDistribution


@dataclass(frozen=True)
class HeadShape:
    """What decides the shapes of the network.

    Attributes:
        num_layers: D, layers of the base model.
        encoder_width: Of a token's encoding.
        max_segment: K, layers of a segment at most.
        max_repeats: R, executions of a segment at most.
        width: d, of the network.
        heads: Attention heads.
        blocks: Transformer blocks over the layer axis.
    """

    num_layers: int
    encoder_width: int
    max_segment: int = 4
    max_repeats: int = 2
    width: int = 256
    heads: int = 4
    blocks: int = 2

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not isinstance(value, int) or value < 1:
                raise PredictorError(
                    f"expected {name} to be an integer of 1 or more, received {value!r}; "
                    "correct the predictor's config"
                )
        if self.width % self.heads:
            raise PredictorError(
                f"expected a width that {self.heads} heads divide, received {self.width}; "
                "take a multiple"
            )


class ProgramHead(nn.Module):
    """From token encodings to a distribution over paths."""

    def __init__(self, shape: HeadShape) -> None:
        super().__init__()
        self.shape = shape
        width = shape.width
        self.norm = nn.LayerNorm(shape.encoder_width)
        self.project = nn.Linear(shape.encoder_width, width)
        self.queries = nn.Parameter(torch.randn(shape.num_layers, width) * width**-0.5)
        self.attend = nn.MultiheadAttention(width, shape.heads, batch_first=True)
        block = nn.TransformerEncoderLayer(
            width, shape.heads, 4 * width, dropout=0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(block, shape.blocks, enable_nested_tensor=False)
        self.last_norm = nn.LayerNorm(width)
        self.boundary = nn.Linear(width, 1)
        self.operation = nn.Linear(width, shape.max_repeats + 1)

    def forward(self, tokens: Tensor, padding: Tensor) -> PathDistribution:
        """The distributions of a batch.

        Args:
            tokens: `[B, T, encoder_width]` encodings.
            padding: `[B, T]`, true where there is no token.
        """
        tokens = self.project(self.norm(tokens))
        queries = self.queries.expand(len(tokens), -1, -1)
        read, _ = self.attend(queries, tokens, tokens, key_padding_mask=padding, need_weights=False)
        layers = self.last_norm(self.blocks(queries + read))
        boundaries, operations = self.boundary(layers)[..., 0], self.operation(layers)
        return PathDistribution(boundaries, operations, self.shape.max_segment)

    def num_parameters(self) -> int:
        """Trained parameters."""
        return sum(parameter.numel() for parameter in self.parameters())
