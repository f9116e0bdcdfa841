"""All options of a server, in one dataclass for Python, command line and YAML."""

from __future__ import annotations

from dataclasses import dataclass

from polar_search.errors import ConfigError
from polar_search.search.config import flag, option

POSITIVE = ("max_tokens", "max_rows", "max_body", "max_depth", "timeout", "threads", "kv_memory")


@dataclass(frozen=True)
class ServeConfig:
    """What is served, where, and within which limits."""

    model: str = option("bundled", "registry name, Hub id or local folder")
    predictor: str | None = option(None, "folder or Hub id of the predictor that chooses programs")
    program: str | None = option(None, "what answers requests that name none, such as 'K4 S2 K2'")
    name: str | None = option(None, "what clients call the model; its own name by default")
    host: str = option("127.0.0.1", "address to listen on; 0.0.0.0 is the whole network")
    port: int = option(8000, "port to listen on; 0 takes a free one")
    api_key: str | None = option(None, "what clients must send; or set POLAR_SEARCH_API_KEY")
    max_tokens: int = option(4096, "tokens of a prompt and its answer together at most")
    max_rows: int = option(256, "answers under way at most; further requests are told to wait")
    max_depth: int | None = option(None, "layers that a request's program may execute; 4 times all")
    max_body: int = option(1_000_000, "bytes of a request at most")
    timeout: float = option(300.0, "seconds that a request may take")
    grace: int = option(30, "seconds that answers under way are given when the server is stopped")
    device: str = option("auto", "cpu, cuda, cuda:1, ...; auto takes a GPU if there is one")
    device_map: str | None = option(None, "divide the model among all GPUs: auto")
    dtype: str = option("auto", "of the weights: auto, float32, bfloat16 or float16")
    kv_memory: int | None = option(None, "bytes for keys, values and hidden states")
    threads: int | None = option(None, "CPU threads of torch; its own choice by default")

    def __post_init__(self) -> None:
        for name in POSITIVE:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigError(f"expected {flag(name)} above 0, received {value}; raise it")
        if not 0 <= self.port < 65536:
            raise ConfigError(f"expected --port from 0 to 65535, received {self.port}; change it")
        if self.grace < 0:
            raise ConfigError(f"expected --grace of at least 0, received {self.grace}; raise it")
        if self.program is not None and self.predictor is not None:
            raise ConfigError(
                "expected --program or --predictor for requests that name no program, received "
                "both; leave one out"
            )
