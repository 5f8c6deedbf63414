"""What `make mutants` undoes is still there to be undone."""

import pytest

from tests.mutant import Mutant
from tests.mutants import MUTANTS, TREE


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_rule_stands_in_one_place_of_the_code(mutant: Mutant) -> None:
    assert (TREE / mutant.file).read_text().count(mutant.code) == 1


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.rule)
def test_rule_has_a_test_of_the_name(mutant: Mutant) -> None:
    file, _, name = mutant.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (TREE / file).read_text()
