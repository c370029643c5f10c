"""Commands that run a process: `worker`, `sandbox …`, `topics create`."""

import asyncio
from typing import Annotated

import typer

from streams.cli.app import app, emit, load_broker_settings, load_settings, out, refuse

topics_app = typer.Typer(no_args_is_help=True, help="The topics on the broker.")
sandbox_app = typer.Typer(no_args_is_help=True, help="Stand-ins of outside systems.")
app.add_typer(topics_app, name="topics")
app.add_typer(sandbox_app, name="sandbox")

Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]


@app.command()
def worker() -> None:
    """Run one worker until it is told to stop (SIGTERM or Ctrl-C).

    Exit codes: 0 stopped, 2 refused to start (a setting or topic is wrong), 3 no broker
    answered, 70 failed (after both, start it again: its state is complete).

    Example: `ONESHELF_BROKER=127.0.0.1:9092 ONESHELF_WORKER_ID=w1 oneshelf worker`
    """
    from streams.worker import main

    settings = load_settings()
    if not settings.broker:
        refuse(
            "No broker is configured. Set ONESHELF_BROKER to host:port, or use "
            "`oneshelf up`, which brings one for a first look."
        )
    main(settings)


@topics_app.command("create")
def create(as_json: Json = False) -> None:
    """Create the topics and changelogs that do not exist yet.

    Example: `oneshelf topics create --json`
    """
    from streams.engine.admin import create_topics
    from streams.wiring import STAGES

    created = asyncio.run(create_topics(load_broker_settings(), STAGES))
    emit(
        {"created": created},
        as_json=as_json,
        human=lambda: out.print(
            f"Created {len(created)} topics." if created else "All topics exist."
        ),
    )


@sandbox_app.command("commercetools")
def commercetools(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8790,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    order_lag_s: Annotated[
        float,
        typer.Option(
            "--order-lag",
            min=0.0,
            max=10.0,
            help="Seconds until an order shows in its entry's quantity, at the most.",
        ),
    ] = 10.0,
    kafka: Annotated[
        bool,
        typer.Option(
            "--kafka",
            help="Take ConfluentCloud subscriptions to the configured broker.",
        ),
    ] = False,
) -> None:
    """Serve the commercetools stand-in, which keeps the vendor's rules.

    Example: `oneshelf sandbox commercetools --port 8790`
    """
    from streams.cli.kafka_sink import serve_with_kafka
    from streams.sandbox.commercetools import Lag, SandboxConfig, serve

    def say(url: str) -> None:
        out.print(f"commercetools sandbox at {url}", soft_wrap=True)

    config = SandboxConfig(host=host, port=port, lag=Lag(max_s=order_lag_s))
    if kafka:
        asyncio.run(serve_with_kafka(config, load_broker_settings(), say))
    else:
        asyncio.run(serve(config, on_ready=say))


@sandbox_app.command("newstore")
def newstore(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8791,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    delay_s: Annotated[
        float,
        typer.Option(
            "--delay", min=0.0, max=900.0, help="Seconds an event may be late."
        ),
    ] = 0.0,
    duplicates: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, help="Share of events that come again."),
    ] = 0.0,
    reroutes: Annotated[
        bool,
        typer.Option(help="A failed unit goes to the next place by NewStore itself."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of all chance.")] = 1,
) -> None:
    """Serve the NewStore stand-in, which keeps the vendor's rules.

    Example: `oneshelf sandbox newstore --port 8791 --delay 2 --duplicates 0.1`
    """
    from streams.sandbox.newstore.config import SandboxConfig, StreamConfig
    from streams.sandbox.newstore.server import serve

    stream = StreamConfig(delay_max_s=delay_s, duplicates=duplicates)
    config = SandboxConfig(
        host=host, port=port, seed=seed, stream=stream, reroutes=reroutes
    )
    asyncio.run(
        serve(
            config,
            on_ready=lambda url: out.print(
                f"NewStore sandbox at {url}", soft_wrap=True
            ),
        )
    )
