"""The use cases: drain, forecast, train, verify. They know the ports, not who stands behind them."""
