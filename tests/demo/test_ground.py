"""The demo's houses: they share the broker with what is real, and nothing else."""

from pathlib import Path

from pydantic import SecretStr

from streams.demo.ground import own_settings
from streams.demo.run import settings_of as settings_of_day
from streams.demo.run_evening import settings_of as settings_of_evening
from streams.settings import CommercetoolsSettings, NewStoreSettings, Settings

REAL = Settings(
    broker="kafka:9092",
    app_id="real",
    topic_prefix="real-",
    data_dir=Path("real"),
    reference_dir=Path("real-reference"),
    http_host="0.0.0.0",  # noqa: S104 - what a demo must not take over
    api_keys="real:operate:" + "0" * 64,
    commercetools=CommercetoolsSettings(
        api_url="https://real.invalid", client_secret=SecretStr("real"), orders=True
    ),
    newstore=NewStoreSettings(
        api_url="https://real.invalid", webhook_key=SecretStr("real")
    ),
    _env_file=None,
)
FOLDER = Path("folder")


def test_no_house_of_a_demo_reaches_what_is_real() -> None:
    for own in (settings_of_day(REAL, FOLDER), settings_of_evening(REAL, FOLDER)):
        assert own.broker == REAL.broker
        told = own.model_copy(update={"broker": ""}).model_dump_json()
        assert "real" not in told
        assert own.commercetools.api_url == own.newstore.api_url == ""
        assert "real" not in own.newstore.webhook_key.get_secret_value()
        assert own.http_host == "127.0.0.1"
        assert own.api_keys == ""


def test_two_demos_at_once_have_names_of_their_own() -> None:
    first, second = (
        own_settings(REAL, "demo", data=FOLDER, reference=FOLDER) for _ in "ab"
    )
    assert first.app_id != second.app_id
    assert first.topic_prefix == f"{first.app_id}-"
    assert first.topic_prefix != second.topic_prefix


def test_the_evening_has_shelves_and_windows_of_its_own() -> None:
    day, evening = settings_of_day(REAL, FOLDER), settings_of_evening(REAL, FOLDER)
    assert day.data_dir != evening.data_dir
    assert day.reference_dir != evening.reference_dir
    assert evening.orders.window_quiet_s < day.orders.window_quiet_s
