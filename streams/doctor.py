"""Examines what a worker needs, one finding for each thing, remedies included."""

from typing import NamedTuple

from streams.config_check import problems_of
from streams.connectors.commercetools import CommercetoolsClient
from streams.connectors.errors import ConnectorError
from streams.engine.admin import check_topics
from streams.engine.datadir import DataFolder
from streams.engine.errors import (
    BrokerUnavailable,
    DataFolderInUse,
    EngineError,
    Misconfigured,
)
from streams.mapping.commerce import missing_fields
from streams.mapping.reference import UndecodableReference
from streams.reference import known_reference
from streams.settings import Settings
from streams.wiring import STAGES


class Finding(NamedTuple):
    """One thing that was looked at."""

    what: str
    ok: bool
    said: str


async def examine(settings: Settings) -> list[Finding]:
    """Look at everything; stop asking the broker where it does not answer."""
    findings = [_settings(settings), _folder(settings)]
    if not settings.broker.strip():
        said = "ONESHELF_BROKER is not set; set it to host:port"
        findings.append(Finding("broker", ok=False, said=said))
        return findings
    try:
        await check_topics(settings, STAGES)
    except (BrokerUnavailable, Misconfigured) as error:
        findings.append(Finding("broker", ok=False, said=str(error)))
        return findings
    except EngineError as error:
        findings.append(Finding("topics", ok=False, said=str(error)))
        return findings
    findings.append(Finding("broker", ok=True, said=f"{settings.broker} answers"))
    findings.append(
        Finding("topics", ok=True, said=f"all there, {settings.partitions} partitions")
    )
    findings.append(await _reference(settings))
    findings.append(await _commercetools(settings))
    return findings


def _settings(settings: Settings) -> Finding:
    problems = problems_of(settings)
    said = " ".join(f"{each.setting}: {each.sentence}" for each in problems)
    return Finding("settings", ok=not problems, said=said or "usable")


def _folder(settings: Settings) -> Finding:
    folder = DataFolder(settings)
    try:
        folder.lock()
    except DataFolderInUse:
        return Finding(
            "data folder", ok=True, said=f"{folder.path}: a worker runs there"
        )
    except (EngineError, OSError) as error:
        return Finding("data folder", ok=False, said=str(error))
    folder.unlock()
    return Finding("data folder", ok=True, said=f"{folder.path} is free")


async def _reference(settings: Settings) -> Finding:
    try:
        reference = await known_reference(settings)
    except UndecodableReference as error:
        return Finding("reference data", ok=False, said=str(error))
    places, products = len(reference.locations), len(reference.products)
    if not places or not products:
        return Finding(
            "reference data",
            ok=False,
            said=f"{places} locations, {products} products: every event will wait; "
            "load them with `oneshelf reference load DIR`",
        )
    return Finding(
        "reference data", ok=True, said=f"{places} locations, {products} products"
    )


async def _commercetools(settings: Settings) -> Finding:
    if not settings.commercetools.api_url:
        return Finding(
            "commercetools", ok=True, said="not configured: levels are not published"
        )
    try:
        async with CommercetoolsClient(settings.commercetools) as client:
            known = await client.stock_type()
    except ConnectorError as error:
        return Finding("commercetools", ok=False, said=str(error))
    if known is None or missing_fields(known):
        return Finding(
            "commercetools",
            ok=False,
            said="the custom type is missing or incomplete; run "
            "`oneshelf commercetools bootstrap`",
        )
    return Finding("commercetools", ok=True, said="answers; the custom type is there")
