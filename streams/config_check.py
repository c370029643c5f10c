"""Says what is wrong with the settings, each problem with its value and remedy."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, NamedTuple

import pydantic
from pydantic_settings import SettingsError

from streams.engine.errors import Misconfigured
from streams.engine.security import security_arguments
from streams.settings import Settings
from streams.web.auth import ApiKeysInvalid, is_loopback, parse_api_keys

PREFIX = "ONESHELF_"
PORT_MAX = 65_535
DAY_S = 86_400

_SECRETS = ("SECRET", "PASSWORD", "WEBHOOK_KEY", "API_KEYS")
# Ours, but not of `Settings`: the key that `query` sends, and what tests read.
_OTHER_NAMES = ("API_KEY", "BREADBASKET")
_OTHER_PREFIXES = ("TEST_", "BENCH_", "DEMO_")


class SettingProblem(NamedTuple):
    """A setting that cannot work, and what to do."""

    setting: str
    sentence: str


class SettingsRefused(Exception):
    """Settings that cannot be read; every problem names its variable."""

    def __init__(self, problems: list[SettingProblem]) -> None:
        super().__init__(" ".join(f"{name}: {said}" for name, said in problems))
        self.problems = problems


def read_settings() -> Settings:
    """Read the settings from environment and file.

    Raises:
        SettingsRefused: A value has the wrong form; all of them at once.
    """
    try:
        return Settings()
    except pydantic.ValidationError as error:
        problems = [_form_problem(dict(each)) for each in error.errors()]
        raise SettingsRefused(problems) from error
    except SettingsError as error:
        raise SettingsRefused([_group_problem(str(error))]) from error


def problems_of(settings: Settings) -> list[SettingProblem]:
    """Check the settings against each other; connects to nothing."""
    return [
        *_broker(settings),
        *_security(settings),
        *_web(settings),
        *_commercetools(settings),
        *_newstore(settings),
        *_orders(settings),
        *_folders(settings),
    ]


def unknown_names(environment: Mapping[str, str]) -> list[SettingProblem]:
    """Find variables with our prefix that no setting has: typing errors, mostly."""
    known = set(_names(Settings))
    unknown = sorted(
        name
        for name in (each.upper() for each in environment)
        if name.startswith(PREFIX)
        and name not in known
        and not name.removeprefix(PREFIX).startswith(_OTHER_PREFIXES)
        and name.removeprefix(PREFIX) not in _OTHER_NAMES
    )
    return [SettingProblem(name, _unknown_sentence(name, known)) for name in unknown]


def _unknown_sentence(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, known, n=1, cutoff=0.85)
    hint = f"; did you mean {near[0]}?" if near else "; remove it."
    return f"is not a setting and has no effect{hint}"


def _names(model: type[pydantic.BaseModel], prefix: str = PREFIX) -> Iterable[str]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        yield prefix + name.upper()
        if isinstance(inner, type) and issubclass(inner, pydantic.BaseModel):
            yield from _names(inner, f"{prefix}{name.upper()}__")


def _form_problem(error: Mapping[str, Any]) -> SettingProblem:
    """Say what form a value should have, in our words."""
    name = PREFIX + "__".join(str(part).upper() for part in error["loc"])
    limits: Mapping[str, Any] = error.get("ctx") or {}
    match error["type"]:
        case "greater_than_equal":
            wanted = f"a number from {limits['ge']} on"
        case "greater_than":
            wanted = f"a number above {limits['gt']}"
        case "less_than_equal":
            wanted = f"a number up to {limits['le']}"
        case "int_parsing":
            wanted = "a whole number"
        case "float_parsing":
            wanted = "a number"
        case "literal_error":
            wanted = str(limits["expected"]).replace("'", "")
        case "string_pattern_mismatch":
            wanted = "letters, digits, dots, dashes and underscores, 80 at most"
        case _:
            wanted = f"something else ({error['msg']})"
    shown = "the value" if name.endswith(_SECRETS) else repr(error["input"])
    return SettingProblem(name, f"{shown} cannot be used; write {wanted}.")


def _group_problem(message: str) -> SettingProblem:
    """Say that a group of settings was set as if it were one."""
    field = message.partition('field "')[2].partition('"')[0]
    name = f"{PREFIX}{field.upper()}"
    inner = Settings.model_fields[field].annotation if field else None
    example = next(iter(getattr(inner, "model_fields", {"": None})))
    return SettingProblem(
        name,
        "is a group of settings, not one; set its members, for example "
        f"{name}__{example.upper()}.",
    )


def _broker(settings: Settings) -> list[SettingProblem]:
    return [
        SettingProblem(
            "ONESHELF_BROKER",
            f"{server!r} is not host:port; write for example 127.0.0.1:9092, several "
            "separated by commas.",
        )
        for server in filter(
            None, (each.strip() for each in settings.broker.split(","))
        )
        if not _is_host_and_port(server)
    ]


def _is_host_and_port(server: str) -> bool:
    host, _, port = server.rpartition(":")
    usable = port.isascii() and port.isdecimal() and 0 < int(port) <= PORT_MAX
    return bool(host) and "/" not in host and " " not in host and usable


def _security(settings: Settings) -> list[SettingProblem]:
    try:
        security_arguments(settings.broker_security)
    except Misconfigured as error:
        return [SettingProblem("ONESHELF_BROKER_SECURITY", f"{error}.")]
    return []


def _web(settings: Settings) -> list[SettingProblem]:
    try:
        keys = parse_api_keys(settings.api_keys)
    except ApiKeysInvalid as error:
        said = str(error).removeprefix("API_KEYS ")
        return [SettingProblem("ONESHELF_API_KEYS", f"{said}.")]
    if not is_loopback(settings.http_host) and not keys:
        return [
            SettingProblem(
                "ONESHELF_HTTP_HOST",
                f"{settings.http_host!r} can be reached from other machines, but "
                "there are no keys; set ONESHELF_API_KEYS "
                "(name:scope+scope:sha256hex-of-key), or listen on 127.0.0.1.",
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
    problems = _counting(settings)
    if given.orders:
        # What its messages only mention has to be read there.
        return problems + _incomplete("COMMERCETOOLS", "commercetools", needed)
    if not any(needed.values()):
        return problems
    return problems + _incomplete("COMMERCETOOLS", "commercetools", needed)


def _newstore(settings: Settings) -> list[SettingProblem]:
    given = settings.newstore
    needed = {
        "API_URL": given.api_url,
        "AUTH_URL": given.auth_url,
        "CLIENT_ID": given.client_id,
        "CLIENT_SECRET": given.client_secret.get_secret_value(),
    }
    if not any(needed.values()):
        return []
    if not given.auth_url.endswith("/token"):
        needed["TENANT"] = given.tenant
    return _incomplete("NEWSTORE", "NewStore's API", needed)


def _orders(settings: Settings) -> list[SettingProblem]:
    """Find what orders would be forgotten before, although it still asks for them."""
    given = settings.orders
    waits = {
        "DEDUPE_DAYS": (
            float(settings.dedupe_days),
            "a movement could come again that its order no longer knows of",
        ),
        "ORDERS__RETURN_WAIT_S": (
            given.return_wait_s / DAY_S,
            "a return could still wait for its sale",
        ),
        "ORDERS__LINK_WAIT_S": (
            given.link_wait_s / DAY_S,
            "news could still wait for their order",
        ),
    }
    return [
        SettingProblem(
            "ONESHELF_ORDERS__KEEP_DAYS",
            f"{given.keep_days} is not longer than ONESHELF_{name} ({days:g} days), so "
            f"{why}; write more than {days:g}, and more days than customers have to "
            "bring goods back.",
        )
        for name, (days, why) in waits.items()
        if given.keep_days <= days
    ]


def _incomplete(
    prefix: str, vendor: str, needed: Mapping[str, str]
) -> list[SettingProblem]:
    """Find what is missing of a vendor's settings, and what is no URL."""
    problems = [
        SettingProblem(
            f"ONESHELF_{prefix}__{name}",
            f"is empty, but other settings of {vendor} are not; fill it in, or "
            f"empty them all to run without {vendor}.",
        )
        for name, value in needed.items()
        if not value
    ]
    problems += [
        SettingProblem(
            f"ONESHELF_{prefix}__{name}",
            f"{needed[name]!r} is not a URL; write one that begins with https://.",
        )
        for name in ("API_URL", "AUTH_URL")
        if needed[name] and not needed[name].startswith(("http://", "https://"))
    ]
    return problems


