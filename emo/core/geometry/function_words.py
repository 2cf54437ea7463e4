"""Groups of function words by language, and the language that some texts are in."""

from __future__ import annotations

from collections.abc import Sequence

FUNCTION_WORDS = {
    "I": ("i", "me", "my", "mine", "myself"),
    "we": ("we", "us", "our", "ours", "ourselves"),
    "you": ("you", "your", "yours", "yourself"),
    "she": ("she", "her", "hers", "herself"),
    "he": ("he", "him", "his", "himself"),
    "it": ("it", "its", "itself"),
    "they": ("they", "them", "their", "theirs", "themselves"),
    "definite": ("the",),
    "indefinite": ("a", "an"),
    "had": ("had", "has", "have", "having"),
    "was": ("was", "were", "is", "are", "am", "be", "been", "being"),
    "did": ("did", "do", "does", "done"),
    "modal": ("would", "could", "should", "might", "may", "must", "can", "will", "shall"),
    "negation": ("not", "no", "never", "nothing", "nobody", "none", "nor", "neither", "without"),
    "and": ("and",),
    "but": ("but", "though", "although", "yet"),
    "or": ("or", "if", "whether"),
    "that": ("that", "which", "who", "whom", "whose", "what"),
    "when": ("when", "while", "before", "after", "until", "then", "as"),
    "place": ("in", "on", "at", "by", "from", "to", "into", "of", "for", "with"),
    "every": ("every", "all", "each", "any", "some"),
    "degree": ("so", "too", "very", "only", "just", "even", "still", "again"),
}
"""English. A word with n't counts as a negation as well."""

GERMAN = {
    "I": ("ich", "mich", "mir", "mein", "meine", "meinen", "meinem", "meiner", "meines"),
    "we": ("wir", "uns", "unser", "unsere", "unseren", "unserem", "unserer"),
    "you": ("du", "dich", "dir", "dein", "deine", "deinen", "deinem", "deiner", "euch"),
    "she": ("sie", "ihr", "ihre", "ihren", "ihrem", "ihrer", "ihres"),
    "he": ("er", "ihn", "ihm", "sein", "seine", "seinen", "seinem", "seiner", "seines"),
    "it": ("es",),
    "they": ("ihnen",),
    "definite": ("der", "die", "das", "den", "dem", "des"),
    "indefinite": ("ein", "eine", "einen", "einem", "einer", "eines"),
    "had": ("hatte", "hatten", "hat", "habe", "haben", "gehabt", "hätte", "hätten"),
    "was": ("war", "waren", "ist", "sind", "bin", "gewesen", "wäre", "wären"),
    "did": ("tat", "taten", "tun", "getan", "wurde", "wurden", "worden", "werden"),
    "modal": (
        *("konnte", "konnten", "sollte", "sollten", "wollte", "wollten", "musste", "mussten"),
        *("durfte", "durften", "mochte", "würde", "würden", "könnte", "möchte"),
        *("kann", "soll", "will", "muss", "darf", "müsste", "dürfte"),
    ),
    "negation": (
        *("nicht", "nie", "niemals", "nichts", "niemand", "niemandem", "weder", "ohne"),
        *("kein", "keine", "keinen", "keinem", "keiner", "keines", "nirgends"),
    ),
    "and": ("und",),
    "but": ("aber", "doch", "obwohl", "sondern", "jedoch"),
    "or": ("oder", "ob", "wenn", "falls"),
    "that": ("dass", "welche", "welcher", "wer", "was", "wessen", "woran", "worüber"),
    "when": ("als", "während", "bevor", "nachdem", "bis", "dann", "wie"),
    "place": (
        *("in", "im", "ins", "an", "am", "auf", "bei", "beim", "von", "vom", "zu", "zum", "zur"),
        *("aus", "für", "mit", "über", "unter", "nach", "vor", "durch", "neben", "hinter"),
    ),
    "every": ("alle", "alles", "allen", "jede", "jeder", "jeden", "jedem", "jedes", "etwas"),
    "degree": ("so", "sehr", "nur", "gerade", "sogar", "noch", "wieder", "auch", "schon"),
}
"""German, in the groups of the English ones; a word of two groups stands in the more frequent one."""

LANGUAGES = {"en": FUNCTION_WORDS, "de": GERMAN}
"""By ISO 639-1 code. A language more is one entry with the same groups."""


def language_of(words: Sequence[str]) -> str:
    """The language whose function words are most of these lower-case words; English where none is.

    Example
    -------
    >>> language_of(["sie", "war", "nicht", "im", "haus"]), language_of(["she", "was", "out"])
    ('de', 'en')
    """
    known = {name: set().union(*groups.values()) for name, groups in LANGUAGES.items()}
    return max(LANGUAGES, key=lambda name: sum(word in known[name] for word in words))
