"""The use cases: drain, forecast, train and verify. They depend on ports, not on the adapters behind them."""
