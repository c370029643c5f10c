"""The stand-ins beside a house: started as processes, prepared, and connected to it.

commercetools' messages and NewStore's events then reach the house's webhooks, as the
real systems' would.
"""

import asyncio
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from streams.domain.reference import Location
from streams.readiness import free_port, wait_until
from streams.settings import Settings
from streams.supervisor import Child, Supervisor

CLIENT = "sandbox-client"
SECRET = "sandbox-secret"  # noqa: S105 - opens the loopback stand-ins only
PROJECT = "oneshelf"
TENANT = "oneshelf"
HTTP_TIMEOUT_S = 10.0
SUBSCRIPTION_KEY = "oneshelf"
INTEGRATION_ID = "oneshelf-events"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """How the stand-ins behave. Seconds.

    Attributes:
        order_lag_s: How late an order may show in its entry's quantity.
        event_delay_s: How late NewStore's events may come.
        duplicates: The share of them that come again.
    """

    order_lag_s: float | None = None
    event_delay_s: float = 0.0
    duplicates: float = 0.0


def oneshelf() -> list[str]:
    """Return the command that starts this very installation."""
    return [sys.executable, "-m", "streams.cli"]


async def start_commercetools(
    settings: Settings, supervisor: Supervisor, weather: Weather
) -> tuple[Settings, str]:
    """Start commercetools' stand-in; return settings that lead there, and its URL."""
    arguments = ["sandbox", "commercetools"]
    if weather.order_lag_s is not None:
        arguments += ["--order-lag", str(weather.order_lag_s)]
    url = await _start(settings, supervisor, "sandbox", arguments)
    commercetools = settings.commercetools.model_copy(
        update={**_door(url), "project_key": PROJECT}
    )
    return settings.model_copy(update={"commercetools": commercetools}), url


async def start_newstore(
    settings: Settings, supervisor: Supervisor, weather: Weather
) -> tuple[Settings, str]:
    """Start the NewStore stand-in; return settings that lead to it, and its URL."""
    arguments = ["sandbox", "newstore", "--delay", str(weather.event_delay_s)]
    arguments += ["--duplicates", str(weather.duplicates)]
    url = await _start(settings, supervisor, "newstore", arguments)
    newstore = settings.newstore.model_copy(update={**_door(url), "tenant": TENANT})
    return settings.model_copy(update={"newstore": newstore}), url


def _door(url: str) -> dict[str, Any]:
    """Return the settings that lead into a stand-in, whichever vendor's it is."""
    return {
        "api_url": url,
        "auth_url": url,
        "client_id": CLIENT,
        "client_secret": SecretStr(SECRET),
    }


async def _start(
    settings: Settings, supervisor: Supervisor, name: str, arguments: list[str]
) -> str:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    log_file = settings.data_dir / "logs" / f"{name}.log"
    await supervisor.start(
        Child(
            name=name,
            command=[*oneshelf(), *arguments, "--port", str(port)],
            environment={},
            log_file=log_file,
        )
    )
    await wait_until(f"{url}/_sandbox/health", name, log_file, supervisor)
    return url


async def prepare_newstore(url: str, locations: Iterable[Location]) -> None:
    """Make each location a node of the NewStore stand-in."""
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as client:
        for place in locations:
            kind = "dc" if place.type == "dc" else "store"
            node = place.newstore_node_id or place.location_id
            await act(client, url, "add_node", {"node_id": node, "kind": kind})


async def act(
    client: httpx.AsyncClient, url: str, name: str, arguments: Mapping[str, Any]
) -> dict[str, Any]:
    """Have somebody in the NewStore stand-in's stores do something."""
    answer = await client.post(f"{url}/_sandbox/acts/{name}", json=arguments)
    answer.raise_for_status()
    done: dict[str, Any] = answer.json() if answer.content else {}
    return done


async def connect(
    settings: Settings, worker: str, *, commercetools: str, newstore: str
) -> None:
    """Let both stand-ins tell a worker's webhooks what happens.

    Args:
        worker: The worker's base URL.
        commercetools, newstore: The stand-ins' base URLs.
    """
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S) as client:
        await asyncio.gather(
            _subscribe(client, settings, worker, commercetools),
            _register(client, settings, worker, newstore),
        )


async def _subscribe(
    client: httpx.AsyncClient, settings: Settings, worker: str, url: str
) -> None:
    """Subscribe to orders (commercetools API reference: Subscriptions)."""
    token = await client.post(
        f"{url}/oauth/token",
        auth=(CLIENT, SECRET),
        data={"grant_type": "client_credentials"},
    )
    token.raise_for_status()
    key = settings.commercetools.webhook_key.get_secret_value()
    destination = {"type": "HTTP", "url": f"{worker}/v1/events/commercetools"}
    if key:
        destination["authorization"] = f"Bearer {key}"
    answer = await client.post(
        f"{url}/{PROJECT}/subscriptions",
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        json={
            "key": SUBSCRIPTION_KEY,
            "destination": destination,
            "messages": [{"resourceTypeId": "order"}],
            "format": {"type": "Platform"},
        },
    )
    answer.raise_for_status()


async def _register(
    client: httpx.AsyncClient, settings: Settings, worker: str, url: str
) -> None:
    """Register for all events (NewStore: Event Stream configuration API)."""
    token = await client.post(
        f"{url}/auth/realms/{TENANT}/protocol/openid-connect/token",
        data={
            "grant_type": "client_credentials",
            "client_id": CLIENT,
            "client_secret": SECRET,
        },
    )
    token.raise_for_status()
    callback = {"callback_url": f"{worker}/v1/events/newstore"}
    key = settings.newstore.webhook_key.get_secret_value()
    if key:
        callback["api_key"] = key
    answer = await client.post(
        f"{url}/api/v1/org/integrations/eventstream",
        headers={"Authorization": f"Bearer {token.json()['access_token']}"},
        json={
            "id": INTEGRATION_ID,
            "integration_type": "permanent",
            "callback_parameters": callback,
        },
    )
    answer.raise_for_status()
