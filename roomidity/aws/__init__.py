"""The adapters: everything that talks to AWS, or to what stands in for it."""
