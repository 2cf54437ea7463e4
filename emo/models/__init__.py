"""Language models from hub ids, folders, GGUF files, packaged weights, or random tiny ones."""

import os

# If the package `kernels` is installed, transformers fetches code for some families from the hub and
# computes with it. This variable prevents it; transformers reads it when it is first imported.
os.environ["USE_HUB_KERNELS"] = "0"
