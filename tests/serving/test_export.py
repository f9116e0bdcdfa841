"""An exported checkpoint, loaded by transformers alone, computes what the program computes."""

from __future__ import annotations

import json
import shutil
from collections import namedtuple

import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from polar_search.cli import main
from polar_search.errors import ConfigError, ModelError, ProgramError
from polar_search.execution import ProgramEngine, unrolled
from polar_search.program import Program
from polar_search.serving.export import export_program
from polar_search.testing.families import FAMILIES, prompts

PROGRAM = "K1 R2x3 S1"
PATH = (0, 1, 2, 1, 2, 1, 2)


def loaded(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()


def assert_equal_logits(exported, model, path):
    ids = torch.tensor(prompts(3, [9, 9]))
    with torch.no_grad(), unrolled(model, path):
        expected = model(ids).logits
    with torch.no_grad():
        assert torch.equal(exported(ids).logits, expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_computes_the_program(saved, tmp_path, family):
    folder, model = saved(family)
    for text in (PROGRAM, "S1 K1 S1 K1"):
        out = tmp_path / text.replace(" ", "")
        export_program(folder, text, out)
        exported = loaded(out)
        path = Program.parse(text).path
        assert exported.config.num_hidden_layers == len(path)
        assert_equal_logits(exported, model, path)
        prompt = prompts(4, [8])[0]
        (ours,) = ProgramEngine(model).generate([(prompt, path)], 6)
        theirs = exported.generate(torch.tensor([prompt]), max_new_tokens=6, do_sample=False)
        assert theirs[0, 8:].tolist() == list(ours.token_ids)


def test_layers_of_experts_keep_their_places(saved, tmp_path):
    folder, model = saved("Qwen3Moe", mlp_only_layers=[3], decoder_sparse_step=1)
    export_program(folder, "S2 R2", tmp_path / "out")
    exported = loaded(tmp_path / "out")
    assert exported.config.mlp_only_layers == [1, 3]
    assert_equal_logits(exported, model, (2, 3, 2, 3))


def test_windows_follow_their_layers(saved, tmp_path):
    settings = {"sliding_window": 4, "use_sliding_window": True, "max_window_layers": 2}
    folder, model = saved("Qwen2", **settings)
    done = export_program(folder, "K1 R2x2 S1", tmp_path / "out")
    full, window = "full_attention", "sliding_attention"
    exported = loaded(tmp_path / "out")
    assert exported.config.layer_types == [full, full, window, full, window]
    assert "llama.cpp" in done.notes[0]
    assert_equal_logits(exported, model, (0, 1, 2, 1, 2))
    assert export_program(folder, "K2 S1 K1", tmp_path / "plain").notes == ()


def test_what_a_config_cannot_say_of_single_layers_is_refused(tmp_path):
    from transformers import DeepseekV3Config, DeepseekV3ForCausalLM

    shape = {"hidden_size": 16, "intermediate_size": 16, "moe_intermediate_size": 8}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 8}
    ranks = {"kv_lora_rank": 8, "qk_rope_head_dim": 4, "qk_nope_head_dim": 4, "v_head_dim": 4}
    experts = {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_group": 2, "topk_group": 1}
    config = DeepseekV3Config(
        vocab_size=32, num_hidden_layers=3, **shape, **heads, **ranks, **experts
    )
    config.first_k_dense_replace = 1
    model = DeepseekV3ForCausalLM(config)
    model.save_pretrained(tmp_path / "model")
    export_program(tmp_path / "model", "R1 S1 K1", tmp_path / "early")
    config = json.loads((tmp_path / "early" / "config.json").read_text())
    assert config["first_k_dense_replace"] == 2
    with pytest.raises(ModelError, match="cannot say so of single layers"):
        export_program(tmp_path / "model", "R3", tmp_path / "late")
    assert not (tmp_path / "late").exists()


def test_tied_weights_stay_tied_and_stored_once(saved, tmp_path):
    folder, _ = saved(tie_word_embeddings=True)
    export_program(folder, PROGRAM, tmp_path / "out")
    assert "lm_head.weight" not in load_file(tmp_path / "out" / "model.safetensors")
    exported = loaded(tmp_path / "out")
    assert exported.lm_head.weight is exported.model.embed_tokens.weight


def test_parts_of_a_large_checkpoint_are_copied_part_by_part(saved, tmp_path):
    folder, model = saved()
    model.save_pretrained(folder, max_shard_size="20KB")
    (folder / "model.safetensors").unlink()
    done = export_program(folder, PROGRAM, tmp_path / "out", shard=30_000)
    parts = sorted((tmp_path / "out").glob("*.safetensors"))
    index = json.loads((tmp_path / "out" / "model.safetensors.index.json").read_text())
    assert len(parts) > 2
    assert all(part.stat().st_size < 35_000 for part in parts)
    assert index["metadata"]["total_size"] == done.bytes
    assert_equal_logits(loaded(tmp_path / "out"), model, PATH)


def test_what_stands_beside_the_weights_comes_along(saved, tmp_path):
    folder, _ = saved()
    out = tmp_path / "out"
    export_program(folder, PROGRAM, out)
    text = "a+b="
    ids = AutoTokenizer.from_pretrained(folder)(text)["input_ids"]
    assert AutoTokenizer.from_pretrained(out)(text)["input_ids"] == ids
    assert loaded(out).generation_config.eos_token_id == [3, 5]
    card = (out / "README.md").read_text()
    assert card.startswith("---\nlicense: mit\n---\n\n> **A program of layers.**")
    assert card.endswith("# Tiny\n")
    assert not list(tmp_path.glob(".out-*"))


def test_forms_without_weights_say_the_same(saved, tmp_path):
    folder, model = saved()
    for name in ("only.json", "only.yaml"):
        export_program(folder, PROGRAM, tmp_path / name)
    said = json.loads((tmp_path / "only.json").read_text())
    assert (said["num_layers"], said["path"], said["program"]) == (4, list(PATH), PROGRAM)
    assert said["model"] == "tiny-Llama"
    merge = yaml.safe_load((tmp_path / "only.yaml").read_text())
    ranges = [part["sources"][0]["layer_range"] for part in merge["slices"]]
    assert ranges == [[0, 3], [1, 3], [1, 3]]
    assert (merge["merge_method"], merge["dtype"]) == ("passthrough", "float32")
    export_program(folder, str(tmp_path / "only.json"), tmp_path / "out")
    assert_equal_logits(loaded(tmp_path / "out"), model, PATH)
    assert (tmp_path / "out" / "program.json").read_text() == (tmp_path / "only.json").read_text()


def test_the_command_exports_a_bundled_model(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["export-program", "--program", "K3 R2 K3", "--out", str(out)]) == 0
    assert "MB of weights" in capsys.readouterr().out
    assert loaded(out).config.num_hidden_layers == 10
    assert main(["export-program", "--program", "K3 R2 K3", "--out", str(out)]) == 2
    assert "which exists" in capsys.readouterr().err


def test_mistakes_are_told_before_anything_is_written(saved, tmp_path, monkeypatch):
    folder, _ = saved()
    out = tmp_path / "out"
    with pytest.raises(ProgramError, match="4 layers"):
        export_program(folder, "K5", out)
    with pytest.raises(ProgramError, match=r"received '.*none\.json', which raises"):
        export_program(folder, str(tmp_path / "none.json"), out)
    with pytest.raises(ModelError, match=r"expected a model folder with config\.json"):
        export_program(tmp_path / "nowhere", "K4", out)
    disk = namedtuple("disk", "total used free")(0, 0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: disk)
        with pytest.raises(ConfigError, match="GB of free disk"):
            export_program(folder, "K4", out)
    config = json.loads((folder / "config.json").read_text())
    quantized = {"quant_method": "gptq", "modules_to_not_convert": ["model.layers.2.mlp"]}
    (folder / "config.json").write_text(json.dumps(config | {"quantization_config": quantized}))
    with pytest.raises(ModelError, match="names single layers"):
        export_program(folder, "K4", out)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="expected a safetensors checkpoint"):
        export_program(folder, "K4", out)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="save_pretrained"):
        export_program(folder, "K4", out)
    assert not out.exists()


def test_models_whose_layers_share_keys_and_values_are_refused(tmp_path):
    from transformers import Gemma3nTextConfig

    config = Gemma3nTextConfig(
        vocab_size=32, num_hidden_layers=4, num_kv_shared_layers=2, hidden_size=16
    )
    config.save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="keys and values of other layers"):
        export_program(tmp_path, "K4", tmp_path / "out")


def test_a_broken_export_leaves_nothing(saved, tmp_path, monkeypatch):
    from polar_search.serving import export

    def fail(*_):
        raise OSError(28, "No space left on device")

    folder, _ = saved()
    monkeypatch.setattr(export, "write_tensors", fail)
    with pytest.raises(Exception, match="No space left"):
        export_program(folder, "K4", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name]


def test_a_program_object_of_another_depth_is_refused(saved, tmp_path):
    with pytest.raises(ProgramError, match="build it for this model"):
        export_program(saved()[0], Program.identity(5), tmp_path / "out")
