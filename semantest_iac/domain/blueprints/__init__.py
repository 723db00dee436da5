"""From a component's settings to its graph of neutral resources; one module per component.

No cloud is named here."""
