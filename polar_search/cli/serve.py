"""`polar-search serve`: answers over HTTP, as OpenAI's interface does."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import replace

from rich.console import Console

from polar_search.cli.options import add_config, make_parser, read_config
from polar_search.errors import ConfigError
from polar_search.serving.settings import ServeConfig

DESCRIPTION = (
    "Answer completions and chats over HTTP, as OpenAI's interface does. Every request may name a "
    "program; requests run in one batch, which they join at any time. /health and /metrics tell "
    "how the server is. Ctrl-C lets answers under way finish."
)
KEY = "POLAR_SEARCH_API_KEY"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def main(arguments: Sequence[str]) -> None:
    """Parse, load, serve until a signal."""
    parser = make_parser("serve", DESCRIPTION)
    add_config(parser, ServeConfig)
    config, _ = read_config(parser, ServeConfig, arguments)
    if config.api_key is None:
        config = replace(config, api_key=os.environ.get(KEY))
    console = Console(highlight=False, soft_wrap=True)
    with listen(config) as listening:
        serve(config, listening, console)


def listen(config: ServeConfig) -> socket.socket:
    """The socket, taken before the model is loaded.

    Raises:
        ConfigError: The address is not of this machine, or taken.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=2048)
    except OSError as error:
        raise ConfigError(
            f"expected a free port at an address of this machine, received {config.host} port "
            f"{config.port} ({error.strerror}); change --host or --port"
        ) from error


def serve(config: ServeConfig, listening: socket.socket, console: Console) -> None:
    """Load the model and answer until a signal comes.

    Raises:
        ConfigError: What a server needs is not installed.
    """
    try:
        import uvicorn

        from polar_search.serving.api import make_app
    except ImportError as error:
        raise ConfigError(
            f"expected what a server needs to be installed, received '{error}'; "
            "pip install 'polar-search[serve]'"
        ) from error
    from polar_search.cli.search import quieten_libraries, set_threads
    from polar_search.serving.model import load

    quieten_libraries()
    set_threads(config.threads)
    model = load(
        config.model,
        config.predictor,
        device=config.device,
        dtype=config.dtype,
        kv_memory=config.kv_memory,
        device_map=config.device_map,
    )
    app = make_app(model, config)
    host, port = listening.getsockname()[:2]
    name = config.name or config.model
    console.print(f"serving {name} at http://{f'[{host}]' if ':' in host else host}:{port}/v1")
    if config.host not in LOOPBACK and not config.api_key:
        console.print(f"warning: others can reach it, and no key is asked for; set {KEY}")
    settings = uvicorn.Config(
        app, log_level="warning", access_log=False, timeout_graceful_shutdown=config.grace
    )
    try:
        uvicorn.Server(settings).run(sockets=[listening])
    except KeyboardInterrupt:
        console.print("stopped")
