"""The settings of a demo's house: under names of its own, nothing real is touched."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from pydantic import SecretStr

from streams.settings import CommercetoolsSettings, NewStoreSettings, Settings

REQUESTS_PER_S = 600.0
"""Of all workers together: a real project's limit would only slow the opening."""


def own_settings(
    settings: Settings,
    kind: str,
    *,
    data: Path,
    reference: Path,
    **changes: Any,
) -> Settings:
    """Return settings of a house that shares only the broker with what is real.

    Args:
        kind: Begins its names, so that they are known when they are left over.
        changes: Further settings, for this house only.
    """
    name = f"{kind}-{uuid4().hex[:8]}"
    own = {
        "app_id": name,
        "topic_prefix": f"{name}-",
        "data_dir": data,
        "reference_dir": reference,
        "http_host": "127.0.0.1",
        "http_port": 0,
        "api_keys": "",
        "commercetools": CommercetoolsSettings(
            requests_per_second=REQUESTS_PER_S,
            webhook_key=SecretStr(f"{name}-ct"),
        ),
        "newstore": NewStoreSettings(webhook_key=SecretStr(f"{name}-ns")),
    }
    return settings.model_copy(update=own | changes)
