"""Planted bugs of orders: each breaks one promise that a checker has to see."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from streams.connectors.order_updates import OrderUpdater
from streams.simulation.order_errands import Updater
from streams.simulation.plants import HONEST, Plant


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlant:
    """What of the handling of orders is replaced by something broken."""

    says: str = "nothing is planted"
    spine: Plant = HONEST
    updater: Updater = OrderUpdater


PLANTS: Mapping[str, OrderPlant] = MappingProxyType({})
"""Every planted bug of orders by its name."""
