"""The judge of faithfulness, and how far it agrees with people."""
