"""The bridge from a house's MQTT broker to the readings queue. No message of QoS 1 is lost, whatever stops when.

A message is acknowledged to the broker only once the queue has accepted it, or once it is certain that it never will.
The pure modules (:mod:`outbox`, :mod:`entries`, :mod:`filters`, :mod:`brokers`) use neither network nor clock.
:mod:`relay` is the loop between two ports. Only :mod:`mqtt`, :mod:`publishing` and :mod:`command_link` speak MQTT.
:mod:`commanding` switches fans by the advice, where that is asked for.
"""
