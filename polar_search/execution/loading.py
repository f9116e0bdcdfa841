"""Loading a model by name or folder, and telling models apart by a fingerprint."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from polar_search.errors import ConfigError, ModelError
from polar_search.hub import cache_unless_reached

if TYPE_CHECKING:
    from torch import nn
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

DTYPES: dict[str, torch.dtype | str] = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "auto": "auto",
}
MAPS = ("auto", "balanced", "balanced_low_0", "sequential")
"""Ways of accelerate to divide a model among devices."""

DeviceMap = str | Mapping[str, int | str]
"""One of `MAPS`, or a device for each part of a model by name."""

INCIDENTAL = {"transformers_version", "dtype", "torch_dtype", "architectures", "use_cache"}
"""Entries of a config that do not decide what the model computes."""

SAMPLE = 65_536
"""Elements of a tensor that go into the fingerprint; smaller tensors go in whole."""


def load_model(
    name_or_path: str | Path,
    *,
    device: str | torch.device = "auto",
    dtype: str | torch.dtype = "auto",
    attention: str | None = None,
    device_map: DeviceMap | None = None,
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Load a causal language model and its tokenizer, safetensors only and without remote code.

    Args:
        name_or_path: A Hub id or a local folder.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1`` ...
        dtype: ``auto`` (as stored), ``float32``, ``bfloat16`` or ``float16``.
        attention: ``sdpa`` or ``eager``; None is the library's choice.
        device_map: For models larger than one GPU, in place of ``device``: ``auto`` divides the
            layers among all GPUs, and what does not fit goes to the CPU's memory or the disk; or a
            device (a number, ``cpu`` or ``disk``) for each part by name. Needs accelerate.

    Raises:
        ConfigError: Unknown dtype or device, or a device map without accelerate.
        ModelError: No such folder, not a causal language model, or the Hub was not reached.
    """
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    source = str(name_or_path)
    if looks_local(source) and not Path(source).is_dir():
        raise ModelError(
            f"expected a model folder, received '{source}', which is none; check the path"
        )
    options: dict[str, Any] = {"dtype": torch_dtype(dtype), "use_safetensors": True}
    if attention is not None:
        options["attn_implementation"] = attention
    if device_map is not None:
        options["device_map"] = checked_map(device_map, device)
    where = place(device)
    try:
        with cache_unless_reached(source, "model"):
            # Quantised weights are put in their place while they are loaded, and stay there.
            if getattr(AutoConfig.from_pretrained(source), "quantization_config", None):
                options.setdefault("device_map", {"": where})
            tokenizer = AutoTokenizer.from_pretrained(source)
            model = AutoModelForCausalLM.from_pretrained(source, **options)
    except (OSError, ValueError, ImportError, RuntimeError, KeyError) as error:
        suspects = "files" if device_map is None else "files and the device map"
        raise ModelError(explain(source, error, suspects)) from error
    if "device_map" not in options:
        cast("nn.Module", model).to(where)
    return freeze(model), tokenizer


def freeze(model: PreTrainedModel) -> PreTrainedModel:
    """The same model in evaluation mode, without gradients."""
    cast("nn.Module", model).eval().requires_grad_(False)
    return model


def looks_local(source: str) -> bool:
    """Whether a name can only be a path: Hub ids have one slash at most and start with a word."""
    return source.startswith(("/", ".", "~")) or source.count("/") > 1 or Path(source).exists()


def checked_map(device_map: DeviceMap, device: str | torch.device) -> DeviceMap:
    """The map itself, if it can be followed.

    Raises:
        ConfigError: There is a device besides, no accelerate, or no such device.
    """
    if str(device) != "auto":
        raise ConfigError(
            f"expected a device or a device map, received both ('{device}' and {device_map!r}); "
            "leave one out"
        )
    if find_spec("accelerate") is None:
        raise ConfigError(
            "expected the package accelerate, which device maps need, received none; "
            "pip install 'polar-search[accelerate]'"
        )
    if not device_map or (isinstance(device_map, str) and device_map not in MAPS):
        raise ConfigError(
            f"expected a device map {', '.join(MAPS)}, or a device by the name of each part such "
            f"as {{'': 'cpu'}}, received {device_map!r}; choose one of these"
        )
    if isinstance(device_map, str):
        return device_map
    for one in set(device_map.values()) - {"disk"}:
        place(one)
    return dict(device_map)


def torch_dtype(dtype: str | torch.dtype) -> torch.dtype | str:
    """The dtype of a name."""
    if isinstance(dtype, torch.dtype):
        return dtype
    if dtype not in DTYPES:
        raise ConfigError(
            f"expected dtype {', '.join(DTYPES)}, received '{dtype}'; choose one of these"
        )
    return DTYPES[dtype]


def place(device: int | str | torch.device) -> torch.device:
    """The device of a name, ``auto`` resolved.

    Raises:
        ConfigError: No such device on this machine.
    """
    if str(device) == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(
            f"expected a device of this machine, received '{device}'; try 'auto' or 'cpu'"
        ) from error
    return torch.device(device)


def explain(source: str, error: Exception, suspects: str = "files") -> str:
    """One line for what the library says in many; ``suspects`` is what else to check."""
    text = " ".join(str(error).split())
    signs = ("connect", "offline", "outgoing traffic", "resolve")
    if any(sign in text for sign in signs):
        return (
            f"expected the Hub to answer for '{source}', received no connection; "
            "check the network, or pass a local folder"
        )
    if "gated repo" in text:
        return (
            f"expected access to '{source}', which is gated, received none; accept its terms at "
            f"https://huggingface.co/{source}, then log in (hf auth login)"
        )
    if isinstance(error, ImportError):
        return f"expected what '{source}' needs to be installed, received: {text[:300]}"
    if "not a valid model identifier" in text or "not a local folder" in text:
        return (
            f"expected a Hub model or local folder, received '{source}'; check the spelling, "
            "or log in (hf auth login) if it is private or gated"
        )
    if "Unrecognized configuration class" in text or "Unrecognized model" in text:
        return (
            f"expected a causal language model, received '{source}', which is none; choose another"
        )
    name = type(error).__name__
    return f"expected to load '{source}', received {name}: {text[:300]}; check the {suspects}"


def fingerprint(model: PreTrainedModel) -> str:
    """16 hex digits that tell models apart, the same in every process and on every machine.

    SHA-256 over the class, the config without what loading adds (paths, versions, dtype, attention
    implementation) and, for every parameter and stored buffer: name, shape, dtype and bytes, of
    large tensors a sample of at most `SAMPLE` evenly strided elements. A change of any tensor as a
    whole (training, merging, another dtype) shows; one of single elements of a large one may not.
    """
    from transformers.integrations.accelerate import load_offloaded_parameter

    digest = hashlib.sha256(type(model).__name__.encode())
    essentials = without_incidentals(model.config.to_dict())
    digest.update(json.dumps(essentials, sort_keys=True, default=str).encode())
    for name, tensor in sorted(model.state_dict().items()):
        if tensor.is_meta:
            tensor = load_offloaded_parameter(model, name)
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        stride = max(1, -(-tensor.numel() // SAMPLE))
        sample = tensor.detach().flatten()[::stride].contiguous().cpu()
        digest.update(sample.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def without_incidentals(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that decides what the model computes."""
    return {
        name: without_incidentals(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if not str(name).startswith("_") and name not in INCIDENTAL
    }
