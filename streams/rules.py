"""How this retailer's NewStore is read and orders are handled, from the settings."""

from datetime import timedelta

from streams.domain.adjustments import AdjustmentTable, with_rules
from streams.domain.order_rules import OrderRules
from streams.domain.reference import Reference
from streams.domain.sourcing_choice import SourcingRules
from streams.engine.errors import Misconfigured
from streams.mapping.pos_rules import IntakeRules
from streams.mapping.reference_files import parse_adjustments
from streams.settings import Settings


def intake_rules(settings: Settings) -> IntakeRules:
    """Build the intake's rules.

    Raises:
        Misconfigured: An alias or the adjustments file cannot be read.
    """
    newstore = settings.newstore
    return IntakeRules(
        tenant=newstore.tenant,
        sku_identifier=newstore.sku_identifier,
        sellable=frozenset(_list(newstore.sellable_conditions.casefold())),
        commerce_counts=settings.commercetools.stock_counting == "commerce",
        commerce_orders=settings.commercetools.orders,
        adjustments=_adjustments(settings),
        aliases=dict(_alias(pair) for pair in _list(newstore.event_aliases)),
    )


def order_rules(settings: Settings, reference: Reference) -> OrderRules:
    """Build the rules for orders; they look for places where NewStore can be asked."""
    orders = settings.orders
    return OrderRules(
        window_quiet=timedelta(seconds=orders.window_quiet_s),
        window_longest=timedelta(seconds=orders.window_longest_s),
        window_closes_complete=orders.window_closes_complete,
        has_pooled_entries=settings.commercetools.entries == "pool",
        return_wait=timedelta(seconds=orders.return_wait_s),
        return_lateness=timedelta(seconds=orders.return_lateness_s),
        commerce_counts=settings.commercetools.stock_counting == "commerce",
        sourcing=sourcing_rules(settings, reference),
        reroutes=settings.sourcing.reroutes == "oneshelf",
        keep=timedelta(days=orders.keep_days),
    )


def sourcing_rules(settings: Settings, reference: Reference) -> SourcingRules | None:
    """Build the rules for finding places; None where NewStore cannot be asked."""
    if not (settings.newstore.api_url and settings.commercetools.orders):
        return None
    return choice_rules(settings, reference)


def choice_rules(settings: Settings, reference: Reference) -> SourcingRules:
    """Build the rules for finding places, whoever is to find them."""
    sourcing = settings.sourcing
    return SourcingRules(
        reference=reference,
        locations=tuple(_list(sourcing.locations)),
        splits=sourcing.splits,
        answer_timeout_s=sourcing.answer_timeout_s,
        rounds_max=sourcing.rounds_max,
    )


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _alias(pair: str) -> tuple[str, str]:
    name, separator, known = (part.strip() for part in pair.partition("="))
    if not separator or not name or not known:
        raise Misconfigured(
            f"ONESHELF_NEWSTORE__EVENT_ALIASES has {pair!r}",
            remedy="Write name=known.name pairs, separated by commas",
        )
    return name, known


def _adjustments(settings: Settings) -> AdjustmentTable:
    path = settings.newstore.adjustments_file
    if path is None:
        return AdjustmentTable()
    try:
        rules, problems = parse_adjustments(path.read_bytes())
    except OSError as error:
        raise Misconfigured(
            f"ONESHELF_NEWSTORE__ADJUSTMENTS_FILE {path} cannot be read: "
            f"{error.strerror}",
            remedy="Name a readable CSV file, or leave it empty",
        ) from error
    if problems:
        raise Misconfigured(
            f"{path}: " + "; ".join(str(problem) for problem in problems),
            remedy="Mend these lines",
        )
    return with_rules(rules)
