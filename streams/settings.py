"""Settings, read once from the environment (`ONESHELF_…`) or a file, and only here."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommercetoolsSettings(BaseModel):
    """How to reach commercetools and how it counts.

    `requests_per_second` is for all workers together, each takes its part of it;
    `max_concurrency` is for each worker. NewStore's are meant in the same way.
    """

    api_url: str = ""
    auth_url: str = ""
    project_key: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    webhook_key: SecretStr = SecretStr("")
    orders: bool = False
    stock_counting: Literal["commerce", "pool"] = "commerce"
    entries: Literal["channel", "pool", "both"] = "channel"
    max_concurrency: int = Field(default=8, ge=1, le=64)
    requests_per_second: float = Field(default=50.0, gt=0)


class NewStoreSettings(BaseModel):
    """What NewStore's event stream presents to us, and how this retailer set it up.

    Lists are written with commas: `1,sellable`.
    """

    webhook_key: SecretStr = SecretStr("")
    api_url: str = ""
    auth_url: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    availability_path: str = "/v0/d/availabilities"
    shop: str = ""
    service_level: str = "STANDARD"
    max_concurrency: int = Field(default=8, ge=1, le=64)
    requests_per_second: float = Field(default=50.0, gt=0)
    tenant: str = ""
    sku_identifier: str = "sku"
    sellable_conditions: str = "1,sellable"
    event_aliases: str = ""
    adjustments_file: Path | None = None


class SourcingSettings(BaseModel):
    """How web orders find the place that fulfils them.

    `locations` is the configured order, written with commas; empty: every enabled
    location, nearest country first. `reroutes` says who sends a failed unit on.
    """

    locations: str = ""
    splits: bool = True
    reroutes: Literal["oneshelf", "newstore"] = "oneshelf"
    check_deadline_s: float = Field(default=0.8, gt=0, le=30)
    answer_timeout_s: float = Field(default=10.0, gt=0, le=300)
    rounds_max: int = Field(default=8, ge=1, le=100)


class OrdersSettings(BaseModel):
    """How long things about an order wait, in seconds, and are kept, in days.

    A window of fulfilments closes after `window_quiet_s` without news, at the latest
    `window_longest_s` after it opened, and at once when nothing more is to come.
    """

    window_quiet_s: float = Field(default=30.0, ge=0, le=86_400)
    window_longest_s: float = Field(default=300.0, ge=0, le=86_400)
    window_closes_complete: bool = True
    return_lateness_s: float = Field(default=0.0, ge=0, le=604_800)
    return_wait_s: float = Field(default=900.0, ge=0, le=604_800)
    link_wait_s: float = Field(default=900.0, ge=0, le=604_800)
    keep_days: int = Field(default=400, ge=1, le=3_650)


class KafkaSecuritySettings(BaseModel):
    """TLS and SASL towards the broker; plain by default."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str = ""
    sasl_password: SecretStr = SecretStr("")


class Settings(BaseSettings):
    """All settings of a worker and of the command line."""

    model_config = SettingsConfigDict(
        env_prefix="ONESHELF_",
        env_nested_delimiter="__",
        env_file="oneshelf.env",
        extra="ignore",
    )

    broker: str = ""
    broker_security: KafkaSecuritySettings = KafkaSecuritySettings()
    app_id: str = Field(default="oneshelf", pattern=r"^[A-Za-z0-9._-]{1,80}$")
    topic_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,80}$")
    worker_id: str = Field(default="worker-0", pattern=r"^[A-Za-z0-9._-]{1,80}$")
    partitions: int = Field(default=4, ge=1, le=1024)
    replication_factor: int = Field(default=1, ge=1, le=5)
    data_dir: Path = Path("data")
    http_host: str = "127.0.0.1"
    http_port: int = Field(default=8600, ge=0, le=65535)
    advertised_url: str = ""
    http_front: bool = False
    reference_dir: Path | None = None
    dedupe_days: int = Field(default=8, ge=1, le=90)
    transit_overdue_days: int = Field(default=7, ge=1, le=365)
    batch_records_max: int = Field(default=4000, ge=1, le=100_000)
    session_timeout_s: float = Field(default=10.0, ge=1.0, le=300.0)
    api_keys: str = ""
    crash_at: str = ""
    commercetools: CommercetoolsSettings = CommercetoolsSettings()
    newstore: NewStoreSettings = NewStoreSettings()
    orders: OrdersSettings = OrdersSettings()
    sourcing: SourcingSettings = SourcingSettings()
