"""The laptop engine: everything that lets the system run with no AWS account, and the house that it runs on."""
