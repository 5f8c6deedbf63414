"""Which subscriptions an access change touches."""

from __future__ import annotations

from permissions.accesslog import Touch
from permissions.representation import ObjectKey
from realtime.state.due import Due
from realtime.state.index import Index
from realtime.state.subscriptions import Subscription
from tests.realtime.pieces import frame, socket

PLAN = ObjectKey("resources.document", 1)
DRAFT = ObjectKey("resources.document", 2)


def filled(due: Due[Subscription] | None = None) -> tuple[Index, dict[str, Subscription]]:
    """Users 1 and 2, each with the plan and the draft."""
    index = Index(due or Due())
    named = {}
    sockets = {user_id: socket(user_id) for user_id in (1, 2)}
    for user_id in (1, 2):
        for name, key in (("plan", PLAN), ("draft", DRAFT)):
            subscription = Subscription(sockets[user_id], key, name)
            sockets[user_id].subscriptions[key] = subscription
            named[f"{name} of {user_id}"] = subscription
            index.add(subscription)
    return index, named


def names(found: set[Subscription], named: dict[str, Subscription]) -> set[str]:
    return {name for name, subscription in named.items() if subscription in found}


def test_touch_of_a_user_touches_all_that_they_have() -> None:
    index, named = filled()
    assert names(index.touched([Touch(user_id=1)]), named) == {"plan of 1", "draft of 1"}


def test_touch_of_an_object_touches_everybody_on_it() -> None:
    index, named = filled()
    touched = index.touched([Touch(model=PLAN.model, object_id=PLAN.pk)])
    assert names(touched, named) == {"plan of 1", "plan of 2"}


def test_touch_of_a_user_on_an_object_touches_one() -> None:
    index, named = filled()
    touch = Touch(user_id=2, model=DRAFT.model, object_id=DRAFT.pk)
    assert names(index.touched([touch]), named) == {"draft of 2"}


def test_touch_of_the_tenant_touches_everybody() -> None:
    index, named = filled()
    assert index.touched([Touch()]) == set(named.values())


def test_several_touches_are_added_up() -> None:
    index, named = filled()
    touches = [Touch(user_id=1, model=PLAN.model, object_id=PLAN.pk), Touch(user_id=2)]
    assert names(index.touched(touches), named) == {"plan of 1", "plan of 2", "draft of 2"}


def test_strangers_touch_nobody() -> None:
    index, _ = filled()
    touches = [
        Touch(user_id=3),
        Touch(model="resources.profile", object_id=PLAN.pk),
        Touch(user_id=3, model=PLAN.model, object_id=PLAN.pk),
    ]
    assert index.touched(touches) == set()


def test_one_that_ended_is_not_read_again() -> None:
    due: Due[Subscription] = Due()
    index, named = filled(due)
    index.read(named.values(), 1.0)
    index.remove(named["plan of 1"])
    index.read([named["plan of 1"]], 2.0)
    assert set(due.before(2.0, 5)) == set(named.values()) - {named["plan of 1"]}


def test_those_of_an_object_are_found() -> None:
    index, named = filled()
    assert set(index.of_key(PLAN)) == {named["plan of 1"], named["plan of 2"]}
    assert list(index.of_key(ObjectKey("resources.document", 3))) == []


def test_removing_leaves_nothing_and_may_be_repeated() -> None:
    index, named = filled()
    for subscription in named.values():
        assert subscription in index
        index.remove(subscription)
        index.remove(subscription)
        assert subscription not in index
    assert (len(index), index.all, index._sockets, index._by_key) == (0, set(), {}, {})


def test_what_is_only_in_windows_is_read_with_them() -> None:
    due: Due[Subscription] = Due()
    index, named = filled(due)
    index.read(named.values(), 1.0)
    named["plan of 1"].single = False
    index.read([named["plan of 1"]], 2.0)
    assert set(due.before(2.0, 5)) == set(named.values()) - {named["plan of 1"]}
    assert len(index) == 4


def test_subscription_that_is_added_again_counts_once() -> None:
    index, named = filled()
    index.add(named["plan of 1"])
    assert len(index) == 4


def test_rows_of_an_object_have_one_key_and_one_id() -> None:
    index, _ = filled()
    of = socket(3)
    [row] = index.new_rows(ObjectKey("resources.document", 1), [of], lambda key: "another")
    assert (row.key is PLAN, row.id, row.single) == (True, "plan", False)
    assert row in index
    assert len(index) == 5
    assert index.touched([Touch(user_id=3)]) == {row}
    assert row.socket.subscriptions == {PLAN: row}
    [first, _] = index.new_rows(
        ObjectKey("resources.document", 3), [of, socket(4)], lambda key: "new"
    )
    assert (first.id, len(index)) == ("new", 7)
    assert index.touched([Touch(user_id=3)]) == {row, first}
    assert index.new_rows(ObjectKey("resources.document", 9), [], lambda key: "none") == []
    assert not list(index.of_key(ObjectKey("resources.document", 9)))


def test_fresh_is_what_nobody_was_sent_or_read_anything_of() -> None:
    index, named = filled()
    other = ObjectKey("resources.document", 3)
    assert index.fresh([PLAN, DRAFT, other]) == {PLAN, DRAFT, other}
    named["plan of 1"].version = 7
    named["draft of 2"].sent = frame().digest
    named["draft of 2"].begin_anew()
    assert index.fresh([PLAN, DRAFT, other]) == {other}
