"""How this retailer's NewStore is read, from the settings."""

from streams.domain.adjustments import AdjustmentTable, with_rules
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
        adjustments=_adjustments(settings),
        aliases=dict(_alias(pair) for pair in _list(newstore.event_aliases)),
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
