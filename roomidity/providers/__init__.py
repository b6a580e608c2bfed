"""Who is asked for the weather ahead, over HTTP: a module a provider, beside the adapters of AWS."""
