"""Says what is wrong with the settings beyond what each value alone can tell."""

from typing import NamedTuple

from streams.engine.errors import Misconfigured
from streams.engine.security import security_arguments
from streams.settings import Settings
from streams.web.auth import ApiKeysInvalid, parse_api_keys

LOOPBACK = ("127.0.0.1", "::1", "localhost")


class SettingProblem(NamedTuple):
    """A setting that cannot work, and what to do."""

    setting: str
    sentence: str


def problems_of(settings: Settings) -> list[SettingProblem]:
    """Check the settings against each other; connects to nothing."""
    return [
        *_broker(settings),
        *_security(settings),
        *_web(settings),
        *_commercetools(settings),
        *_folders(settings),
    ]


def _broker(settings: Settings) -> list[SettingProblem]:
    problems = []
    for server in filter(None, (each.strip() for each in settings.broker.split(","))):
        host, separator, port = server.rpartition(":")
        if not separator or not host or not port.isdecimal():
            problems.append(
                SettingProblem(
                    "ONESHELF_BROKER",
                    f"{server!r} is not host:port, for example 127.0.0.1:9092.",
                )
            )
    return problems


def _security(settings: Settings) -> list[SettingProblem]:
    try:
        security_arguments(settings.broker_security)
    except Misconfigured as error:
        return [SettingProblem("ONESHELF_BROKER_SECURITY", str(error))]
    return []


def _web(settings: Settings) -> list[SettingProblem]:
    try:
        keys = parse_api_keys(settings.api_keys)
    except ApiKeysInvalid as error:
        return [SettingProblem("ONESHELF_API_KEYS", str(error))]
    if settings.http_host not in LOOPBACK and not keys:
        return [
            SettingProblem(
                "ONESHELF_HTTP_HOST",
                f"{settings.http_host!r} is open to others, but there are no "
                "ONESHELF_API_KEYS; configure keys or listen on 127.0.0.1.",
            )
        ]
    return []


def _commercetools(settings: Settings) -> list[SettingProblem]:
    given = settings.commercetools
    needed = {
        "API_URL": given.api_url,
        "AUTH_URL": given.auth_url,
        "PROJECT_KEY": given.project_key,
        "CLIENT_ID": given.client_id,
        "CLIENT_SECRET": given.client_secret.get_secret_value(),
    }
    if not any(needed.values()):
        return []
    problems = [
        SettingProblem(
            f"ONESHELF_COMMERCETOOLS__{name}",
            "is empty, but commercetools is configured otherwise; fill it in, or "
            "empty them all to run without commercetools.",
        )
        for name, value in needed.items()
        if not value
    ]
    problems += [
        SettingProblem(
            f"ONESHELF_COMMERCETOOLS__{name}",
            f"{needed[name]!r} is not an http(s) URL.",
        )
        for name in ("API_URL", "AUTH_URL")
        if needed[name] and not needed[name].startswith(("http://", "https://"))
    ]
    return problems


def _folders(settings: Settings) -> list[SettingProblem]:
    directory = settings.reference_dir
    if directory is None:
        return []
    return [
        SettingProblem(
            "ONESHELF_REFERENCE_DIR", f"{directory / name} is not there; add it."
        )
        for name in ("locations.csv", "products.csv")
        if not (directory / name).is_file()
    ]
