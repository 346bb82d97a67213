from gateway.policy.bucket import Charge, Lease
from gateway.policy.tier import at_once, rate


def test_a_charge_takes_its_cost_in_the_unit_of_the_tier():
    slow, uploads = rate("a", 30, 60.0), at_once("b", 4)
    assert [6.0, 3.0] == [Charge(tier, 3, str).amount for tier in (slow, uploads)]


def test_a_charge_spells_numbers_that_read_the_same_again():
    charge = Charge(rate("a", 7, 1.0), 1, str)
    assert [charge.amount, charge.tier.capacity] == [float(word) for word in charge.numbers.split()]


def test_a_lease_is_given_back_at_the_end_and_once():
    given = []
    lease = Lease()
    lease.begin(lambda: given.append(1))
    assert [] == given
    lease.end()
    lease.end()
    assert [1] == given


def test_what_is_granted_after_the_end_is_given_back_at_once():
    given = []
    lease = Lease()
    lease.end()
    lease.begin(lambda: given.append(1))
    assert [1] == given


def test_a_lease_of_nothing_ends_in_peace():
    Lease().end()
