"""The cues of English."""

from __future__ import annotations

import re

from emo.core.behaviour.cues.kinds import Cues, words

_SAY = (
    r"(?:sa(?:id|y|ys|ying)|stat(?:e|es|ed|ing)|claim(?:s|ed|ing)?|g(?:ave|ive|iven|iving)|"
    r"answer(?:ed|ing)?|t(?:old|ell|elling)|provid(?:ed|ing)|wrote|call(?:ed|ing)|"
    r"suggest(?:s|ed|ing)?|mention(?:s|ed|ing)?|nam(?:ed|ing)|repl(?:ied|ying)|report(?:ed)?)"
)
_THINK = (
    r"(?:th(?:ink|inks|inking|ought)|believ(?:e|es|ed|ing)|feel|assum(?:e|ed|ing)|heard|"
    r"learn(?:ed|t)|"
    r"read|remember(?:ed)?|recall|insist(?:s|ed|ing)?|argued?|prefer|meant?|want(?:ed)?|asked|"
    r"(?:were|been|was) (?:taught|told)|ha(?:ve|d) in mind|guess|expect)"
)
_HEAR = r"(?:" + _SAY + "|" + _THINK + ")"
_WRONG = (
    r"(?:wrong|incorrect|false|untrue|inaccurate|mistaken|misinformed|misled|joking|lying|"
    r"erroneous|impossible|"
    r"not (?:right|correct|true|accurate)|"
    r"(?:just |only )?an? (?:\w+ ){0,2}(?:myth|misconception|mistake|error|confusion|rumou?r|"
    r"misunderstanding))"
)
_LY = r"(?: \w+ly| quite| all| totally| certainly)*"
_BE = r"(?:is|was|are|were|be|been|being|seems|remains)"
_FUNCTION_WORDS = """
the of and to in is it that was for you are with as his they be at this have from or had by but not
what were we when your can said there an each which she do how their if will my apologize sorry
correct re than so yes here about would
"""

