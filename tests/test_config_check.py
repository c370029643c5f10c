"""Settings held against each other: what goes together, and typing errors in names."""

import pytest
from pydantic import SecretStr

from streams.config_check import problems_of, unknown_names
from streams.settings import (
    CommercetoolsSettings,
    NewStoreSettings,
    OrdersSettings,
    Settings,
)


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]  # One value of any setting.


def commerce(**values: object) -> CommercetoolsSettings:
    complete = {
        "api_url": "https://api.example.org",
        "auth_url": "https://auth.example.org",
        "project_key": "shop",
        "client_id": "id",
        "client_secret": SecretStr("secret"),
    }
    return CommercetoolsSettings.model_validate(complete | values)


def test_the_defaults_are_usable() -> None:
    assert problems_of(settings()) == []


@pytest.mark.parametrize(
    ("entries", "counting", "names"),
    [
        ("channel", "commerce", []),
        ("pool", "commerce", []),
        ("both", "commerce", ["ONESHELF_COMMERCETOOLS__ENTRIES"]),
        ("channel", "pool", []),
        ("pool", "pool", []),
        ("both", "pool", []),
    ],
)
def test_only_both_entries_lowered_by_commercetools_are_refused(
    entries: str, counting: str, names: list[str]
) -> None:
    given = commerce(entries=entries, stock_counting=counting)

    found = problems_of(settings(commercetools=given))

    assert [problem.setting for problem in found] == names


NEWSTORE = {
    "api_url": "https://acme.example.org",
    "auth_url": "https://id.example.org",
    "client_id": "id",
    "client_secret": SecretStr("secret"),
    "tenant": "acme",
}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        (dict.fromkeys(NEWSTORE, ""), []),
        ({name: "" for name in NEWSTORE if name != "tenant"}, []),
        ({"tenant": ""}, ["ONESHELF_NEWSTORE__TENANT"]),
        ({"tenant": "", "auth_url": "https://id.example.org/oauth/token"}, []),
        ({"client_id": ""}, ["ONESHELF_NEWSTORE__CLIENT_ID"]),
        ({"api_url": "acme.example.org"}, ["ONESHELF_NEWSTORE__API_URL"]),
    ],
)
def test_newstores_api_is_configured_whole_or_not_at_all(
    changes: dict[str, object], names: list[str]
) -> None:
    given = NewStoreSettings.model_validate(NEWSTORE | changes)

    found = problems_of(settings(newstore=given))

    assert [problem.setting for problem in found] == names


@pytest.mark.parametrize(
    "broker", ["kafka:9092", "a:1,b:65535", " a:1 , b:2 ,", "[::1]:9092", "10.0.0.1:1"]
)
def test_addresses_of_brokers_that_are_usable(broker: str) -> None:
    assert problems_of(settings(broker=broker)) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_without_keys_a_worker_may_listen_to_this_machine(host: str) -> None:
    assert problems_of(settings(http_host=host)) == []


def test_names_that_are_no_settings_are_found_with_a_guess() -> None:
    environment = {
        "ONESHELF_PARTITIONS": "4",
        "ONESHELF_COMMERCETOOLS__API_URL": "",
        "ONESHELF_API_KEY": "for query",
        "ONESHELF_TEST_BROKER": "for tests",
        "PATH": "/bin",
        "ONESHELF_COMMERCETOOL__API_URL": "",
        "ONESHELF_XYZZY": "",
    }

    assert unknown_names(environment) == [
        (
            "ONESHELF_COMMERCETOOL__API_URL",
            (
                "is not a setting and has no effect; did you mean "
                "ONESHELF_COMMERCETOOLS__API_URL?"
            ),
        ),
        ("ONESHELF_XYZZY", "is not a setting and has no effect; remove it."),
    ]


def test_orders_need_a_commercetools_that_can_be_asked() -> None:
    found = problems_of(settings(commercetools=CommercetoolsSettings(orders=True)))
    assert [problem.setting for problem in found] == [
        f"ONESHELF_COMMERCETOOLS__{name}"
        for name in ("API_URL", "AUTH_URL", "PROJECT_KEY", "CLIENT_ID", "CLIENT_SECRET")
    ]


WEEK_S = 604_800.0


@pytest.mark.parametrize(
    ("orders", "dedupe_days", "named"),
    [
        ({"keep_days": 9}, 8, []),
        ({"keep_days": 8}, 8, ["ONESHELF_DEDUPE_DAYS (8 days)"]),
        ({"keep_days": 8, "return_wait_s": WEEK_S}, 7, []),
        (
            {"keep_days": 7, "return_wait_s": WEEK_S},
            6,
            ["ONESHELF_ORDERS__RETURN_WAIT_S (7 days)"],
        ),
        (
            {"keep_days": 7, "link_wait_s": WEEK_S},
            6,
            ["ONESHELF_ORDERS__LINK_WAIT_S (7 days)"],
        ),
    ],
)
def test_orders_are_kept_longer_than_anything_still_asks_for_them(
    orders: dict[str, float], dedupe_days: int, named: list[str]
) -> None:
    given = OrdersSettings.model_validate(orders)

    found = problems_of(settings(orders=given, dedupe_days=dedupe_days))

    assert [each.setting for each in found] == ["ONESHELF_ORDERS__KEEP_DAYS"] * len(
        named
    )
    for problem, name in zip(found, named, strict=True):
        assert f"{given.keep_days} is not longer than {name}" in problem.sentence
