"""BOS and chat templates, for a tokenizer that adds a BOS and for those of the packaged models."""

import importlib.metadata
from pathlib import Path

import pytest
from tokenizers import processors

from emo.config.enums import Source
from emo.errors import ConfigError, ModelError
from emo.generation.prompting import prompt_ids
from emo.models.packaged import PACKAGES, converted_folder
from emo.models.tiny import train_tokenizer

TEXT = "Write a paragraph about someone who is feeling afraid."
TEMPLATE = (
    "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} {% endfor %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)
ROOT = Path(__file__).parents[2]


@pytest.fixture
def tokenizer():
    return train_tokenizer()


def packaged(source):
    try:
        importlib.metadata.version(PACKAGES[source].distribution)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{PACKAGES[source].distribution} is not installed")
    from transformers import AutoTokenizer

    folder = converted_folder(source, ROOT / ".cache" / "weights")
    return AutoTokenizer.from_pretrained(folder)


def test_bare_prompt_follows_the_tokenizers_own_rule(tokenizer):
    got = prompt_ids(tokenizer, TEXT, chat_template=False)
    assert not got.templated
    assert got.ids == tuple(tokenizer(TEXT)["input_ids"])
    assert got.ids.count(tokenizer.bos_token_id) == 1


@pytest.mark.parametrize("template", ["$A </s>", "<s> $A </s>", "<s> $A </s> </s>"])
def test_a_bare_prompt_does_not_end_before_it_is_continued(template):
    plain, tokenizer = train_tokenizer(), train_tokenizer()
    tokenizer._tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=f"{template} $B", special_tokens=[("<s>", 0), ("</s>", 1)]
    )
    bare_ids = tuple(plain(TEXT, add_special_tokens=False)["input_ids"])
    got = prompt_ids(tokenizer, TEXT, chat_template=False)
    assert got.ids == (0,) * template.startswith("<s>") + bare_ids
    pasted = prompt_ids(tokenizer, f"{TEXT}</s>", chat_template=False)
    assert pasted.ids == (*got.ids, 1)


def test_a_model_without_template_gets_the_bare_prompt_and_says_so(tokenizer):
    assert prompt_ids(tokenizer, TEXT, chat_template=True) == prompt_ids(tokenizer, TEXT, False)


def test_template_with_generation_prompt(tokenizer):
    tokenizer.chat_template = TEMPLATE
    got = prompt_ids(tokenizer, TEXT, chat_template=True)
    assert got.templated
    assert tokenizer.decode(got.ids) == f"[user] {TEXT} [assistant]"
    assert not prompt_ids(tokenizer, TEXT, chat_template=False).templated


@pytest.mark.parametrize("template", ["{{ bos_token }}" + TEMPLATE, None])
@pytest.mark.parametrize("text", [TEXT, "<s>" + TEXT])
def test_bos_is_never_doubled(tokenizer, template, text):
    tokenizer.chat_template = template
    ids = prompt_ids(tokenizer, text, chat_template=template is not None).ids
    assert ids[0] == tokenizer.bos_token_id
    assert ids[1] != tokenizer.bos_token_id


def test_a_doubled_content_token_stays(tokenizer):
    ids = tokenizer("aa", add_special_tokens=False)["input_ids"]
    assert ids[0] == ids[1]
    assert prompt_ids(tokenizer, "aa", False).ids == (tokenizer.bos_token_id, *ids)


def test_a_template_that_writes_the_date_writes_the_same_every_day(tokenizer):
    """As Llama 3's does where the caller gives no date_string."""
    tokenizer.chat_template = (
        "{% if not date_string is defined %}{% set date_string = strftime_now('%d %b %Y') %}"
        "{% endif %}{{ date_string }}: " + TEMPLATE
    )
    ids = prompt_ids(tokenizer, TEXT, chat_template=True).ids
    assert tokenizer.decode(ids).startswith("26 Jul 2024: [user]")


@pytest.mark.parametrize("start", ["", "\n", "  ", "  {% if true %}\n x{% endif %}", "{#- c -#}\n"])
def test_templates_are_rendered_as_transformers_does(tokenizer, start):
    tokenizer.chat_template = start + TEMPLATE
    want = tokenizer.apply_chat_template(
        [{"role": "user", "content": TEXT}], add_generation_prompt=True, return_dict=True
    )["input_ids"]
    assert prompt_ids(tokenizer, TEXT, chat_template=True).ids == tuple(want)


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ raise_exception('Conversation roles\nmust alternate') }}", "Conversation roles must"),
        ("{% for m in messages %}", "Unexpected end of template"),
        ("{{ messages[0].content + 1 }}", "can only concatenate str"),
        ("{{ messages[7].content }}", "has no element 7"),
        ("{{ 1 / 0 }}", "division by zero"),
        ({"tool_use": TEMPLATE, "rag": TEMPLATE}, "multiple chat templates"),
    ],
)
def test_a_template_that_fails_is_one_line_with_the_way_out(tokenizer, template, says):
    tokenizer.chat_template = template
    with pytest.raises(ModelError) as caught:
        prompt_ids(tokenizer, TEXT, chat_template=True)
    message = str(caught.value)
    assert says in message
    assert "subparams.chat_template=false" in message
    assert "\n" not in message
    assert prompt_ids(tokenizer, TEXT, chat_template=False).ids