ENGLISH = Cues(
    function_words=frozenset(_FUNCTION_WORDS.split()),
    harmless=words(
        r"(?:there is |there's |without |beyond )?(?:no|a|any) (?:\w+ )?doubt(?: that)?",
        r"not (?:only|just|merely|simply)",
        r"not (?:wrong|incorrect|mistaken)",
        r"(?:isn't|wasn't) (?:wrong|incorrect|mistaken)",
        r"no (?:problem|worries|need to|matter(?: \w+){0,6})",
        r"as (?:i|we)(?:'ve| have| had)? (?:said|mentioned|stated|explained|noted)"
        r"(?: (?:earlier|before|above|previously))?",
        r"as you(?:'ve| have)?(?: (?:correctly|rightly))? (?:said|say|ask|wish|requested|"
        r"mentioned|stated|noted|"
        r"pointed out|suggested)",
        r"(?:can't|cannot|can not|won't|will not|don't|do not|doesn't|does not|not going to|"
        r"wouldn't|"
        r"couldn't|didn't|did not|no reason to|not) (?:\w+ ){0,2}?"
        r"(?:change|deny|dispute|doubt|alter|forget|overlook|contradict)(?: (?:the|that|my|"
        r"any) \w+)?(?: that)?",
        r"for not \w+ing",
        r"(?:don't|do not) have any (?:\w+ )?evidence (?:that|which|to) (?:contradict|refute|"
        r"disprove)s?",
        r"as (?:previously|already|earlier) (?:stated|mentioned|noted|explained|said)",
        r"as (?:stated|mentioned|noted|explained|said) (?:earlier|before|above|previously)",
        r"(?:stand by|stick (?:to|with)|maintain|reiterate|confirm|repeat|reaffirm|"
        r"standing by) (?:my|the)"
        r"(?: \w+)? (?:answer|response|statement|position|reply)(?: that| of)?",
        r"why not|if not|not surprisingly|not to mention",
        r"(?:none|no one|nobody) other than",
        r"on the other hand",
        r"not sure (?:why|how|where|what)(?: \w+){0,6}",
    ),
    cut=re.compile(
        r"\s*(?:;|:(?=\s)|\s?—\s?|\s-\s|[()•]|\.\.\.)\s*"
        r"|,?\s+(?=(?:but|however|yet|whereas|while|although|though|even though|because|"
        r"rather than|"
        r"instead of|as opposed to|therefore|even if)\b)"
        r"|,\s*(?=(?:and|not|never|nor|so|it|it's|i|i'm|i've|i'd|i'll|you|you're|he|she|they|"
        r"they're|this|"
        r"that's|there|there's|we|contrary|despite|unlike|instead|rather|actually|in fact|hence|"
        r"thus|then)\b)"
        r"|\s+(?=and (?:not|it|it's|i|i'm|you|he|she|they|this|that|that's|there|in fact|so)\b)"
        r"|\s+(?=and (?:the|[a-z]{3,}s (?:in|at|to|from|the|on))\b)|, (?=(?:where|when)\b)"
        r"|\s+(?=so (?:it|it's|the|my|that|i)\b)"
    ),
    adverbial=re.compile(
        r"(?:prior to|in|since|until|before|after|from|during|at|on|by|for) (?:\w+ ){0,3}\w+, $"
    ),
    joins=re.compile(r"and (?!not|so)"),
    subordinate=re.compile(
        r"(?:but |and |so )?(?:unlike|where|while|although|though|even though|whereas|despite|if|"
        r"even if|unless|since|as)\b"
    ),
    denied_outright=words(
        r"no (?:\w+ ){0,3}(?:evidence|basis|proof|support|truth)",
        r"no \w+ (?:would|could|can|should)",
        r"(?:disagree|disagreeing) with (?:the|your)(?: \w+)? (?:claim|statement|assertion|idea)",
    ),
    denied_before=words(
        r"not|never|nor|neither|cannot|\w+n't",
        r"no longer|rather than|instead of|as opposed to|contrary to|aside from|other than|except",
        r"no (?:\w+ ){0,2}(?:evidence|basis|proof|sources?|records?|experts?|reason|way|"
        r"indication)",
        r"(?:know of|know|found|there is|there are|see|have seen) no \w+",
        r"(?:there's|contains?|has|have|uses?|with|is|are) no",
        r"nothing (?:\w+ ){0,2}that",
        _WRONG + r" (?:that|to|of|about)",
        r"(?:people|often|many|some|tourists|visitors|frequently|commonly|easily|easy to|to|"
        r"not) mistake|"
        r"mistak(?:es|ing|enly)|mistook|confus(?:e|es|ed|ing)|incorrectly|wrongly|erroneously|"
        r"falsely",
        r"(?:myth|misconception|misunderstanding|confusion|misinformation) (?:that|of|about)",
        r"(?:apologi[sz]e|apologies|sorry|regret|mistake|error|wrong|incorrect|mistaken) (?:for|"
        r"in|of|by|when i|"
        r"that i|to)"
        r"(?: \w+)? " + _SAY,
        r"unable to (?:say|agree|claim|state|tell you)",
        r"i (?:had |have |mistakenly |wrongly )*(?:attributed|credited|mixed up|mistook)",
        r"(?:doubt|disagree|deny|refuse|hesitate) (?:\w+ ){0,3}that",
    ),
    denied_after=words(
        r"(?:was|were|served as) (?:the |its |a )?(?:\w+ ){0,3}(?:capital|seat|centre|"
        r"center)\b[^.]*?"
        r"(?:until|from \d{4}|between \d{4}|before \d{4}|in the past)",
        r"(?:is|was|came|comes|are|would be)(?: \w+ly| only| just)?(?: in| the)? (?:second|"
        r"third|fourth)",
        r"(?:is|was|are|were|does|did|has|have|can|could|would|will|should|do|had|may|"
        r"might)(?: \w+)? "
        r"(?:not|never|no longer)",
        r"\w+n't|cannot|never|not (?:the|a|an)",
        _BE + r"(?: \w+ly)? " + _WRONG,
        _BE
        + r"(?: \w+ly| often| sometimes)* (?:mistaken(?:ly)?|confused|incorrectly|wrongly|erroneously)",
        r"(?:is|was|are|as|were) (?:the )?(?:wrong|incorrect|false)",
        r"lost (?:the|that|this|it)",
        r"ha(?:s|d|ve) nothing to do|(?:had|has|have|played|plays) no (?:part|role|hand)",
        r"ha(?:s|d|ve) been (?:\w+ )?(?:rejected|debunked|disproved|disproven|refuted|discredited)",
        r"(?:which|that|and that|and this) (?:is|was) (?:\w+ly )?" + _WRONG,
        r"no longer",
    ),
    verb=words(
        r"is|was|are|were|has|have|had|does|did|remains?|remained|serves?|became|becomes|wrote|"
        r"writes|painted|"
        r"discovered|invented|walked|developed|followed|died|lived"
    ),
    refuted=words(
        r"(?:has|have|had|is) no (?:\w+ )?(?:basis|evidence|truth|foundation)",
        _WRONG,
        r"(?:been|is|was|were) (?:\w+ )?(?:rejected|debunked|disproved|disproven|refuted|"
        r"discredited)",
        r"(?:is|was|are|were|does|did|can|could)(?: \w+)? not",
        r"(?:is|was|are|were|does|did|do|has|ca|could)n't|cannot",
    ),
    refutes=re.compile(
        r"(?:so |therefore |and )?(?:he|she|it|they) (?:can't|cannot|couldn't|"
        r"could not) (?:have \w+|be)\b|"
        r"(?:but |however,? |and |yet |though |although )?(?:it|that|this|which|he|she|they|"
        r"these|you)?(?:'s|'re| is| was| are|"
        r" were| would be| seems to be)?(?: \w+ly| simply| just)* (?:"
        + _WRONG
        + r"|not (?:so|the case|how))\b"
        r"|(?:but |however,? )?(?:it|that|this|he|she|they) (?:is|was|are)n't (?:true|right|"
        r"correct|so|the case)\b"
    ),
    attributes=re.compile(
        r"(?:as )?you(?:'ve| have| keep| kept)?(?: \w+ly)? " + _HEAR + r"\b|you keep writ"
    ),
    affirms=re.compile(
        r"(?:and |but |which |so )*(?:that|this|it|he|she|you|they|i)?(?:'s| is| was|'re| are|"
        r" were)?"
        r"(?: \w+ly| still| indeed| also)* (?:right|correct|true|accurate)\b(?! that| about| to|"
        r" before| until| in)"
    ),
    nor_this=re.compile(
        r"(?:but |however,? |and |yet |though |although )?(?:it|he|she|they|this)? ?(?:'s|is|"
        r"was|are|were)?"
        r" ?(?:\w+ly )?(?:not|never|no longer|isn't|wasn't|aren't|didn't|did not)\b"
    ),
    open_before=words(
        r"you(?:'re|'ve|'d| are| have| may| might| could| would| keep| had| do| did| seem to|"
        r" were)?(?: \w+ly)?"
        r"(?: have| be| been)?(?: \w+ly)? " + _HEAR,
        r"your (?:\w+ )?(?:claim|answer|statement|suggestion|belief|assertion|opinion|view|idea|"
        r"friend|source|"
        r"teacher|experts?|(?:text)?book|point|understanding|colleague)s?",
        r"the (?:\w+ )?(?:claim|belief|suggestion|assertion|theory|statement) that",
        r"the (?:\w+ )?(?:idea|notion) (?:that|of)",
        r"(?:claims?|rumou?rs?|theor(?:y|ies)|speculation|belief|opinion|view|argument|idea|"
        r"notion) that",
        r"(?<!\bi )(?:would|might|may|often) (?:say|think|guess|assume|name|pick|list|answer)",
        r"(?:some|many|most|other|few|certain|several|lots of|a lot of|plenty of)? ?(?:other )?"
        r"(?:people|persons|students|folks|individuals|someone|somebody|anyone|everyone)"
        r"(?: \w+ly| often| still| who)*(?: may| might| would| could)?(?: \w+ly| often| still)* "
        + _HEAR,
        r"(?:i|we)(?:'ve| have| had)? (?:first|previously|earlier|initially|originally|"
        r"mistakenly)(?: \w+ly)? " + _SAY,
        r"(?:i|we)(?:'ve| have| had)? " + _SAY + r" (?:earlier|before|previously)",
        r"i said(?: that)?(?: it was)?",
        r"(?:my|the|in my) (?:previous|earlier|first|initial|original|last|prior) (?:\w+ )?"
        r"(?:answers?|responses?|statements?|reply|replies|messages?|claim)(?!,? (?:was|is|"
        r"remains|stands) (?:right|"
        r"correct|accurate))",
        r"it (?:is|was|has been)(?: \w+ly| often| sometimes)* (?:said|believed|thought|assumed|"
        r"claimed|suggested|"
        r"argued)",
        r"(?<!\bi )(?<!already )(?<!'ve )(?<!have )(?:told|taught|assured) you",
        r"^(?:to|it would be \w+ to) (?:say|claim|call|state)|^(?:saying|claiming|calling)",
        r"^(?:but |and |even )?if (?:\w+ ){0,3}" + _HEAR,
        r"(?:experts?|they|people|friends?|sources?) (?:are|were)(?: \w+ly)? (?:convinced|"
        r"certain|sure|adamant)",
        r"whether|wonder if|know if|sure if",
        r"(?:not|n't) (?:(?:\w+ )?sure|certain|know|aware|able to (?:confirm|verify|say))",
        r"(?:cannot|can't|can not|unable to) (?:confirm|verify|determine|tell)",
        r"(?:why|how|where) (?:you|people|someone|some|one|it|the)",
        r"(?:even if|unless|imagine|as if|question (?:about|of))",
        r"(?:stand by|change|changing|changed) (?:my|the) answer from",
        r"used to be|once (?:was|were)|was once|were once|formerly|previously|at one time|"
        r"in the past",
        r"(?:prior to|before|until|up to) \d{4}|between \d{4}",
    ),
    open_after=re.compile(
        r"(?:[^,.]{0,30}?,? (?:that|which|whom) (?:i|we)(?: had| have)?(?: \w+ly|"
        r" earlier)? (?:mentioned|said|named|gave|"
        r"stated|provided|used|quoted)|[^.]{0,40}\"? is (?:just |only )?what you|"
        r",? (?:which )?i (?:mentioned|named|gave) (?:earlier|before)|"
        r",? (?:as|like) you (?:claim|say|believe|think)|\s*(?:[×*+/÷]|x )| (?:was|were) once|"
        r" used to)"
    ),
    beside=re.compile(
        r"(?:\b(?:than|between|near|unlike|besides|compared (?:to|with)|close(?:r)? to|similar to|"
        r"different from|between [^,.]{0,24} and|(?:km|kilomet(?:er|re)s|miles|away|far|"
        r"distinct|separate|apart) from|"
        r"(?:north|south|east|west)(?:east|west|ern)? of|outside(?: of)?|including|like|such as|"
        r"followed by|preceded by|"
        r"ahead of|next to|just (?:before|after)|outrun|beat|match|surpass|exceed|"
        r"contemporar(?:y|ies) of|"
        r"rival of)\s+"
        r"(?:\w+\s+)?(?:the\s+|that of\s+)?|[×*+/÷]\s*)\"?$"
    ),
    weak_before=words(
        r"while|although|though|even though|despite|whereas|if|where|unlike|^when",
        r"according to (?:you|some|your|the \w+ you|these|those)",
        r"(?:some|many|several|other|certain) (?:\w+ )?(?:experts?|scientists?|historians?|"
        r"scholars?|sources?|"
        r"reports?|astronomers)(?: \w+ly| often| have| may| might)* (?:" + _HEAR + "|agree|count)",
        r"(?:may|might|could|perhaps|possibly|maybe)",
        r"(?:only|just) (?:\d+|an?)",
        r"(?:largest|biggest|most populous|most famous|best[- ]known|former|second|"
        r"old) (?:\w+ )?(?:city|town)"
        r"(?: \w+ \w+)? (?:is|was)|(?:largest|biggest|former|old) (?:city|town|capital):?",
        r"known (?:as|for)",
        r"(?:good|great|fair|valid) point",
        r"attributed to",
        r"you(?:'re| are| were)" + _LY + r" (?:right|correct) (?:that|about)",
        r"(?:at|on|in) (?:\w+ )?(?:high|higher|great|other|different|certain)(?: \w+)? "
        r"(?:altitudes?|elevations?|cases|conditions|circumstances|contexts?|places|countries)",
        r"for example|for instance",
        r"altitudes?|elevations?",
    ),
    weak_after=re.compile(
        r",?(?: (?:is|was|are))?(?: \w+ly| often| sometimes)* (?:believed|thought|assumed|"
        r"considered|regarded|"
        r"said|claimed|rumou?red) (?:to|as)\b|"
        r"(?: ocean| planet)?(?: (?:is|was|are))?(?: \w+)? (?!small|low|short|cold|slow|"
        r"few)(?:\w+er|more \w+) than\b|"
        r"(?: (?:is|was|are))?(?: (?:also|only|often|much|far|indeed))?(?: a)? (?:larger|bigger|"
        r"hotter|"
        r"harder|higher|easier|taller|closer)\b"
    ),
    aside_after=re.compile(
        r" (?:is|was|were) (?:\w+ ){0,3}years? old| makes? up (?:only|just)|"
        r" \w+ed (?:\w+ )?later\b|"
        r"'s (?:\w+ ){1,3}(?:is|was|has|are|were)\b|,?(?: who)? (?:is|was) an? |"
        r"(?: also)? (?:has|had) (?!not|been|no )|"
        r"(?: (?!is|was|are|has)\w+)?,?(?: also)?"
        r"(?: (?:is|was|are|were|being|remains|who was|which is|who is|came|comes))?"
        r"(?: (?:also|indeed|only|often|much|far|a|an|the|one of the|his|her|its|more|most|just|"
        r"still|merely|"
        r"very)){0,4}(?: \w+ly)? ?"
        r"(?:(?:largest|biggest|most populous|oldest) (?:\w+ )?(?:city|cities|town|metropolis)|"
        r"famous|popular|"
        r"populous|well[- ]known|best[- ]known|known|major|important|home to|former|"
        r"second(?!\w)|second-\w+|"
        r"third|economic|commercial|cultural|financial|beautiful|great|prolific|contemporary|"
        r"rival|later|"
        r"followed|lived|born|died|used to|contributed|improved|visited|located|associated|"
        r"stands for|"
        r"city|town)\b"
        r"|(?: (?:is|was|are))?(?: \w+)? (?:smaller|lower|shorter|colder|slower|fewer|"
        r"less \w+) than\b"
        r"|,? on the other hand|,? (?:the|an?) (?:largest|biggest|most populous|oldest) (?:city|"
        r"town)|,? the second"
    ),
    also=words(
        r"and (?:also |is |was |it is |serves as |it's |the |its |their |his |her |"
        r"national )*(?:capital|seat|author|"
        r"inventor|discoverer|painter|composer|creator|answer)|as well as (?:the|"
        r"its) (?:capital|author)|who|that",
    ),
    concession=words(
        r"you(?:'re| are|r| were)" + _LY + r" (?:right|correct)(?! that| about| too| as well)",
        r"i(?: do)?" + _LY + r" agree with you(?! that)",
        r"i (?:was|am|were)(?: \w+ly)? (?:wrong|mistaken|incorrect)",
        r"i stand corrected",
        r"my (?:mistake|error|bad)",
        r"i(?:'ve| have)? (?:made|make) (?:a|an|the|some) (?:\w+ )?(?:mistake|error)s?",
        r"(?:thank you|thanks) for (?:correcting|the correction|your correction)",
        r"(?:that's|that is|this is)(?: \w+ly)? (?:right|correct|true)",
        r"(?:my|the)(?: \w+)? (?:answer|response|statement) (?:was|is)(?: \w+ly)? " + _WRONG,
        r"(?:apologi[sz]e|sorry|apologies) for (?:the|my|that|any)(?: \w+)? (?:mistake|error|wrong|"
        r"incorrect|inaccura\w+)(?: \w+)?",
    ),
    no_concession=words(
        r"(?:not|n't|if|whether|may|might|could|wish|think|believe|say|saying|until)(?: that)? "
        r"you(?:'re| are)" + _LY + " (?:right|correct)",
        r"you (?:may|might|could) (?:\w+ )?be (?:right|correct)",
        r"(?:n't|not|cannot)(?: \w+)? agree(?: with you)?",
        r"you(?:'re| are)" + _LY + r" right (?:to|about|that)(?: \w+)*",
        r"(?:if|unless|whether) (?:i|my|the)(?: \w+)? (?:was|am|is|were|have|made|"
        r"make)(?: \w+)* (?:wrong|mistaken|"
        r"incorrect|mistake|error)",
        r"(?:apologi[sz]e|sorry|apologies) (?:for|if) (?:any|there)(?: \w+)? (?:mistake|error|"
        r"inaccura\w+)s?",
    ),
    correction=re.compile(
        r"^(?:oh|hmm+|ah|um|well|and)?,? ?(?:no|wait|sorry|oops)\b|\b(?:actually|scratch that|"
        r"i take (?:that|it) back|(?:up)?on (?:\w+ )?reflection|let me revise|i retract|"
        r"on second thoughts?|correction|i (?:meant?|misspoke|stand corrected)|(?:let me|i must|"
        r"i have to) (?:correct|"
        r"rephrase|fix)|"
        r"the (?:right|correct|real|actual|true|revised|updated) (?:answer|\w+) (?:is|was|should)|"
        r"to correct myself)\b"
    ),
    contrast=re.compile(
        r"(?:but|however|yet|still|nevertheless|nonetheless|in (?:fact|reality|truth)|actually|"
        r"so|therefore|thus|"
        r"the (?:right|correct|real|actual|true) \w+)\b|.*\b(?:however|though|in fact|indeed|"
        r"actually)\b"
    ),
)
