"""The laptop engine: everything that runs the system without an AWS account, and the simulated house it runs on."""
