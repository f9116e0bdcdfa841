"""The similarity of hidden states is what the model's own hidden states say."""

import pytest
import torch

from polar_search.execution import ProgramEngine
from polar_search.execution.similarity import hidden_similarity
from polar_search.models import locate
from polar_search.tasks import TASKS

PROMPTS = ["ab=", "x3kq.9abz=", "sonb.a13j="]


@pytest.fixture(scope="module")
def engine():
    return ProgramEngine.from_pretrained(locate("bundled", TASKS.load("tracking")()), device="cpu")


@torch.no_grad()
def test_it_is_the_mean_cosine_over_all_tokens(engine):
    found = torch.tensor(hidden_similarity(engine.model, engine.tokenizer, PROMPTS))
    states = []
    for prompt in PROMPTS:
        ids = engine.tokenizer(prompt, return_tensors="pt").input_ids
        states.append(torch.stack(engine.model(ids, output_hidden_states=True).hidden_states)[:, 0])
    every = torch.cat(states, dim=1)  # [D + 1, T, d], of which the last is normed
    for i in range(8):
        for j in range(8):
            cosine = torch.cosine_similarity(every[i], every[j], dim=-1).mean()
            assert found[i, j] == pytest.approx(float(cosine), abs=1e-5)


def test_a_layer_that_adds_nothing_changes_nothing(engine):
    layer = engine.model.model.layers[3]
    weights = [layer.self_attn.o_proj.weight, layer.mlp.down_proj.weight]
    kept = [weight.clone() for weight in weights]
    try:
        for weight in weights:
            weight.data.zero_()
        similarity = hidden_similarity(engine.model, engine.tokenizer, PROMPTS)
    finally:
        for weight, before in zip(weights, kept, strict=True):
            weight.data.copy_(before)
    assert similarity[3][4] == pytest.approx(1, abs=1e-5)
    assert similarity[2][3] < 0.999


def test_the_model_is_left_as_it_was(engine):
    def hooks():
        layers = engine.model.model.layers
        return [(len(layer._forward_hooks), len(layer._forward_pre_hooks)) for layer in layers]

    before = hooks()
    hidden_similarity(engine.model, engine.tokenizer, PROMPTS[:1])
    assert hooks() == before
