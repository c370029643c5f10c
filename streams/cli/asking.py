"""Asking a worker over HTTP: its answer, or an end with its own words."""

from collections.abc import Collection
from typing import Annotated, Any

import typer

from streams.cli.app import EXIT_DIFFERENCES, EXIT_REFUSED, EXIT_UNAVAILABLE, refuse

NAME_A_WORKER = "Start one, or name its URL with --worker, like http://127.0.0.1:8600."
TIMEOUT_S = 15.0
NOT_FOUND, CONFLICT = 404, 409

HERE = "http://127.0.0.1:8600"
Json = Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")]
Worker = Annotated[str, typer.Option(help="A worker's URL; any of them answers.")]
Key = Annotated[
    str, typer.Option(envvar="ONESHELF_API_KEY", help="Bearer key, if needed.")
]


def ask(
    worker: str,
    key: str,
    path: str,
    *,
    method: str = "GET",
    known: Collection[int] = (NOT_FOUND,),
    **more: Any,
) -> Any:
    """Ask a worker; end with its own words where it refuses.

    Args:
        known: Statuses that are an answer: they end with exit code 1, others with 2,
            a worker that cannot answer with 3.
    """
    import httpx

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        response = httpx.request(
            method, f"{worker}{path}", headers=headers, timeout=TIMEOUT_S, **more
        )
        answer = response.json()
    except httpx.InvalidURL as error:
        refuse(f"--worker {worker!r} is not a URL ({error}). {NAME_A_WORKER}")
    except (httpx.HTTPError, ValueError) as error:
        refuse(
            f"No worker answers at {worker} ({error}). {NAME_A_WORKER}",
            EXIT_UNAVAILABLE,
        )
    if response.is_success:
        return answer
    if response.is_server_error:
        refuse(_said(worker, answer), EXIT_UNAVAILABLE)
    is_known = response.status_code in known
    return refuse(_said(worker, answer), EXIT_DIFFERENCES if is_known else EXIT_REFUSED)


def _said(worker: str, answer: Any) -> str:
    """Say a worker's problem document (RFC 9457) in a line."""
    if not isinstance(answer, dict):
        return f"{worker} is no worker. {NAME_A_WORKER}"
    detail, remedy = answer.get("detail", answer), answer.get("remedy", "")
    field = answer.get("field")
    named = f" ({field}: {answer.get('value', '')})" if field else ""
    return f"{detail}{named} {remedy}".strip()
