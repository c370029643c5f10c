"""Settings that cannot work: what is said, and that nothing starts."""

from tests.bad_input.row import Bad, Kept, Surface

COMMERCETOOLS = {
    "commercetools__api_url": "https://api.example.org",
    "commercetools__auth_url": "https://auth.example.org",
    "commercetools__project_key": "shop",
    "commercetools__client_id": "id",
    "commercetools__client_secret": "secret",
}
KEY_FORM = "write name:scope+scope:sha256hex-of-key, entries apart by commas."
NAME_FORM = "write letters, digits, dots, dashes and underscores, 80 at most."
SASL = {"broker_security__protocol": "SASL_PLAINTEXT"}


def refused(name: str, given: dict[str, str], *says: str) -> Bad:
    """Settings with which nothing starts."""
    lines = "".join(f"ONESHELF_{each}\n" for each in says)
    return Bad(
        name=name,
        surface=Surface.SETTING,
        given=given,
        says=lines,
        status=2,
        kept=Kept.NOT_STARTED,
    )


def number(name: str, value: str, wanted: str) -> Bad:
    """A number that is none, or out of its range."""
    said = f"{name.upper()}: '{value}' cannot be used; write {wanted}."
    return refused(f"{name} of {value}", {name: value}, said)


SETTINGS = [
    number("partitions", "0", "a number from 1 on"),
    number("partitions", "1025", "a number up to 1024"),
    number("partitions", "four", "a whole number"),
    number("http_port", "70000", "a number up to 65535"),
    number("http_port", "-1", "a number from 0 on"),
    number("dedupe_days", "0", "a number from 1 on"),
    number("transit_overdue_days", "0", "a number from 1 on"),
    number("session_timeout_s", "soon", "a number"),
    number("orders__keep_days", "0", "a number from 1 on"),
    number("orders__keep_days", "3651", "a number up to 3650"),
    refused(
        "orders forgotten before a movement can come again",
        {"orders__keep_days": "5"},
        "ORDERS__KEEP_DAYS: 5 is not longer than ONESHELF_DEDUPE_DAYS (8 days), so a "
        "movement could come again that its order no longer knows of; write more than "
        "8, and more days than customers have to bring goods back.",
    ),
    number("batch_records_max", "0", "a number from 1 on"),
    number("replication_factor", "6", "a number up to 5"),
    number("commercetools__max_concurrency", "65", "a number up to 64"),
    number("commercetools__requests_per_second", "0", "a number above 0.0"),
    number("commercetools__entries", "all", "channel, pool or both"),
    number("commercetools__stock_counting", "shop", "commerce or pool"),
    number(
        "broker_security__protocol",
        "TLS",
        "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL",
    ),
    refused(
        "an application id with a space",
        {"app_id": "one shelf"},
        f"APP_ID: 'one shelf' cannot be used; {NAME_FORM}",
    ),
    refused(
        "two wrong values at once",
        {"partitions": "0", "http_port": "x"},
        "PARTITIONS: '0' cannot be used; write a number from 1 on.",
        "HTTP_PORT: 'x' cannot be used; write a whole number.",
    ),
    refused(
        "NewStore's API without a realm for its tokens",
        {
            "newstore__api_url": "https://acme.example.org",
            "newstore__auth_url": "https://id.example.org",
            "newstore__client_id": "id",
            "newstore__client_secret": "secret",
        },
        "NEWSTORE__TENANT: is empty, but other settings of NewStore's API are not; "
        "fill it in, or empty them all to run without NewStore's API.",
    ),
    refused(
        "a group set as one",
        {"commercetools": "https://api.example.org"},
        "COMMERCETOOLS: is a group of settings, not one; set its members, for example "
        "ONESHELF_COMMERCETOOLS__API_URL.",
    ),
    *(
        refused(
            f"a broker of {value}",
            {"broker": value},
            f"BROKER: '{value}' is not host:port; write for example 127.0.0.1:9092, "
            "several separated by commas.",
        )
        for value in ("kafka", ":9092", "kafka:port", "kafka:70000", "http://kafka:1")
    ),
    refused(
        "an API key without its hash",
        {"api_keys": "hunter2"},
        f"API_KEYS: entry 1: expected 3 parts, found 1; {KEY_FORM}",
    ),
    refused(
        "an API key with an unknown scope",
        {"api_keys": f"shop:write:{'0' * 64}"},
        "API_KEYS: entry 1 ('shop'): scope 'write' is unknown; use read, ingest, "
        "operate, joined by +.",
    ),
    refused(
        "open to others without keys",
        {"http_host": "0.0.0.0"},  # noqa: S104 - the case that must be refused
        "HTTP_HOST: '0.0.0.0' can be reached from other machines, but there are no "
        "keys; set ONESHELF_API_KEYS (name:scope+scope:sha256hex-of-key), or listen on "
        "127.0.0.1.",
    ),
    refused(
        "SASL without a password",
        {**SASL, "broker_security__sasl_username": "me"},
        "BROKER_SECURITY: The broker's protocol is SASL_PLAINTEXT, but there is no "
        "password. Set ONESHELF_BROKER_SECURITY__SASL_PASSWORD.",
    ),
    refused(
        "an authority that is not there",
        {
            "broker_security__protocol": "SSL",
            "broker_security__ca_file": "/nowhere/ca.pem",
        },
        "BROKER_SECURITY: The broker's CA_FILE /nowhere/ca.pem cannot be used: No such "
        "file or directory. Give ONESHELF_BROKER_SECURITY__CA_FILE a readable PEM "
        "file, its key without a password.",
    ),
    refused(
        "orders of a commercetools that cannot be asked",
        {
            **COMMERCETOOLS,
            "commercetools__orders": "true",
            "commercetools__api_url": "",
        },
        "COMMERCETOOLS__API_URL: is empty, but other settings of commercetools "
        "are not; fill it in, or empty them all to run without commercetools.",
    ),
    refused(
        "commercetools half configured",
        {**COMMERCETOOLS, "commercetools__client_secret": ""},
        "COMMERCETOOLS__CLIENT_SECRET: is empty, but other settings of commercetools "
        "are not; fill it in, or empty them all to run without commercetools.",
    ),
    refused(
        "an address without a scheme",
        {**COMMERCETOOLS, "commercetools__api_url": "api.example.org"},
        "COMMERCETOOLS__API_URL: 'api.example.org' is not a URL; write one that begins "
        "with https://.",
    ),
    refused(
        "both entries, lowered by commercetools",
        {**COMMERCETOOLS, "commercetools__entries": "both"},
        "COMMERCETOOLS__ENTRIES: 'both' cannot go with "
        "ONESHELF_COMMERCETOOLS__STOCK_COUNTING='commerce': a web order lowers only "
        "one of the two entries, so the other would stay too high; set STOCK_COUNTING "
        "to pool, or ENTRIES to channel or pool.",
    ),
    refused(
        "reference data that is not there",
        {"reference_dir": "/nowhere"},
        "REFERENCE_DIR: '/nowhere/locations.csv' is not there; add it, or name another "
        "folder.",
        "REFERENCE_DIR: '/nowhere/products.csv' is not there; add it, or name another "
        "folder.",
    ),
]
