"""How well words alone tell labels apart: the lexical baseline of the data card."""

import math
from collections import Counter
from collections.abc import Sequence

from emo.stimuli.audit import words


def word_accuracy(
    texts: Sequence[str], labels: Sequence[str], folds: Sequence[str]
) -> dict[str, float]:
    """Accuracy of a bag-of-words classifier per label, each fold left out once.

    The classifier is multinomial naive Bayes on word counts with add-one smoothing. With emotions as
    labels and situations as folds, this is how well words alone tell the emotions apart.
    """
    names = sorted(set(labels))
    bags = [Counter(words(text)) for text in texts]
    hits: Counter[str] = Counter()
    for fold in sorted(set(folds)):
        counts: dict[str, Counter[str]] = {name: Counter() for name in names}
        for bag, label, f in zip(bags, labels, folds, strict=True):
            if f != fold:
                counts[label].update(bag)
        vocabulary = len(set().union(*counts.values()))
        totals = {name: counts[name].total() + vocabulary for name in names}
        for bag, label, f in zip(bags, labels, folds, strict=True):
            if f == fold:
                scores = {
                    name: sum(
                        n * math.log((counts[name][word] + 1) / totals[name])
                        for word, n in bag.items()
                    )
                    for name in names
                }
                hits[label] += max(names, key=scores.__getitem__) == label
    return {name: hits[name] / labels.count(name) for name in names}
