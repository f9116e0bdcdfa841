"""Models load from folders, fail in one line, and have stable fingerprints."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch

from polar_search.errors import ConfigError, ModelError
from polar_search.execution import ProgramEngine, fingerprint, load_model
from polar_search.execution.loading import explain
from polar_search.testing.families import build, char_tokenizer, prompts


@pytest.fixture
def folder(tmp_path):
    build("Llama").save_pretrained(tmp_path)
    char_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_loads_and_generates_as_the_model_it_was_saved_from(folder):
    engine = ProgramEngine.from_pretrained(folder, device="cpu", dtype="float32")
    rows = [(prompts(1, [6])[0], (0, 1, 1, 3))]
    expected = ProgramEngine(build("Llama"), char_tokenizer()).generate(rows, 6)
    assert engine.generate(rows, 6) == expected
    assert not any(p.requires_grad for p in engine.model.parameters())
    assert not engine.model.training


def test_dtype_and_attention_are_passed_on(folder):
    model, _ = load_model(folder, device="cpu", dtype="bfloat16", attention="eager")
    assert model.dtype is torch.bfloat16
    assert model.config._attn_implementation == "eager"


def test_fingerprints_are_stable_across_processes(folder):
    script = (
        "from polar_search.execution import fingerprint, load_model;"
        f"print(fingerprint(load_model({str(folder)!r}, device='cpu')[0]))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.split()[-1] == fingerprint(build("Llama"))


def test_fingerprints_see_weights_dtype_and_config():
    marks = {fingerprint(build("Llama"))}
    other = build("Llama")
    other.model.layers[3].mlp.down_proj.weight[0, 0] += 1
    marks.add(fingerprint(other))
    marks.add(fingerprint(build("Llama", seed=1)))
    marks.add(fingerprint(build("Llama", rms_norm_eps=1e-3)))
    marks.add(fingerprint(build("Llama").bfloat16()))
    assert len(marks) == 5
    assert fingerprint(build("Llama", attention="eager")) == fingerprint(build("Llama"))


def test_decoding_fingerprints_see_what_changes_texts():
    engine = ProgramEngine(build("Llama"))
    marks = [
        engine.decoding_fingerprint(8),
        engine.decoding_fingerprint(9),
        engine.decoding_fingerprint(8, stop=["\n"]),
        ProgramEngine(build("Llama").bfloat16()).decoding_fingerprint(8),
        ProgramEngine(build("Llama", attention="eager")).decoding_fingerprint(8),
    ]
    assert len(set(marks)) == len(marks)
    assert engine.decoding_fingerprint(8) == ProgramEngine(build("Qwen3")).decoding_fingerprint(8)


def test_missing_folders_are_named(tmp_path):
    with pytest.raises(ModelError, match=r"expected a model folder, received '.*nowhere'"):
        load_model(tmp_path / "nowhere")


def test_folders_without_a_model_are_refused_in_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("no model here")
    with pytest.raises(ModelError) as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_models_that_are_no_decoders_are_refused(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    model = T5ForConditionalGeneration(
        T5Config(vocab_size=61, d_model=16, d_kv=4, d_ff=16, num_layers=2)
    )
    model.save_pretrained(tmp_path)
    char_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="expected a causal language model"):
        load_model(tmp_path)


def test_the_hub_out_of_reach_is_one_line(tmp_path):
    """In a process of its own: the library reads its settings once."""
    script = (
        "import sys\n"
        "from polar_search.errors import ModelError\n"
        "from polar_search.execution import load_model\n"
        "try: load_model('some-org/some-model')\n"
        "except ModelError as error: print('LINE', error)\n"
    )
    settings = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    out = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=settings
    )
    (line,) = [line for line in out.stdout.splitlines() if line.startswith("LINE")]
    assert "expected the Hub to answer for 'some-org/some-model'" in line


def test_pickled_weights_are_not_loaded(folder):
    from safetensors.torch import load_file

    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ModelError, match="safetensors"):
        load_model(folder)


def test_unknown_dtypes_and_devices_are_refused(folder):
    with pytest.raises(ConfigError, match=r"expected dtype .*received 'float7'"):
        load_model(folder, dtype="float7")
    with pytest.raises(ConfigError, match="expected a device of this machine, received 'cuda:77'"):
        load_model(folder, device="cuda:77")


def test_what_a_quantised_or_gated_checkpoint_needs_is_told(folder):
    config = json.loads((folder / "config.json").read_text())
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="to be installed, received"):
        load_model(folder, device="cpu")
    gated = explain("meta-llama/Llama-3.2-3B", OSError("You are trying to access a gated repo."))
    assert "accept its terms at https://huggingface.co/meta-llama/Llama-3.2-3B" in gated
