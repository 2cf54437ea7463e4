"""A decoder that counts its batches, and what it is asked for."""

from dataclasses import replace

from emo.activations.backend import OutOfMemory
from emo.generation.generating import Generation, generate
from emo.generation.samples import Finish, Generated, Request, Sampling
from emo.generation.texts import TextStore

GREEDY = Generation(max_new_tokens=6, sampling=None, seed=0, batch_size=3, batch_decides=False)
SAMPLED = replace(GREEDY, sampling=Sampling())
END = 99


class CountingDecoder:
    """Texts that follow from the prompt and, if asked, the batch; prompt (k, ...) ends after k."""

    context, alone = 100, False

    def __init__(self, fits=1000, dies_after=None, mixes=False):
        self.fits, self.dies_after, self.mixes, self.batches = fits, dies_after, mixes, []

    def decode(self, requests, max_new_tokens, sampling, seed=0):
        if len(requests) > self.fits:
            raise OutOfMemory
        if len(self.batches) == self.dies_after:
            raise KeyboardInterrupt
        self.batches.append(list(requests))
        shift = sum(sum(r.prompt) for r in requests) if self.mixes else 0
        return [self._text(r, shift).truncated(max_new_tokens) for r in requests]

    def write(self, orders, size):
        size = 1 if self.alone else size
        for start in range(0, len(orders), size):
            some = orders[start : start + size]
            (settings,) = {(o.budget, o.sampling, o.seed) for o in some}
            yield from enumerate(self.decode([o.request for o in some], *settings), start)

    def _text(self, request, shift):
        long = tuple(sum(request.prompt) + request.sample + shift + i for i in range(40))
        n = request.prompt[0]
        return Generated(request.prompt, (*long[: n - 1], END)[:n], Finish.eos)

    @property
    def n_texts(self):
        return sum(map(len, self.batches))


def requests(n=8):
    """Texts that end after 3, 4, ... tokens; prompts of 1 to 3 tokens."""
    return [Request((3 + i, *[i] * (i % 3))) for i in range(n)]


def run(decoder, wanted, settings, root, reader=None, groups=None):
    store = TextStore(root, reader or {"m": 1})
    return generate(decoder, wanted, settings, store, groups=groups)
