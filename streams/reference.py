"""Loads reference data from files into its topics, whole or not at all."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from streams.domain.reference import Location, Product, Reference
from streams.engine.produce import LogWriter
from streams.engine.reading import LogReader
from streams.mapping.csv_rows import FileProblem
from streams.mapping.reference import (
    apply_reference_record,
    encode_location,
    encode_product,
)
from streams.mapping.reference_files import parse_reference
from streams.settings import Settings
from streams.topics import LOCATIONS, PRODUCTS, Topic

RECORDS_AT_ONCE = 2_000


class ReferenceRefused(Exception):
    """The files cannot be loaded; every problem names file, line, value and remedy."""

    def __init__(self, problems: tuple[FileProblem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was loaded."""

    all_locations: tuple[Location, ...]
    all_products: tuple[Product, ...]
    warnings: tuple[FileProblem, ...]

    @property
    def locations(self) -> int:
        return len(self.all_locations)

    @property
    def products(self) -> int:
        return len(self.all_products)


def read_reference(directory: Path) -> Loaded:
    """Read `locations.csv` and `products.csv`.

    Raises:
        ReferenceRefused: Something in them is wrong; all problems at once.
    """
    found = parse_reference(
        locations=_read(directory / "locations.csv"),
        products=_read(directory / "products.csv"),
    )
    if found.problems:
        raise ReferenceRefused(found.problems)
    return Loaded(found.locations, found.products, found.warnings)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        sentence = (
            f"the file cannot be read ({error.strerror}); a folder of reference data "
            "has locations.csv and products.csv."
        )
        problem = FileProblem(str(path), 1, "", "", sentence)
        raise ReferenceRefused((problem,)) from error


async def load_reference(settings: Settings, directory: Path) -> Loaded:
    """Put the files' rows into the reference topics; workers follow them at once.

    Rows that are in the topics but not in the files stay; disable them in the files.

    Raises:
        ReferenceRefused: Something in the files is wrong; nothing was loaded.
        BrokerUnavailable: The broker did not take all of it; load again.
    """
    loaded = await asyncio.to_thread(read_reference, directory)
    records: list[tuple[Topic, bytes, bytes]] = [
        (LOCATIONS, place.location_id.encode(), encode_location(place))
        for place in loaded.all_locations
    ]
    records += [
        (PRODUCTS, product.sku.encode(), encode_product(product))
        for product in loaded.all_products
    ]
    writer = LogWriter(settings)
    try:
        for start in range(0, len(records), RECORDS_AT_ONCE):
            await asyncio.gather(
                *(
                    writer.append(topic, key, value)
                    for topic, key, value in records[start : start + RECORDS_AT_ONCE]
                )
            )
    finally:
        await writer.stop()
    return loaded


async def known_reference(settings: Settings) -> Reference:
    """Read the reference topics as they are now."""
    reference = Reference()
    async with LogReader(settings) as reader:
        for topic in (LOCATIONS, PRODUCTS):
            async for records in reader.read(topic):
                for record in records:
                    apply_reference_record(reference, topic, record.key, record.value)
    return reference
