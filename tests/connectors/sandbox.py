"""Settings that lead to a sandbox."""

from pydantic import SecretStr

from streams.settings import CommercetoolsSettings


def settings_for(url: str, **changes: object) -> CommercetoolsSettings:
    return CommercetoolsSettings.model_validate(
        {
            "api_url": url,
            "auth_url": url,
            "project_key": "oneshelf",
            "client_id": "sandbox-client",
            "client_secret": SecretStr("sandbox-secret"),
            **changes,
        }
    )
