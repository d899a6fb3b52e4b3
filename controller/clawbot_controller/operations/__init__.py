"""What the controller does with bots: one module for each verb, and what the verbs share."""
