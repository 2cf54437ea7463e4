import numpy as np

from emo.core.stats.resampling import bootstrap_counts, half_splits, index, stream

CROSSED = (np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6))  # 6 situations x 4 emotions
LOOSE = (np.arange(15), np.repeat(np.arange(5), 3))  # 3 passages an emotion, none crossed


def test_streams_depend_on_seed_and_every_name():
    draws = {
        tuple(stream(*key).integers(0, 2**32, 3))
        for key in [(0, "a"), (1, "a"), (0, "b"), (0, "a", "b"), (0, "a", 1), (0, "ab")]
    }
    assert len(draws) == 6
    assert stream(0, "a").random() == stream(0, "a").random()


def test_index_keeps_first_appearance():
    names, which = index(("b", "a", "b"))
    assert names == ("b", "a")
    assert which.tolist() == [0, 1, 0]


def test_crossed_groups_stay_whole():
    groups, emotions = CROSSED
    halves = half_splits(groups, emotions, 50, stream(0, "t"))
    for split in halves:
        per_group = split.reshape(6, 4)
        assert (per_group.all(axis=1) | ~per_group.any(axis=1)).all()
        assert per_group[:, 0].sum() == 3
    assert len({tuple(s) for s in halves}) > 10


def test_loose_passages_are_halved_within_their_emotion():
    groups, emotions = LOOSE
    halves = half_splits(groups, emotions, 200, stream(0, "t"))
    per_emotion = halves.reshape(200, 5, 3).sum(axis=2)
    assert set(np.unique(per_emotion)) == {1, 2}  # both halves hold every emotion
    assert 0.4 < (per_emotion == 1).mean() < 0.6
    assert np.allclose(halves.mean(axis=0), 0.5, atol=0.12)  # no passage is favoured


def test_bootstrap_draws_as_many_groups_as_there_are():
    groups, emotions = CROSSED
    counts = bootstrap_counts(groups, emotions, 300, stream(0, "t")).reshape(300, 6, 4)
    assert (counts == counts[:, :, :1]).all()  # clusters are drawn whole
    assert (counts[:, :, 0].sum(axis=1) == 6).all()
    assert np.allclose(counts.mean(axis=0), 1, atol=0.2)


def test_bootstrap_of_loose_passages_keeps_each_emotions_number():
    groups, emotions = LOOSE
    counts = bootstrap_counts(groups, emotions, 100, stream(0, "t")).reshape(100, 5, 3)
    assert (counts.sum(axis=2) == 3).all()
    assert counts.max() == 3  # with replacement
