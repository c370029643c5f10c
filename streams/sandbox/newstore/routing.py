"""Which node gets which unit: a plain function over the ATP it is shown.

Order routing (docs): one or more locations; several requests where none has everything.
The rule is ours, as routing is configured per tenant: nodes in order, the first that
has the whole order takes it, else each unit goes to the first node that has it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

Atp = Callable[[str, str], int]


def route(
    wanted: Sequence[tuple[str, str]],
    nodes: Sequence[str],
    atp: Atp,
    tried: Mapping[str, Iterable[str]],
) -> dict[str, str]:
    """Choose a node for each unit, `(unit id, product id)`; left out if none has it.

    A unit never goes to a node in its `tried` again.
    """
    refused = {unit_id: frozenset(tried.get(unit_id, ())) for unit_id, _ in wanted}
    for node_id in nodes:
        is_new = all(node_id not in refused[unit_id] for unit_id, _ in wanted)
        if is_new and _has_all(wanted, node_id, atp):
            return {unit_id: node_id for unit_id, _ in wanted}
    chosen: dict[str, str] = {}
    taken: Counter[tuple[str, str]] = Counter()
    for unit_id, product_id in wanted:
        for node_id in nodes:
            if node_id in refused[unit_id]:
                continue
            if atp(node_id, product_id) > taken[node_id, product_id]:
                taken[node_id, product_id] += 1
                chosen[unit_id] = node_id
                break
    return chosen


def _has_all(wanted: Sequence[tuple[str, str]], node_id: str, atp: Atp) -> bool:
    needed = Counter(product_id for _, product_id in wanted)
    return all(atp(node_id, product) >= count for product, count in needed.items())
