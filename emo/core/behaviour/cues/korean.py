"""The cues of Korean, whose negations follow what they deny."""

from __future__ import annotations

import re

from emo.core.behaviour.cues.kinds import Cues, parts

KOREAN = Cues(
    harmless=parts(
        r"틀림없이|의심의 여지(?:가)? 없이|뿐만 아니라|말씀하신 대로|말한 대로|아시다시피"
    ),
    cut=re.compile(
        r"[,;:()]\s*|(?<=아니라)\s*|(?<=아니고)\s*|(?<=지만)\s*|(?<=는데)\s+|(?<=으나)\s+|"
        r"\s+(?=하지만|그러나|그런데)"
    ),
    subordinate=parts(r"비록|만약"),
    denied_before=parts(r"(?:잘못|착각|혼동)(?:해서|하여)?\s?$"),
    denied_after=parts(
        r"^[^,.]{0,14}?(?:아니(?:라|고|며|에요|예요|다|요)|아닙니다|아닌|틀렸|틀린|틀립|"
        r"잘못된|사실이 아|않(?:습|아|았|다|고|으)|지 못|오류)"
    ),
    verb=parts(r"입니다(?!만)|이에요|예요"),
    refuted=parts(r"아니|아닙니다|틀린|틀렸|잘못|사실이 아"),
    refutes=re.compile(
        r"(?:하지만 |그러나 )?(?:그것은|이는|그건|사실은)?\s?(?:사실이 아닙니다|틀렸습니다|"
        r"틀린|잘못된|그렇지 않습니다|아닙니다)"
    ),
    nor_this=re.compile(r"(?:하지만 )?(?:[^ ]+(?:는|은|가|이) )?아닙니다"),
    open_before=parts(
        r"당신(?:은|이|의 (?:말|주장|의견))|(?:많은|일부|어떤) 사람들|(?:제가|저는|"
        r"앞서) (?:이전에|앞서|방금|처음에|말한)|제 이전 답변"
    ),
    open_after=re.compile(
        r"^[^,.]{0,8}?(?:라고|고)\s?(?:말씀하|말하|생각하|주장하|믿|하셨|하시|알고 계|오해|"
        r"답했|답변했|말했|했)|^[^,.]{0,6}?인지|"
        r"^[^,.]{0,4}?이었(?:지만|으나)|^(?:였|이었)지만"
    ),
    beside=re.compile(r"(?:보다)$"),
    weak_before=parts(r"비록|아마|만약|어쩌면"),
    aside_after=re.compile(
        r"[은는이가]?\s?(?:가장 큰 도시|최대의?|유명한|두 번째|제2의|중요한|인구가)"
    ),
    concession=parts(
        r"(?:당신|말씀|네|예)?[이가은는]?\s?(?:말이 |말씀이 |전적으로 |정말 |"
        r"완전히 )?(?:맞습니다|맞아요|옳습니다|옳아요)|제가 (?:틀렸|잘못|"
        r"실수)|제 (?:실수|잘못)|정정해 주셔서|지적해 주셔서"
    ),
    no_concession=parts(r"맞지 않|동의하지 않|동의할 수 없|맞습니까|맞는지"),
    correction=re.compile(
        r"아니[,요]|잠깐|정정|사실은|실제로는?|다시 말씀|올바른 답|정답은|제 말은"
    ),
    contrast=re.compile(r"(?:하지만|그러나|그런데|그래도|따라서)|.*(?:사실|실제로)"),
)