@pytest.mark.slow
def test_smollm2():
    tokenizer = packaged(Source.smollm2_package)
    bare = prompt_ids(tokenizer, TEXT, chat_template=False)
    assert bare.ids[0] != tokenizer.bos_token_id  # its tokenizer adds none
    assert tokenizer.decode(bare.ids) == TEXT
    chat = prompt_ids(tokenizer, TEXT, chat_template=True)
    assert chat.templated
    decoded = tokenizer.decode(chat.ids)
    assert decoded.startswith("<|im_start|>system\n")
    assert decoded.endswith(f"<|im_start|>user\n{TEXT}<|im_end|>\n<|im_start|>assistant\n")
    # <|im_start|> is both BOS and the start of each of the three turns.
    assert chat.ids.count(tokenizer.bos_token_id) == 3
    assert chat.ids[1] != tokenizer.bos_token_id


@pytest.mark.slow
@pytest.mark.parametrize("text", [TEXT, "<bos>" + TEXT])
def test_gemma3(text):
    tokenizer = packaged(Source.gemma3_package)
    for wanted in (False, True):
        got = prompt_ids(tokenizer, text, chat_template=wanted)
        assert not got.templated  # a base model
        assert got.ids[0] == tokenizer.bos_token_id == 2
        assert got.ids.count(2) == 1
        assert tokenizer.decode(got.ids[1:]) == TEXT


THINKS = (
    TEMPLATE
    + "{% if SWITCH is defined and not SWITCH %}(no thoughts){% else %}(thoughts){% endif %}"
)


@pytest.mark.parametrize("switch", ["enable_thinking", "thinking"])
@pytest.mark.parametrize(
    ("thinking", "words"), [(None, "(thoughts)"), (True, "(thoughts)"), (False, "(no thoughts)")]
)
def test_the_thinking_of_a_template_is_switched_by_whatever_name_it_has(
    tokenizer, switch, thinking, words
):
    tokenizer.chat_template = THINKS.replace("SWITCH", switch)
    got = prompt_ids(tokenizer, TEXT, True, thinking)
    assert tokenizer.decode(got.ids) == f"[user] {TEXT} [assistant]{words}"


@pytest.mark.parametrize("thinking", [True, False])
def test_a_template_that_knows_no_thinking_is_one_line(tokenizer, thinking):
    tokenizer.chat_template = TEMPLATE + "{# rethinking_thinking #}"
    words = (
        rf"^model\.thinking={thinking}: allowed is null: the model's chat template has no enable_"
    )
    with pytest.raises(ConfigError, match=words):
        prompt_ids(tokenizer, TEXT, True, thinking)
    assert prompt_ids(tokenizer, TEXT, False, thinking) == prompt_ids(tokenizer, TEXT, False)


PARTS = (
    "{% for m in messages %}[{{ m.role }}] {% for p in m.content %}BODY{% endfor %} {% endfor %}[a]"
)


@pytest.mark.parametrize(
    "body",
    [
        "{% if p.type == 'text' %}{{ p.text }}{% endif %}",  # drops every letter of a string
        "{{ p['text'] + '' }}",  # raises with a string
        "{% if p is mapping %}{{ p.text }}{% else %}{{ raise_exception('parts, please') }}{% endif %}",
    ],
)
def test_templates_that_take_a_list_of_parts_are_given_one(tokenizer, body):
    tokenizer.chat_template = PARTS.replace("BODY", body)
    got = prompt_ids(tokenizer, TEXT, chat_template=True)
    assert tokenizer.decode(got.ids) == f"[user] {TEXT} [a]"


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ raise_exception('system first') }}", "system first"),
        ("{{ messages[3].content }}", "no element 3"),
        ("{{ messages[0].content + 1 }}", "must be str|can only concatenate"),
        ("[user] [assistant]", "it leaves the prompt out"),
    ],
)
def test_a_template_that_cannot_be_applied_is_one_line(tokenizer, template, words):
    tokenizer.chat_template = template
    with pytest.raises(
        ModelError, match=rf"chat template cannot be applied \(.*({words})"
    ) as caught:
        prompt_ids(tokenizer, TEXT, chat_template=True)
    assert "\n" not in str(caught.value)
    assert "subparams.chat_template=false" in str(caught.value)


def test_a_template_may_set_the_prompt_otherwise(tokenizer):
    """White space is a template's to choose; only a prompt that is not there at all is a fault."""
    tokenizer.chat_template = "[user]\n{{ messages[0].content | replace(' ', '\n') | trim }}\n[a]"
    ids = prompt_ids(tokenizer, f" {TEXT} ", chat_template=True).ids
    assert tokenizer.decode(ids).split() == ["[user]", *TEXT.split(), "[a]"]
