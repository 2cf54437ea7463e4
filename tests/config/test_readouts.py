"""A readout is called by the same words in titles and in the methods text."""

import pytest

from emo.config.enums import Readout
from emo.config.readouts import readout_words


def test_every_readout_has_words_of_its_own():
    words = [readout_words(readout) for readout in Readout]
    assert len(set(words)) == len(words) == len(Readout)


def test_an_unknown_readout_is_refused():
    with pytest.raises(AssertionError):
        readout_words("first")
