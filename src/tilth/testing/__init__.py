"""For authors of steps: the contract as a test, and datasets whose faults are known."""
