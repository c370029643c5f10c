"""States: what a line item or an order can be in, and where it may go from there.

Source: API spec, `types/state/{State,StateDraft,StateTypeEnum,StateRoleEnum}`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from streams.sandbox.commercetools import errors, updates, values
from streams.sandbox.commercetools.collection import Collection
from streams.sandbox.commercetools.predicates import FieldKind, Schema
from streams.sandbox.commercetools.resources import PLATFORM, Stamp, Stamped, reference
from streams.sandbox.commercetools.values import Fields, needed, optional

LINE_ITEM_STATE = "LineItemState"
ORDER_STATE = "OrderState"
STATE_TYPES = (
    ORDER_STATE,
    LINE_ITEM_STATE,
    "ProductState",
    "ReviewState",
    "PaymentState",
    "QuoteRequestState",
    "StagedQuoteState",
    "QuoteState",
    "RecurringOrderState",
)
# What each type of state may play (`StateRoleEnum`).
ROLES = {LINE_ITEM_STATE: "Return", "ReviewState": "ReviewIncludedInStatistics"}
INITIAL_STATE_ID = "00000000-0000-4000-8000-000000000001"
INITIAL_KEY = "Initial"
DESCRIPTIONS = ("name", "description")

STATE_SCHEMA: Schema = {
    "id": FieldKind.TEXT,
    "version": FieldKind.NUMBER,
    "key": FieldKind.TEXT,
    "type": FieldKind.TEXT,
    "initial": FieldKind.BOOLEAN,
    "builtIn": FieldKind.BOOLEAN,
    "roles": FieldKind.TEXTS,
    "createdAt": FieldKind.MOMENT,
    "lastModifiedAt": FieldKind.MOMENT,
}


@dataclass(frozen=True, slots=True)
class State(Stamped):
    """A state. `transitions` None: any of its type may follow; empty: none may."""

    key: str
    type: str
    is_initial: bool
    roles: tuple[str, ...]
    transitions: tuple[str, ...] | None
    descriptions: Fields
    is_built_in: bool = False

    def allows(self, other: "State") -> bool:
        """Tell whether the other state may follow this one."""
        if self.type != other.type:
            return False
        return self.transitions is None or other.id in self.transitions


class States(Collection[State]):
    """The project's states, the built-in `Initial` of line items among them."""

    type_id = "state"

    def __init__(self, at: str) -> None:
        super().__init__()
        stamp = Stamp(INITIAL_STATE_ID, 1, at, PLATFORM, at, PLATFORM)
        names = {"name": {"en": INITIAL_KEY}}
        self.put(
            State(
                stamp=stamp,
                key=INITIAL_KEY,
                type=LINE_ITEM_STATE,
                is_initial=True,
                roles=(),
                transitions=None,
                descriptions=names,
                is_built_in=True,
            )
        )

    def create(self, draft: Fields, stamp: Stamp) -> State:
        """Create a state; its key is unique, an empty one is `InvalidOperation`."""
        if draft.get("key") == "":
            raise errors.invalid_operation("The state's key must not be empty.")
        type_ = needed(draft, "type", values.one_of(*STATE_TYPES))
        is_initial = optional(draft, "initial", values.boolean)
        transitions = optional(draft, "transitions", values.listing)
        state = State(
            stamp=stamp,
            key=needed(draft, "key", values.text),
            type=type_,
            is_initial=True if is_initial is None else is_initial,
            roles=_roles(type_, optional(draft, "roles", values.texts) or ()),
            transitions=self.transitions(type_, transitions),
            descriptions={
                name: needed(draft, name, values.mapping)
                for name in DESCRIPTIONS
                if draft.get(name) is not None
            },
        )
        self.put(state)
        return state

    def transitions(
        self, type_: str, wanted: list[object] | None
    ) -> tuple[str, ...] | None:
        """Return the ids of states of the same type; another type is refused.

        The code of the refusal is a guess (`StateDraft.transitions`).
        """
        if wanted is None:
            return None
        found = [self.referenced("transitions", value) for value in wanted]
        for state in found:
            if state.type != type_:
                raise errors.invalid_operation(
                    f"The state '{state.key}' is not of the type '{type_}'."
                )
        return tuple(dict.fromkeys(state.id for state in found))

    def of_type(self, type_: str, name: str, value: object) -> State:
        """Return the state that a field names; another type is refused (guess)."""
        state = self.referenced(name, value)
        if state.type != type_:
            raise errors.invalid_input(
                f"{name}: The state '{state.key}' is not of the type '{type_}'."
            )
        return state


def _roles(type_: str, roles: Iterable[str]) -> tuple[str, ...]:
    for role in roles:
        if role != ROLES.get(type_):
            raise errors.invalid_field("roles", role, [ROLES.get(type_)])
    return tuple(dict.fromkeys(roles))


Change = updates.Change[State, States]


def _set_transitions(action: Fields) -> Change:
    """Set or remove; the same value is refused (`StateSetTransitionsAction`)."""
    wanted = optional(action, "transitions", values.listing)

    def change(state: State, states: States) -> State:
        changed = replace(state, transitions=states.transitions(state.type, wanted))
        if changed == state:
            raise errors.invalid_operation("The state's transitions would not change.")
        return changed

    return change


def _change_key(action: Fields) -> Change:
    """Change the key, but not of a built-in state (`State.builtIn`)."""
    key = needed(action, "key", values.text)

    def change(state: State, _: States) -> State:
        if state.is_built_in:
            raise errors.invalid_operation("A built-in state keeps its key.")
        return replace(state, key=key)

    return change


def _change_initial(action: Fields) -> Change:
    is_initial = needed(action, "initial", values.boolean)
    return lambda state, _: replace(state, is_initial=is_initial)


def _set_roles(action: Fields) -> Change:
    roles = needed(action, "roles", values.texts)
    return lambda state, _: replace(state, roles=_roles(state.type, roles))


def _add_roles(action: Fields) -> Change:
    roles = needed(action, "roles", values.texts)
    return lambda state, _: replace(
        state, roles=_roles(state.type, (*state.roles, *roles))
    )


def _set_description(name: str) -> updates.Reader[State, States]:
    def read(action: Fields) -> Change:
        text = needed(action, name, values.mapping)
        return lambda state, _: replace(
            state, descriptions={**state.descriptions, name: text}
        )

    return read


# Of the vendor's nine, those that set-up needs; another is `InvalidInput` here.
STATE_ACTIONS: dict[str, updates.Reader[State, States]] = {
    "addRoles": _add_roles,
    "changeInitial": _change_initial,
    "changeKey": _change_key,
    "setDescription": _set_description("description"),
    "setName": _set_description("name"),
    "setRoles": _set_roles,
    "setTransitions": _set_transitions,
}


def state_body(state: State) -> dict[str, object]:
    """Write a state as the vendor does; unset transitions are left out."""
    body: dict[str, object] = {
        **state.stamp.body(),
        "key": state.key,
        "type": state.type,
        **state.descriptions,
        "initial": state.is_initial,
        "builtIn": state.is_built_in,
        "roles": list(state.roles),
    }
    if state.transitions is not None:
        body["transitions"] = [
            reference("state", state_id) for state_id in state.transitions
        ]
    return body
