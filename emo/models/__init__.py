"""Loading language models: hub ids, local folders, GGUF files, packaged weights, tiny random ones."""

import os

# With the package `kernels` installed transformers fetches code for some families from the hub, and
# computes with that. It looks at this when it is first imported.
os.environ["USE_HUB_KERNELS"] = "0"
