"""Weather providers, queried over HTTP: adapters like those of AWS, in one module each."""
