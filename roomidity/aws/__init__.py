"""The adapters: everything that talks to AWS or to an emulator of it."""
