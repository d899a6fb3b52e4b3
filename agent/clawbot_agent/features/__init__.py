"""What the agent sets up: one package for each thing on the machine, with its stage."""
