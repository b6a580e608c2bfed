#!/bin/sh
# As in the image that this one stands in for: outside Lambda, the Runtime Interface Emulator takes Lambda's place.
if [ -z "${AWS_LAMBDA_RUNTIME_API}" ]; then
    exec /usr/local/bin/aws-lambda-rie /var/runtime/bootstrap "$@"
fi
exec /var/runtime/bootstrap "$@"
