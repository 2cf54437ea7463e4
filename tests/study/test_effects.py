"""Values without each emotion, there and back through a study's trials."""

import pytest

from emo.study.effects import effects_of, without_each
from tests.study.test_trials import SPACE, advance, opened


def measured(point):
    names = list(SPACE.varied)
    first = SPACE.varied[names[0]].choices
    value = 1.0 - 0.25 * first.index(point[names[0]])
    return {"rho": value, **without_each("rho", [value] * 12)}


def test_changes_are_those_of_the_trials(tmp_path):
    study = opened(tmp_path)
    advance(study, 32, evaluate=measured)
    found = effects_of(SPACE, study.trials, ["rho"])["rho"]
    name, choices = next((n, d.choices) for n, d in SPACE.varied.items())
    for i, (parameter, value) in enumerate(found.names):
        want = -0.25 * choices.index(value) if parameter == name else 0.0
        assert found.change.value[i] == pytest.approx(want, abs=1e-9)
    assert found.told == (name,)


def test_an_objective_without_such_values_has_no_changes(tmp_path):
    study = opened(tmp_path)
    advance(study, 4)
    assert effects_of(SPACE, study.trials, ["rho"]) == {}
