"""Static Web Apps behind Front Door, with their firewall, domains and packages."""
