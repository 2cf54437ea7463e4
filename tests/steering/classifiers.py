"""A random classifier, as save_pretrained writes it."""

from emo.models.tiny import train_tokenizer


def save_classifier(folder):
    from transformers import LlamaConfig, LlamaForSequenceClassification

    tokenizer = train_tokenizer()
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, pad_token_id=tokenizer.pad_token_id,
        id2label={0: "Joy", 1: "sadness", 2: "calm"}, label2id={"Joy": 0, "sadness": 1, "calm": 2},
    )  # fmt: skip
    LlamaForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
