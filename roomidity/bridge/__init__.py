"""The bridge: what a house's MQTT broker hears, to the readings queue; nothing of QoS 1 is lost, whatever ends when.

A message is acknowledged at the broker only once the queue has taken it, or it is known that it never will. What is
pure (:mod:`outbox`, :mod:`entries`, :mod:`filters`, :mod:`brokers`) knows no network and no clock; :mod:`relay` is the
loop between two ports, and :mod:`mqtt` the one module that speaks MQTT.
"""