def _counting(settings: Settings) -> list[SettingProblem]:
    given = settings.commercetools
    if (given.entries, given.stock_counting) != ("both", "commerce"):
        return []
    # An order of the web shop lowers the entry it was taken from, and not the other;
    # with deltas nobody would ever lower that.
    return [
        SettingProblem(
            "ONESHELF_COMMERCETOOLS__ENTRIES",
            "'both' cannot go with ONESHELF_COMMERCETOOLS__STOCK_COUNTING='commerce': "
            "a web order lowers only one of the two entries, so the other would stay "
            "too high; set STOCK_COUNTING to pool, or ENTRIES to channel or pool.",
        )
    ]


def _folders(settings: Settings) -> list[SettingProblem]:
    directory = settings.reference_dir
    if directory is None:
        return []
    return [
        SettingProblem(
            "ONESHELF_REFERENCE_DIR",
            f"{str(directory / name)!r} is not there; add it, or name another folder.",
        )
        for name in ("locations.csv", "products.csv")
        if not (directory / name).is_file()
    ]


def problems_of_environment() -> tuple[Settings | None, list[SettingProblem]]:
    """Read the settings and check them; None where they cannot even be read."""
    try:
        settings = read_settings()
    except SettingsRefused as refused:
        return None, refused.problems
    return settings, problems_of(settings)
