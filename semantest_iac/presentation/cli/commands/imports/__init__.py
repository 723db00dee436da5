"""`import`: takes over what other tools deploy from, or made."""
