"""Keys: how they are written, who may do what, and when none are needed."""

from hashlib import sha256

import pytest

from streams.web.auth import (
    ApiKeysInvalid,
    Caller,
    Guard,
    Scope,
    UnsafeBinding,
    digest_of,
    is_loopback,
    parse_api_keys,
)
from tests.web.conftest import Serve, Worker, stock

A, B = sha256(b"a").hexdigest(), sha256(b"b").hexdigest()


def test_no_text_means_no_keys() -> None:
    assert parse_api_keys("") == ()
    assert parse_api_keys("  \n") == ()


def test_keys_are_read_with_their_scopes() -> None:
    shop, feed = parse_api_keys(f" shop:read:{A} , feed:ingest+operate:{B.upper()} ")

    assert (shop.name, set(shop.scopes)) == ("shop", {Scope.READ})
    assert shop.digest == digest_of("a") == digest_of(b"a")
    assert (feed.name, set(feed.scopes)) == ("feed", {Scope.INGEST, Scope.OPERATE})
    assert feed.digest == digest_of("b")


def test_a_message_never_shows_the_third_part() -> None:
    with pytest.raises(ApiKeysInvalid) as raised:
        parse_api_keys("shop:read:the-key-itself")

    assert "the-key-itself" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),  # noqa: S104 - the case that must be refused.
        ("::", False),
        ("10.0.0.1", False),
        ("", False),
        ("shop.example", False),
        ("localhost.example", False),
    ],
)
def test_only_this_machine_is_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", ""])  # noqa: S104 - the case that must be refused.
def test_a_worker_without_keys_is_not_opened_to_others(host: str) -> None:
    with pytest.raises(UnsafeBinding, match="ONESHELF_API_KEYS"):
        Guard(host=host)
    with pytest.raises(UnsafeBinding):
        Guard(host=host, webhook_key="only-the-webhook")
    Guard(host=host, keys=parse_api_keys(f"shop:read:{A}"))


# Rows: path and method; columns: no key, unknown key, read, ingest, operate+read.
TABLE = {
    ("GET", "/v1/availability/TEE"): (401, 401, 200, 403, 200),
    ("GET", "/v1/availability/TEE/LDN01"): (401, 401, 200, 403, 200),
    ("POST", "/v1/availability/query"): (401, 401, 200, 403, 200),
    ("GET", "/v1/ledger/TEE/LDN01"): (401, 401, 200, 403, 200),
    ("POST", "/v1/events/newstore"): (401, 401, 403, 200, 403),
    ("POST", "/v1/events/commercetools"): (401, 401, 403, 200, 403),
    ("GET", "/v1/openapi.json"): (200, 200, 200, 200, 200),
    ("GET", "/health/live"): (200, 200, 200, 200, 200),
}
KEYS = ("", "wrong", "reader", "feeder", "boss")


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
async def test_each_key_opens_what_its_scopes_say(
    serve: Serve, keys: str, fast: bool
) -> None:
    worker = await serve(api_keys=keys, fast=fast)
    stock(worker.ledger)
    worker.journal.rows["TEE", "LDN01"] = [{"sequence": 1}]
    for (method, path), expected in TABLE.items():
        body = b'{"skus":["TEE"]}' if method == "POST" else None
        found = []
        for key in KEYS:
            headers = {"authorization": f"Bearer {key}"} if key else {}
            answer = await worker.client.request(
                method, path, content=body, headers=headers
            )
            found.append(answer.status_code)
            if answer.status_code == 401:
                assert answer.headers["www-authenticate"].startswith("Bearer")
        assert tuple(found) == expected, path


@pytest.mark.parametrize("path", ["/health/ready", "/metrics"])
async def test_probes_need_no_key_on_loopback_and_read_elsewhere(
    serve: Serve, keys: str, path: str
) -> None:
    near = await serve(api_keys=keys)
    # The settings say 0.0.0.0; the test still listens on loopback only.
    far = await serve(api_keys=keys, http_host="0.0.0.0")  # noqa: S104

    assert (await near.client.get(path)).status_code == 200
    found = []
    for key in KEYS:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        found.append((await far.client.get(path, headers=headers)).status_code)
    assert found == [401, 401, 200, 403, 200]
    assert (await far.client.get("/health/live")).status_code == 200


FOREIGN = [
    {"host": "shop.example"},
    {"host": "shop.example:8600"},
    {"host": "localhost.example"},
    {"host": "127.0.0.1.example"},
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "http://127.0.0.1.example:80"},
]
NEAR = [
    {"host": "localhost"},
    {"host": "localhost:8600"},
    {"host": "127.0.0.1"},
    {"host": "[::1]:8600"},
    {"host": "[::1]"},
    {"origin": "http://localhost:3000"},
    {"origin": "http://127.0.0.1"},
    {"origin": "http://[::1]:8600"},
]


@pytest.mark.parametrize("fast", [True, False], ids=["fast", "slow"])
async def test_without_keys_web_pages_of_others_get_nothing(
    serve: Serve, fast: bool
) -> None:
    """A page in a browser here, or a name that resolves to this machine, is refused."""
    worker = await serve(fast=fast)
    stock(worker.ledger)
    for headers, status in [(h, 403) for h in FOREIGN] + [(h, 200) for h in NEAR]:
        read = await worker.client.get("/v1/availability/TEE", headers=headers)
        sent = await worker.client.post(
            "/v1/events/newstore", content=b"{}", headers=headers
        )
        seen = await worker.client.get("/metrics", headers=headers)
        found = (read.status_code, sent.status_code, seen.status_code)
        assert found == (status, status, status), headers
    assert len(worker.sink.records) == len(NEAR)


async def test_with_keys_the_host_name_does_not_matter(serve: Serve, keys: str) -> None:
    worker = await serve(api_keys=keys)
    stock(worker.ledger)

    answer = await worker.client.get(
        "/v1/availability/TEE",
        headers={"authorization": "Bearer reader", "host": "stock.example"},
    )

    assert answer.status_code == 200


def test_every_key_is_compared_whichever_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append(second)
        return first == second

    monkeypatch.setattr("streams.web.auth.hmac.compare_digest", compare)
    guard = Guard(host="127.0.0.1", keys=parse_api_keys(f"one:read:{A},two:read:{B}"))
    for token in (b"Bearer a", b"Bearer b", b"Bearer c"):
        compared.clear()
        allowed = guard.allows(Caller(authorization=token), Scope.READ)
        assert allowed is (token != b"Bearer c")
        assert len(compared) == 2


async def test_a_worker_on_loopback_needs_no_key(worker: Worker) -> None:
    assert (await worker.client.get("/v1/availability/TEE")).status_code == 200
